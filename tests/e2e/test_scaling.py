"""The count follows the load: AWS's policies from AWS's documents, through CloudWatch's alarms and metrics.

A minute lasts a second. The stories that take their time run side by side, and are read one by one afterwards.
"""

from itertools import pairwise
from typing import Any

import pytest

from e2e.install import CLUSTER, Install
from e2e.scaled import MINUTE, NAMESPACE, SCALED, Meters, Scaled, an_alarm, stepping, tracking

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = SCALED
AWS_DOCUMENT = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
}
ENDLESS_MINUTES = 20
ENDLESS_COOLDOWN = 240
STEPS_COOLDOWN = 240  # four seconds: in them tasks start and are heard of, on a busy machine too
ONE_MORE = {"metricIntervalLowerBound": 0, "scalingAdjustment": 1}
HASTE = 120.0  # seconds of the world, two seconds: from when a cooldown begins until it is in the history


class Stories:
    """The services of this file."""

    def __init__(self, install: Install) -> None:
        self.pasted = Scaled(install=install, name="pasted")
        self.disagreeing = Scaled(install=install, name="disagreeing")
        self.endless = Scaled(install=install, name="endless")
        self.gap = Scaled(install=install, name="gap")
        self.steps = Scaled(install=install, name="steps")
        self.composite = Scaled(install=install, name="composite")
        self.formula = Scaled(install=install, name="formula")


@pytest.fixture(scope="module")
def stories(installed: Install, meters: Meters) -> Stories:
    """All of them begin together, for each takes many minutes of the world."""
    stories = Stories(installed)
    installed.ecs.update_cluster(cluster=CLUSTER, settings=[{"name": "containerInsights", "value": "enabled"}])
    for name, threshold, below in (("endless", 50, False), ("steps-high", 50, False), ("steps-low", 30, True)):
        an_alarm(installed, name, name.partition("-")[0], threshold, below=below)
    stories.pasted.declare(2, AWS_DOCUMENT, bounds=(1, 10))
    both = tracking("requests", "requests", 50.0), tracking("memory", "memory", 50.0)
    stories.disagreeing.declare(4, *both, bounds=(1, 20))
    endless = stepping("grows", ["endless"], [ONE_MORE], cooldown=ENDLESS_COOLDOWN)
    stories.endless.declare(1, endless, bounds=(1, 5))
    stories.steps.declare(4, *steps_of_every_kind(), bounds=(1, 20))
    either = stepping("either", ["either"], [{"scalingAdjustment": 2}])
    stories.composite.declare(1, either, bounds=(1, 3))
    stories.gap.declare(4, tracking("gap", "gap", 50.0), tracking("idle", "idle", 50.0), bounds=(1, 20))
    for one, count in ((stories.pasted, 2), (stories.disagreeing, 4), (stories.steps, 4), (stories.composite, 1)):
        installed.exactly(one.name, count)

    installed.sandbox.world.loads.set("pasted", cpu_units=384)  # 75 % of two tasks of 256
    meters.say("endless", 80.0)
    meters.follow("requests", lambda: 400 / stories.disagreeing.running)
    meters.follow("memory", lambda: 300 / stories.disagreeing.running)
    value = {4: 60.0, 6: 95.0, 9: 20.0, 3: 40.0}
    meters.follow("steps", lambda: value.get(stories.steps.running))
    meters.say("idle", 5.0, for_minutes=5)
    meters.say("gap", 48.0, for_minutes=5)
    return stories


def steps_of_every_kind() -> tuple[dict[str, Any], ...]:
    """A tenth of 4 tasks is less than the minimum magnitude of 2; half of 6 is 3; then the low alarm says exactly 3."""
    some = {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 30, "scalingAdjustment": 10}
    more = {"metricIntervalLowerBound": 30, "scalingAdjustment": 50}
    percent = {"adjustmentType": "PercentChangeInCapacity", "minAdjustmentMagnitude": 2}
    exact = {"metricIntervalUpperBound": 0, "scalingAdjustment": 3}
    return (
        stepping("high", ["steps-high"], [some, more], cooldown=STEPS_COOLDOWN, **percent),
        stepping("low", ["steps-low"], [exact], cooldown=STEPS_COOLDOWN, adjustmentType="ExactCapacity"),
    )


def test_awss_own_document_scales_out_by_the_cpu_of_the_tasks(stories: Stories, install: Install) -> None:
    stories.pasted.becomes(3)
    [change] = stories.pasted.changes()
    assert "from 2 to 3: 75 with 2 tasks, target 50: needs 3" in change.reason
    install.sandbox.world.loads.set("pasted", cpu_units=100)  # 13 % of three tasks: a quarter of an hour later, one


