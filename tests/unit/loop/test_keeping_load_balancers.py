"""Load balancing is created, kept and deleted as declared: whatever is somebody else's is left alone, and told."""

import json
from dataclasses import replace

import pytest

from builders import SERVICE, a_task
from headcount import keeping_load_balancers
from headcount.errors import Conflict, TransientError
from headcount.model.target import Balancing, OwnedResource
from headcount_simulation.partitions import TaskRecord

from .keeping import Keeping, a_balancer, a_function_behind, a_group, a_listener, a_rule, behind, behind_existing

ALARM = "headcount/main/unhealthy/web/"
DELAY = "deregistration_delay.timeout_seconds"


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


def _owned(keeping):
    return [(one.kind, one.key) for one in keeping.balancing.owned]


# -- target groups that a manifest names ------------------------------------------------------------------------------


def test_an_existing_group_is_looked_at_and_nothing_else(keeping):
    group = keeping.account.add_group("theirs", TargetType="ip", HealthCheckIntervalSeconds=10)
    keeping.account.group("theirs").attributes["deregistration_delay.timeout_seconds"] = "5"
    keeping.account.add_rule(keeping.account.add_listener(), 1, group)
    looked = keeping.declare(load_balancers=(behind_existing(group),)).look()
    (known,) = keeping.balancing.groups
    assert (known.key, known.arn, known.target_type, known.protocol) == (group, group, "ip", "HTTP")
    assert (known.delay_seconds, known.interval_seconds, known.unhealthy_threshold) == (5.0, 10.0, 2)
    assert known.load_balancers == tuple(keeping.account.load_balancers)
    assert keeping.steps() == ["PutMetricAlarm"]
    assert (looked.problems, looked.kicked, keeping.balancing.generation) == ((), True, 1)


def test_a_group_that_does_not_exist_is_a_problem_until_it_does(keeping):
    gone = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0123456789abcdef"
    there = keeping.account.add_group("there")
    keeping.declare(load_balancers=(behind_existing(there), behind_existing(gone))).look()
    assert keeping.balancing.problems == (
        f"loadBalancers[1]: target group {gone} does not exist: create it, or name another one",
    )
    assert [group.arn for group in keeping.balancing.groups] == [there], "the others are known all the same"


def test_a_group_that_is_deleted_under_a_service_is_no_longer_known(keeping):
    group = keeping.account.add_group("theirs")
    keeping.declare(load_balancers=(behind_existing(group),)).look()
    del keeping.account.groups[group]
    assert keeping.look().kicked
    assert keeping.balancing.groups == ()


def test_a_look_that_finds_nothing_new_kicks_nobody(keeping):
    keeping.declare(load_balancers=(behind_existing(keeping.account.add_group("theirs")),)).look()
    before = keeping.balancing
    assert not keeping.look().kicked
    assert keeping.balancing == replace(before, checked_at=keeping.clock())


@pytest.mark.parametrize("named_now", [True, False], ids=["another is named", "the entry is removed"])
def test_a_group_that_tasks_leave_stays_known_as_it_is(keeping, named_now):
    left, other = keeping.account.add_group("left"), keeping.account.add_group("other")
    resource = keeping.account.groups[left]
    resource.attributes[DELAY] = "5"
    keeping.account.add_rule(keeping.account.add_listener(), 1, left)
    keeping.declare(load_balancers=(behind_existing(left),)).look()
    (before,) = keeping.balancing.groups
    keeping.register(left, "t1")
    keeping.declare(load_balancers=(behind_existing(other),) if named_now else ())
    assert not keeping.look().removed
    assert keeping.balancing.group(left) == before
    assert not [name for name in keeping.account.alarms if "/left/" in name], "nobody declares it any more"
    resource.attributes[DELAY] = "60"
    keeping.look()
    assert keeping.balancing.group(left).delay_seconds == 60.0, "it is looked at again"
    keeping.register(left)
    assert keeping.look().removed is not named_now
    assert keeping.balancing.group(left) is None, "nothing is left in it"


def test_a_group_that_tasks_leave_has_nothing_to_wait_for_without_a_load_balancer(keeping):
    left = keeping.account.add_group("left")
    keeping.account.add_rule(keeping.account.add_listener(), 1, left)
    keeping.declare(load_balancers=(behind_existing(left),)).look()
    assert keeping.balancing.group(left).load_balancers
    keeping.register(left, "t1")
    keeping.declare()
    for gone in (keeping.account.rules, keeping.account.groups):
        gone.clear()
        keeping.look()
        assert keeping.balancing.group(left).load_balancers == ()


