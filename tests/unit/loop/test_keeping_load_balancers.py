"""Rules, load balancers, listeners and functions are kept as declared: others' are left alone, and told."""

import pytest

from builders import SERVICE

from .keeping import Keeping, a_balancer, a_function_behind, a_listener, a_rule, behind, behind_existing

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
    assert keeping.owned == [
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
    assert [key for kind, key in keeping.owned if kind == "rule"] == [f"{listener}#10"]


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