def test_of_two_policies_the_largest_count_wins_and_the_count_goes_in_only_when_both_agree(
    stories: Stories, install: Install, meters: Meters
) -> None:
    """`requests` needs 8 tasks, `memory` needs 6."""
    disagreeing = stories.disagreeing
    disagreeing.becomes(8)
    disagreeing.says_of_itself("scale-in waits for requests")
    assert disagreeing.policy("memory")["outcome"] == "in"
    disagreeing.stays(8, minutes=4)

    meters.say("requests", 5.0)
    disagreeing.becomes(6)
    disagreeing.stays(6, minutes=4)
    first, second = disagreeing.changes()
    assert first.reason.startswith("requests scales out from 4 to 8")
    assert second.reason.startswith("memory scales in from 8 to 6"), "the larger of the two"
    install.exactly("disagreeing", 6)


def test_missing_data_holds_back_a_scale_in_whoever_else_wants_it(stories: Stories, meters: Meters) -> None:
    gap = stories.gap
    gap.says_of_itself("scale-in waits for gap: 48 calls for no change")
    meters.say("gap", None)
    gap.says_of_itself("scale-in waits for gap: no recent data of its metric")
    gap.stays(4, minutes=5)
    meters.say("gap", 10.0)
    gap.becomes(1)
    assert gap.counts() == [1], gap.reasons()


def test_steps_are_chosen_by_how_far_the_metric_is_beyond_the_threshold(stories: Stories) -> None:
    steps = stories.steps
    steps.becomes(3)
    assert [(one.before, one.after) for one in steps.changes()] == [(4, 6), (6, 9), (9, 3)]
    assert [one.reason.partition(": ")[2] for one in steps.changes()] == [
        "steps-high is ALARM: 60, threshold 50: 4 +10 % = 6",
        "steps-high is ALARM: 95, threshold 50: 6 +50 % = 9",
        "steps-low is ALARM: 20, threshold 30: exactly = 3",
    ]


def test_a_step_for_everything_follows_a_composite_alarm(stories: Stories, install: Install) -> None:
    install.sandbox.client("cloudwatch").put_composite_alarm(
        AlarmName="either", AlarmRule='ALARM("endless") OR ALARM("steps-high")'
    )
    stories.composite.becomes(3)
    assert "either is ALARM: 1 +2 = 3" in stories.composite.changes()[0].reason


def test_a_formula_over_metrics_gives_the_count_and_one_without_a_value_changes_nothing(
    stories: Stories, meters: Meters
) -> None:
    formula = stories.formula
    metrics = [
        {"id": name, "metricStat": {"metric": {"namespace": NAMESPACE, "metricName": name}, "stat": "Average"}}
        for name in ("jobs", "speed")
    ]
    policy = {"expression": "jobs / speed", "metrics": metrics, "scaleInCooldown": 60}
    meters.say("jobs", 35.0, for_minutes=3)
    meters.say("speed", 10.0, for_minutes=3)
    formula.declare(1, {"policyName": "work", "expressionPolicyConfiguration": policy}, bounds=(1, 20))
    formula.becomes(4)
    meters.say("speed", 0.0)
    formula.says("work", "jobs / speed has no value: it is inf")
    formula.stays(4, minutes=2)
    meters.say("speed", 20.0)
    formula.becomes(2)
    assert [one.reason.partition(": ")[2] for one in formula.changes()] == [
        "jobs / speed = 4 with jobs 35, speed 10",
        "jobs / speed = 2 with jobs 35, speed 20",
    ]


def test_an_alarm_that_stays_makes_the_count_grow_after_each_cooldown_up_to_the_maximum_and_no_further(
    stories: Stories, install: Install
) -> None:
    endless = stories.endless

    def lasted() -> bool:
        [alarm] = install.sandbox.client("cloudwatch").describe_alarms(AlarmNames=["endless"])["MetricAlarms"]
        since = alarm["StateTransitionedTimestamp"].timestamp()
        return bool(alarm["StateValue"] == "ALARM" and endless.now - since >= ENDLESS_MINUTES * MINUTE)

    install.wait(lasted, f"it has been ALARM for {ENDLESS_MINUTES} minutes", "endless")
    changes = endless.changes()
    assert [(one.before, one.after) for one in changes] == [(1, 2), (2, 3), (3, 4), (4, 5)]
    waits = [later.at - earlier.at for earlier, later in pairwise(changes)]
    assert all(wait >= ENDLESS_COOLDOWN - HASTE for wait in waits), waits
    assert endless.policy("grows")["reason"].startswith("endless is ALARM: 80, threshold 50")
    assert endless.told["lastDecision"]["notScaledReason"] == "AlreadyAtMaxCapacity"
    install.exactly("endless", 5)


def test_awss_own_document_scales_in_by_the_cpu_of_the_tasks(stories: Stories, install: Install) -> None:
    stories.pasted.becomes(1)
    install.exactly("pasted", 1)
    _, change = stories.pasted.changes()
    assert "from 3 to 1: " in change.reason
    assert "with 3 tasks, target 50: needs 1" in change.reason
