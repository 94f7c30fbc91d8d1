"""What AWS answered to a pass's launches, turned into the status that the next pass starts from."""

from dataclasses import dataclass, replace
from typing import Literal

from headcount.model.service import Decision, DeclaredService, Launch, ServiceStatus, Throttle
from headcount.planning.backoff import refuse
from headcount.planning.placement import refuse_zone, with_refusal
from headcount.planning.words import clock_time, some

FIRST_PATIENCE_SECONDS = 1.0
LONGEST_PATIENCE_SECONDS = 30.0
FORGOTTEN_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOutcome:
    """How one ``RunTask`` went. ``started`` tasks; for the shortfall and for refusals, ECS's own words in ``reason``.

    ``unknown``: no answer, or ECS asked for patience; the launch stays open and the same request is sent again.
    """

    launch: Launch
    kind: Literal["answered", "refused", "unknown"]
    started: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """The status after the outcomes, the decisions that they forced, when to look again, and whether at once."""

    status: ServiceStatus
    decisions: tuple[Decision, ...]
    wake_at: float | None
    again: bool


def absorb(
    status: ServiceStatus,
    declared: DeclaredService,
    outcomes: tuple[LaunchOutcome, ...],
    stops_unknown: str | None,
    now: float,
    jitter: float,
) -> Absorbed:
    """Take in the outcomes of a pass. ``stops_unknown``: ECS's words if a ``StopTask`` was throttled or lost."""
    decisions: list[Decision] = []
    again = False
    for outcome in outcomes:
        short = outcome.launch.count - outcome.started
        if outcome.kind == "answered" and short > 0:
            status, decision = _zone_refused(status, outcome, short, now, jitter)
            decisions.append(decision)
            again = True
        elif outcome.kind == "refused":
            status, decision = _launch_refused(status, declared, outcome, now, jitter)
            decisions.append(decision)
            refusing = status.backoff is not None and status.backoff.refused and now < status.backoff.until
            again |= not refusing  # another zone; a refusal that is over says nothing about it
    answered = any(outcome.kind == "answered" and outcome.started for outcome in outcomes)
    if answered and status.backoff is not None and status.backoff.refused:
        status = replace(status, backoff=None)
    unknown = next((outcome.reason for outcome in outcomes if outcome.kind == "unknown"), stops_unknown)
    status = replace(status, throttle=_patience(status.throttle, unknown, now, jitter))
    if status.throttle is not None:
        decisions.append(
            Decision(kind="hold", level="WARN", reason=status.throttle.reason, event_name="ECS_OPERATION_THROTTLED")
        )
    waits = [status.throttle.until] if status.throttle else []
    waits += [status.backoff.until] if status.backoff and status.backoff.refused else []
    wakes = [at for at in waits if at > now]
    return Absorbed(status=status, decisions=tuple(decisions), wake_at=min(wakes, default=None), again=again)


def _zone_refused(
    status: ServiceStatus, outcome: LaunchOutcome, short: int, now: float, jitter: float
) -> tuple[ServiceStatus, Decision]:
    zone = outcome.launch.zone
    before = next((refusal for refusal in status.zones if refusal.zone == zone), None)
    refusal = refuse_zone(before, zone, outcome.reason, now, jitter)
    decision = Decision(
        kind="refused",
        level="ERROR",
        event_name="SERVICE_TASK_PLACEMENT_FAILURE",
        launch=outcome.launch.launch_id,
        deployment=outcome.launch.deployment,
        reason=f"{zone} did not start {some(short, 'task')} of {outcome.launch.count}: {outcome.reason}; "
        f"zone skipped until {clock_time(refusal.until)}",
    )
    return replace(status, zones=with_refusal(status.zones, refusal)), decision


def _launch_refused(
    status: ServiceStatus, declared: DeclaredService, outcome: LaunchOutcome, now: float, jitter: float
) -> tuple[ServiceStatus, Decision]:
    """A request may be refused for its subnets alone: another zone is tried first, and only then all places wait."""
    zone = outcome.launch.zone
    known = next((refusal for refusal in status.zones if refusal.zone == zone), None)
    refusal = refuse_zone(known, zone, outcome.reason, now, jitter)
    status = replace(status, zones=with_refusal(status.zones, replace(refusal, deployment=outcome.launch.deployment)))
    before = status.backoff
    closed = {refusal.zone for refusal in status.zones if now < refusal.until}
    if any(zone not in closed for zone, _ in declared.zones):
        return status, _refusal(outcome, f"{zone}: RunTask refused: {outcome.reason}; trying another zone")
    # refused everywhere: the request is at fault, not a zone
    status = replace(status, zones=tuple(one for one in status.zones if one.deployment is None))
    # one round a pass, however many of its calls were refused
    if before is None or not before.refused or before.began_at != now:
        before = refuse(before, declared.deployment, outcome.reason, declared.manifest.restarts, now, jitter)
    # the plan was made before the refusal; without its state a service that is only ever refused never says so
    said = replace(status, backoff=before, state="BACKING_OFF", state_reason=before.reason, steady_since=None)
    return said, _refusal(outcome, before.reason)


def _refusal(outcome: LaunchOutcome, reason: str) -> Decision:
    return Decision(
        kind="refused",
        level="ERROR",
        event_name="SERVICE_TASK_CONFIGURATION_FAILURE",
        launch=outcome.launch.launch_id,
        deployment=outcome.launch.deployment,
        reason=reason,
    )


def _patience(before: Throttle | None, unknown: str | None, now: float, jitter: float) -> Throttle | None:
    """A jittered pause that doubles while ECS keeps asking for patience; None once it answers."""
    if unknown is None:
        return None
    in_a_row = before is not None and now - before.until < FORGOTTEN_AFTER_SECONDS
    times = before.times + 1 if before is not None and in_a_row else 1
    wait = min(LONGEST_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 2.0 ** min(times - 1, 60)) * (0.5 + jitter / 2.0)
    until = now + wait
    return Throttle(times=times, until=until, reason=f"ECS: {unknown}; calling again at {clock_time(until)}")