def test_another_group_of_the_same_name_is_the_declared_one(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    before = keeping.account.group("web").arn
    keeping.register(before, "t1")
    del keeping.account.groups[before]
    keeping.look()
    now = keeping.account.group("web").arn
    assert [(one.key, one.arn) for one in keeping.balancing.groups] == [("web", now), (before, before)]


def test_a_group_that_is_named_and_gone_is_not_known_whatever_is_registered(keeping):
    group = keeping.account.add_group("theirs")
    keeping.declare(load_balancers=(behind_existing(group),)).look()
    keeping.register(group, "t1")
    del keeping.account.groups[group]
    keeping.look()
    assert keeping.balancing.groups == (), "known ones are those that tasks can be registered in"


# -- target groups that are declared ----------------------------------------------------------------------------------


def test_a_declared_group_is_created_with_its_attributes_and_tags(keeping):
    keeping.declare(load_balancers=(behind(attributes={"stickiness.enabled": "true"}, HealthCheckPath="/health"),))
    keeping.look()
    group = keeping.account.group("web")
    assert group.document["HealthCheckPath"] == "/health"
    assert group.attributes["stickiness.enabled"] == "true"
    assert group.tags == {"headcount:service": SERVICE, "headcount:install": "main"}
    (owned,) = keeping.balancing.owned
    assert replace(owned, mark="") == OwnedResource(kind="targetGroup", key="web", arn=group.arn)
    assert [(one.key, one.arn) for one in keeping.balancing.groups] == [("web", group.arn)]
    assert keeping.told[0] == "creating target group web: loadBalancers[0] declares it and there is none"


def test_the_tags_that_a_user_declares_are_set_beside_headcounts(keeping):
    keeping.declare(load_balancers=(behind(Tags=[{"Key": "team", "Value": "shop"}]),)).look()
    assert keeping.account.group("web").tags["team"] == "shop"
    assert keeping.look().steps == 0


def test_a_long_service_name_still_fits_into_a_tag(keeping):
    name = "w" * 245
    keeping.declare(service_name=name, cluster="c" * 255, load_balancers=(behind(),))
    partition = keeping.table.partition(f"{'c' * 255}/{name}")
    partition.manifest = keeping.table.partition(SERVICE).manifest
    keeping.table.partition(SERVICE).manifest = partition.manifest
    keeping.look()
    assert max(map(len, keeping.account.group("web").tags.values())) == 256


def test_a_changed_declaration_is_carried_out_and_told_as_such(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    keeping.steps()
    keeping.declare(load_balancers=(behind(HealthCheckPath="/new", Matcher={"HttpCode": "200-299"}),)).look()
    assert keeping.steps() == ["ModifyTargetGroup"]
    assert keeping.told[-1] == (
        "correcting target group web: declared anew: healthCheckPath was /, /new is declared; "
        'matcher was {"HttpCode": "200"}, {"HttpCode": "200-299"} is declared'
    )


def test_drift_is_corrected_and_reported(keeping):
    keeping.declare(load_balancers=(behind(attributes={"stickiness.enabled": "false"}),)).look()
    group = keeping.account.group("web")
    group.document["HealthCheckPath"] = "/by-hand"
    group.attributes["stickiness.enabled"] = "true"
    keeping.look()
    assert (group.document["HealthCheckPath"], group.attributes["stickiness.enabled"]) == ("/", "false")
    assert keeping.told[-2:] == [
        "correcting target group web: somebody changed it: healthCheckPath was /by-hand, / is declared",
        "correcting target group web: somebody changed it: stickiness.enabled was true, false is declared",
    ]
    assert {decision.level for decision in keeping.log.decisions[-2:]} == {"WARN"}


def test_drift_is_told_as_such_whatever_else_was_declared_meanwhile(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    keeping.account.group("web").document["HealthCheckPath"] = "/by-hand"
    keeping.declare(load_balancers=(behind(),), desired_count=7).look()
    assert keeping.told[-1].startswith("correcting target group web: somebody changed it: healthCheckPath was /by-hand")
    assert keeping.log.decisions[-1].level == "WARN"


def test_nobody_changed_what_was_only_just_created(keeping):
    keeping.declare(load_balancers=(behind(attributes={DELAY: "5"}),)).look()
    keeping.account.groups.clear()
    keeping.look()
    assert keeping.told[-1] == f"correcting target group web: {DELAY} was 300, 5 is declared"
    assert keeping.log.decisions[-1].level == "INFO"


def test_a_listener_that_waits_for_a_declared_group_is_declared_anew(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    both = (behind(), behind("api"))
    keeping.declare(load_balancers=both, elastic_load_balancers=(a_balancer(a_listener(group="api")),)).look()
    (told,) = [one for one in keeping.told if one.startswith("correcting listener")]
    assert told.startswith("correcting listener web-alb:80: declared anew: defaultActions was")


def test_what_is_not_declared_is_left_as_it_is(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    keeping.account.group("web").attributes["slow_start.duration_seconds"] = "60"
    assert keeping.look().steps == 0


def test_a_group_of_the_same_name_that_is_not_ours_is_left_alone_and_told(keeping):
    arn = keeping.account.add_group("web", HealthCheckPath="/theirs")
    looked = keeping.declare(load_balancers=(behind(),)).look()
    assert looked.problems == (
        (
            "target group web exists and is not Headcount's for this service: "
            f"name it by its ARN, {arn}, or choose another name"
        ),
    )
    assert (keeping.steps(), keeping.balancing.groups, keeping.balancing.owned) == ([], (), ())
    keeping.declare().look()
    assert arn in keeping.account.groups


@pytest.mark.parametrize(
    "tags",
    [
        {"headcount:service": "prod/other", "headcount:install": "main"},
        {"headcount:service": SERVICE, "headcount:install": "staging"},
        {"headcount:service": SERVICE},
    ],
    ids=str,
)
def test_a_group_of_another_service_or_install_is_not_ours(keeping, tags):
    arn = keeping.account.add_group("web")
    keeping.account.groups[arn].tags.update(tags)
    assert "is not Headcount's for this service" in keeping.declare(load_balancers=(behind(),)).look().problems[0]
    assert keeping.steps() == []


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("Protocol", "HTTP", "HTTPS"),
        ("Port", 8080, 9090),
        ("VpcId", "vpc-1", "vpc-2"),
        ("TargetType", "ip", "instance"),
    ],
)
def test_what_cannot_be_changed_in_place_is_told_and_the_group_serves_on(keeping, field, before, after):
    keeping.declare(load_balancers=(behind(),)).look()
    keeping.steps()
    keeping.declare(load_balancers=(behind(**{field: after, "HealthCheckPath": "/new"}),)).look()
    assert keeping.balancing.problems == (
        (
            f"target group web: {field[0].lower()}{field[1:]} was {before}, {after} is declared: "
            "AWS cannot change that in a group that exists: declare a group of another name"
        ),
    )
    assert keeping.steps() == [], "its health checks fit the old group"
    assert [one.key for one in keeping.balancing.groups] == ["web"]


def test_a_declared_group_that_is_deleted_under_a_service_is_created_again(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    before = keeping.account.group("web").arn
    del keeping.account.groups[before]
    keeping.look()
    (known,) = keeping.balancing.groups
    assert known.arn == keeping.account.group("web").arn != before


# -- rules ------------------------------------------------------------------------------------------------------------


def test_a_rule_on_somebody_elses_listener_forwards_to_the_group(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 10, "/api/*")),)).look()
    (rule,) = keeping.account.rules.values()
    group = keeping.account.group("web").arn
    assert rule.document["Priority"] == "10"
    assert rule.document["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}]
    assert rule.document["Actions"] == [{"Type": "forward", "TargetGroupArn": group}]
    assert rule.tags["headcount:service"] == SERVICE
    assert _owned(keeping) == [
        ("targetGroup", "web"),
        ("rule", f"{listener}#10"),
        ("alarm", next(iter(keeping.account.alarms))),
    ]


def test_a_rule_of_an_existing_group_is_kept_too(keeping):
    listener, group = keeping.account.add_listener(), keeping.account.add_group("theirs")
    keeping.declare(load_balancers=(behind_existing(group, a_rule(listener)),)).look()
    assert [rule.document["Actions"][0]["TargetGroupArn"] for rule in keeping.account.rules.values()] == [group]


def test_a_rule_that_somebody_changed_is_corrected(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    (rule,) = keeping.account.rules.values()
    rule.document["Conditions"] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by-hand"]}}]
    keeping.look()
    assert rule.document["Conditions"][0]["PathPatternConfig"]["Values"] == ["/*"]
    assert "somebody changed it: conditions was" in keeping.told[-1]


def test_a_priority_that_is_taken_by_somebody_else_is_told(keeping):
    listener = keeping.account.add_listener()
    theirs = keeping.account.add_rule(listener, 10, keeping.account.add_group("theirs"))
    before = dict(keeping.account.rules[theirs].document)
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 10)),)).look()
    assert keeping.balancing.problems == (
        f"rule 10 of listener {listener} exists and is not Headcount's for this service: choose another priority",
    )
    assert keeping.account.rules[theirs].document == before


