"""Warnings: what is allowed and may surprise, each said where it applies and nowhere else."""

import pytest

from builders import a_declared_service, a_manifest, a_service, zones_named
from headcount import cautions
from headcount.cautions import Circumstances
from headcount.model.manifest import CapacitySource, ElasticLoadBalancer, FunctionTarget, LoadBalancer, UnhealthyTasks
from headcount.model.service import ANY_ZONE
from headcount.model.target import Balancing, KnownGroup
from headcount.model.values import replace

SPOT = CapacitySource(capacity_provider="FARGATE_SPOT", weight=3)
ON_DEMAND = CapacitySource(capacity_provider="FARGATE", base=1, weight=0)
SUBNETS = ("subnet-a", "subnet-b")


DELAY = "deregistration_delay.timeout_seconds"
NAMED_ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/0123456789abcdef"
NAMED = LoadBalancer(container_name="web", container_port=80, target_group=NAMED_ARN)
DECLARED = replace(NAMED, target_group="web", declared={"Name": "web"}, attributes={DELAY: "60"})
FORWARDED = replace(DECLARED, attributes={}, rules=({"Priority": 1},))
QUICK = replace(DECLARED, attributes={DELAY: "5"})
FUNCTION = FunctionTarget(function_arn="arn", target_group="sorry", declared={"Name": "sorry"})


def a_balancer(*actions):
    return ElasticLoadBalancer(name="shop", declared={}, listeners=({"Port": 80, "DefaultActions": list(actions)},))


TWO_ZONES = zones_named("zone-a", "zone-b")


def _said(count=3, zones=TWO_ZONES, **manifest):
    declared = a_declared_service(a_manifest(**{"subnets": SUBNETS, "desired_count": count} | manifest), zones=zones)
    return cautions.of_apply(Circumstances(declared=declared, count=count, before=None, now=0.0))


def test_an_ordinary_service_surprises_nobody():
    assert _said() == []


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"zones": zones_named("zone-a"), "subnets": ("subnet-a",)}, "one subnet is one zone"),
        ({"zones": (("zone-a", SUBNETS),)}, "all 2 subnets are in zone-a"),
        ({"count": 1, "maximum_percent": 100, "minimum_healthy_percent": 0}, "never two at once"),
        ({"sources": (SPOT,)}, "no task starts"),
        ({"sources": (ON_DEMAND, SPOT)}, "its share of the tasks does not start"),
        ({"count": 1, "maximum_percent": 150, "minimum_healthy_percent": 50}, "no deployment can go on at 1 tasks"),
        ({"health_check_grace_seconds": 60}, "healthCheckGracePeriodSeconds has no effect"),
        ({"unhealthy_tasks": UnhealthyTasks(after_seconds=5)}, "unhealthyTasks has no effect: without load balancers"),
        ({"load_balancers": (DECLARED,)}, "nothing in this manifest forwards to web"),
        ({"load_balancers": (FORWARDED,)}, "web drains a task for 300 s (deregistration_delay.timeout_seconds)"),
        ({"load_balancers": (replace(FORWARDED, attributes={DELAY: "121"}),)}, "drains a task for 121 s"),
        ({"function_targets": (FUNCTION,)}, "nothing in this manifest forwards to sorry"),
    ],
)
def test_what_may_surprise_is_said(manifest, said):
    assert any(said in warning for warning in _said(**manifest))


@pytest.mark.parametrize(
    "manifest",
    [
        {"count": 1, "maximum_percent": 200},
        {"sources": (SPOT,), "fallback": (ON_DEMAND,)},
        {"sources": (ON_DEMAND, CapacitySource(capacity_provider="FARGATE_SPOT", weight=0))},
        {"zones": ((ANY_ZONE, ()),), "subnets": ()},
        {"load_balancers": (replace(FORWARDED, attributes={DELAY: "120"}),), "health_check_grace_seconds": 60},
        {"load_balancers": (NAMED,), "unhealthy_tasks": UnhealthyTasks(after_seconds=5)},
        {
            "load_balancers": (QUICK,),
            "elastic_load_balancers": (a_balancer({"Type": "forward", "TargetGroup": "web"}),),
        },
        {
            "load_balancers": (QUICK,),
            "elastic_load_balancers": (
                a_balancer({"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroup": "web"}]}}),
            ),
        },
    ],
)
def test_what_is_as_it_should_be_is_not_warned_of(manifest):
    assert _said(**manifest) == []


def test_how_long_a_group_drains_that_exists_is_known_once_it_was_looked_at():
    seen = Balancing(groups=(KnownGroup(key=NAMED_ARN, arn=NAMED_ARN, delay_seconds=300.0),))
    declared = a_declared_service(a_manifest(subnets=SUBNETS, load_balancers=(NAMED,)), zones=TWO_ZONES)
    before = replace(a_service(declared=declared), balancing=seen)
    (said,) = cautions.of_apply(Circumstances(declared=declared, count=3, before=before, now=0.0))
    assert "target group shop drains a task for 300 s" in said


def test_grace_is_for_container_health_checks_as_well():
    manifest = a_manifest(subnets=SUBNETS, health_check_grace_seconds=60)
    declared = a_declared_service(manifest, zones=TWO_ZONES, container_health_check=True)
    assert cautions.of_apply(Circumstances(declared=declared, count=3, before=None, now=0.0)) == []
