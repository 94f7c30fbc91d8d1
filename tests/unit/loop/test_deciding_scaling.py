"""What decide_scaling does with each kind of policy, minute after minute: counts, reasons, when it looks again."""

import pytest

from builders import SERVICE
from headcount.errors import NewerSchema, TransientError
from headcount.messages import AlarmChanged
from headcount.model.metrics import AlarmTerms, MetricQuery, MetricStat
from headcount.model.scaling import Step
from headcount.ports.scaling import FunctionAnswer
from unit.scaling.policies import a_backlog, a_function, a_scaling, a_step_policy, a_tracking, an_expression

from .scaled import ScaledWorld


@pytest.fixture
def world() -> ScaledWorld:
    return ScaledWorld()


# -- each kind of policy ----------------------------------------------------------------------------------------------


def test_a_high_metric_adds_tasks_and_a_pass_is_told(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.measure(80.0)
    world.look()
    reason = "cpu scales out from 4 to 7: 80 with 4 tasks, target 50: needs 7"
    assert (world.desired, world.capacity.reason, world.told()[-1]) == (7, reason, reason)
    assert [message.service for message in world.kicks.sent] == [SERVICE]
    assert world.timers.set_for[-1] == (SERVICE, world.clock() + 60)
    assert world.record.next_look_at == world.clock() + 60


def test_what_the_manifest_says_of_the_count_stays_on_record(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.measure(80.0)
    world.look()
    assert (world.capacity.declared_count, world.capacity.changed_at) == (4, world.clock())


def test_a_calm_metric_changes_nothing_and_nobody_is_told(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.measure(50.0)
    world.look()
    world.after(60).measure(50.0)
    kicks, told = len(world.kicks.sent), world.told()
    world.look()
    assert (world.desired, len(world.kicks.sent), world.told()) == (4, kicks, told)
    assert world.record.latest.reason.startswith("cpu: 50 calls for no change")


def test_tasks_of_a_family_are_measured_by_container_insights(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    world.look()
    (asked,) = world.metrics.asked
    dimensions = (("ClusterName", "prod"), ("TaskDefinitionFamily", "web"))
    stats = [one.stat for one in asked.queries if one.stat is not None]
    assert (asked.policy, asked.periods) == ("cpu", 17)
    assert {(one.namespace, one.dimensions) for one in stats} == {("ECS/ContainerInsights", dimensions)}


def test_step_scaling_follows_the_users_alarm(world: ScaledWorld) -> None:
    world.alarms.add("high")
    world.declare_policies(a_step_policy(steps=(Step(lower=0, upper=20, adjustment=1), Step(lower=20, adjustment=3))))
    world.measure(75.0, name="high")
    world.look()
    assert (world.desired, world.record.next_look_at > world.clock() + 60) == (4, True)
    world.alarms.set_state("high", "ALARM")
    world.alarm("high")
    assert (world.desired, world.record.changed.reason) == (7, "high is ALARM: 75, threshold 50: 4 +3 = 7")


def test_an_alarm_that_is_calm_is_not_measured(world: ScaledWorld) -> None:
    world.alarms.add("high")
    world.declare_policies(a_step_policy())
    world.look()
    assert world.metrics.calls == []


def test_an_alarm_wakes_those_who_follow_it_and_nobody_else(world: ScaledWorld) -> None:
    world.alarms.add("high", "ALARM")
    world.alarms.add("other", "ALARM")
    world.declare_policies(a_step_policy())
    world.look()
    assert world.alarm("other") is None
    assert world.alarm("high") is not None


def test_a_service_that_cannot_be_looked_at_keeps_nobody_else_from_it(world: ScaledWorld) -> None:
    world.alarms.add("high")
    world.declare_policies(a_step_policy())
    world.look()
    for broken in ("prod/a", "prod/z"):
        world.store.watch(broken, ("high",), ())
        world.table.make_newer(broken, "manifest")
    for _ in range(3):
        before = len(world.log.looks)
        with pytest.raises(NewerSchema):
            world.alarm("high")
        assert len(world.log.looks) == before + 1
        world.after(61)


@pytest.mark.parametrize(("next_wake", "kicked"), [(60.0, False), (900.0, True)])
def test_a_pass_is_told_of_looks_that_it_would_not_miss_in_time(
    world: ScaledWorld, next_wake: float, kicked: bool
) -> None:
    """It asks for those that do not come, as far as it knows of them."""
    world.queues.backlogs["jobs"] = (40, 0)
    world.declare_policies(a_backlog(10), desired=4)
    world.passed(next_wake=world.clock() + next_wake)
    assert world.look().kicked == kicked
    assert world.desired == 4


def test_who_follows_an_alarm_of_many_is_come_to_when_it_is_told_again(world: ScaledWorld) -> None:
    world.store.watch("prod/gone", ("high",), ())
    world.store.watch("prod/other", ("high",), ())
    world.alarms.add("high")
    world.declare_policies(a_step_policy())
    world.look()
    told = AlarmChanged(alarm="high", state="ALARM")
    seconds = iter([60.0, 4.0] * 9)
    before, looked = len(world.log.looks), []
    for _ in range(3):
        with pytest.raises(TransientError, match="no time is left to look at prod/"):
            world.decider().decide(told, lambda: next(seconds))
        looked.append(len(world.log.looks) - before)
        world.after(61)
    assert looked[-1] == 1


def test_an_alarm_of_headcounts_own_names_its_service(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking())
    woken = AlarmChanged(alarm="headcount/main/scaling/web/cpu/high/0", state="ALARM", service=SERVICE, policy="cpu")
    assert world.wake(woken).cause == "alarm headcount/main/scaling/web/cpu/high/0 is ALARM"


def test_the_look_after_an_alarm_is_followed_by_another(world: ScaledWorld) -> None:
    """The alarm may have seen what GetMetricData does not tell yet, and does not tell again."""
    world.declare_policies(a_tracking())
    world.measure(50.0)
    world.look()
    assert world.record.next_look_at > world.clock() + 600
    world.wake(AlarmChanged(alarm="a", state="ALARM", service=SERVICE))
    assert world.record.next_look_at == world.clock() + 60
    world.after(60).measure(50.0)
    world.look("timer")
    assert world.record.next_look_at > world.clock() + 600
    world.wake(AlarmChanged(alarm="a", state="OK", service=SERVICE))
    assert world.record.next_look_at > world.clock() + 600


def test_a_composite_alarm_is_followed_by_a_step_for_everything(world: ScaledWorld) -> None:
    terms = AlarmTerms(comparison="GreaterThanThreshold", threshold=0.0)
    world.alarms.add("high", "ALARM", composite=True, queries=(), terms=terms)
    world.declare_policies(a_step_policy(steps=(Step(adjustment=2),), cooldown=0))
    world.look()
    world.look()
    assert (world.desired, world.record.problems) == (6, ())
    world.after(60)
    world.look()
    assert world.desired == 8


def test_a_composite_alarm_cannot_choose_among_steps(world: ScaledWorld) -> None:
    world.alarms.add("high", "ALARM", composite=True, queries=())
    world.declare_policies(a_step_policy(steps=(Step(lower=0, adjustment=2),)))
    world.look()
    problem = (
        "policy steps: alarm high compares no metric with a threshold: only a single step without bounds can follow it"
    )
    assert (world.desired, world.record.problems) == (4, (problem,))


def test_an_alarm_that_is_not_there_is_a_problem_that_is_told_once(world: ScaledWorld) -> None:
    world.declare_policies(a_step_policy())
    world.look()
    world.after(60)
    world.look()
    assert world.record.problems == ("policy steps: there is no alarm high",)
    assert world.told().count("policy steps: there is no alarm high") == 1


def test_a_formula_reads_its_metrics(world: ScaledWorld) -> None:
    queries = (MetricQuery(query_id="load", stat=MetricStat(namespace="Mine", name="load")),)
    world.declare_policies(an_expression("load / 10.0", metrics=queries))
    world.measure(95.0, name="load")
    world.look()
    assert (world.desired, world.record.next_look_at) == (10, world.clock() + 60)


def test_a_backlog_asks_the_queue(world: ScaledWorld) -> None:
    world.queues.backlogs["jobs"] = (70, 20)
    world.declare_policies(a_backlog(10), desired=0, minimum=0)
    world.look()
    assert (world.desired, world.metrics.calls) == (9, [])
    world.queues.backlogs["jobs"] = (0, 0)
    world.after(400)
    world.look()
    assert world.desired == 0


def test_a_queue_that_cannot_be_asked_holds_the_count(world: ScaledWorld) -> None:
    world.declare_policies(a_backlog(10))
    world.look()
    said = "queue jobs cannot be asked: QueueDoesNotExist: The specified queue does not exist."
    assert (world.desired, world.record.latest.asked[0].reason) == (4, said)


def test_the_users_function_is_asked_with_everything_it_may_need(world: ScaledWorld) -> None:
    world.functions.answers["decide"] = FunctionAnswer(answer={"desiredCount": 6, "reason": "lunch"})
    world.declare_policies(a_function())
    world.look()
    ((function, question, seconds),) = world.functions.questions
    assert (world.desired, world.record.changed.reason) == (6, "lunch")
    assert (function, seconds, question["service"], question["counts"]) == (
        "decide",
        5.0,
        SERVICE,
        {"desired": 4, "running": 4},
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FunctionAnswer(failed="it did not answer within 5 s"), "gave no answer: it did not answer within 5 s"),
        (FunctionAnswer(failed="Unhandled: KeyError: 'x'"), "gave no answer: Unhandled: KeyError: 'x'"),
        (FunctionAnswer(answer="six"), "its answer must be a mapping"),
        (FunctionAnswer(answer={"desiredCount": -1}), "its desiredCount must be a whole number"),
        (FunctionAnswer(answer={"desiredCount": 1e300}), "its desiredCount must be a whole number"),
        (FunctionAnswer(answer=None), "its answer must be a mapping"),
    ],
)
def test_a_function_that_times_out_throws_or_talks_nonsense_holds_the_count(
    world: ScaledWorld, answer: FunctionAnswer, said: str
) -> None:
    world.functions.answers["decide"] = answer
    world.declare_policies(a_function())
    world.look()
    (asked,) = world.record.latest.asked
    assert (world.desired, asked.outcome, said in asked.reason) == (4, "hold", True)
    assert world.record.next_look_at == world.clock() + 60
    problem = f"policy mine holds: {asked.reason}"
    assert (world.record.problems, world.told()) == ((problem,), [problem])


def test_why_a_policy_holds_is_told_once_while_it_lasts(world: ScaledWorld) -> None:
    world.declare_policies(a_function())
    for number in (1.5, 2.5):
        world.functions.answers["decide"] = FunctionAnswer(answer={"desiredCount": number})
        world.look()
        world.after(60)
    assert len(world.told()) == 1
    assert "2.5" in world.record.problems[0]
    world.functions.answers["decide"] = FunctionAnswer(answer={"desiredCount": 4, "reason": "well"})
    world.look()
    assert world.record.problems == ()
    world.functions.answers.clear()
    world.look()
    assert len(world.told()) == 2


def test_a_metric_without_data_is_no_problem(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), an_expression("load"))
    world.look()
    assert (world.record.problems, [one.outcome for one in world.record.latest.asked]) == ((), ["hold", "hold"])


def test_a_function_is_not_asked_when_no_time_is_left(world: ScaledWorld) -> None:
    world.functions.answers["decide"] = FunctionAnswer(answer={"desiredCount": 6})
    world.declare_policies(a_function())
    world.remaining = 10.0
    world.look()
    assert world.functions.questions[-1][2] == 2.0
    world.remaining = 8.0
    world.look()
    assert (len(world.functions.questions), world.record.latest.asked[0].reason) == (
        1,
        "no time is left to ask decide",
    )


# -- over time --------------------------------------------------------------------------------------------------------


def test_an_alarm_that_lasts_for_twenty_minutes_scales_out_after_each_cooldown(world: ScaledWorld) -> None:
    world.alarms.add("high", "ALARM")
    world.declare_policies(a_step_policy(cooldown=300), desired=10, maximum=100)
    counts = []
    for _ in range(21):
        world.measure(60.0, name="high")
        world.look("timer")
        counts.append(world.desired)
        assert world.record.next_look_at <= world.clock() + 60
        world.after(60)
    assert counts == [12] * 5 + [14] * 5 + [16] * 5 + [18] * 5 + [20]


def test_a_gap_in_the_metric_holds_and_the_next_value_counts_again(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.measure(20.0, periods=15)
    world.after(180)
    world.measure(None)
    world.look()
    assert (world.desired, world.record.latest.reason) == (
        4,
        "cpu: no recent data of its metric (INSUFFICIENT_DATA)",
    )
    world.measure(20.0)
    world.look()
    assert world.desired == 2


def test_of_two_policies_that_disagree_the_larger_wins(world: ScaledWorld) -> None:
    world.queues.backlogs["jobs"] = (10, 0)
    world.declare_policies(a_tracking(), a_backlog(10), desired=4)
    world.measure(80.0)
    world.look()
    assert (world.desired, [one.outcome for one in world.record.latest.asked]) == (7, ["out", "in"])
    world.queues.backlogs["jobs"] = (90, 0)
    world.after(60).measure(20.0)
    world.look()
    assert (world.desired, world.record.changed.policy) == (9, "backlog")


def test_throttled_metrics_hold_one_policy_and_no_other(world: ScaledWorld) -> None:
    world.queues.backlogs["jobs"] = (90, 0)
    world.declare_policies(a_tracking(), a_backlog(10), desired=4)
    world.metrics.throttle("GetMetricData")
    world.look()
    said = "its metrics cannot be read: GetMetricData: Throttling: Rate exceeded"
    assert (world.desired, world.record.latest.asked[0].reason) == (9, said)


def test_throttled_metrics_never_scale_in(world: ScaledWorld) -> None:
    world.queues.backlogs["jobs"] = (0, 0)
    world.declare_policies(a_tracking(), a_backlog(10), desired=4)
    world.metrics.throttle("GetMetricData")
    world.look()
    assert (world.desired, world.record.next_look_at) == (4, world.clock() + 60)


def test_a_refused_query_is_the_problem_of_its_own_policy(world: ScaledWorld) -> None:
    world.metrics.broken["cpu"] = "ValidationError: no such function"
    world.declare_policies(a_tracking("cpu"), a_tracking("memory"), desired=4)
    world.measure(80.0)
    world.look()
    assert world.desired == 7
    assert world.record.latest.asked[0].reason == "ValidationError: no such function"


def test_alarms_that_cannot_be_read_hold(world: ScaledWorld) -> None:
    world.alarms.add("high", "ALARM")
    world.declare_policies(a_step_policy())
    world.measure(75.0, name="high")
    world.alarms.throttle("DescribeAlarms")
    world.look()
    assert (world.desired, world.record.latest.asked[0].outcome) == (4, "hold")
    said = "policy steps holds: its alarms cannot be read: DescribeAlarms: Throttling: Rate exceeded"
    assert world.record.problems == (said,)


def test_a_count_changed_by_hand_is_where_the_next_decision_starts(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.measure(80.0)
    world.look()
    world.scale(10)
    world.after(60).measure(80.0)
    world.look()
    assert world.desired == 10, "the metric is of four tasks"
    world.after(60 * 20).measure(80.0)
    world.look()
    assert world.desired == 16


def test_looking_again_at_the_same_changes_nothing(world: ScaledWorld) -> None:
    world.alarms.add("high", "ALARM")
    world.declare_policies(a_tracking(), a_step_policy(cooldown=0), desired=4)
    world.measure(80.0)
    world.measure(80.0, name="high")
    world.look()
    told = world.told()
    for _ in range(5):
        world.alarm("high")
        world.look()
    assert (world.desired, world.told()) == (7, told)


def test_a_service_that_nobody_declares_is_left_alone(world: ScaledWorld) -> None:
    assert world.look() is None
    assert (world.log.looks, world.store.writes) == ([], [])


def test_a_service_without_the_block_keeps_no_record(world: ScaledWorld) -> None:
    world.declare(None, 3)
    world.look()
    assert (world.store.writes, world.alarms.calls) == ([], [])


def test_without_policies_the_bounds_alone_are_kept(world: ScaledWorld) -> None:
    world.declare(a_scaling(minimum=2, maximum=5), 1)
    world.look()
    assert (world.desired, world.told()) == (
        2,
        ["scaled out from 1 to 2: the minimum is 2 and the maximum 5: 1 is below the minimum"],
    )
