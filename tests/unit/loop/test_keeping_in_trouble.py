"""Looks at load balancing that AWS refuses, that are overtaken, or that run out of time."""

import pytest

from builders import SERVICE
from headcount import keeping_load_balancers
from headcount.errors import Conflict, TransientError
from headcount.model.target import Balancing, OwnedResource

from .keeping import a_balancer, a_group, a_listener, a_rule, behind

DELAY = "deregistration_delay.timeout_seconds"


def test_what_aws_refuses_is_told_once_and_the_rest_is_done(keeping):
    keeping.account.refusals["CreateLoadBalancer"] = "TooManyLoadBalancers: you have reached the maximum"
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),))
    looked = keeping.look()
    assert looked.problems == (
        "load balancer web-alb: AWS refuses CreateLoadBalancer: TooManyLoadBalancers: you have reached the maximum",
    )
    assert keeping.account.names == {"group web"}
    assert keeping.owned == [("targetGroup", "web")], "what was refused is not there to be owned"
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
    assert keeping.owned == [("loadBalancer", "web-alb"), ("targetGroup", "web")], "the listener is not there yet"
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
