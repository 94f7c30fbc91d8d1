"""Target groups that a manifest names are looked at, those that it declares are kept: what is others' stays."""

import pytest

from builders import SERVICE
from headcount.model.target import OwnedResource
from headcount.model.values import replace

from .keeping import a_balancer, a_listener, behind, behind_existing

DELAY = "deregistration_delay.timeout_seconds"


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
