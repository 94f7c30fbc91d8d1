"""The console's doors for load balancers.

GET    /_sandbox/listeners                  every listener: its URL on this machine, and what it answered so far
GET    /_sandbox/target-groups              every target group with its targets and their health
POST   /_sandbox/targets/<id>/<port>/kill   SIGKILL to the process behind a target
POST   /_sandbox/addresses                  {"reuse": "127.64.0.9"}: the next task gets this address
POST   /_sandbox/faults                     {"kind": "sicken", "conduct": "hang", "tasks": ["<id>"]}
"""

from ipaddress import IPv4Address
from typing import Any, Protocol, TypeGuard

from headcount_sandbox.world.api import ApiError, ApiRequest
from headcount_sandbox.world.doors import Door, document
from headcount_sandbox.world.elb.mishaps import TargetMishaps


class Ground(Protocol):
    """What these doors lead to."""

    targets: TargetMishaps

    def describe_listeners(self) -> list[dict[str, Any]]:
        """Every listener."""
        ...

    def describe_target_groups(self) -> list[dict[str, Any]]:
        """Every target group."""
        ...


class BalancingDoors:
    """The doors of a ground; what they lead to is looked up when they are used."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def doors(self) -> tuple[Door, ...]:
        """Method, path and what answers."""
        return (
            ("GET", "listeners", lambda _: {"listeners": self._ground.describe_listeners()}),
            ("GET", "target-groups", lambda _: {"targetGroups": self._ground.describe_target_groups()}),
            ("POST", r"targets/(?P<target>[\w.-]+)/(?P<port>\d+)/kill", self._kill),
            ("POST", "addresses", self._reuse),
        )

    def _kill(self, _: ApiRequest, target: str, port: str) -> dict[str, Any]:
        try:
            return {"task": self._ground.targets.kill(target, int(port))}
        except KeyError as error:
            raise ApiError("NotFound", f"There is no task behind {target}:{port}.", status=404) from error

    def _reuse(self, request: ApiRequest) -> dict[str, Any]:
        address = document(request).get("reuse")
        if not _is_ipv4(address):
            raise ApiError("InvalidRequest", f"reuse must be an IPv4 address such as 127.64.0.9, not {address!r}.")
        self._ground.targets.reuse_address(address)
        return {}


def _is_ipv4(value: Any) -> TypeGuard[str]:
    try:
        return isinstance(value, str) and bool(IPv4Address(value))
    except ValueError:
        return False
