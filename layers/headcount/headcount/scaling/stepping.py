"""Step scaling: how far an alarm's metric is beyond its threshold says how much to add or take away.

Source: "How step scaling works" and StepScalingPolicyConfiguration of Application Auto Scaling.
"""

import math
from collections.abc import Sequence

from headcount.model.metrics import MINUTE, AlarmReading, AlarmTerms
from headcount.model.scaling import Aggregation, Step, StepScaling
from headcount.model.scaling_state import Activity, Ask, Reading
from headcount.model.values import replace
from headcount.scaling.alarms import LOOKED_BACK
from headcount.scaling.counts import Counts
from headcount.scaling.series import latest, window
from headcount.scaling.words import number


def ask_steps(policy: StepScaling, reading: Reading, counts: Counts, now: float, last: Activity | None = None) -> Ask:
    """What a step scaling policy asks for. ``last``: what it did last, in either direction."""
    found = {one.name: one for one in reading.alarms}
    missing = [name for name in policy.alarms if name not in found]
    asks = [_ask_alarm(policy, one, counts, now, last) for one in found.values() if one.state == "ALARM"]
    if asks:
        return max(asks, key=_by_weight)
    if missing:
        return Ask(policy=policy.name, outcome="hold", reason=f"there is no alarm {missing[0]}")
    states = ", ".join(f"{one.name} is {one.state}" for one in found.values())
    return Ask(policy=policy.name, outcome="keep", count=counts.desired, reason=states or "it has no alarm")


def step_for(steps: Sequence[Step], delta: float, terms: AlarmTerms) -> Step | None:
    """The step whose interval has ``delta``, the metric less the threshold; None if there is none.

    Above the threshold the lower bound belongs to a step and the upper does not; below it is the other way round. On
    the threshold itself the alarm's comparison says which side it is.
    """
    upwards = delta > 0 or (delta == 0 and terms.comparison.startswith("Greater"))
    for step in steps:
        lower = float("-inf") if step.lower is None else step.lower
        upper = float("inf") if step.upper is None else step.upper
        if lower <= delta < upper if upwards else lower < delta <= upper:
            return step
    return None


def adjusted(policy: StepScaling, adjustment: int, count: int) -> int:
    """The count after one adjustment of ``count``; never below zero.

    A percentage of a count is cut to whole tasks, but is at least one task, and at least the minimum magnitude.
    """
    match policy.adjustment_type:
        case "ExactCapacity":
            return max(0, adjustment)
        case "ChangeInCapacity":
            return max(0, count + adjustment)
        case "PercentChangeInCapacity":
            return max(0, count + _percentage(count, adjustment, policy.minimum_magnitude))


def _percentage(count: int, percent: int, minimum_magnitude: int) -> int:
    if percent == 0:
        return 0
    exact = count * abs(percent)
    change = max(exact // 100, min(exact, 1), minimum_magnitude)
    return change if percent > 0 else -change


def _ask_alarm(policy: StepScaling, alarm: AlarmReading, counts: Counts, now: float, last: Activity | None) -> Ask:
    if alarm.composite:
        return _ask_composite(policy, alarm, counts, now, last)
    newest = latest(alarm.series, alarm.terms.periods + LOOKED_BACK, now)
    if newest is None:
        return Ask(
            policy=policy.name, outcome="hold", reason=f"{alarm.name} is ALARM without recent data", restless=True
        )
    value = _aggregated(alarm, policy.aggregation, now)
    keep = Ask(
        policy=policy.name,
        outcome="keep",
        count=counts.desired,
        reason=f"{alarm.name} is ALARM: {number(value)}, threshold {number(alarm.terms.threshold)}",
        value=value,
        measured_at=newest[0],
        restless=True,
    )
    step = step_for(policy.steps, value - alarm.terms.threshold, alarm.terms)
    if step is None:
        return replace(keep, reason=f"{keep.reason}; no step is for that")
    return _stepped_once(policy, step, counts, keep, last)


def _ask_composite(policy: StepScaling, alarm: AlarmReading, counts: Counts, now: float, last: Activity | None) -> Ask:
    """+ An alarm without a metric says that something is wrong, not how far: only a step for everything follows it.

    Its data is one a minute, for AWS asks a policy so often while an alarm lasts.
    """
    if not follows_composites(policy):
        reason = f"{alarm.name} is ALARM, and has no metric to choose among steps by"
        return Ask(policy=policy.name, outcome="hold", reason=reason)
    keep = Ask(
        policy=policy.name,
        outcome="keep",
        count=counts.desired,
        reason=f"{alarm.name} is ALARM",
        measured_at=now // MINUTE * MINUTE,
        restless=True,
    )
    return _stepped_once(policy, policy.steps[0], counts, keep, last)


def follows_composites(policy: StepScaling) -> bool:
    """Whether a policy's steps need no metric: there is one, without bounds."""
    return len(policy.steps) == 1 and policy.steps[0].lower is None and policy.steps[0].upper is None


def _stepped_once(policy: StepScaling, step: Step, counts: Counts, keep: Ask, last: Activity | None) -> Ask:
    """The same data never acts twice."""
    if last is not None and last.measured_at is not None and last.measured_at >= (keep.measured_at or 0.0):
        return replace(keep, reason=f"{keep.reason}; it has acted on this data already")
    return _stepped(policy, step, counts, keep)


def _stepped(policy: StepScaling, step: Step, counts: Counts, keep: Ask) -> Ask:
    exact = policy.adjustment_type == "ExactCapacity"
    outwards = step.adjustment > (counts.desired if exact else 0)
    baseline = counts.out_from if outwards else counts.in_from
    count = adjusted(policy, step.adjustment, baseline)
    words = f"{keep.reason}: {_adjustment_words(policy, step.adjustment, baseline)} = {count}"
    if outwards and count > counts.desired:
        return replace(keep, outcome="out", count=count, reason=words)
    if not outwards and count < counts.desired:
        return replace(keep, outcome="in", count=count, reason=words)
    if outwards:
        return replace(keep, at_least=count, reason=f"{words}; {counts.desired} are set already")
    return replace(keep, reason=words)


def _aggregated(alarm: AlarmReading, aggregation: Aggregation, now: float) -> float:
    """One value of those that the alarm was evaluated on."""
    points = window(alarm.series, alarm.terms.periods + LOOKED_BACK, now)
    values = [point for point in points if point is not None][-alarm.terms.periods :]
    match aggregation:
        case "Average":
            return math.fsum(values) / len(values)
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)


def _adjustment_words(policy: StepScaling, adjustment: int, baseline: int) -> str:
    match policy.adjustment_type:
        case "ExactCapacity":
            return "exactly"
        case "ChangeInCapacity":
            return f"{baseline} {adjustment:+d}"
        case "PercentChangeInCapacity":
            return f"{baseline} {adjustment:+d} %"


def _by_weight(ask: Ask) -> tuple[int, int]:
    """More before fewer before as many as there are before what cannot be told."""
    return ("hold", "keep", "in", "out").index(ask.outcome), ask.count or 0
