"""What ``control`` does and tells of scaling: apply, scale, the operation of that name, list, describe, warnings."""

import pytest

from builders import NOW
from fakes.registry import DOCUMENT
from headcount.errors import Poisoned, Throttled
from headcount.model.instants import iso
from headcount.model.scaling_record import KnownAction, LastDecision, ScalingRecord
from headcount.model.scaling_state import Activity, Ask, ScalingState
from headcount.model.service import Decision
from headcount.model.values import replace
from headcount.ports.controlling import Surroundings
from headcount.scaling.own_alarms import alarm_name

from .asking import MANIFEST

CPU = {
    "policyName": "cpu50",
    "targetTrackingScalingPolicyConfiguration": {
        "targetValue": 50,
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
    },
}
MORNING = {
    "scheduledActionName": "morning",
    "schedule": "cron(0 8 ? * MON-FRI *)",
    "timezone": "Asia/Seoul",
    "scalableTargetAction": {"minCapacity": 10},
}
SCALING = {"minCapacity": 2, "maxCapacity": 10, "policies": [CPU], "scheduledActions": [MORNING]}
WITHOUT_COUNT = {key: value for key, value in MANIFEST.items() if key != "desiredCount"}


def a_record(now, **changes):
    """What a look left that had scaled out a minute before."""
    ask = Ask(policy="cpu50", outcome="keep", reason="80 is above 50", count=7, value=80.0, measured_at=now - 90.0)
    decision = LastDecision(at=now, before=7, count=7, reason="nothing more", asked=(ask,))
    fields = {
        "declared": "abc",
        "bounds": (2, 10),
        "state": ScalingState(
            activities=(Activity(policy="cpu50", at=now - 60, baseline=4, before=4, after=7, cooldown=300.0),)
        ),
        "actions": (KnownAction(name="morning", mark="m", since=now - 3600.0),),
        "alarms": ("headcount/main/scaling/web/cpu50/high/0123", "headcount/main/scaling/web/memory/high/4567"),
        "looked_at": now,
        "changed": replace(decision, before=4, reason="80 % of 4 tasks at a target of 50 %", policy="cpu50"),
        "latest": decision,
        "next_look_at": now + 60.0,
    }
    return ScalingRecord(**fields | changes)


@pytest.fixture
def scaled(asking):
    asking.apply(scaling=SCALING)
    asking.loop.settle()
    return asking


def remember(asking, **changes):
    asking.loop.store.partition("prod/web").scaling = a_record(asking.loop.clock(), **changes)


# -- apply ------------------------------------------------------------------------------------------------------------


def test_without_a_count_a_service_starts_at_the_minimum(asking):
    result = asking.result("apply", manifest={**WITHOUT_COUNT, "scaling": SCALING})
    assert result["desiredCount"] == 2
    assert asking.loop.store.partition("prod/web").capacity[0].declared_count is None
    asking.loop.settle()
    asking.loop.assert_exactly(2)


@pytest.mark.parametrize(("bounds", "count"), [((5, 10), 5), ((1, 2), 2), ((2, 10), 3)])
def test_apply_moves_the_count_into_the_bounds(asking, bounds, count):
    least, most = bounds
    result = asking.apply(scaling={"minCapacity": least, "maxCapacity": most})
    assert result["desiredCount"] == count


def test_apply_again_keeps_the_count_that_scaling_found(scaled):
    scaled.result("scale", service="web", desiredCount=7)
    assert scaled.apply(scaling=SCALING)["desiredCount"] == 7
    assert not any("the count stays" in one for one in scaled.apply(scaling=SCALING)["warnings"])
    assert scaled.result("apply", manifest={**WITHOUT_COUNT, "scaling": SCALING})["desiredCount"] == 7
    assert scaled.apply(scaling=SCALING, desiredCount=4)["desiredCount"] == 4


def test_bounds_that_a_scheduled_action_has_set_hold_through_an_apply(scaled):
    remember(scaled, state=ScalingState(minimum=10, maximum=12, fired=(("morning", NOW),)))
    scaled.result("scale", service="web", desiredCount=12)
    assert scaled.apply(scaling=SCALING)["desiredCount"] == 12
    assert scaled.apply(scaling=SCALING | {"maxCapacity": 8})["desiredCount"] == 8


