"""What keeping load balancing may rely on: resources are found by name with tags, and each call does what it says."""

from collections.abc import Iterator
from typing import Any

import pytest

from builders import SERVICE
from headcount.aws.elbv2_resources import ElbLoadBalancerResources
from headcount.balancing.resources import Seen, Sought, Step
from headcount.errors import Throttled
from unit.loop.keeping import Keeping, a_balancer, a_function_behind, a_listener, a_rule, behind, behind_existing

from .accounts import ELSEWHERE, Account, AwsAccount, FakeAccount, named, tags

OURS = {"headcount:service": SERVICE, "headcount:install": "main"}


@pytest.fixture(scope="module")
def network(world) -> dict[str, Any]:
    subnets = tuple(world.default_network().values())
    ec2 = world.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=[subnets[0]])["Subnets"][0]["VpcId"]
    groups = [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("one", "two")
    ]
    return {"subnets": subnets, "vpc": vpc, "security_groups": tuple(groups)}


@pytest.fixture(params=["fake", "adapter"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    if request.param == "fake":
        yield FakeAccount()
        return
    world = request.getfixturevalue("world")
    yield AwsAccount(world=world, **request.getfixturevalue("network"))
    world.faults.clear()


def _do(account: Account, operation: Any, **request: Any) -> str | None:
    return account.resources.carry_out(Step(operation=operation, request=request, what="it", reason="test"))


def _look(account: Account, **sought: Any) -> Seen:
    return account.resources.look(Sought(**sought))


def _create_group(account: Account, name: str = "web", **changes: Any) -> str:
    """A target group of ours; its ARN."""
    request = {"Name": named(account, name), "Protocol": "HTTP", "Port": 8080, "VpcId": account.vpc, "TargetType": "ip"}
    refusal = _do(account, "CreateTargetGroup", **{**request, "Tags": tags(service=SERVICE, install="main"), **changes})
    assert refusal is None
    return _group(account, name).arn


def _group(account: Account, name: str = "web") -> Any:
    return _look(account, group_names=(named(account, name),)).group_named(named(account, name))


def _create_balancer(account: Account, **changes: Any) -> str:
    request = {"Name": named(account, "alb"), "Type": "application", "Scheme": "internal", "IpAddressType": "ipv4"}
    request |= {"Subnets": list(account.subnets[:2]), "Tags": tags(service=SERVICE, install="main")}
    assert _do(account, "CreateLoadBalancer", **{**request, **changes}) is None
    return _balancer(account).arn


def _balancer(account: Account) -> Any:
    return _look(account, load_balancers=(named(account, "alb"),)).load_balancers.get(named(account, "alb"))


def _create_listener(account: Account, balancer: str, group: str) -> str:
    assert (
        _do(
            account,
            "CreateListener",
            LoadBalancerArn=balancer,
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            Tags=tags(service=SERVICE),
        )
        is None
    )
    return _listener(account).arn


def _listener(account: Account) -> Any:
    seen = _look(account, load_balancers=(named(account, "alb"),))
    return seen.listeners.get(f"{named(account, 'alb')}:80")


def _create_rule(account: Account, listener: str, group: str, priority: int = 10) -> str | None:
    return _do(
        account,
        "CreateRule",
        ListenerArn=listener,
        Priority=priority,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
        Tags=tags(service=SERVICE),
    )


def test_a_target_group_is_found_by_its_name_and_by_its_arn(account):
    arn = _create_group(account, HealthCheckPath="/health", Matcher={"HttpCode": "200-299"})
    found = _group(account)
    assert (found.tags, found.document["TargetGroupName"]) == (OURS, named(account, "web"))
    assert (found.document["HealthCheckPath"], found.document["Matcher"]) == ("/health", {"HttpCode": "200-299"})
    assert found.attributes["deregistration_delay.timeout_seconds"] == "300"
    assert _look(account, groups=(arn,)).groups.keys() == {arn}


def test_what_does_not_exist_is_missing_and_hides_nothing_else(account):
    arn = _create_group(account)
    gone = arn.rpartition("/")[0] + "/0000000000000000"
    assert _look(account, groups=(gone, arn), group_names=("nobody", named(account, "web"))).groups.keys() == {arn}
    assert _look(account, load_balancers=("nobody",), alarms=("nobody",)) == Seen()


def test_nothing_is_asked_where_nothing_is_sought(account):
    assert _look(account) == Seen()


def test_the_same_again_makes_no_second_group(account):
    arn = _create_group(account)
    _do(
        account,
        "CreateTargetGroup",
        Name=named(account, "web"),
        Protocol="HTTP",
        Port=8080,
        VpcId=account.vpc,
        TargetType="ip",
    )
    assert _group(account).arn == arn


def test_health_checks_and_attributes_are_modified(account):
    arn = _create_group(account)
    assert _do(account, "ModifyTargetGroup", TargetGroupArn=arn, HealthCheckPath="/new") is None
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
    assert _do(account, "ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=delay) is None
    found = _group(account)
    assert found.document["HealthCheckPath"] == "/new"
    assert found.attributes["deregistration_delay.timeout_seconds"] == "5"


def test_a_group_tells_which_load_balancers_forward_to_it(account):
    group, other = _create_group(account), _create_group(account, "other")
    balancer = _create_balancer(account)
    assert _group(account).document["LoadBalancerArns"] == []
    listener = _create_listener(account, balancer, group)
    assert _create_rule(account, listener, other) is None
    for name in ("web", "other"):
        assert _group(account, name).document["LoadBalancerArns"] == [balancer]


def test_a_group_that_something_forwards_to_is_not_deleted(account):
    group = _create_group(account)
    listener = _create_listener(account, _create_balancer(account), group)
    assert "ResourceInUse" in _do(account, "DeleteTargetGroup", TargetGroupArn=group)
    assert _do(account, "DeleteListener", ListenerArn=listener) is None
    assert _do(account, "DeleteTargetGroup", TargetGroupArn=group) is None
    assert _group(account) is None


def test_what_is_gone_is_deleted_again_without_a_word(account):
    group = _create_group(account)
    balancer = _create_balancer(account)
    listener = _create_listener(account, balancer, group)
    _create_rule(account, listener, group)
    rule = _rule(account, listener).arn
    for _ in range(2):
        assert _do(account, "DeleteRule", RuleArn=rule) is None
        assert _do(account, "DeleteListener", ListenerArn=listener) is None
        assert _do(account, "DeleteLoadBalancer", LoadBalancerArn=balancer) is None
        assert _do(account, "DeleteTargetGroup", TargetGroupArn=group) is None
        assert _do(account, "DeleteAlarms", AlarmNames=[named(account, "headcount/main/unhealthy/x")]) is None


def test_a_load_balancer_is_found_with_attributes_and_tags_and_changed(account):
    balancer = _create_balancer(account, SecurityGroups=list(account.security_groups[:1]))
    found = _balancer(account)
    assert (found.tags, found.document["Scheme"], found.document["Type"]) == (OURS, "internal", "application")
    assert found.document["SecurityGroups"] == list(account.security_groups[:1])
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "120"}]
    changes = {
        "SetSubnets": {"Subnets": list(account.subnets)},
        "SetSecurityGroups": {"SecurityGroups": list(account.security_groups[1:])},
        "ModifyLoadBalancerAttributes": {"Attributes": idle},
    }
    for operation, change in changes.items():
        assert _do(account, operation, LoadBalancerArn=balancer, **change) is None
    found = _balancer(account)
    assert {one["SubnetId"] for one in found.document["AvailabilityZones"]} == set(account.subnets)
    assert found.document["SecurityGroups"] == list(account.security_groups[1:])
    assert found.attributes["idle_timeout.timeout_seconds"] == "120"


def test_deletion_protection_is_told_in_awss_words(account):
    balancer = _create_balancer(account)
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    _do(account, "ModifyLoadBalancerAttributes", LoadBalancerArn=balancer, Attributes=protect)
    refusal = _do(account, "DeleteLoadBalancer", LoadBalancerArn=balancer)
    assert refusal is not None
    assert refusal.startswith("OperationNotPermitted: ")
    assert "deletion protection" in refusal


def test_a_listener_is_found_by_load_balancer_and_port_and_changed(account):
    group, other = _create_group(account), _create_group(account, "other")
    listener = _create_listener(account, _create_balancer(account), group)
    found = _listener(account)
    assert (found.arn, found.document["Protocol"]) == (listener, "HTTP")
    assert found.tags == {"headcount:service": SERVICE}
    forward = [{"Type": "forward", "TargetGroupArn": other}]
    assert _do(account, "ModifyListener", ListenerArn=listener, DefaultActions=forward) is None
    assert _listener(account).document["DefaultActions"][0]["TargetGroupArn"] == other


def _rule(account: Account, listener: str, priority: str = "10") -> Any:
    return _look(account, rules=((listener, priority),)).rules.get(f"{listener}#{priority}")


def test_a_rule_is_found_by_listener_and_priority_and_changed(account):
    group, other = _create_group(account), _create_group(account, "other")
    listener = _create_listener(account, _create_balancer(account), group)
    assert _create_rule(account, listener, group) is None
    found = _rule(account, listener)
    assert (found.document["Priority"], found.tags) == ("10", {"headcount:service": SERVICE})
    forward = [{"Type": "forward", "TargetGroupArn": other}]
    assert _do(account, "ModifyRule", RuleArn=found.arn, Actions=forward) is None
    assert _rule(account, listener).document["Actions"][0]["TargetGroupArn"] == other


def test_rules_are_found_behind_the_name_of_a_load_balancer_too(account):
    group = _create_group(account)
    _create_rule(account, _create_listener(account, _create_balancer(account), group), group)
    name = named(account, "alb")
    seen = _look(account, load_balancers=(name,), rules=((f"{name}:80", "10"), (f"{name}:81", "10")))
    assert (tuple(seen.rules), seen.known_listeners) == ((f"{name}:80#10",), (f"{name}:80",))


def test_a_priority_is_given_once(account):
    group = _create_group(account)
    listener = _create_listener(account, _create_balancer(account), group)
    _create_rule(account, listener, group)
    assert str(_create_rule(account, listener, group)).startswith("PriorityInUse: ")


def test_a_listener_that_does_not_exist_is_not_known(account):
    group = _create_group(account)
    listener = _create_listener(account, _create_balancer(account), group)
    _do(account, "DeleteListener", ListenerArn=listener)
    assert _look(account, rules=((listener, "10"),)).known_listeners == ()
    assert str(_create_rule(account, listener, group)).startswith("ListenerNotFound: ")


def test_a_function_is_registered_once_it_may_be_called(account):
    function = account.add_function(named(account, "sorry"))
    group = _lambda_group(account)
    assert _look(account, functions=(function, f"{function}-missing")).permissions == {function: ()}
    target = {"TargetGroupArn": group, "Targets": [{"Id": function}]}
    assert _do(account, "RegisterTargets", **target) is not None, "it may not be called yet"
    permission = {
        "FunctionName": function,
        "StatementId": "headcount-main-1",
        "Action": "lambda:InvokeFunction",
        "Principal": "elasticloadbalancing.amazonaws.com",
        "SourceArn": group,
    }
    for _ in range(2):
        assert _do(account, "AddPermission", **permission) is None
    assert _do(account, "RegisterTargets", **target) is None
    seen = _look(account, functions=(function,), groups=(group,))
    assert (seen.permissions, seen.registered) == ({function: ("headcount-main-1",)}, {group: (function,)})
    assert _do(account, "DeregisterTargets", **target) is None
    assert _look(account, functions=(function,), groups=(group,)).registered == {group: ()}
    for _ in range(2):
        assert _do(account, "RemovePermission", FunctionName=function, StatementId="headcount-main-1") is None
    assert _look(account, functions=(function,)).permissions == {function: ()}


def _lambda_group(account: Account) -> str:
    request = {"Name": named(account, "sorry"), "TargetType": "lambda", "Tags": tags(service=SERVICE)}
    assert _do(account, "CreateTargetGroup", **request) is None
    return str(_group(account, "sorry").arn)


def _alarm(account: Account, **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": named(account, "headcount/main/unhealthy/web"),
        "AlarmDescription": '{"headcount": {"service": "prod/web"}}',
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "UnHealthyHostCount",
        "Dimensions": [{"Name": "TargetGroup", "Value": "targetgroup/web/1"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }


def test_an_alarm_is_found_by_its_name_and_put_again(account):
    alarm = _alarm(account)
    assert _do(account, "PutMetricAlarm", **alarm, Tags=tags(service=SERVICE)) is None
    (found,) = _look(account, alarms=(alarm["AlarmName"], "nobody")).alarms.values()
    assert {name: found.document[name] for name in alarm} == alarm
    assert _do(account, "PutMetricAlarm", **_alarm(account, Threshold=5.0)) is None
    (found,) = _look(account, alarms=(alarm["AlarmName"],)).alarms.values()
    assert found.document["Threshold"] == 5
    assert _do(account, "DeleteAlarms", AlarmNames=[alarm["AlarmName"]]) is None
    assert _look(account, alarms=(alarm["AlarmName"],)).alarms == {}


@pytest.mark.parametrize("operation", ["CreateTargetGroup", "DeleteTargetGroup", "PutMetricAlarm", "AddPermission"])
def test_a_throttled_call_may_succeed_later(account, operation):
    account.throttle(operation)
    with pytest.raises(Throttled, match=operation):
        _do(account, operation, **_valid(account, operation))


def test_a_throttled_look_may_succeed_later(account):
    account.throttle("DescribeTargetGroups")
    with pytest.raises(Throttled):
        _look(account, group_names=("web",))


@pytest.mark.parametrize("operation", ["CreateTargetGroup", "DeleteTargetGroup", "PutMetricAlarm", "AddPermission"])
def test_whatever_else_aws_says_is_a_refusal_in_its_words(account, operation):
    account.refuse(operation)
    assert _do(account, operation, **_valid(account, operation)) == "AccessDenied: not authorized"


def _valid(account: Account, operation: str) -> dict[str, Any]:
    function = account.add_function(named(account, "valid"))
    requests: dict[str, dict[str, Any]] = {
        "CreateTargetGroup": {"Name": named(account, "valid"), "Protocol": "HTTP", "Port": 80, "VpcId": account.vpc},
        "DeleteTargetGroup": {
            "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/x/0123456789abcdef"
        },
        "PutMetricAlarm": _alarm(account),
        "AddPermission": {
            "FunctionName": function,
            "StatementId": "s",
            "Action": "lambda:InvokeFunction",
            "Principal": "elasticloadbalancing.amazonaws.com",
            "SourceArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/x/0123456789abcdef",
        },
    }
    return requests[operation]


def test_an_alias_of_a_function_is_named_apart_as_lambda_wants_it():
    asked = []

    class Lambda:
        def __getattr__(self, method):
            return lambda **request: asked.append((method, request)) or {"Policy": '{"Statement": []}'}

    resources = ElbLoadBalancerResources(lambda _: Lambda())
    function = "arn:aws:lambda:eu-west-1:123456789012:function:sorry"
    assert resources.look(Sought(functions=(f"{function}:live",))).permissions == {f"{function}:live": ()}
    request = {"FunctionName": f"{function}:live", "StatementId": "s"}
    resources.carry_out(Step(operation="RemovePermission", request=request, what="it", reason="test"))
    alias = {"FunctionName": function, "Qualifier": "live"}
    assert asked == [("get_policy", alias), ("remove_permission", {**alias, "StatementId": "s"})]


# -- the whole of it: what is declared becomes what there is, and stays so -------------------------------------------


def _everything(account: Account, **changes: Any) -> dict[str, Any]:
    alb, web = named(account, "alb"), named(account, "web")
    function = account.add_function(named(account, "sorry-page"))
    health = {"HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 10, "Matcher": {"HttpCode": "200-399"}}
    attributes = {"deregistration_delay.timeout_seconds": "5"}
    return {
        "load_balancers": (
            behind(
                web,
                a_rule(f"{alb}:80", 10, "/api/*"),
                _by_host(f"{alb}:80"),
                VpcId=account.vpc,
                attributes=attributes,
                **{**health, **changes},
            ),
        ),
        "function_targets": (
            a_function_behind(function, a_rule(f"{alb}:80", 50000), name=named(account, "sorry-page")),
        ),
        "elastic_load_balancers": (
            a_balancer(
                a_listener(80, web),
                name=alb,
                Subnets=list(account.subnets[:2]),
                SecurityGroups=list(account.security_groups),
                attributes={"idle_timeout.timeout_seconds": "120"},
            ),
        ),
    }


def _by_host(listener: str) -> dict[str, Any]:
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com", "www.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Team", "Values": ["shop"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
    ]
    return a_rule(listener, 20, Conditions=conditions)


def test_everything_that_is_declared_is_created_and_stays_as_it_is(account):
    keeping = Keeping(account=account.resources).declare(**_everything(account))
    keeping.look()
    assert keeping.balancing.problems == ()
    assert keeping.look().steps == 0, keeping.told
    kinds = sorted(one.kind for one in keeping.balancing.owned)
    assert kinds == [
        "alarm", "lambdaPermission", "listener", "loadBalancer", "rule", "rule", "rule", "targetGroup", "targetGroup",
    ]  # fmt: skip
    (known,) = keeping.balancing.groups
    assert (known.target_type, known.delay_seconds, known.interval_seconds) == ("ip", 5.0, 10.0)
    assert known.load_balancers == (_balancer(account).arn,)


def test_a_change_is_made_in_place_and_drift_is_corrected(account):
    keeping = Keeping(account=account.resources).declare(**_everything(account))
    keeping.look()
    arn = _group(account).arn
    keeping.declare(**_everything(account, HealthCheckPath="/new"))
    assert keeping.look().steps == 1
    account.make("ModifyTargetGroup", TargetGroupArn=arn, HealthCheckPath="/by-hand")
    rule = _look(
        account, load_balancers=(named(account, "alb"),), rules=((f"{named(account, 'alb')}:80", "10"),)
    ).rules[f"{named(account, 'alb')}:80#10"]
    account.make("ModifyRule", RuleArn=rule.arn, Actions=ELSEWHERE)
    assert keeping.look().steps == 2
    assert _group(account).document["HealthCheckPath"] == "/new"
    assert keeping.look().steps == 0
    assert ("/by-hand, /new is declared" in keeping.told[-2], "somebody changed it" in keeping.told[-1]) == (True, True)


def test_a_service_that_is_deleted_takes_all_of_it_along_and_nothing_else(account):
    keeping = Keeping(account=account.resources).declare(**_everything(account))
    keeping.look()
    account.make(
        "CreateTargetGroup", Name=named(account, "theirs"), Protocol="HTTP", Port=80, VpcId=account.vpc, TargetType="ip"
    )
    keeping.delete()
    assert keeping.look().removed, keeping.balancing.problems
    names = tuple(named(account, name) for name in ("web", "sorry-page", "theirs"))
    seen = _look(account, load_balancers=(named(account, "alb"),), group_names=names)
    assert (seen.load_balancers, [one.document["TargetGroupName"] for one in seen.groups.values()]) == ({}, [names[2]])


def test_an_existing_group_is_only_looked_at(account):
    account.make(
        "CreateTargetGroup", Name=named(account, "theirs"), Protocol="HTTP", Port=80, VpcId=account.vpc, TargetType="ip"
    )
    arn = _group(account, "theirs").arn
    keeping = Keeping(account=account.resources).declare(load_balancers=(behind_existing(arn),))
    assert keeping.look().steps == 0
    keeping.delete()
    keeping.look()
    assert _group(account, "theirs").tags == {}