def test_a_rule_on_a_listener_that_does_not_exist_is_told(keeping):
    listener = keeping.account.add_listener()
    del keeping.account.listeners[listener]
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    assert keeping.balancing.problems == (
        f"loadBalancers[0].rules[0]: listener {listener} does not exist: create it, or name another one",
    )


def test_another_priority_is_there_before_the_old_one_goes(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 10)),)).look()
    keeping.steps()
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 20)),)).look()
    assert keeping.steps() == ["CreateRule", "DeleteRule"]
    assert [rule.document["Priority"] for rule in keeping.account.rules.values()] == ["20"]


def test_a_rule_that_is_no_longer_declared_is_deleted_and_others_rules_stay(keeping):
    listener = keeping.account.add_listener()
    theirs = keeping.account.add_rule(listener, 1, keeping.account.add_group("theirs"))
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 10), a_rule(listener, 20)),)).look()
    keeping.declare(load_balancers=(behind("web", a_rule(listener, 20)),)).look()
    assert [rule.document["Priority"] for rule in keeping.account.rules.values()] == ["1", "20"]
    assert theirs in keeping.account.rules
    assert keeping.told[-1] == (
        f"deleting rule 10 of listener {listener}: Headcount created it and nobody declares it any more"
    )


def test_a_rule_whose_listener_is_called_otherwise_now_is_the_same_rule(keeping):
    balancer = a_balancer(a_listener())
    keeping.declare(load_balancers=(behind("web", a_rule("web-alb:80")),), elastic_load_balancers=(balancer,)).look()
    keeping.steps()
    (listener,) = keeping.account.listeners
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),), elastic_load_balancers=(balancer,)).look()
    assert (keeping.steps(), len(keeping.account.rules)) == ([], 1)
    assert [key for kind, key in _owned(keeping) if kind == "rule"] == [f"{listener}#10"]


