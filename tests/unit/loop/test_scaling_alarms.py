"""Alarms, schedules and who is woken: made as they are needed, corrected, deleted, and never forgotten."""

from typing import Any

import pytest

from builders import SERVICE
from headcount.model.metrics import MetricQuery, MetricStat
from headcount.model.scaling import Limits, Panic, PredefinedMetric, ScheduledAction
from headcount.model.values import replace
from headcount.scaling.own_alarms import alarm_name
from unit.scaling.policies import a_backlog, a_scaling, a_step_policy, a_tracking, an_expression

from .scaled import ScaledWorld

HOUR = 3600.0
REQUESTS = PredefinedMetric(
    metric_type="ALBRequestCountPerTarget", resource_label="app/web/0123456789abcdef/targetgroup/web/fedcba9876543210"
)
NIGHT = ScheduledAction(name="night", schedule="cron(0 22 * * ? *)", timezone="Europe/Berlin", minimum=1)


@pytest.fixture
def world() -> ScaledWorld:
    return ScaledWorld()


def kinds(world: ScaledWorld) -> dict[str, tuple[str, float, int]]:
    """What each alarm of Headcount's compares, by its kind."""
    told = (one.terms for one in world.alarms.alarms.values())
    names = [name.split("/")[5] for name in world.alarms.alarms]
    return {name: (terms.comparison, terms.threshold, terms.periods) for name, terms in zip(names, told, strict=True)}


# -- which there are --------------------------------------------------------------------------------------------------


