"""A service of ECS as a manifest: every field of ``DescribeServices`` is carried over or named with the reason.

Whether a field can be carried over is asked of the manifest's own tables (``headcount.model.manifest_fields``): what
this version of Headcount honours is carried over, what it refuses is left out for the reason that it gives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headcount.model.manifest_kinds import UNSUPPORTED
from headcount_cli.control_client import Document
from headcount_cli.left_out import LeftOut

# Fields that tell what a service is at present, not what it should be.
STATE = {
    "serviceArn": "names the service of ECS; Headcount's own is cluster/serviceName",
    "status": "tells how the service is, not how it should be",
    "runningCount": "counts tasks of ECS's service",
    "pendingCount": "counts tasks of ECS's service",
    "deployments": "tells how far deployments are; what the newest declares is looked at",
    "taskSets": "task sets belong to deployment controllers other than ECS",
    "events": "is ECS's history; Headcount keeps its own",
    "createdAt": "tells when, not what",
    "createdBy": "tells who, not what",
    "currentServiceDeployment": "names a deployment of ECS",
    "currentServiceRevisions": "names revisions of ECS",
    "roleArn": "lets ECS act for its service; Headcount's functions have roles of their own",
    "platformFamily": "follows from the task definition",
    "resourceManagementType": "tells who manages the service in ECS",
}
# Fields that ECS tells of a deployment, and that were declared for the service.
OF_DEPLOYMENT = ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations")
EPHEMERAL_STORAGE = "the key that encrypts it belongs to the cluster's configuration, which stays"
UNKNOWN = "this version of Headcount does not know the field"
CLASSIC = "Classic Load Balancers have no target groups: put an application or network load balancer in its place"
BLUE_GREEN = "it moves traffic in blue/green deployments; deployments are rolling updates"
RESERVED_TAGS = ("aws:", "headcount:")
_OF_OTHER_BALANCERS = ("loadBalancerName", "advancedConfiguration")
IDENTITY = frozenset({"cluster", "serviceName", "taskDefinition", "desiredCount"})
AT_ZERO = ("healthCheckGracePeriodSeconds", "deploymentConfiguration.bakeTimeInMinutes")  # zero is none
NOTHING: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """``carried``: paths whose values stand in ``manifest``. ``problems``: what is wrong with it as it is."""

    manifest: Document
    carried: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    problems: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Account:
    """What becomes of each field, as it is read."""

    carried: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def read(self, path: str, kind: Any, value: Any) -> Any:
        """The part of the value that can be carried over; ``NOTHING`` if there is none."""
        if _asks_for_nothing(path, value):
            self.carried.append(path)  # Headcount does just that
            return NOTHING
        members = getattr(getattr(kind, "kind", kind), "fields", None)
        if isinstance(members, Mapping) and isinstance(value, Mapping):
            parts = {name: self._member(f"{path}.{name}", members.get(name), part) for name, part in value.items()}
            return {name: part for name, part in parts.items() if part is not NOTHING} or NOTHING
        reading = kind.read(path, value)
        if reading.problems:
            reasons = [str(problem.message).removeprefix(f"is {UNSUPPORTED}: ") for problem in reading.problems]
            self.leave_out(path, value, "; ".join(reasons))
            return NOTHING
        self.carried.append(path)
        return value

    def _member(self, path: str, kind: Any, value: Any) -> Any:
        if kind is not None:
            return self.read(path, kind, value)
        self.leave_out(path, value, UNKNOWN)
        return NOTHING

    def leave_out(self, path: str, value: Any, reason: str, *, is_state: bool = False) -> None:
        self.left_out.append(LeftOut(path=path, value=value, reason=reason, is_state=is_state))


def import_service(service: Mapping[str, Any], task_definition: Mapping[str, Any] | None = None) -> Imported:
    """From one element of ``describe-services``' ``services``; ``task_definition`` as ECS describes it, for notes."""
    # botocore's model of ECS, which few commands need
    from headcount.model.manifest_fields import SERVICE  # noqa: PLC0415  see above

    account = _Account()
    manifest: Document = {"kind": "Service"}
    for name, value in _declared(service, account):
        kind = SERVICE.fields.get(name)
        if kind is None:
            account.leave_out(name, value, UNKNOWN)
        elif (kept := account.read(name, kind, value)) is not NOTHING:
            manifest[name] = kept
    problems = _without_contradictions(manifest, account)
    return Imported(
        manifest=_in_order(manifest),
        carried=tuple(account.carried),
        left_out=tuple(account.left_out),
        problems=tuple(problem.as_document() for problem in problems),
        notes=tuple(_notes(service, task_definition)),
    )


def import_native(service: Mapping[str, Any]) -> Imported:
    """The same service as one that ECS goes on keeping: only its name, and bounds that leave the count as it is."""
    count = int(service.get("desiredCount", 0))
    manifest = {
        "kind": "NativeService",
        "cluster": str(service["clusterArn"]).rpartition("/")[2],
        "serviceName": service["serviceName"],
        "scaling": {"minCapacity": count, "maxCapacity": max(count, 1)},
    }
    return Imported(manifest=manifest, carried=("cluster", "serviceName"), left_out=(), problems=(), notes=())