# -- load balancers and listeners -------------------------------------------------------------------------------------


def test_everything_is_created_in_one_look_from_the_ground_up(keeping):
    sorry = keeping.account.add_function("sorry-page")
    keeping.declare(
        load_balancers=(behind("web", a_rule("web-alb:80", 10)),),
        function_targets=(a_function_behind(sorry, a_rule("web-alb:80", 50000)),),
        elastic_load_balancers=(a_balancer(a_listener(80, "web")),),
    ).look()
    assert keeping.steps() == [
        "CreateLoadBalancer", "CreateTargetGroup", "CreateTargetGroup",
        "CreateListener", "AddPermission",
        "CreateRule", "CreateRule", "RegisterTargets", "PutMetricAlarm",
    ]  # fmt: skip
    assert keeping.balancing.problems == ()
    assert keeping.balancing.groups[0].load_balancers == tuple(keeping.account.load_balancers)
    assert keeping.account.registered == {keeping.account.group("sorry").arn: [sorry]}
    assert keeping.look().steps == 0, "and then nothing is left to do"


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        ({"Subnets": ["subnet-1", "subnet-3"]}, "SetSubnets"),
        ({"SecurityGroups": ["sg-2"]}, "SetSecurityGroups"),
        ({"IpAddressType": "dualstack"}, "SetIpAddressType"),
        ({"attributes": {"idle_timeout.timeout_seconds": "120"}}, "ModifyLoadBalancerAttributes"),
    ],
)
def test_a_load_balancer_is_kept_as_declared(keeping, change, operation):
    keeping.declare(elastic_load_balancers=(a_balancer(),)).look()
    keeping.steps()
    keeping.declare(elastic_load_balancers=(a_balancer(**change),)).look()
    assert keeping.steps() == [operation]
    assert keeping.look().steps == 0


def test_what_somebody_added_is_taken_away(keeping):
    keeping.declare(elastic_load_balancers=(a_balancer(SecurityGroups=["sg-1"]),)).look()
    (balancer,) = keeping.account.load_balancers.values()
    balancer.document["SecurityGroups"] = ["sg-1", "sg-open"]
    keeping.look()
    assert balancer.document["SecurityGroups"] == ["sg-1"]


def test_a_listener_waits_for_what_it_forwards_to(keeping):
    keeping.account.refusals["CreateTargetGroup"] = "TooManyTargetGroups: you have reached the maximum"
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    assert "CreateListener" not in keeping.steps()
    assert len(keeping.balancing.problems) == 1, "only what stands in the way is told"


@pytest.mark.parametrize(("field", "value"), [("Scheme", "internet-facing"), ("Type", "network")])
def test_a_load_balancer_that_would_have_to_be_replaced_is_told(keeping, field, value):
    keeping.declare(elastic_load_balancers=(a_balancer(),)).look()
    keeping.steps()
    (problem,) = keeping.declare(elastic_load_balancers=(a_balancer(**{field: value}),)).look().problems
    assert problem.startswith(f"load balancer web-alb: {field.lower()} was")
    assert problem.endswith("declare one of another name")
    assert keeping.steps() == []


@pytest.mark.parametrize(
    ("seen", "wanted", "said"),
    [
        ([{"AllocationId": "eipalloc-1"}], {"AllocationId": "eipalloc-2"}, "allocationId was eipalloc-1, eipalloc-2"),
        ([], {"AllocationId": "eipalloc-2"}, "allocationId was not set, eipalloc-2"),
        (
            [{"PrivateIPv4Address": "10.0.0.5"}],
            {"PrivateIPv4Address": "10.0.0.6"},
            "privateIPv4Address was 10.0.0.5, 10.0.0.6",
        ),
        ([{"AllocationId": "eipalloc-1"}], {"AllocationId": "eipalloc-1"}, None),
        ([{"AllocationId": "eipalloc-1"}], {}, None),
        (None, {"AllocationId": "eipalloc-1"}, None),
    ],
    ids=str,
)
def test_another_address_of_a_load_balancer_is_told(keeping, seen, wanted, said):
    mapping = {"SubnetId": "subnet-1", **wanted}
    declared = a_balancer(Type="network", SubnetMappings=[mapping], attributes={"idle_timeout.timeout_seconds": "9"})
    del declared.declared["Subnets"]
    keeping.declare(elastic_load_balancers=(declared,)).look()
    (balancer,) = keeping.account.load_balancers.values()
    zone = {"SubnetId": "subnet-1"} if seen is None else {"SubnetId": "subnet-1", "LoadBalancerAddresses": seen}
    balancer.document["AvailabilityZones"] = [zone]
    balancer.attributes["idle_timeout.timeout_seconds"] = "1"
    told = (
        f"load balancer web-alb: subnet subnet-1: {said} is declared: AWS cannot change that in place: "
        "take the subnet out and add it again, or declare a load balancer of another name"
    )
    assert keeping.look().problems == (() if said is None else (told,))
    assert balancer.attributes["idle_timeout.timeout_seconds"] == "9", "the others are kept all the same"


