"""What Application Auto Scaling has of a service of ECS: read from AWS, and as the block ``scaling`` of a manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headcount_cli.aws_failures import explained
from headcount_cli.connection import Connection, aws_clients
from headcount_cli.control_client import Document
from headcount_cli.left_out import LeftOut

SERVICE = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
# What AWS's answers say beside what was asked of it.
STATE = frozenset(
    {
        "CreationTime",
        "PolicyARN",
        "PredictedCapacity",
        "ResourceId",
        "RoleARN",
        "ScalableDimension",
        "ScalableTargetARN",
        "ScheduledActionARN",
        "ServiceNamespace",
    }
)
NO_ALARM = "no alarm calls it: step scaling answers to alarms of yours, and none is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingOfEcs:
    """As AWS tells it: the scalable target, its policies, its scheduled actions."""

    target: Document
    policies: tuple[Document, ...] = ()
    actions: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedScaling:
    """The block, what of it stands at which path, what is lost, and what is to be thought of."""

    block: Document
    carried: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def scaling_from_aws(connection: Connection, cluster: str, name: str) -> ScalingOfEcs | None:
    """None if the service is no scalable target. Needs three Describe calls of application-autoscaling."""
    resource = f"service/{cluster}/{name}"
    with explained(connection.endpoint_url):
        client = aws_clients(connection)("application-autoscaling")
        targets = client.describe_scalable_targets(**SERVICE, ResourceIds=[resource])["ScalableTargets"]
        if not targets:
            return None
        return ScalingOfEcs(
            target=targets[0],
            policies=_all(client, "describe_scaling_policies", "ScalingPolicies", resource),
            actions=_all(client, "describe_scheduled_actions", "ScheduledActions", resource),
        )


def _all(client: Any, operation: str, items: str, resource: str) -> tuple[Document, ...]:
    pages = client.get_paginator(operation).paginate(**SERVICE, ResourceId=resource)
    return tuple(one for page in pages for one in page[items])


def import_scaling(found: ScalingOfEcs, identity: Mapping[str, str]) -> ImportedScaling:
    """The block that does the same. ``identity``: kind, cluster and serviceName of the manifest that it is for."""
    block: Document = {
        "minCapacity": found.target["MinCapacity"],
        "maxCapacity": found.target["MaxCapacity"],
        **_suspended(found.target),
    }
    carried, left_out = ["scaling.minCapacity", "scaling.maxCapacity"], list[LeftOut]()
    for key, source, items in (
        ("policies", "ScalingPolicies", map(_policy, found.policies)),
        ("scheduledActions", "ScheduledActions", map(_declared, found.actions)),
    ):
        kept: list[Document] = []
        for index, item in enumerate(items):
            reason = _why_not(key, item, {**block, key: [*kept, item]}, identity)
            if reason:
                left_out.append(LeftOut(path=f"{source}[{index}]", value=item, reason=reason))
            else:
                carried.append(f"scaling.{key}[{len(kept)}]")
                kept.append(item)
        block |= {key: kept} if kept else {}
    return ImportedScaling(
        block=block, carried=tuple(carried), left_out=tuple(left_out), notes=tuple(_notes(found, block, identity))
    )


def _suspended(target: Document) -> Document:
    suspended = {key: value for key, value in (target.get("SuspendedState") or {}).items() if value}
    return {"suspendedState": _spelled(suspended)} if suspended else {}


def _policy(policy: Document) -> Document:
    """With the names of the alarms that call it, if they are the user's; those of target tracking are AWS's own."""
    declared = _declared({key: value for key, value in policy.items() if key != "Alarms"})
    alarms = [alarm["AlarmName"] for alarm in policy.get("Alarms") or [] if policy["PolicyType"] == "StepScaling"]
    return {**declared, **({"alarms": alarms} if alarms else {})}


def _declared(document: Document) -> Document:
    spelled: Document = _spelled({key: value for key, value in document.items() if key not in STATE})
    return spelled


def _spelled(value: Any) -> Any:
    """As manifests spell it: keys in lower camel case, times in ISO 8601."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _why_not(key: str, item: Document, block: Document, identity: Mapping[str, str]) -> str:
    """Why a policy or an action cannot stand in a block; empty if it can."""
    # botocore's model of ECS comes with the manifest's tables, and few commands need it
    from headcount.model.manifest_kinds import UNSUPPORTED  # noqa: PLC0415  see above
    from headcount.model.manifest_scaling import SCALING  # noqa: PLC0415  see above
    from headcount.model.manifest_scaling_checks import check_scaling  # noqa: PLC0415  see above

    if item.get("policyType") == "StepScaling" and "alarms" not in item:
        return NO_ALARM
    last = f"scaling.{key}[{len(block[key]) - 1}]"
    reading = SCALING.read("scaling", block)
    problems = reading.problems or check_scaling({**identity, "scaling": reading.value})
    said = [problem for problem in problems if problem.path.startswith(last)]
    return "; ".join(str(problem.message).removeprefix(f"is {UNSUPPORTED}: ") for problem in said)


def _notes(found: ScalingOfEcs, block: Document, identity: Mapping[str, str]) -> Iterator[str]:
    cluster, name = identity["cluster"], identity["serviceName"]
    deregister = (
        "aws application-autoscaling deregister-scalable-target --service-namespace ecs "
        f"--scalable-dimension ecs:service:DesiredCount --resource-id service/{cluster}/{name}"
    )
    when = "before you apply this" if identity["kind"] == "NativeService" else "when its tasks are Headcount's"
    yield f"Application Auto Scaling still scales the service of ECS: {when}, {deregister}"
    if any(_tracks_tasks(policy) for policy in block.get("policies", ())) and identity["kind"] != "NativeService":
        yield (
            "CPU and memory of Headcount's tasks come from Container Insights, by task definition family: it must be "
            "on in the cluster, and costs (docs/guides/scaling.md)."
        )
    alarms = sorted({alarm for policy in block.get("policies", ()) for alarm in policy.get("alarms", ())})
    if alarms:
        yield (
            f"{', '.join(alarms)}: Headcount sees the alarm change by itself; its action, Application Auto Scaling's "
            "policy, can be taken away."
        )
    if len(found.policies) + len(found.actions) == 0:
        yield "Application Auto Scaling has neither policies nor scheduled actions of it: only bounds are carried over."


def _tracks_tasks(policy: Document) -> bool:
    configuration = policy.get("targetTrackingScalingPolicyConfiguration") or {}
    predefined = configuration.get("predefinedMetricSpecification") or {}
    return str(predefined.get("predefinedMetricType", "")).startswith("ECSService")
