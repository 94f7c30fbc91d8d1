"""Target groups: those that are declared are created and kept; those that a manifest names are only looked at."""

from collections.abc import Collection, Iterator

from headcount.balancing.comparing import differing, told
from headcount.balancing.declared import DeclaredGroup
from headcount.balancing.resources import Found, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.target import KnownGroup, OwnedResource
from headcount.model.values import replace

# What ModifyTargetGroup takes; every other field of CreateTargetGroup is fixed for the life of a group.
CHANGEABLE = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckPath",
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)
FIXED = ("Protocol", "ProtocolVersion", "Port", "VpcId", "TargetType", "IpAddressType", "TargetControlPort")
DELAY = "deregistration_delay.timeout_seconds"


def keep_groups(now: Situation) -> Said:
    """Create the declared target groups that are not there, and correct the others."""
    for wanted in now.declared.groups:
        found = now.view.seen.group_named(wanted.name)
        if found is None:
            yield _creation(now, wanted)
        elif not now.is_ours(found):
            yield (
                f"target group {wanted.name} exists and is not Headcount's for this service: "
                f"name it by its ARN, {found.arn}, or choose another name"
            )
        else:
            yield from now.kept(wanted.resource, _corrections(now, wanted, found))
    for arn, place in now.declared.named.items():
        if arn not in now.view.seen.groups:
            yield f"{place}: target group {arn} does not exist: create it, or name another one"


def _what(wanted: DeclaredGroup) -> str:
    return f"target group {wanted.name}"


def _creation(now: Situation, wanted: DeclaredGroup) -> Step:
    return Step(
        operation="CreateTargetGroup",
        request=now.tagged({"Name": wanted.name, **wanted.request}),
        what=_what(wanted),
        reason=f"creating target group {wanted.name}: {wanted.place} declares it and there is none",
        owned=OwnedResource(kind="targetGroup", key=wanted.name, arn=""),
    )


def _corrections(now: Situation, wanted: DeclaredGroup, found: Found) -> Iterator[Step | str]:
    fixed = differing(wanted.request, found.document, FIXED)
    if fixed:
        yield (
            f"target group {wanted.name}: {told(fixed, found.document)}: "
            "AWS cannot change that in a group that exists: declare a group of another name"
        )
        return
    changes = differing(wanted.request, found.document, CHANGEABLE)
    if changes:
        yield Step(
            operation="ModifyTargetGroup",
            request={"TargetGroupArn": found.arn, **changes},
            what=_what(wanted),
            reason=now.correction(_what(wanted), wanted.resource, told(changes, found.document)),
            level=now.correction_level(wanted.resource),
        )
    attributes = differing(wanted.attributes, found.attributes)
    if attributes:
        yield Step(
            operation="ModifyTargetGroupAttributes",
            request={"TargetGroupArn": found.arn, "Attributes": as_attributes(attributes)},
            what=_what(wanted),
            reason=now.correction(_what(wanted), wanted.resource, told(attributes, found.attributes)),
            level=now.correction_level(wanted.resource),
        )


def as_attributes(attributes: dict[str, str]) -> list[dict[str, str]]:
    """Attributes as AWS takes them."""
    return [{"Key": name, "Value": value} for name, value in attributes.items()]


def known_groups(now: Situation) -> tuple[KnownGroup, ...]:
    """The target groups that the service's tasks are registered in, as they are; those of others are not among them."""
    found = {one.target_group: _found(now, one.target_group) for one in now.view.declared.manifest.load_balancers}
    declared = tuple(_known(key, group) for key, group in found.items() if group is not None)
    return (*declared, *_left_groups(now, declared, found.keys()))


def _left_groups(now: Situation, declared: tuple[KnownGroup, ...], keys: Collection[str]) -> Iterator[KnownGroup]:
    """Groups that are not declared any more while passes take targets out of them: how long that takes is theirs.

    None has the key of a declared one: another group may have its name by now.
    """
    present = {one.arn for one in declared}
    for group in now.view.before.groups:
        if group.arn in now.view.registered and group.arn not in present:
            key = group.arn if group.key in keys else group.key
            if key not in keys:
                yield _as_it_is(now, replace(group, key=key))


def _as_it_is(now: Situation, group: KnownGroup) -> KnownGroup:
    """A group as last known; one that is gone has no load balancer, and nothing to wait for."""
    found = now.view.seen.groups.get(group.arn)
    return replace(group, load_balancers=()) if found is None else _known(group.key, found)


def _found(now: Situation, group: str) -> Found | None:
    if group.startswith("arn:"):
        return now.view.seen.groups.get(group)
    found = now.view.seen.group_named(group)
    return found if found is not None and now.is_ours(found) else None


def _known(key: str, found: Found) -> KnownGroup:
    group = found.document
    return KnownGroup(
        key=key,
        arn=found.arn,
        target_type=str(group.get("TargetType", "instance")),
        protocol=str(group.get("Protocol", "")),
        delay_seconds=float(found.attributes.get(DELAY, 300)),
        interval_seconds=float(group.get("HealthCheckIntervalSeconds", 30)),
        unhealthy_threshold=int(group.get("UnhealthyThresholdCount", 2)),
        load_balancers=tuple(group.get("LoadBalancerArns", ())),
    )