def test_a_load_balancer_of_the_same_name_that_is_not_ours_gets_no_listener(keeping):
    keeping.account.add_listener("web-alb", 8443)
    declared = keeping.declare(
        load_balancers=(behind("web", a_rule("web-alb:80")),), elastic_load_balancers=(a_balancer(a_listener()),)
    )
    assert "load balancer web-alb exists and is not Headcount's" in declared.look().problems[0]
    assert keeping.steps() == ["CreateTargetGroup"]


def test_a_listener_that_somebody_changed_is_corrected(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    (listener,) = keeping.account.listeners.values()
    other = keeping.account.add_group("other")
    listener.document["DefaultActions"] = [{"Type": "forward", "TargetGroupArn": other}]
    keeping.look()
    assert listener.document["DefaultActions"][0]["TargetGroupArn"] == keeping.account.group("web").arn


def test_a_listener_on_our_load_balancer_that_somebody_made_is_told(keeping):
    keeping.declare(elastic_load_balancers=(a_balancer(),)).look()
    (balancer,) = keeping.account.load_balancers
    keeping.account._create_listener({"LoadBalancerArn": balancer, "Port": 80, "DefaultActions": []})
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    assert keeping.balancing.problems == (
        "listener web-alb:80 exists and is not Headcount's: remove it, or choose another port",
    )


def test_weights_between_groups_name_declared_groups(keeping):
    weights = [{"TargetGroup": "blue", "Weight": 1}, {"TargetGroup": "green", "Weight": 3}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    listener = {**a_listener(), "DefaultActions": [action]}
    keeping.declare(
        load_balancers=(behind("blue"), behind("green")), elastic_load_balancers=(a_balancer(listener),)
    ).look()
    (made,) = keeping.account.listeners.values()
    arns = [one["TargetGroupArn"] for one in made.document["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]]
    assert arns == [keeping.account.group("blue").arn, keeping.account.group("green").arn]
    assert keeping.look().steps == 0


def test_without_the_stacks_permission_load_balancers_are_told_and_groups_are_kept():
    keeping = Keeping(may_manage=False)
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    assert keeping.balancing.problems == (
        (
            "load balancer web-alb is not kept as elasticLoadBalancers[0] declares it: "
            "the stack's parameter ManageLoadBalancers is false"
        ),
    )
    assert keeping.steps() == ["CreateTargetGroup"]


def test_without_the_stacks_permission_what_was_created_before_is_left_as_it_is(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(),)).look()
    keeping.steps()
    keeping.may_manage = False
    keeping.declare(
        load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener(), IpAddressType="dualstack"),)
    ).look()
    assert keeping.steps() == []


def test_what_a_stack_may_no_longer_manage_is_not_deleted_and_told(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    keeping.may_manage = False
    keeping.delete()
    assert not keeping.look().removed
    assert "load balancer web-alb is not deleted though nobody declares it" in " ".join(keeping.balancing.problems)
    keeping.may_manage = True
    assert keeping.look().removed
    assert keeping.account.names == set()


# -- functions --------------------------------------------------------------------------------------------------------


def test_another_function_takes_the_place_of_the_one_before(keeping):
    first, second = keeping.account.add_function("first"), keeping.account.add_function("second")
    keeping.declare(function_targets=(a_function_behind(first),)).look()
    keeping.declare(function_targets=(a_function_behind(second),)).look()
    assert keeping.account.registered == {keeping.account.group("sorry").arn: [second]}
    assert (len(keeping.account.functions[first]), len(keeping.account.functions[second])) == (0, 1)


def test_the_permission_of_the_function_before_goes_even_when_the_other_has_one_already(keeping):
    """A look may have died between the two."""
    first, second = keeping.account.add_function("first"), keeping.account.add_function("second")
    keeping.declare(function_targets=(a_function_behind(first),)).look()
    keeping.account.functions[second] = dict(keeping.account.functions[first])
    keeping.declare(function_targets=(a_function_behind(second),)).look()
    assert (len(keeping.account.functions[first]), len(keeping.account.functions[second])) == (0, 1)


def test_a_function_that_does_not_exist_is_told(keeping):
    missing = "arn:aws:lambda:eu-west-1:123456789012:function:missing"
    keeping.declare(function_targets=(a_function_behind(missing),)).look()
    assert keeping.balancing.problems == (
        f"functionTargets[0]: function {missing} does not exist: create it, or name another one",
    )


def test_permissions_that_others_gave_a_function_stay(keeping):
    function = keeping.account.add_function("sorry-page")
    keeping.account.functions[function]["headcount-main-0000000000000000-0000000000000000"] = {"SourceArn": "other"}
    keeping.declare(function_targets=(a_function_behind(function),)).look()
    keeping.delete()
    keeping.look()
    assert list(keeping.account.functions[function]) == ["headcount-main-0000000000000000-0000000000000000"]


# -- alarms -----------------------------------------------------------------------------------------------------------


def test_an_alarm_watches_the_unhealthy_targets_of_a_group_that_takes_traffic(keeping):
    keeping.declare(load_balancers=(behind("web"),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    (alarm,) = keeping.account.alarms.values()
    group, (balancer,) = keeping.account.group("web").arn, keeping.account.load_balancers
    assert alarm.document["AlarmName"].startswith(ALARM)
    assert json.loads(alarm.document["AlarmDescription"]) == {"headcount": {"service": SERVICE, "group": group}}
    assert alarm.document["Dimensions"] == [
        {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": balancer.partition("loadbalancer/")[2]},
    ]
    assert {name: alarm.document[name] for name in ("Namespace", "MetricName", "Statistic", "Period")} == {
        "Namespace": "AWS/ApplicationELB", "MetricName": "UnHealthyHostCount", "Statistic": "Maximum", "Period": 60,
    }  # fmt: skip
    assert (alarm.document["EvaluationPeriods"], alarm.document["DatapointsToAlarm"]) == (1, 1)
    assert (alarm.document["ComparisonOperator"], alarm.document["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm.document["TreatMissingData"] == "notBreaching"
    assert alarm.tags == {"headcount:service": SERVICE, "headcount:install": "main"}


def test_a_network_load_balancers_alarm_reads_its_own_metric(keeping):
    balancer = a_balancer({**a_listener(), "Protocol": "TCP"}, Type="network")
    keeping.declare(load_balancers=(behind(Protocol="TCP"),), elastic_load_balancers=(balancer,)).look()
    assert [alarm.document["Namespace"] for alarm in keeping.account.alarms.values()] == ["AWS/NetworkELB"]


def test_an_alarm_goes_when_its_group_takes_no_traffic_any_more(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    keeping.declare(load_balancers=(behind("web"),)).look()
    assert keeping.account.alarms == {}


def test_an_alarm_that_somebody_changed_is_corrected(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    (alarm,) = keeping.account.alarms.values()
    alarm.document["Threshold"] = 5.0
    keeping.look()
    assert [one.document["Threshold"] for one in keeping.account.alarms.values()] == [0]


def test_an_alarm_on_a_group_that_is_created_again_is_corrected(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    keeping.account.rules.clear()
    keeping.account.groups.clear()
    keeping.steps()
    keeping.look()
    assert keeping.steps() == ["CreateTargetGroup", "CreateRule", "PutMetricAlarm"]
    assert keeping.told[-1].startswith(f"correcting alarm {ALARM}")
    assert ": its target group or load balancer is another one: alarmDescription was" in keeping.told[-1]
    (alarm,) = keeping.account.alarms.values()
    assert alarm.document["Dimensions"][0]["Value"] in keeping.account.group("web").arn


def test_an_alarm_of_that_name_that_is_not_ours_is_left_alone_and_told(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    (alarm,) = keeping.account.alarms.values()
    alarm.document |= {"AlarmDescription": "mine", "Threshold": 7.0}
    (problem,) = keeping.look().problems
    assert problem.startswith(f"alarm {ALARM}")
    assert problem.endswith("exists and is not Headcount's for this service: delete it")
    keeping.delete()
    keeping.look()
    assert [one.document["Threshold"] for one in keeping.account.alarms.values()] == [7.0]


# -- what is no longer declared, and the end --------------------------------------------------------------------------


def test_a_group_stays_while_tasks_are_registered_in_it(keeping):
    keeping.declare(load_balancers=(behind("old"),)).look()
    old = keeping.account.group("old").arn
    keeping.register(old, "t1")
    keeping.declare(load_balancers=(behind("new"),)).look()
    assert keeping.account.names == {"group old", "group new"}
    keeping.register(old)
    keeping.look()
    assert keeping.account.names == {"group new"}


def test_a_group_stays_until_a_pass_has_seen_that_it_is_no_longer_declared(keeping):
    keeping.declare(load_balancers=(behind("old"),)).look()
    status = keeping.table.partition(SERVICE).status
    keeping.declare(load_balancers=(behind("new"),))
    keeping.table.partition(SERVICE).status = status
    keeping.look()
    assert keeping.account.names == {"group old", "group new"}


def test_a_group_that_the_manifest_names_by_its_arn_now_is_not_deleted(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    arn = keeping.account.group("web").arn
    keeping.declare(load_balancers=(behind_existing(arn),)).look()
    assert arn in keeping.account.groups


def test_what_loses_its_tags_is_somebody_elses_from_then_on(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    keeping.account.group("web").tags.clear()
    keeping.declare().look()
    assert keeping.account.names == {"group web"}
    assert keeping.balancing.owned == ()


def test_a_service_that_declares_nothing_any_more_has_nothing_left(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    keeping.declare()
    assert keeping.look().removed
    assert keeping.account.names == set()


def _everything(keeping):
    sorry = keeping.account.add_function("sorry-page")
    return keeping.declare(
        load_balancers=(behind("web", a_rule("web-alb:80", 10)),),
        function_targets=(a_function_behind(sorry, a_rule("web-alb:80", 50000)),),
        elastic_load_balancers=(a_balancer(a_listener(80, "web")),),
    )


def test_a_service_that_is_deleted_keeps_its_load_balancing_while_anything_runs_or_is_registered(keeping):
    _everything(keeping).look()
    there = keeping.account.names
    keeping.delete()
    keeping.register(keeping.account.group("web").arn, "t1")
    keeping.look()
    assert (keeping.account.names, keeping.balancing.removed) == (there, False)
    assert [one.key for one in keeping.balancing.groups] == ["web"], "passes still take its targets out"


def test_a_service_that_is_deleted_keeps_its_load_balancing_while_a_task_is_on_record(keeping):
    _everything(keeping).look()
    keeping.delete()
    partition = keeping.table.partition(SERVICE)
    task = a_task("t1")
    partition.tasks["t1"] = TaskRecord(observed=task.observed, version=1, managed=task.managed)
    assert not keeping.look().removed
    partition.tasks["t1"].observed = replace(task.observed, last_status="STOPPED", desired_status="STOPPED")
    assert keeping.look().removed


def test_a_service_that_is_gone_leaves_nothing_but_what_was_never_its_own(keeping):
    listener = keeping.account.add_listener()
    theirs = keeping.account.add_group("theirs")
    keeping.account.add_rule(listener, 1, theirs)
    _everything(keeping).look()
    keeping.steps()
    keeping.delete()
    looked = keeping.look()
    assert (looked.removed, looked.kicked, keeping.balancing.owned) == (True, True, ())
    assert keeping.account.names == {"theirs", "listener 80", "rule 1", "group theirs"}
    steps = keeping.steps()
    assert steps.index("DeleteRule") < steps.index("DeleteListener") < steps.index("DeleteLoadBalancer")
    assert steps.index("DeleteLoadBalancer") < steps.index("DeleteTargetGroup")
    assert keeping.look().kicked, "the kick that says so may have been lost"


def test_what_aws_refuses_to_delete_is_told_and_tried_again(keeping):
    protected = {"deletion_protection.enabled": "true"}
    keeping.declare(elastic_load_balancers=(a_balancer(attributes=protected),)).look()
    keeping.delete()
    assert not keeping.look().removed
    assert keeping.balancing.problems == (
        (
            "load balancer web-alb: AWS refuses DeleteLoadBalancer: OperationNotPermitted: "
            "Load balancer cannot be deleted because deletion protection is enabled"
        ),
    )
    (balancer,) = keeping.account.load_balancers.values()
    balancer.attributes["deletion_protection.enabled"] = "false"
    assert keeping.look().removed


# -- refusals, races, time --------------------------------------------------------------------------------------------


def test_what_aws_refuses_is_told_once_and_the_rest_is_done(keeping):
    keeping.account.refusals["CreateLoadBalancer"] = "TooManyLoadBalancers: you have reached the maximum"
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),))
    looked = keeping.look()
    assert looked.problems == (
        "load balancer web-alb: AWS refuses CreateLoadBalancer: TooManyLoadBalancers: you have reached the maximum",
    )
    assert keeping.account.names == {"group web"}
    assert _owned(keeping) == [("targetGroup", "web")], "what was refused is not there to be owned"
    told = len(keeping.told)
    for _ in range(3):
        keeping.look()
    assert len(keeping.told) == told, "people have read it"
    keeping.account.refusals.clear()
    keeping.look()
    assert keeping.balancing.problems == ()


def test_another_correction_of_what_aws_refused_is_told(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    keeping.account.refusals["ModifyTargetGroup"] = "ValidationError: no"
    keeping.declare(load_balancers=(behind(HealthCheckPath="/bad"),)).look()
    keeping.declare(load_balancers=(behind(HealthCheckPath="/bad", attributes={DELAY: "5"}),)).look()
    assert keeping.told[-1] == f"correcting target group web: declared anew: {DELAY} was 300, 5 is declared"
    keeping.account.refusals["ModifyTargetGroup"] = "ValidationError: not like this either"
    keeping.declare(load_balancers=(behind(HealthCheckPath="/worse", attributes={DELAY: "5"}),)).look()
    assert keeping.told[-1] == "target group web: AWS refuses ModifyTargetGroup: ValidationError: not like this either"


def test_what_aws_takes_in_the_end_is_told(keeping):
    keeping.account.refusals["CreateTargetGroup"] = "TooManyTargetGroups: you have reached the maximum"
    keeping.declare(load_balancers=(behind(),))
    for _ in range(2):
        keeping.look()
    told = len(keeping.told)
    keeping.account.refusals.clear()
    keeping.look()
    assert keeping.told[told:] == ["creating target group web: loadBalancers[0] declares it and there is none"]


def test_refusals_of_two_calls_for_one_resource_are_two_problems(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    for operation in ("ModifyTargetGroup", "ModifyTargetGroupAttributes"):
        keeping.account.refusals[operation] = "ValidationError: no"
    looked = keeping.declare(load_balancers=(behind(HealthCheckPath="/bad", attributes={DELAY: "5"}),)).look()
    assert looked.problems == (
        "target group web: AWS refuses ModifyTargetGroup: ValidationError: no",
        "target group web: AWS refuses ModifyTargetGroupAttributes: ValidationError: no",
    )


def test_what_a_look_did_not_come_to_is_a_problem_so_that_the_next_one_comes_soon(keeping, monkeypatch):
    monkeypatch.setattr(keeping_load_balancers, "ROUNDS", 1)
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),))
    assert keeping.look().problems == ("listener web-alb:80: CreateListener is not done yet: the next look goes on",)
    assert _owned(keeping) == [("loadBalancer", "web-alb"), ("targetGroup", "web")], "the listener is not there yet"
    for _ in range(2):
        keeping.look()
    assert keeping.balancing.problems == ()


def test_a_group_moves_to_another_load_balancer_once_the_old_rule_is_gone(keeping):
    """ELB allows a target group one load balancer."""
    first, second = keeping.account.add_listener("first"), keeping.account.add_listener("second")
    keeping.declare(load_balancers=(behind("web", a_rule(first)),)).look()
    create = keeping.account._create_rule

    def create_if_free(asked):
        group = asked["Actions"][0]["TargetGroupArn"]
        if any(rule.document["Actions"][0]["TargetGroupArn"] == group for rule in keeping.account.rules.values()):
            keeping.account._forwards([{"TargetGroupArn": "it has one"}])
        create(asked)

    keeping.account._create_rule = create_if_free
    keeping.declare(load_balancers=(behind("web", a_rule(second)),))
    assert keeping.look().problems == ()
    assert [rule.document["ListenerArn"] for rule in keeping.account.rules.values()] == [second]


def test_where_aws_asks_for_patience_a_look_ends_and_the_next_one_goes_on(keeping):
    keeping.declare(load_balancers=(behind(),))
    for operation in ("look", "CreateTargetGroup"):
        keeping.account.throttle(operation)
        looked = keeping.look()
        (problem,) = looked.problems
        assert problem.startswith(f"{operation}: Throttling")
        assert not looked.kicked
    assert keeping.balancing.generation == 0, "nobody takes the look for finished"
    keeping.look()
    assert (keeping.balancing.problems, keeping.balancing.generation) == ((), 1)


def test_without_time_nothing_new_is_begun(keeping):
    keeping.declare(load_balancers=(behind("one"), behind("two")))
    left = iter([60.0, 5.0])
    with pytest.raises(TransientError, match="no time is left to go on with target group two"):
        keeping.look(remaining=lambda: next(left))
    keeping.look()
    assert keeping.account.names == {"group one", "group two"}


def test_an_older_look_never_overwrites_a_newer_one(keeping):
    keeping.declare(load_balancers=(behind(),))
    before = keeping.store.read(SERVICE)
    keeping.look()
    with pytest.raises(Conflict):
        keeping.store.write(before, Balancing(), (), 1.0)


def test_a_manifest_that_changes_under_a_look_is_looked_at_anew(keeping):
    keeping.declare(load_balancers=(behind("one"),))
    write, changed = keeping.store.write, []

    def change_once(*arguments):
        if not changed:
            changed.append(keeping.declare(load_balancers=(behind("two"),)))
        return write(*arguments)

    keeping.store.write = change_once
    keeping.look()
    assert (keeping.account.names, keeping.balancing.generation) == ({"group two"}, 2)


def test_a_service_that_nobody_declares_is_left_alone(keeping):
    assert not keeping.look().kicked
    assert keeping.store.writes == []


def test_what_is_about_to_be_created_is_on_record_before(keeping):
    keeping.declare(load_balancers=(behind(),))
    keeping.account.throttle("CreateTargetGroup")
    keeping.look()
    assert keeping.balancing.owned == (OwnedResource(kind="targetGroup", key="web", arn=""),)
    assert keeping.balancing.generation == 0, "and nobody takes the look for finished"


def test_the_request_of_a_group_is_the_users_own(keeping):
    keeping.declare(load_balancers=(behind(),)).look()
    document = keeping.account.group("web").document
    assert {name: document[name] for name in a_group() if name != "Name"} == {
        name: value for name, value in a_group().items() if name != "Name"
    }