def test_a_rollback_to_what_had_no_scaling_can_be_applied_again(asking):
    asking.apply()
    asking.loop.settle()
    asking.result("apply", manifest={**WITHOUT_COUNT, "taskDefinition": "web:13", "scaling": SCALING})
    asking.loop.settle()
    asking.result("scale", service="web", desiredCount=7)
    asking.result("rollback", service="web")
    exported = asking.result("export", service="web")["manifest"]
    assert ("scaling" in exported, exported["desiredCount"]) == (False, 3)
    assert asking.result("describe", service="web")["desiredCount"] == 7
    assert asking.result("apply", manifest=exported, dryRun=True)["service"] == "prod/web"


def test_differences_are_told_policy_by_policy(scaled):
    target = {**CPU["targetTrackingScalingPolicyConfiguration"], "targetValue": 60}
    changed = SCALING | {"policies": [{**CPU, "targetTrackingScalingPolicyConfiguration": target}]}
    result = scaled.apply(scaling=changed)
    assert result["changes"] == [
        {
            "path": "scaling.policies[0].targetTrackingScalingPolicyConfiguration.targetValue",
            "before": 50.0,
            "after": 60.0,
        }
    ]
    assert result["newDeployment"] is False


def test_defaults_are_no_news(asking):
    tracking = {"policyName": "cpu50", **CPU, "limits": {"maxStepOut": 3}}
    asking.apply()
    result = asking.apply(scaling={"minCapacity": 2, "maxCapacity": 10, "policies": [tracking]})
    told = {change["path"].removeprefix("scaling."): change["after"] for change in result["changes"]}
    configuration = "policies[0].targetTrackingScalingPolicyConfiguration"
    assert told == {
        "minCapacity": 2,
        "maxCapacity": 10,
        "policies[0].policyName": "cpu50",
        "policies[0].limits.maxStepOut": 3,
        f"{configuration}.targetValue": 50.0,
        f"{configuration}.predefinedMetricSpecification.predefinedMetricType": "ECSServiceAverageCPUUtilization",
    }
    assert asking.apply()["changes"] != []


def test_what_differs_from_a_default_of_new_scaling_is_new_and_no_change(asking):
    quick = {**CPU["targetTrackingScalingPolicyConfiguration"], "scaleInCooldown": 60}
    policies = [{"policyName": "cpu50", "targetTrackingScalingPolicyConfiguration": quick}]
    asking.apply()
    changes = asking.apply(scaling={"minCapacity": 2, "maxCapacity": 10, "policies": policies})["changes"]
    told = {change["path"].rpartition(".")[2]: (change["before"], change["after"]) for change in changes}
    assert told["scaleInCooldown"] == (None, 60)


# -- scale ------------------------------------------------------------------------------------------------------------


def test_scale_sets_the_count_and_says_that_policies_go_on(scaled):
    result = scaled.result("scale", service="web", desiredCount=7)
    assert (result["before"], result["after"]) == (3, 7)
    assert result["warnings"] == [
        "scaling goes on from 7: its policies change the count again when they ask for another"
    ]


@pytest.mark.parametrize(("count", "said"), [(11, "above the maximum 10"), (1, "below the minimum 2")])
def test_scale_outside_the_bounds_is_done_and_told(scaled, count, said):
    result = scaled.result("scale", service="web", desiredCount=count)
    assert result["after"] == count
    assert f"{count} is {said} of scaling: it stays until" in result["warnings"][0]
    assert f"`headcount scale web {count} --for 2h` holds it" in result["warnings"][0]


def test_scale_by_the_bounds_that_are_in_force(scaled):
    remember(scaled, state=ScalingState(minimum=10, maximum=20, fired=(("morning", NOW),)))
    assert "below the minimum 10" in scaled.result("scale", service="web", desiredCount=9)["warnings"][0]
    (said,) = scaled.result("scale", service="web", desiredCount=15)["warnings"]
    assert said.startswith("scaling goes on from 15")


# -- what is told -----------------------------------------------------------------------------------------------------


def test_scaling_before_anybody_has_looked(scaled):
    told = scaled.result("scaling", service="web")
    assert (told["service"], told["desiredCount"], told["lookedAt"]) == ("prod/web", 3, None)
    assert (told["minCapacity"], told["maxCapacity"], told["because"]) == (2, 10, "as declared")
    (policy,) = told["policies"]
    assert (policy["policyType"], policy["metric"], policy["target"], policy["outcome"]) == (
        "TargetTrackingScaling",
        "ECSServiceAverageCPUUtilization",
        50.0,
        None,
    )


