"""Decisions on scaling as people read them: in the history, and as the reason of a count."""

from collections.abc import Iterable, Iterator, Mapping

from headcount.model.scaling import Function, Policy
from headcount.model.scaling_record import LastDecision
from headcount.model.scaling_state import Ask, Reading, ScalingDecision
from headcount.model.service import Decision

HISTORY_KIND = "scaling"
COUNT_CHANGED = "SERVICE_DESIRED_COUNT_UPDATED"
HOLDS = " holds: "


def in_words(decision: ScalingDecision) -> str:
    """``cpu scales out from 4 to 7: 80 with 4 tasks, target 50: needs 12 (the maximum is 7)``."""
    limits = f" ({', '.join(decision.limited)})" if decision.limited else ""
    if decision.count == decision.before:
        return f"{decision.reason}{limits}"
    direction = "out" if decision.count > decision.before else "in"
    who = f"{decision.policy} scales" if decision.policy is not None else "scaled"
    return f"{who} {direction} from {decision.before} to {decision.count}: {decision.reason}{limits}"


def count_reason(changes: Iterable[ScalingDecision]) -> str:
    """Why a count is what it is."""
    return "; ".join(map(in_words, changes))


def history_of(
    scheduled: Iterable[ScalingDecision], policies: ScalingDecision | None, problems: Iterable[str], kept: Iterable[str]
) -> Iterator[Decision]:
    """What is worth remembering: what was made and deleted, all that schedules did, every change, new problems."""
    for done in kept:
        yield Decision(kind=HISTORY_KIND, reason=done)
    for decision in (*scheduled, *(() if policies is None or policies.count == policies.before else (policies,))):
        changed = decision.count != decision.before
        yield Decision(kind=HISTORY_KIND, reason=in_words(decision), event_name=COUNT_CHANGED if changed else None)
    for problem in problems:
        yield Decision(kind=HISTORY_KIND, reason=problem, level="WARN")


def holding(policies: Iterable[Policy], readings: Mapping[str, Reading], asked: Iterable[Ask]) -> Iterator[str]:
    """The policies that could not be asked, or whose function talks nonsense. That a metric has no data is no problem:
    AWS knows a state of its own for it.
    """
    silent = {one.name for one in policies if isinstance(one, Function)}
    silent |= {name for name, reading in readings.items() if reading.failed}
    return (
        f"policy {ask.policy}{HOLDS}{ask.reason}" for ask in asked if ask.outcome == "hold" and ask.policy in silent
    )


def new_problems(problems: Iterable[str], before: Iterable[str]) -> list[str]:
    """Those that are not just as they were; why a policy holds may be worded otherwise each time."""
    known = {_onset(one) for one in before}
    return [one for one in problems if _onset(one) not in known]


def _onset(problem: str) -> str:
    who, holds, _ = problem.partition(HOLDS)
    return f"{who}{holds}" if holds else problem


def remembered(decision: ScalingDecision, now: float) -> LastDecision:
    """What the record keeps of a decision, for people."""
    return LastDecision(
        at=now,
        before=decision.before,
        count=decision.count,
        reason=decision.reason,
        policy=decision.policy,
        asked=decision.asked,
        limited=decision.limited,
        not_scaled=decision.not_scaled,
    )
