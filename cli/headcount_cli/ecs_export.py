"""A service of Headcount as ECS's ``CreateService`` request, and what that cannot say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headcount_cli.control_client import Document
from headcount_cli.left_out import LeftOut

MARKER = "kind"  # ours, and says nothing that ECS would want to know

# Keys that AWS does not have, and what becomes of them.
OURS = {
    "restarts": "ECS slows down only tasks that never reach RUNNING, by rules of its own",
    "deadlines": "ECS waits for ever for tasks that hang",
    "scaleIn": "ECS chooses by itself which task goes",
    "maximumAge": "ECS lets tasks grow old",
    "capacityFallback": "ECS does not fall back to other capacity",
    "capacityReturn": "ECS does not fall back to other capacity, so it does not return either",
    "availabilityZoneSpread": "ECS spreads as well as it can, never strictly",
    "functionTargets": "CreateService knows containers only: the rule and the function's target group stay",
    "elasticLoadBalancers": "CreateService makes none: declare what is there elsewhere",
    "unhealthyTasks": "ECS replaces every unhealthy task, and always",
    "scaling": "it belongs to Application Auto Scaling, whose requests take the same documents",
    "overrides": "CreateService takes none: register a task definition that says the same",
}
WISHES = {
    "pause": "ECS cannot be paused: the service would start its tasks at once",
    "override": "ECS has one count: the desired count is written, not the override's",
    "protections": "protection is set task by task, by UpdateTaskProtection",
    "standbys": "ECS has no standby",
    "stops": "the tasks are Headcount's own; ECS would never see them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService:
    """The request as ``aws ecs create-service --cli-input-json`` takes it, and what it leaves out."""

    request: Document
    left_out: tuple[LeftOut, ...]


def create_service(export: Document) -> CreateService:
    """From control's answer to ``export``. The manifest must be there: a service being removed has none."""
    manifest, state = export["manifest"], export["state"]
    defaults = _defaults(manifest)
    left_out: list[LeftOut] = []
    request: Document = {}
    shape = _shape().members
    for key, value in manifest.items():
        if key == MARKER or value == defaults.get(key) or value in ({}, []):
            continue
        if key == "loadBalancers":
            request[key] = _load_balancers(value, state, left_out)
        elif key in shape:
            request[key] = _within(shape[key], key, value, left_out)
        else:
            reason = OURS.get(key, "CreateService has no such field")
            left_out.append(LeftOut(path=key, value=value, reason=reason))
    request["desiredCount"] = (state.get("capacity") or {}).get("desired_count", manifest.get("desiredCount"))
    request |= _task_definition(manifest, state, left_out)
    request |= _tags(manifest, left_out)
    left_out += _wishes(state)
    return CreateService(request=request, left_out=tuple(left_out))


def _defaults(manifest: Document) -> Document:
    """What a manifest that says nothing says: writing it down would only clutter the request."""
    # botocore's model of ECS, which few commands need
    from headcount.model.manifest import Manifest  # noqa: PLC0415  see above
    from headcount.model.manifest_parser import canonical_document  # noqa: PLC0415  see above

    bare = Manifest(cluster="", service_name="", task_definition="", desired_count=-1, subnets=("",))
    kept = {"launchType", "availabilityZoneRebalancing"}  # ECS has other defaults, or none
    return {key: value for key, value in canonical_document(bare).items() if key not in kept and key in manifest}


def _shape() -> Any:
    from botocore.loaders import Loader  # noqa: PLC0415  # few commands need it
    from botocore.model import ServiceModel  # noqa: PLC0415  # the same

    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    return model.operation_model("CreateService").input_shape


def _within(shape: Any, path: str, value: Any, left_out: list[LeftOut]) -> Any:
    """The value without members that the shape does not have."""
    if shape.type_name == "list" and isinstance(value, list):
        return [_within(shape.member, f"{path}[{index}]", item, left_out) for index, item in enumerate(value)]
    if shape.type_name != "structure" or not isinstance(value, Mapping):
        return value
    kept: Document = {}
    for name, item in value.items():
        if name in shape.members:
            kept[name] = _within(shape.members[name], f"{path}.{name}", item, left_out)
        else:
            reason = "RunTask takes it, CreateService does not"
            left_out.append(LeftOut(path=f"{path}.{name}", value=item, reason=reason))
    return kept


def _load_balancers(balancers: list[Document], state: Document, left_out: list[LeftOut]) -> list[Document]:
    """With the ARNs of target groups, also of those that Headcount made; it keeps these no longer."""
    known = {one["key"]: one["arn"] for one in (state.get("balancing") or {}).get("groups", ())}
    written = []
    for index, one in enumerate(balancers):
        place = {name: one[name] for name in ("containerName", "containerPort")}
        group = one.get("targetGroup")
        if group is None:
            written.append({"targetGroupArn": one["targetGroupArn"], **place})
            continue
        path, arn = f"loadBalancers[{index}].targetGroup", known.get(group["name"])
        if arn is None:
            left_out.append(
                LeftOut(path=path, value=group, reason=f"{group['name']} does not exist yet: create it first")
            )
            continue
        reason = f"CreateService takes a name: {arn} is what Headcount made, and deletes with its own service"
        left_out.append(LeftOut(path=path, value=group, reason=reason))
        written.append({"targetGroupArn": arn, **place})
    return written


def _task_definition(manifest: Document, state: Document, left_out: list[LeftOut]) -> Document:
    arn = str((state.get("declared") or {}).get("task_definition_arn") or manifest.get("taskDefinition"))
    if isinstance(manifest.get("taskDefinition"), Mapping):
        reason = f"CreateService takes a name: {arn} is what Headcount registered, and will deregister"
        left_out.append(LeftOut(path="taskDefinition", value=manifest["taskDefinition"], reason=reason))
    return {"taskDefinition": arn.rpartition("/")[2]}


def _tags(manifest: Document, left_out: list[LeftOut]) -> Document:
    """Headcount gives ``tags`` to every task; a service of ECS does only with ``propagateTags: SERVICE``."""
    if not manifest.get("tags"):
        return {}
    if manifest.get("propagateTags", "NONE") == "NONE":
        return {"propagateTags": "SERVICE"}
    reason = "ECS copies the tags of the service or of the task definition to tasks, not both: tasks get the latter"
    left_out.append(LeftOut(path="propagateTags", value=manifest["propagateTags"], reason=reason))
    return {}


def _wishes(state: Document) -> Iterator[LeftOut]:
    for name, reason in WISHES.items():
        if value := (state.get("operator") or {}).get(name):
            yield LeftOut(path=f"operator.{name}", value=value, reason=reason)
    if state.get("cordons"):
        yield LeftOut(path="cordons", value=state["cordons"], reason="ECS uses all zones of the subnets")