def test_scaling_tells_everything_on_record(scaled):
    remember(scaled, problems=("no data from Container Insights",))
    now = scaled.loop.clock() + 1
    told = scaled.result("scaling", service="web")
    (policy,) = told["policies"]
    assert (policy["value"], policy["outcome"], policy["count"], policy["reason"]) == (
        80.0,
        "keep",
        7,
        "80 is above 50",
    )
    assert policy["alarms"] == ["headcount/main/scaling/web/cpu50/high/0123"]
    assert told["cooldowns"] == [
        {
            "policyName": "cpu50",
            "direction": "out",
            "before": 4,
            "after": 7,
            "at": iso(now - 61),
            "until": iso(now + 239),
            "remainingSeconds": 239,
        }
    ]
    (action,) = told["scheduledActions"]
    assert action["nextLocalTime"].endswith("T08:00:00+09:00")
    assert (told["lastChange"]["before"], told["lastChange"]["after"]) == (4, 7)
    assert told["problems"] == ["no data from Container Insights"]
    assert (told["lookedAt"], told["nextLookAt"]) == (iso(now - 1), iso(now + 59))


def test_alarms_of_policies_with_long_names_are_told(scaled):
    name = "a policy with a name that is longer than what the name of an alarm has room for"
    scaled.apply(scaling=SCALING | {"policies": [{**CPU, "policyName": name}]})
    alarm = alarm_name("main", "prod/web", name, "high")
    remember(scaled, alarms=(alarm,))
    (policy,) = scaled.result("scaling", service="web")["policies"]
    assert policy["alarms"] == [alarm]


def test_a_scale_out_cancels_the_cooldown_of_a_scale_in(scaled):
    now = scaled.loop.clock()
    inwards = Activity(policy="cpu50", at=now - 100, baseline=5, before=5, after=4, cooldown=300.0)
    outwards = replace(inwards, at=now - 10, before=4, after=7)
    remember(scaled, state=ScalingState(activities=(inwards, outwards)))
    told = scaled.result("scaling", service="web")
    assert [one["direction"] for one in told["cooldowns"]] == ["out"]


def test_scaling_tells_who_has_set_the_bounds_and_what_holds_it(scaled):
    remember(scaled, state=ScalingState(minimum=10, maximum=20, fired=(("morning", NOW),)), held="override of 12")
    scaled.result("override", service="web", count=12, forSeconds=7200)
    told = scaled.result("scaling", service="web")
    assert (told["minCapacity"], told["maxCapacity"]) == (10, 20)
    assert told["because"] == f"set by the scheduled action morning at {iso(NOW)}"
    assert told["declared"] == {"minCapacity": 2, "maxCapacity": 10}
    assert (told["held"], told["override"]["count"]) == ("override of 12", 12)


def test_scaling_tells_the_last_decisions(scaled):
    for number in range(12):
        entry = Decision(kind="scaling", reason=f"from {number} to {number + 1}")
        scaled.loop.store.write_history("prod/web", 0, "scaling", [entry], scaled.loop.clock() + number)
    decisions = scaled.result("scaling", service="web")["decisions"]
    assert len(decisions) == 10
    assert decisions[0]["reason"] == "from 11 to 12"


def test_a_service_without_scaling_has_nothing_to_tell(asking):
    asking.apply()
    assert asking.error("scaling", service="web")["message"] == "prod/web is not scaled: its manifest has no scaling"
    assert asking.result("describe", service="web")["scaling"] is None
    assert asking.result("list")["services"][0]["scaling"] is None


def test_list_describe_and_why_tell_of_scaling(scaled):
    remember(scaled)
    (line,) = scaled.result("list")["services"]
    assert line["scaling"] == {"minCapacity": 2, "maxCapacity": 10, "problems": 0}
    assert scaled.result("describe", service="web")["scaling"]["minCapacity"] == 2
    now = scaled.result("why", target="web")["now"]
    assert any(one.startswith("scaled between 2 and 10: nothing more (") for one in now)
    assert "scaling policy cpu50 says keep: 80 is above 50" in now
    assert any("scaling last changed the count from 4 to 7" in one for one in now)


# -- warnings ---------------------------------------------------------------------------------------------------------


def test_services_that_share_a_family_are_warned(scaled):
    warnings = scaled.result("apply", manifest=MANIFEST | {"serviceName": "api", "scaling": SCALING})["warnings"]
    (said,) = [one for one in warnings if "Container Insights" in one]
    assert said.startswith("prod/web runs tasks of the family web as well: Container Insights measures CPU and memory")
    assert "so that cpu50 sees the average of all of them; give each service a family of its own" in said