def _declared(service: Mapping[str, Any], account: _Account) -> Iterator[tuple[str, Any]]:
    """The service's fields under the names of ``CreateService``; what only tells how it is is accounted for here."""
    for name, value in service.items():
        match name:
            case "clusterArn":
                yield "cluster", str(value).rpartition("/")[2]
            case "taskDefinition":
                yield name, str(value).rpartition("/")[2]
            case "tags":
                yield name, _usable_tags(value, account)
            case "loadBalancers":
                yield name, _with_target_groups(value, account)
            case _ if name in STATE:
                account.leave_out(name, value, STATE[name], is_state=True)
            case _:
                yield name, value
    yield from _of_deployment(service.get("deployments") or [], account)


def _of_deployment(deployments: Sequence[Mapping[str, Any]], account: _Account) -> Iterator[tuple[str, Any]]:
    primary = next((one for one in deployments if one.get("status") == "PRIMARY"), None)
    if primary is None:
        return
    yield from ((name, primary[name]) for name in OF_DEPLOYMENT if name in primary)
    if storage := primary.get("fargateEphemeralStorage"):
        account.leave_out("fargateEphemeralStorage", storage, EPHEMERAL_STORAGE)


def _usable_tags(tags: Sequence[Mapping[str, Any]], account: _Account) -> list[Mapping[str, Any]]:
    usable = []
    for index, tag in enumerate(tags):
        if str(tag.get("key", "")).lower().startswith(RESERVED_TAGS):
            account.leave_out(f"tags[{index}]", tag, "is reserved: AWS or Headcount sets it")
        else:
            usable.append(tag)
    return usable


def _with_target_groups(balancers: Any, account: _Account) -> Any:
    """Those that Headcount can register tasks with, one by one."""
    if not isinstance(balancers, list) or not all(isinstance(one, Mapping) for one in balancers):
        return balancers
    usable = []
    for index, one in enumerate(balancers):
        path = f"loadBalancers[{index}]"
        if one.get("loadBalancerName"):
            account.leave_out(path, one, CLASSIC)
            continue
        if one.get("advancedConfiguration"):
            account.leave_out(f"{path}.advancedConfiguration", one["advancedConfiguration"], BLUE_GREEN)
        usable.append({name: part for name, part in one.items() if name not in _OF_OTHER_BALANCERS})
    return usable


def _asks_for_nothing(path: str, value: Any) -> bool:
    """An empty list, or a feature that is switched off: leaving it out is carrying it over."""
    if value in (None, [], {}, "") or (path in AT_ZERO and value == 0):
        return True
    switch = ("enable", "enabled")
    return isinstance(value, Mapping) and any(value.get(name) is False for name in switch)


def _without_contradictions(manifest: Document, account: _Account) -> Sequence[Any]:
    """Leaves out what contradicts the rest, one field at a time; returns what is wrong even then."""
    from headcount.model.manifest_parser import parse_manifest  # noqa: PLC0415  # as above

    while isinstance(problems := parse_manifest(manifest), tuple):
        of_fields = ((problem, problem.path.partition(".")[0].partition("[")[0]) for problem in problems)
        problem, name = next(
            ((problem, name) for problem, name in of_fields if name in manifest and name not in IDENTITY), (None, "")
        )
        if problem is None:
            return problems
        account.leave_out(name, manifest.pop(name), problem.message)
        account.carried = [path for path in account.carried if path.partition(".")[0].partition("[")[0] != name]
    return ()


def _in_order(manifest: Document) -> Document:
    first = ("kind", "cluster", "serviceName", "taskDefinition", "desiredCount")
    return {name: manifest[name] for name in [*first, *manifest] if name in manifest}


def _notes(service: Mapping[str, Any], task_definition: Mapping[str, Any] | None) -> Iterator[str]:
    """What is no field of the service, and has to be thought of."""
    if len(service.get("deployments") or []) > 1:
        yield "A deployment was under way: what it deploys is taken, not what it replaces."
    balancers = service.get("loadBalancers")
    if isinstance(balancers, list) and any("targetGroupArn" in one for one in balancers):
        yield (
            "Its target groups stay as they are, and take tasks of both while you move: Headcount registers and "
            "deregisters only its own."
        )
    definition = task_definition or {}
    roles = [str(definition[name]) for name in ("taskRoleArn", "executionRoleArn") if definition.get(name)]
    if roles:
        yield f"Headcount must be allowed to pass {' and '.join(roles)}: name them in the stack's PassableRoles."
    if any(container.get("healthCheck") for container in definition.get("containerDefinitions") or []):
        yield "Its containers have health checks: deployments wait for HEALTHY, as in ECS."
