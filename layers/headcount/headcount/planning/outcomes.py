"""What AWS answered to a pass's launches, turned into the status that the next pass starts from."""

from collections.abc import Iterable
from typing import Literal

from headcount.model.service import Decision, DeclaredService, Launch, ServiceStatus, Throttle
from headcount.model.target import Registration
from headcount.model.values import dataclass, replace
from headcount.planning.backoff import refuse
from headcount.planning.ledgers import REFUSED_SECONDS, refusal
from headcount.planning.pace import paid_at
from headcount.planning.placement import Place, places_of, refusal_at, refuse_place, with_refusal
from headcount.planning.words import clock_time, some

FIRST_PATIENCE_SECONDS = 1.0
LONGEST_PATIENCE_SECONDS = 15.0  # when all services of an account wait for their turn, the last is not late by more
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
            status, decision, elsewhere = _launch_refused(status, declared, outcome, now, jitter)
            decisions.append(decision)
            again |= elsewhere
    answered = any(
        outcome.kind == "answered" and outcome.started and outcome.launch.deployment == declared.deployment
        for outcome in outcomes
    )
    if answered and status.backoff is not None and status.backoff.refused:
        status = replace(status, backoff=None)
    unanswered = next((outcome.reason for outcome in outcomes if outcome.kind == "unknown"), None)
    sent = tuple(outcome.launch for outcome in outcomes)
    heard = any(outcome.kind != "unknown" for outcome in outcomes)
    status = replace(
        status,
        throttle=_patience(None if heard else status.throttle, unanswered or stops_unknown, now, jitter),
        launches_paid_at=paid_at(status, sent, unanswered is not None, now),
    )
    if status.throttle is not None:
        decisions.append(
            Decision(kind="hold", level="WARN", reason=status.throttle.reason, event_name="ECS_OPERATION_THROTTLED")
        )
    waits = [status.throttle.until] if status.throttle else []
    waits += [status.backoff.until] if status.backoff and status.backoff.refused else []
    wakes = [at for at in waits if at > now]
    return Absorbed(status=status, decisions=tuple(decisions), wake_at=min(wakes, default=None), again=again)


def absorb_targets(absorbed: Absorbed, unanswered: tuple[str, ...], now: float, jitter: float) -> Absorbed:
    """Take in ELB's answers of a pass. ``unanswered``: its words where it asked for patience or was silent."""
    said = unanswered[0] if unanswered else None
    throttle = _patience(absorbed.status.elb_throttle, said, now, jitter, who="ELB")
    status = replace(absorbed.status, elb_throttle=throttle)
    if throttle is None:
        return replace(absorbed, status=status)
    decision = Decision(kind="hold", level="WARN", reason=throttle.reason)
    wake_at = min(at for at in (absorbed.wake_at, throttle.until) if at is not None)
    return replace(absorbed, status=status, decisions=(*absorbed.decisions, decision), wake_at=wake_at)


def elb_was_silent(status: ServiceStatus, said: str, now: float, jitter: float) -> ServiceStatus:
    """The status after ELB did not tell how targets do: it is asked again, and told anything, after a pause."""
    return replace(status, elb_throttle=_patience(status.elb_throttle, said, now, jitter, who="ELB"))


def absorb_refusals(absorbed: Absorbed, refused: Iterable[tuple[str, Registration]], now: float) -> Absorbed:
    """Take in which targets ELB refused: the first of each group (its ARN) is told, and all are sent again later."""
    first = dict(reversed(tuple(refused)))
    told = tuple(refusal(group, entry) for group, entry in first.items())
    wake_at = min(at for at in (absorbed.wake_at, now + REFUSED_SECONDS) if at is not None)
    return replace(absorbed, decisions=(*absorbed.decisions, *told), wake_at=wake_at)


def _zone_refused(
    status: ServiceStatus, outcome: LaunchOutcome, short: int, now: float, jitter: float
) -> tuple[ServiceStatus, Decision]:
    place = Place(outcome.launch.capacity, outcome.launch.zone)
    refusal = refuse_place(refusal_at(status.zones, place), place, outcome.reason, now, jitter)
    decision = Decision(
        kind="refused",
        level="ERROR",
        event_name="SERVICE_TASK_PLACEMENT_FAILURE",
        launch=outcome.launch.launch_id,
        deployment=outcome.launch.deployment,
        reason=f"{place.capacity} in {place.zone} did not start {some(short, 'task')} of {outcome.launch.count}: "
        f"{outcome.reason}; skipped until {clock_time(refusal.until)}",
    )
    return replace(status, zones=with_refusal(status.zones, refusal)), decision


def _launch_refused(
    status: ServiceStatus, declared: DeclaredService, outcome: LaunchOutcome, now: float, jitter: float
) -> tuple[ServiceStatus, Decision, bool]:
    """A request may be refused for its subnets alone: another zone is tried first, and only then all places wait.

    The last value: whether another place is to be tried at once.
    """
    place = Place(outcome.launch.capacity, outcome.launch.zone)
    refusal = refuse_place(refusal_at(status.zones, place), place, outcome.reason, now, jitter)
    status = replace(status, zones=with_refusal(status.zones, replace(refusal, deployment=outcome.launch.deployment)))
    before = status.backoff
    where = f"{place.capacity} in {place.zone}"
    is_previous = declared.previous is not None and outcome.launch.deployment == declared.previous.deployment
    places = places_of(declared.previous if declared.previous and is_previous else declared, (), status.zones, 0, now)
    if places.are_open:
        tried = _refusal(outcome, f"{where}: RunTask refused: {outcome.reason}; trying another place")
        return status, tried, True
    if is_previous:  # the new deployment is not to blame, and does not wait for it
        until = clock_time(refusal.until)
        return status, _refusal(outcome, f"{where}: RunTask refused: {outcome.reason}; skipped until {until}"), False
    # refused everywhere: the request is at fault, not a place
    status = replace(status, zones=tuple(one for one in status.zones if one.deployment != outcome.launch.deployment))
    # one round a pass, however many of its calls were refused
    if before is None or not before.refused or before.began_at != now:
        before = refuse(before, declared.deployment, outcome.reason, declared.manifest.restarts, now, jitter)
    # the plan was made before the refusal; without its state a service that is only ever refused never says so
    said = replace(status, backoff=before, state="BACKING_OFF", state_reason=before.reason, steady_since=None)
    return said, _refusal(outcome, before.reason), now >= before.until


def _refusal(outcome: LaunchOutcome, reason: str) -> Decision:
    return Decision(
        kind="refused",
        level="ERROR",
        event_name="SERVICE_TASK_CONFIGURATION_FAILURE",
        launch=outcome.launch.launch_id,
        deployment=outcome.launch.deployment,
        reason=reason,
    )


def _patience(
    before: Throttle | None, unknown: str | None, now: float, jitter: float, *, who: str = "ECS"
) -> Throttle | None:
    """A jittered pause that doubles while AWS keeps asking for patience; None once it answers.

    A pass of which something got through begins anew: the limit is shared, and it was this service's turn.
    """
    if unknown is None:
        return None
    in_a_row = before is not None and now - before.until < FORGOTTEN_AFTER_SECONDS
    times = before.times + 1 if before is not None and in_a_row else 1
    wait = min(LONGEST_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 2.0 ** min(times - 1, 60)) * (0.5 + jitter / 2.0)
    return Throttle(times=times, until=now + wait, reason=f"{who}: {unknown}")  # the same words each time: news once
