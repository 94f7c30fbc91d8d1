"""Target tracking: as many tasks as bring a metric to its target.

AWS publishes neither the formula nor the alarms. These agree with every statement of its guide ("How target tracking
scaling works") and with the alarms that are seen in real accounts.
"""

import math

from headcount.model.metrics import AlarmTerms, MetricSeries
from headcount.model.scaling import TargetTracking
from headcount.model.scaling_state import MEASURED, Ask, Reading
from headcount.model.values import replace
from headcount.planning.words import some
from headcount.scaling.alarms import LOOKED_BACK, evaluate_alarm
from headcount.scaling.counts import Counts
from headcount.scaling.series import latest, window
from headcount.scaling.words import number

SCALE_IN_BELOW = 0.9  # of the target: what the low alarms of real accounts have
MOST_TASKS = 1_000_000  # beyond any bound: keeps absurd metrics finite

_NOTHING = MetricSeries()
FLAPPING = "AutoScalingAnticipatedFlapping"


def ask_tracking(policy: TargetTracking, reading: Reading, counts: Counts, now: float) -> Ask:
    """What a target tracking policy asks for."""
    series = reading.series.get(MEASURED, _NOTHING)
    newest = latest(series, policy.evaluation.out_periods + LOOKED_BACK, now)
    if newest is None:
        return Ask(policy=policy.name, outcome="hold", reason="no recent data of its metric (INSUFFICIENT_DATA)")
    measured_at, value = newest
    ask = Ask(
        policy=policy.name,
        outcome="keep",
        count=counts.desired,
        reason=f"{number(value)} calls for no change: {_alarm_words(policy)}",
        value=value,
        measured_at=measured_at,
    )
    if counts.running == 0:
        return _without_tasks(ask, value, counts)
    high, low = tracking_alarms(policy)
    panicking = _panics(policy, series, now)
    if panicking or _alarms(series, high, now):
        return _above(policy, replace(ask, restless=True, panicking=panicking), counts)
    if not policy.disable_scale_in and _alarms(series, low, now):
        return _below(policy, replace(ask, restless=True), counts)
    return ask


def tracking_alarms(policy: TargetTracking) -> tuple[AlarmTerms, AlarmTerms]:
    """The terms of the two alarms, high and low, that AWS makes for such a policy."""
    periods, target = policy.evaluation, policy.target_value
    high = AlarmTerms(
        comparison="GreaterThanThreshold",
        threshold=target,
        periods=periods.out_periods,
        to_alarm=periods.out_periods,
    )
    low = AlarmTerms(
        comparison="LessThanThreshold",
        threshold=SCALE_IN_BELOW * target,
        periods=periods.in_periods,
        to_alarm=periods.in_periods,
    )
    return high, low


def panic_alarm(policy: TargetTracking) -> AlarmTerms | None:
    """The terms by which a policy panics; None if it never does."""
    panic = policy.limits.panic
    if panic is None:
        return None
    return AlarmTerms(
        comparison="GreaterThanOrEqualToThreshold",
        threshold=policy.target_value * panic.percent / 100,
        periods=panic.periods,
        to_alarm=panic.periods,
    )


def needed_count(running: int, value: float, target: float) -> int:
    """How many tasks bring the metric to its target, if ``running`` had it at ``value``.

    Always rounded up: +1.5 tasks are 2, and half a task too many stays, for without it the metric would be too high.
    Where there is any demand it is one at least, as it is from zero.
    """
    exact = round(running * max(0.0, value) / target, 9)  # 3 x 0.1 / 0.1 is 3, whatever floats say
    return max(math.ceil(min(exact, MOST_TASKS)), 1 if value > 0 else 0)


def _without_tasks(ask: Ask, value: float, counts: Counts) -> Ask:
    """From zero by one: what there is to do for no task says nothing of how many there should be."""
    if counts.desired > 0:
        reason = "no task runs yet: the metric is not theirs"
        return replace(ask, outcome="hold", count=None, reason=reason, restless=True)
    if value > 0:
        reason = f"{number(value)} with no task is demand: one to begin with"
        return replace(ask, outcome="out", count=1, reason=reason, restless=True)
    return replace(ask, reason="no demand")


def _above(policy: TargetTracking, ask: Ask, counts: Counts) -> Ask:
    running, value = counts.least_since(ask.measured_at or 0.0), ask.value or 0.0
    needed = needed_count(running, value, policy.target_value)
    reason = _formula(policy, running, value, needed)
    if needed > counts.desired:
        return replace(ask, outcome="out", count=needed, reason=reason)
    return replace(ask, at_least=needed, reason=f"{reason}; {counts.desired} are set already", panicking=False)


def _below(policy: TargetTracking, ask: Ask, counts: Counts) -> Ask:
    running, value = counts.most_since(ask.measured_at or 0.0), ask.value or 0.0
    needed = needed_count(running, value, policy.target_value)
    reason = _formula(policy, running, value, needed)
    if needed < counts.desired and counts.is_of_others(ask.measured_at or 0.0):
        return replace(ask, reason=f"{reason}; measured before the service was steady, so that others had a part in it")
    if needed < counts.desired:
        return replace(ask, outcome="in", count=needed, reason=reason)
    return replace(ask, reason=f"{reason}; one task fewer would lift it above the target", not_scaled=FLAPPING)


def _panics(policy: TargetTracking, series: MetricSeries, now: float) -> bool:
    terms = panic_alarm(policy)
    return terms is not None and _alarms(series, terms, now)


def _alarms(series: MetricSeries, terms: AlarmTerms, now: float) -> bool:
    return evaluate_alarm(window(series, terms.periods + LOOKED_BACK, now), terms) == "ALARM"


def _formula(policy: TargetTracking, running: int, value: float, needed: int) -> str:
    """``80 with 4 tasks, target 50: needs 7``."""
    return f"{number(value)} with {some(running, 'task')}, target {number(policy.target_value)}: needs {needed}"


def _alarm_words(policy: TargetTracking) -> str:
    periods, (high, low) = policy.evaluation, tracking_alarms(policy)
    above = f"out above {number(high.threshold)} for {some(periods.out_periods, 'period')}"
    below = f"in below {number(low.threshold)} for {periods.in_periods}"
    return f"{above}, {'never in' if policy.disable_scale_in else below}"
