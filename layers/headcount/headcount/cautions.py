"""What is allowed and may surprise: the warnings of ``control``'s answers, one short rule each."""

from collections.abc import Iterable

from headcount import scaling_cautions
from headcount.circumstances import Circumstances, Rule, said_by
from headcount.model.instants import iso
from headcount.model.manifest import ElasticLoadBalancer, FunctionTarget, LoadBalancer, Manifest, UnhealthyTasks
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.service import ANY_ZONE, Cordon, DeclaredService
from headcount.scaling_bounds import declared_bounds
from headcount.wishing import cordons_in_force, effect_of, override_in_force, pause_in_force

SPOT = "FARGATE_SPOT"  # whether a capacity provider of EC2 instances is Spot, only its Auto Scaling group knows
DELAY = "deregistration_delay.timeout_seconds"
AWSS_DELAY = "300"
LONG_DELAY = 120.0  # seconds


def _keeps_count(about: Circumstances) -> str | None:
    capacity = about.before.capacity if about.before else None
    own = about.manifest.desired_count
    if capacity is None or about.manifest.scaling is not None:  # scaling moves the count: that is no surprise
        return None
    if not own == capacity.declared_count != capacity.desired_count:
        return None
    return (
        f"the count stays {capacity.desired_count}: the manifest's own number ({own}) did not "
        "change since the last apply; use scale to set it"
    )


def _one_zone(about: Circumstances) -> str | None:
    subnets, zones = set(about.manifest.subnets), [zone for zone, _ in about.declared.zones]
    if len(zones) != 1 or ANY_ZONE in zones:
        return None
    if len(subnets) == 1:
        return "one subnet is one zone: losing that zone loses the service"
    return f"all {len(subnets)} subnets are in {zones[0]}: losing that zone loses the service"


def _singleton(about: Circumstances) -> str | None:
    if about.count != 1 or about.manifest.maximum_percent >= 200:
        return None
    return (
        f"one task and maximumPercent {about.manifest.maximum_percent}: never two at once, so that every deployment "
        "and every replacement stops the task before the next one starts, and nothing runs in between"
    )


def _spot_alone(about: Circumstances) -> str | None:
    named = {source.capacity_provider for source in about.manifest.sources if source.weight or source.base}
    if SPOT not in named or about.manifest.fallback:
        return None
    share = "no task starts" if named == {SPOT} else "its share of the tasks does not start"
    return f"{SPOT} without capacityFallback: while AWS has no Spot capacity, {share}"


def _deadlock(about: Circumstances) -> str | None:
    """Where no deployment could go on at this count, or at the least that scaling may leave: none may stop first and
    none may start first.
    """
    manifest, bounds = about.manifest, declared_bounds(about.manifest)
    counts = (about.count, *(() if bounds is None else (max(1, bounds.minimum),)))
    count = next((one for one in counts if _is_deadlock(manifest, one)), None)
    if count is None:
        return None
    kept = minimum_healthy(count, manifest.minimum_healthy_percent)
    most = maximum_total(count, manifest.maximum_percent)
    percents = f"minimumHealthyPercent {manifest.minimum_healthy_percent} keeps {kept}"
    percents += f" and maximumPercent {manifest.maximum_percent} allows {most}"
    return f"no deployment can go on at {count} tasks: {percents}; change one of them before the next deployment"


def _is_deadlock(manifest: Manifest, count: int) -> bool:
    kept = minimum_healthy(count, manifest.minimum_healthy_percent)
    return count > 0 and kept >= count and maximum_total(count, manifest.maximum_percent) <= count


def _nothing_checks(about: Circumstances) -> str | None:
    manifest = about.manifest
    if manifest.load_balancers or about.declared.container_health_check:
        return None
    said = {
        "healthCheckGracePeriodSeconds": manifest.health_check_grace_seconds > 0,
        "unhealthyTasks": manifest.unhealthy_tasks != UnhealthyTasks(),
    }
    idle = [key for key, is_said in said.items() if is_said]
    if not idle:
        return None
    effect = "has no effect" if len(idle) == 1 else "have no effect"
    return f"{' and '.join(idle)} {effect}: without load balancers and container health checks no task is unhealthy"


def _slow_to_leave(about: Circumstances) -> str | None:
    delays = {name: seconds for name, seconds in _delays(about).items() if seconds > LONG_DELAY}
    if not delays:
        return None
    name, seconds = max(delays.items(), key=lambda delay: delay[1])
    return (
        f"target group {name} drains a task for {seconds:g} s ({DELAY}): every scale-in, deployment and replacement "
        "waits so long before a task stops; 5 to 60 is enough where requests are short"
    )


