"""Which metrics policies need, and what CloudWatch, SQS and the user's alarms answered, as one reading a policy.

What is not answered makes that policy hold, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from headcount.model.metrics import AlarmReading, MetricSeries
from headcount.model.scaling import Backlog, Expression, Function, Policy, StepScaling, TargetTracking
from headcount.model.scaling_resources import FoundAlarm, MetricsWanted
from headcount.model.scaling_state import IN_FLIGHT, MEASURED, VISIBLE, Reading
from headcount.scaling.alarms import LOOKED_BACK
from headcount.scaling.queries import Measured, tracked_queries
from headcount.scaling.series import RECENT_PERIODS
from headcount.scaling.stepping import follows_composites

FUNCTION_PERIODS = 15  # of its metrics are sent to the user's function

Alarms = Mapping[str, FoundAlarm]
Answers = Mapping[str, Mapping[str, MetricSeries] | str]
Backlogs = Mapping[str, tuple[int, int] | str]


def user_alarms(policies: Iterable[Policy]) -> tuple[str, ...]:
    """The names of the user's alarms that policies follow, each once."""
    names = (name for policy in policies if isinstance(policy, StepScaling) for name in policy.alarms)
    return tuple(dict.fromkeys(names))


def queues_of(policies: Iterable[Policy]) -> tuple[str, ...]:
    """The names of the queues that policies ask, each once."""
    names = (one.queue for one in policies if isinstance(one, Backlog) and isinstance(one.queue, str))
    return tuple(dict.fromkeys(names))


def metrics_wanted(policies: Iterable[Policy], alarms: Alarms, measured: Measured) -> tuple[MetricsWanted, ...]:
    """What is to be asked of CloudWatch, of alarms only while they are in ALARM: else their metric decides nothing."""
    return tuple(one for policy in policies for one in _wanted(policy, alarms, measured))


def _wanted(policy: Policy, alarms: Alarms, measured: Measured) -> Iterator[MetricsWanted]:
    match policy:
        case TargetTracking(evaluation=evaluation, limits=limits):
            panic = 0 if limits.panic is None else limits.panic.periods
            periods = max(evaluation.out_periods, evaluation.in_periods, panic) + LOOKED_BACK
            yield MetricsWanted(policy=policy.name, queries=tracked_queries(policy, measured), periods=periods)
        case StepScaling():
            for found in (alarms[name] for name in policy.alarms if name in alarms):
                if found.state == "ALARM" and not found.composite:
                    periods = found.terms.periods + LOOKED_BACK
                    yield MetricsWanted(policy=_key(policy, found), queries=found.queries, periods=periods)
        case Expression(metrics=queries) if queries:
            yield MetricsWanted(policy=policy.name, queries=queries, periods=RECENT_PERIODS)
        case Backlog(queue=queries) if not isinstance(queries, str):
            yield MetricsWanted(policy=policy.name, queries=queries, periods=RECENT_PERIODS)
        case Function(metrics=queries) if queries:
            yield MetricsWanted(policy=policy.name, queries=queries, periods=FUNCTION_PERIODS)


def reading_of(policy: Policy, alarms: Alarms | str, answers: Answers, backlogs: Backlogs, now: float) -> Reading:
    """What was found out for one policy. ``alarms``, if they could not be asked for: why."""
    match policy:
        case TargetTracking():
            answer = _answered(answers, policy.name)
            return answer if answer.failed else Reading(series={MEASURED: _only(answer.series)})
        case StepScaling():
            return Reading(failed=alarms) if isinstance(alarms, str) else _of_alarms(policy, alarms, answers)
        case Backlog(queue=str() as queue):
            return _of_queue(queue, backlogs, now)
        case Expression() | Backlog() | Function():
            return _answered(answers, policy.name)
        case _:
            assert_never(policy)


def problems_of(policies: Iterable[Policy], alarms: Alarms) -> Iterator[str]:
    """What stands against step scaling: the user's alarms that are not there, or that its steps cannot follow."""
    for policy in (one for one in policies if isinstance(one, StepScaling)):
        for name in policy.alarms:
            found = alarms.get(name)
            if found is None:
                yield f"policy {policy.name}: there is no alarm {name}"
            elif found.composite and not follows_composites(policy):
                said = "compares no metric with a threshold: only a single step without bounds can follow it"
                yield f"policy {policy.name}: alarm {name} {said}"


def _answered(answers: Answers, key: str) -> Reading:
    answer = answers.get(key, {})
    return Reading(failed=answer) if isinstance(answer, str) else Reading(series=answer)


def _only(series: Mapping[str, MetricSeries]) -> MetricSeries:
    return next(iter(series.values()), MetricSeries())


def _of_alarms(policy: StepScaling, alarms: Alarms, answers: Answers) -> Reading:
    readings: list[AlarmReading] = []
    for found in (alarms[name] for name in policy.alarms if name in alarms):
        answer = _answered(answers, _key(policy, found))
        if answer.failed:
            return answer
        readings.append(
            AlarmReading(
                name=found.name,
                state=found.state,
                terms=found.terms,
                series=_only(answer.series),
                composite=found.composite,
            )
        )
    return Reading(alarms=tuple(readings))


def _of_queue(queue: str, backlogs: Backlogs, now: float) -> Reading:
    backlog = backlogs.get(queue, f"queue {queue} was not asked")
    if isinstance(backlog, str):
        return Reading(failed=backlog)
    visible, in_flight = (MetricSeries(points=((now, float(number)),)) for number in backlog)
    return Reading(series={VISIBLE: visible, IN_FLIGHT: in_flight})


def _key(policy: StepScaling, alarm: FoundAlarm) -> str:
    return f"{policy.name}|{alarm.name}"