@pytest.mark.parametrize("error", [Poisoned("a record of service prod/web cannot be read"), Throttled("BatchGetItem")])
def test_a_neighbour_that_cannot_be_read_keeps_nobody_from_applying(scaled, monkeypatch, error):
    def unreadable(*_):
        raise error

    monkeypatch.setattr(scaled.loop.store, "overview", unreadable)
    result = scaled.result("apply", manifest=MANIFEST | {"serviceName": "api", "scaling": SCALING})
    assert result["created"]
    assert not any("family" in one for one in result["warnings"])


def test_who_joins_the_family_of_a_scaled_service_is_warned(scaled):
    warnings = scaled.result("apply", manifest=MANIFEST | {"serviceName": "api"})["warnings"]
    assert any("so that the scaling of prod/web sees the average" in one for one in warnings)
    asks_nothing = {"minCapacity": 1, "maxCapacity": 5}
    scaled.apply(scaling=asks_nothing)
    warnings = scaled.result("apply", manifest=MANIFEST | {"serviceName": "third", "scaling": asks_nothing})["warnings"]
    assert not any("family" in one for one in warnings)


def test_what_a_policy_looks_at_and_is_not_there_is_warned(asking):
    steps = {
        "policyName": "steps",
        "alarms": ["high", "low"],
        "stepScalingPolicyConfiguration": {
            "adjustmentType": "ChangeInCapacity",
            "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}],
        },
    }
    function = {"policyName": "own", "functionPolicyConfiguration": {"functionName": "decide"}}
    asking.surroundings.found = Surroundings(
        container_insights=False, missing_alarms=("low",), forbidden_functions=("decide",)
    )
    warnings = asking.apply(scaling=SCALING | {"policies": [CPU, steps, function]})["warnings"]
    assert [one.partition(":")[0] for one in warnings] == [
        "Container Insights is off in cluster prod",
        "there is no alarm low in this account and Region",
        "this stack may not invoke decide",
    ]
    asking.surroundings.found = Surroundings()
    assert asking.apply(scaling=SCALING | {"policies": [CPU, steps, function]})["warnings"] == []


def test_the_least_that_scaling_may_leave_must_let_deployments_go_on(asking):
    percents = {"minimumHealthyPercent": 100, "maximumPercent": 110}
    result = asking.apply(
        desiredCount=20, scaling={"minCapacity": 2, "maxCapacity": 40}, deploymentConfiguration=percents
    )
    assert any("no deployment can go on at 2 tasks" in one for one in result["warnings"])
    result = asking.apply(
        desiredCount=20, scaling={"minCapacity": 10, "maxCapacity": 40}, deploymentConfiguration=percents
    )
    assert not any("no deployment can go on" in one for one in result["warnings"])


@pytest.mark.parametrize(("group", "warned"), [("web/1111111111111111", False), ("other/2222222222222222", True)])
def test_a_label_of_another_target_group_is_warned(asking, group, warned):
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1111111111111111"
    requests = {
        "targetValue": 100,
        "predefinedMetricSpecification": {
            "predefinedMetricType": "ALBRequestCountPerTarget",
            "resourceLabel": f"app/alb/0123456789abcdef/targetgroup/{group}",
        },
    }
    container = {"name": "app", "image": "app:1", "portMappings": [{"containerPort": 80}]}
    registry = asking.controller.registry
    registry.documents[registry.definitions["web:12"]] = {**DOCUMENT, "containerDefinitions": [container]}
    balanced = [{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}]
    result = asking.apply(scaling=SCALING | {"policies": [requests]}, loadBalancers=balanced)
    assert any("none of the service's loadBalancers" in one for one in result["warnings"]) is warned


@pytest.mark.parametrize(
    ("changes", "never"),
    [
        ({"schedule": "at(2020-01-01T00:00:00)"}, True),
        ({"endTime": "2020-01-01T00:00:00Z"}, True),
        ({"schedule": "at(2120-01-01T00:00:00)"}, False),
        ({}, False),
    ],
)
def test_a_scheduled_action_that_never_comes_again_is_warned_about(asking, changes, never):
    action = MORNING | changes
    warnings = asking.apply(scaling=SCALING | {"scheduledActions": [action]})["warnings"]
    said = f"scheduled action morning ({action['schedule']}) never falls due again: "
    assert any(one.startswith(said) for one in warnings) is never