def _not_forwarded_to(about: Circumstances) -> str | None:
    """Groups made elsewhere have listeners of their own; declared ones have what is declared, or what somebody adds."""
    named = _named_in(about.manifest.elastic_load_balancers)
    targets: tuple[LoadBalancer | FunctionTarget, ...] = (
        *about.manifest.load_balancers,
        *about.manifest.function_targets,
    )
    alone = [
        one.target_group
        for one in targets
        if one.declared is not None and not one.rules and one.target_group not in named
    ]
    if not alone:
        return None
    return (
        f"nothing in this manifest forwards to {', '.join(alone)}: until a listener does, targets stay unused and "
        "their tasks do not count as healthy"
    )


def _paused(about: Circumstances) -> str | None:
    pause = pause_in_force(about.before.operator, about.now) if about.before else None
    if pause is None:
        return None
    effect = effect_of(pause, native=about.manifest.native)
    return f"the service is paused{_whose(pause.by, pause.until, pause.reason)}: {effect} meanwhile"


def _overridden(about: Circumstances) -> str | None:
    override = override_in_force(about.before.operator, about.now) if about.before else None
    if override is None:
        return None
    return f"an override keeps the count at {override.count}{_whose(override.by, override.until, override.reason)}"


def _cordoned(about: Circumstances) -> str | None:
    zones = all_cordoned(about.declared, about.before.cordons if about.before else (), about.now)
    if not zones:
        return None
    return f"every zone of the service is cordoned ({', '.join(zones)}): no task starts until one is uncordoned"


_OF_APPLY: tuple[Rule, ...] = (
    _keeps_count,
    _one_zone,
    _singleton,
    _spot_alone,
    _deadlock,
    _nothing_checks,
    _not_forwarded_to,
    _slow_to_leave,
    *scaling_cautions.OF_APPLY,
)
_OF_SCALE: tuple[Rule, ...] = (_deadlock, _singleton)
_OF_WISHES: tuple[Rule, ...] = (_paused, _overridden, _cordoned)


def of_apply(about: Circumstances) -> list[str]:
    """What may surprise about a declaration."""
    return said_by((*_OF_APPLY, *_OF_WISHES), about)


def of_scale(about: Circumstances) -> list[str]:
    """What may surprise about another count."""
    return said_by((*_OF_SCALE, *scaling_cautions.OF_SCALE, *_OF_WISHES), about)


def of_deployment(about: Circumstances) -> list[str]:
    """What may surprise about another deployment."""
    return said_by((_deadlock, *_OF_WISHES), about)


def of_override(about: Circumstances) -> list[str]:
    """What may surprise about an override."""
    return said_by((*_OF_SCALE, _paused, _cordoned), about)


def of_pause(about: Circumstances) -> list[str]:
    """What still holds beside a pause."""
    return said_by((_overridden,), about)


def of_resume(about: Circumstances) -> list[str]:
    """What still holds after a pause, and what may surprise about the count that returns."""
    of_bounds = () if _overridden(about) else scaling_cautions.OF_COUNT  # scaling leaves an override alone
    return said_by((*_OF_SCALE, *of_bounds, _overridden, _cordoned), about)


def all_cordoned(declared: DeclaredService, cordons: Iterable[Cordon], now: float) -> list[str]:
    """The zones of a service if every one of them is cordoned, else none."""
    closed = {one.zone for one in cordons_in_force(cordons, now)}
    zones = [zone for zone, _ in declared.zones]
    return zones if zones and closed.issuperset(zones) else []


def _delays(about: Circumstances) -> dict[str, float]:
    """Seconds that a target drains, by target group: as declared, or as last seen of a group that exists."""
    seen = about.before.balancing if about.before else None
    delays: dict[str, float] = {}
    for one in about.manifest.load_balancers:
        if one.declared is not None:
            delays[one.target_group] = float(one.attributes.get(DELAY, AWSS_DELAY))
        elif seen is not None and (group := seen.group(one.target_group)) is not None:
            delays[one.target_group.split("/")[1]] = group.delay_seconds
    return delays


def _named_in(balancers: Iterable[ElasticLoadBalancer]) -> set[str]:
    """The declared target groups that listeners forward to by default."""
    actions = [
        action for balancer in balancers for listener in balancer.listeners for action in listener["DefaultActions"]
    ]
    several = [one for action in actions for one in action.get("ForwardConfig", {}).get("TargetGroups", ())]
    return {one["TargetGroup"] for one in (*actions, *several) if "TargetGroup" in one}


def _whose(by: str, until: float | None, reason: str) -> str:
    named = f" by {by}" if by else ""
    ends = f" until {iso(until)}" if until is not None else ""
    return f"{named}{ends}" + (f" ({reason})" if reason else "")
