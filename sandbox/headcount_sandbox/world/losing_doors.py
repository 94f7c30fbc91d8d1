"""The console's doors for container instances and for every way to lose capacity.

GET    /_sandbox/container-instances                          every instance
POST   /_sandbox/container-instances                          {"cluster": "demo", "availabilityZone": "eu-west-1a", ...}
POST   /_sandbox/container-instances/<id>/terminate           its tasks die, ECS tells
POST   /_sandbox/container-instances/<id>/vanish              {"noticedAfterSeconds": 60, "afterwards": "STOPPED"}
POST   /_sandbox/container-instances/<id>/disconnect          {"seconds": 30}: without, until `reconnect`
POST   /_sandbox/container-instances/<id>/reconnect
POST   /_sandbox/container-instances/<id>/spot-interruption   {"warningSeconds": 120, "drain": false}
POST   /_sandbox/spot-notices                                 {"zone": "eu-west-1a", "warningSeconds": 120}
POST   /_sandbox/retirements                                  {"tasks": ["<id>"], "startInSeconds": 604800}

`<id>` is the id of a container instance or of its EC2 instance.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from headcount_sandbox.world.api import ApiError, ApiRequest
from headcount_sandbox.world.doors import Door, document, snake
from headcount_sandbox.world.ecs.fleet import Registration
from headcount_sandbox.world.ecs.losses import Losses

_SPOT_WARNING_SECONDS = 120.0
_RETIREMENT_SECONDS = 604_800.0
_NUMBERS = ("cpu", "memory", "interfaces")
_ID = r"(?P<instance>[\w-]+)"


class Ground(Protocol):
    """What these doors lead to."""

    losses: Losses

    def register_container_instance(self, cluster: str, instance: Registration) -> dict[str, Any]:
        """Registers an instance."""
        ...

    def describe_container_instances(self) -> list[dict[str, Any]]:
        """Every instance."""
        ...


class LosingDoors:
    """The doors of a ground; what they lead to is looked up when they are used."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def doors(self) -> tuple[Door, ...]:
        """Method, path and what answers."""
        on_instance: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "terminate": self._terminate,
            "vanish": self._vanish,
            "disconnect": self._disconnect,
            "reconnect": self._reconnect,
            "spot-interruption": self._interrupt,
        }
        return (
            ("GET", "container-instances", self._list),
            ("POST", "container-instances", self._register),
            *(("POST", f"container-instances/{_ID}/{name}", _door(act)) for name, act in on_instance.items()),
            ("POST", "spot-notices", self._notify),
            ("POST", "retirements", self._retire),
        )

    def _list(self, _: ApiRequest) -> dict[str, Any]:
        return {"containerInstances": self._ground.describe_container_instances()}

    def _register(self, request: ApiRequest) -> dict[str, Any]:
        settings = {snake(name): value for name, value in document(request).items()}
        cluster = str(settings.pop("cluster", "default"))
        for name in _NUMBERS:
            if not isinstance(settings.get(name, 0), int):
                raise ApiError("InvalidRequest", f"{name} must be a whole number.")
        try:
            brought = Registration(**settings)
        except TypeError as error:
            raise ApiError("InvalidRequest", str(error)) from error
        return {"containerInstance": self._ground.register_container_instance(cluster, brought)}

    def _terminate(self, instance: str, _: dict[str, Any]) -> None:
        self._ground.losses.terminate(instance)

    def _vanish(self, instance: str, settings: dict[str, Any]) -> None:
        afterwards = settings.get("afterwards", "STOPPED")
        if afterwards not in ("STOPPED", "MISSING"):
            raise ApiError("InvalidRequest", "afterwards must be STOPPED or MISSING.")
        noticed_after = _seconds(settings, "noticedAfterSeconds", 60)
        self._ground.losses.vanish(instance, noticed_after=noticed_after, afterwards=afterwards)

    def _disconnect(self, instance: str, settings: dict[str, Any]) -> None:
        for_ever = settings.get("seconds") is None
        self._ground.losses.disconnect(instance, None if for_ever else _seconds(settings, "seconds", 0))

    def _reconnect(self, instance: str, _: dict[str, Any]) -> None:
        self._ground.losses.reconnect(instance)

    def _interrupt(self, instance: str, settings: dict[str, Any]) -> None:
        self._ground.losses.interrupt_spot_instance(
            instance,
            warning_seconds=_seconds(settings, "warningSeconds", _SPOT_WARNING_SECONDS),
            drain=bool(settings.get("drain", False)),
        )

    def _notify(self, request: ApiRequest) -> dict[str, Any]:
        settings = document(request)
        warning = _seconds(settings, "warningSeconds", _SPOT_WARNING_SECONDS)
        return {"tasks": self._ground.losses.interrupt_spot_tasks(settings.get("zone"), warning)}

    def _retire(self, request: ApiRequest) -> dict[str, Any]:
        settings = document(request)
        start_in = _seconds(settings, "startInSeconds", _RETIREMENT_SECONDS)
        try:
            event = self._ground.losses.retire(settings["tasks"], start_in)
        except KeyError as error:
            raise ApiError("NotFound", f"There is no {error} here; tasks is a list of task ids.", status=404) from error
        return {"eventArn": event}


def _seconds(settings: Mapping[str, Any], name: str, otherwise: float) -> float:
    try:
        return float(settings.get(name, otherwise))
    except (TypeError, ValueError) as error:
        raise ApiError("InvalidRequest", f"{name} must be a number of seconds.") from error


def _door(act: Callable[[str, dict[str, Any]], None]) -> Callable[..., dict[str, Any]]:
    def answer(request: ApiRequest, instance: str) -> dict[str, Any]:
        try:
            act(instance, document(request))
        except KeyError as error:
            raise ApiError("NotFound", f"There is no container instance {instance}.", status=404) from error
        return {}

    return answer