def test_target_tracking_has_an_alarm_above_and_one_below(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    assert kinds(world) == {
        "high": ("GreaterThanThreshold", 50.0, 3),
        "low": ("LessThanThreshold", 45.0, 15),
    }
    assert set(world.alarms.alarms) == set(world.record.alarms)


@pytest.mark.parametrize(
    ("changed", "minimum", "more"),
    [
        ({"disable_scale_in": True}, 1, {"high"}),
        ({"limits": Limits(panic=Panic(percent=300, periods=2))}, 1, {"high", "low", "panic"}),
        ({"metric": REQUESTS}, 0, {"high", "low", "demand"}),
        ({"metric": REQUESTS}, 1, {"high", "low"}),
        ({}, 0, {"high", "low"}),  # tasks that do not run use nothing
    ],
)
def test_more_alarms_only_where_they_can_tell_something(
    world: ScaledWorld, changed: dict[str, Any], minimum: int, more: set[str]
) -> None:
    world.declare_policies(a_tracking(**changed), minimum=minimum)
    world.look()
    assert set(kinds(world)) == more


def test_a_panic_is_told_before_the_alarm_would_be(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(limits=Limits(panic=Panic(percent=300, periods=2))))
    world.look()
    assert kinds(world)["panic"] == ("GreaterThanOrEqualToThreshold", 150.0, 2)


def test_from_zero_any_demand_is_told(world: ScaledWorld) -> None:
    action = replace(NIGHT, minimum=0)
    scaling = replace(a_scaling(a_tracking(metric=REQUESTS), minimum=1, maximum=9), scheduled_actions=(action,))
    world.declare(scaling, 1)
    world.look()
    assert kinds(world)["demand"] == ("GreaterThanThreshold", 0.0, 1)


def test_policies_that_are_asked_each_minute_have_no_alarm(world: ScaledWorld) -> None:
    world.alarms.add("high")
    world.declare_policies(a_step_policy(), a_backlog(), an_expression("4"))
    world.look()
    assert (world.alarms.puts, world.record.alarms, world.record.watched) == ([], (), ("high",))


def test_names_say_service_policy_and_kind_and_stay_within_what_aws_allows() -> None:
    assert alarm_name("main", "prod/web", "cpu", "high").startswith("headcount/main/scaling/web/cpu/high/")
    longest = alarm_name("x" * 8, f"{'c' * 255}/{'s' * 245}", "p" * 256, "demand")
    assert len(longest) <= 255
    names = {alarm_name("main", service, "p" * 256, "low") for service in ("prod/web", "test/web")}
    assert len(names) == 2


def test_an_alarm_says_whom_it_is_about(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking("größer 50 %"))
    world.look()
    found = world.alarms.alarms[world.record.alarms[0]]
    assert found.description == '{"headcount": {"service": "prod/web", "policy": "größer 50 %", "alarm": "high"}}'


# -- as they are declared ---------------------------------------------------------------------------------------------


def test_nothing_is_made_twice(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    puts = list(world.alarms.puts)
    for _ in range(3):
        world.after(2 * HOUR)
        world.look()
    assert world.alarms.puts == puts


def test_alarms_are_compared_every_hour_and_not_at_every_look(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    asked = len(world.alarms.calls)
    world.after(HOUR - 60)
    world.look()
    assert len(world.alarms.calls) == asked
    world.after(60)
    world.look()
    assert len(world.alarms.calls) == asked + 1


def test_what_somebody_changed_goes_back_and_is_told(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    name = world.record.alarms[0]
    found = world.alarms.alarms[name]
    world.alarms.alarms[name] = replace(found, terms=replace(found.terms, threshold=99.0))
    del world.alarms.alarms[world.record.alarms[1]]
    world.after(HOUR)
    world.look()
    assert kinds(world)["high"][1] == 50.0
    assert world.told()[-2:] == [f"corrected alarm {name}", f"created alarm {world.record.alarms[1]}"]


def test_another_declaration_changes_them_at_once(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking("cpu"), a_tracking("memory"))
    world.look()
    world.declare_policies(a_tracking("cpu", target=70.0))
    world.look()
    assert kinds(world) == {"high": ("GreaterThanThreshold", 70.0, 3), "low": ("LessThanThreshold", 63.0, 15)}
    assert len(world.record.alarms) == 2


def test_an_alarm_of_the_same_name_that_is_somebody_elses_is_left_alone(world: ScaledWorld) -> None:
    name = alarm_name("main", SERVICE, "cpu", "high")
    world.alarms.add(name)
    world.declare_policies(a_tracking())
    world.look()
    problem = f"alarm {name} exists and is not Headcount's for this service: delete it"
    assert (world.record.problems, world.alarms.alarms[name].description) == ((problem,), "")
    world.declare(None)
    world.look()
    assert set(world.alarms.alarms) == {name}


def test_what_aws_refuses_is_a_problem_and_decisions_go_on(world: ScaledWorld) -> None:
    world.alarms.refusals["PutMetricAlarm"] = "LimitExceeded: 5000 alarms"
    world.declare_policies(a_tracking())
    world.measure(80.0)
    world.look()
    assert world.desired == 7
    assert world.record.problems[0].endswith("is not created: AWS refuses: LimitExceeded: 5000 alarms")
    world.alarms.refusals.clear()
    world.after(60)
    world.look()
    assert world.record.problems != (), "it is not tried at every look"
    world.after(300)
    world.look()
    assert (world.record.problems, len(world.alarms.alarms)) == ((), 2)


def test_what_is_throttled_is_tried_again_in_a_minute(world: ScaledWorld) -> None:
    world.alarms.throttle("PutMetricAlarm", 2)
    world.declare_policies(a_tracking())
    world.look()
    assert (len(world.alarms.alarms), len(world.record.problems)) == (0, 2)
    assert world.record.next_look_at == world.clock() + 60
    world.after(60)
    world.look()
    assert (len(world.alarms.alarms), world.record.problems) == (2, ())


def test_nothing_is_begun_when_no_time_is_left(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.remaining = 14.0
    world.look()
    assert (world.alarms.puts, world.record.next_look_at) == ([], world.clock() + 60)
    world.remaining = 60.0
    world.after(60)
    world.look()
    assert len(world.alarms.puts) == 2


def test_the_users_alarms_wake_those_who_follow_them_now(world: ScaledWorld) -> None:
    for name in ("high", "low"):
        world.alarms.add(name)
    world.declare_policies(a_step_policy(alarms=("high",)))
    world.look()
    world.declare_policies(a_step_policy(alarms=("low",)))
    world.look()
    assert (world.store.watchers("high"), world.store.watchers("low")) == ((), (SERVICE,))


def test_metrics_of_the_users_own_are_what_the_alarm_looks_at(world: ScaledWorld) -> None:
    stat = MetricStat(namespace="Mine", name="Depth", dimensions=(("queue", "jobs"),))
    queries = (
        MetricQuery(query_id="m1", stat=stat, returned=False),
        MetricQuery(query_id="e1", expression="m1 / 2"),
    )
    world.declare_policies(a_tracking(metric=queries))
    world.look()
    assert {one.queries for one in world.alarms.alarms.values()} == {queries}


# -- schedules --------------------------------------------------------------------------------------------------------


def test_each_scheduled_action_has_a_schedule(world: ScaledWorld) -> None:
    world.declare_actions(NIGHT)
    world.look()
    (schedule,) = world.schedules.schedules.values()
    assert (schedule.service, schedule.action, schedule.expression, schedule.timezone) == (
        SERVICE,
        "night",
        "cron(0 22 * * ? *)",
        "Europe/Berlin",
    )
    assert world.record.schedules == (schedule.name,)
    assert "created the schedule of night: cron(0 22 * * ? *)" in world.told()


def test_what_never_falls_due_again_has_none(world: ScaledWorld) -> None:
    world.declare_actions(
        ScheduledAction(name="past", schedule="at(2020-01-01T00:00:00)", minimum=2),
        replace(NIGHT, name="over", end_at=world.clock() - 1.0),
    )
    world.look()
    assert (world.schedules.schedules, world.record.schedules) == ({}, ())


def test_a_schedule_goes_with_its_action(world: ScaledWorld) -> None:
    world.declare_actions(NIGHT, replace(NIGHT, name="late"))
    world.look()
    world.declare_actions(NIGHT)
    world.look()
    assert [one.action for one in world.schedules.schedules.values()] == ["night"]


def test_without_a_schedule_its_own_timer_still_comes(world: ScaledWorld) -> None:
    world.schedules.refusals["CreateSchedule"] = "ServiceQuotaExceededException"
    world.declare_actions(ScheduledAction(name="soon", schedule="rate(10 minutes)", minimum=6))
    world.look()
    assert world.record.next_look_at == world.clock() + 300, "what is refused is tried again before"
    world.after(600)
    world.look()
    assert world.desired == 6


# -- the end ----------------------------------------------------------------------------------------------------------


def test_without_the_block_everything_goes_and_a_pass_is_told(world: ScaledWorld) -> None:
    world.alarms.add("high")
    scaling = replace(a_scaling(a_tracking(), a_step_policy()), scheduled_actions=(NIGHT,))
    world.declare(scaling, 4)
    world.look()
    world.declare(None)
    looked = world.look()
    assert (looked.removed, looked.kicked, world.record.removed, world.record.declared) == (True, True, True, "")
    assert (set(world.alarms.alarms), world.schedules.schedules, world.store.watchers("high")) == ({"high"}, {}, ())
    assert world.desired == 4


def test_a_deleted_service_ends_likewise(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    world.delete()
    world.measure(80.0)
    world.look()
    assert (world.alarms.alarms, world.record.removed, world.desired) == ({}, True, 4)


def test_what_cannot_be_deleted_yet_is_tried_again(world: ScaledWorld) -> None:
    world.declare_actions(NIGHT)
    world.look()
    world.delete()
    world.schedules.throttle("DeleteSchedule")
    world.look()
    assert (world.record.removed, world.timers.set_for[-1]) == (False, (SERVICE, world.clock() + 60))
    assert "is not deleted yet" in world.record.problems[0]
    world.clock.advance(60)
    world.look()
    assert (world.record.removed, world.schedules.schedules) == (True, {})


def test_what_is_removed_is_left_alone(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    world.declare(None)
    world.look()
    writes = len(world.store.writes)
    world.look()
    assert len(world.store.writes) == writes


def test_a_block_that_comes_back_begins_anew(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.measure(80.0)
    world.look()
    world.declare(None)
    world.look()
    world.declare_policies(a_tracking(), desired=4)
    world.measure(50.0)
    world.look()
    assert (world.record.removed, world.record.state.activities, len(world.alarms.alarms)) == (False, (), 2)
