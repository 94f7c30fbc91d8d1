"""What may go wrong between tasks and load balancers, on purpose."""

import json
import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import Faults, World
from integration.sandbox_world.balancing import Bench, get
from integration.sandbox_world.sites import Site, wait_for


def tasks(site: Site, bench: Bench, count: int) -> tuple[str, dict[str, dict[str, Any]]]:
    """A group in use with so many healthy tasks: its ARN, and the target of each task by its id."""
    group = bench.group(UnhealthyThresholdCount=2, HealthyThresholdCount=2)
    arns = [task["taskArn"] for task in site.run(count=count)["tasks"]]
    found = {}
    for arn in arns:
        interface = site.until(arn, "RUNNING")["containers"][0]["networkInterfaces"][0]
        found[arn.rpartition("/")[2]] = {"Id": interface["privateIpv4Address"], "Port": 8080}
    bench.register(group, *found.values())
    bench.listener(group)
    bench.until(group, *["healthy"] * count)
    return group, found


def code_of(call: Any, **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@pytest.mark.parametrize(
    ("conduct", "reason", "status"),
    [
        ("answer", "Target.ResponseCodeMismatch", 500),
        ("hang", "Target.Timeout", None),
        ("refuse", "Target.FailedHealthChecks", 502),
    ],
)
def test_chosen_tasks_are_sick(
    bench: Bench, balanced_site: Site, conduct: Any, reason: str, status: int | None
) -> None:
    group, found = tasks(balanced_site, bench, 3)
    sick = next(iter(found))
    bench.world.faults.sicken(conduct, tasks=[sick])
    wait_for(lambda: sorted(bench.states(group), key=str) == [("healthy", None)] * 2 + [("unhealthy", reason)])
    if status is not None:
        bench.world.faults.sicken(conduct, family=balanced_site.family)
        url = bench.world.listener_url(bench.listener(group))
        assert get(url).status == status
    bench.world.faults.clear()
    bench.until(group, "healthy", "healthy", "healthy")


def test_a_slow_start_is_over_after_its_time(bench: Bench, balanced_site: Site) -> None:
    bench.world.faults.sicken("slow_start", family=balanced_site.family, seconds=1.0)
    group = bench.group(UnhealthyThresholdCount=10)
    bench.listener(group)
    arn = balanced_site.run_one()
    task = balanced_site.until(arn, "RUNNING")
    target = {"Id": task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]}
    bench.register(group, target)
    bench.until(group, "healthy")
    assert time.time() - task["startedAt"].timestamp() > 0.95


def test_a_task_may_flap(bench: Bench, balanced_site: Site) -> None:
    group, found = tasks(balanced_site, bench, 1)
    bench.world.faults.sicken("flap", tasks=list(found), seconds=0.8, status=503)
    for state in ("unhealthy", "healthy", "unhealthy", "healthy"):
        bench.until(group, state)


def test_simulated_tasks_answer_requests_with_their_id(bench: Bench, balanced_site: Site) -> None:
    group, found = tasks(balanced_site, bench, 2)
    url = bench.world.listener_url(bench.listener(group))
    assert {get(url).body.strip() for _ in range(4)} == set(found)


@pytest.mark.parametrize("name", ["elbv2", "elasticloadbalancing"])
def test_every_call_of_elb_may_be_throttled(bench: Bench, name: str) -> None:
    group = bench.group()
    bench.world.faults.throttle(name, "*")
    since = time.time()
    assert code_of(bench.elb.describe_target_health, TargetGroupArn=group) == "Throttling"
    assert code_of(bench.elb.register_targets, TargetGroupArn=group, Targets=[{"Id": "10.0.0.9"}]) == "Throttling"
    assert {call.outcome for call in bench.world.calls.select("elbv2", since=since)} == {"Throttling"}
    bench.world.faults.clear()
    assert bench.health(group) == [], "a throttled call has no effect"


def test_every_call_of_cloudwatch_may_be_throttled(balanced_world: World) -> None:
    balanced_world.faults.throttle("cloudwatch", "*")
    assert code_of(balanced_world.client("cloudwatch").describe_alarms) == "Throttling"
    balanced_world.faults.clear()


def test_operations_may_share_a_rate(bench: Bench) -> None:
    group = bench.group()
    bench.world.faults.limit_rate("elbv2", ["RegisterTargets", "DeregisterTargets"], burst=3, per_second=0.25)
    targets = {"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.9"}]}
    calls = [bench.elb.register_targets, bench.elb.deregister_targets] * 2
    assert [code_of(call, **targets) for call in calls] == ["ok", "ok", "ok", "Throttling"]
    assert code_of(bench.elb.describe_target_health, TargetGroupArn=group) == "ok"
    wait_for(lambda: code_of(bench.elb.register_targets, **targets) == "ok")


def test_a_conduct_that_nobody_knows_is_refused() -> None:
    with pytest.raises(TypeError, match=r"answer, hang, refuse, slow_start, flap"):
        Faults().sicken("sulk")


def test_a_group_may_be_deleted_under_its_service(bench: Bench) -> None:
    group, other = bench.group(), bench.group()
    listener = bench.listener(other)
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    bench.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=conditions, Actions=forward)
    bench.listener(group)
    bench.world.targets.delete_group(group)
    assert code_of(bench.elb.describe_target_health, TargetGroupArn=group) == "TargetGroupNotFound"
    assert len(bench.elb.describe_rules(ListenerArn=listener)["Rules"]) == 1


def test_a_stranger_answers_for_itself(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    address, port = bench.world.targets.add_stranger(group)
    bench.until(group, "healthy")
    assert bench.health(group)[0]["Target"] == {"Id": address, "Port": port}
    assert get(url).body.strip() == "stranger"
    with pytest.raises(KeyError):
        bench.world.targets.kill(address, port)


def test_shells_may_do_the_same(bench: Bench, balanced_site: Site) -> None:
    group, found = tasks(balanced_site, bench, 1)
    (task, target) = next(iter(found.items()))

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{bench.world.endpoint_url}/_sandbox/{path}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    post("faults", {"kind": "sicken", "conduct": "answer", "tasks": [task], "status": 418})
    bench.until(group, "unhealthy")
    assert "[418]" in bench.health(group)[0]["TargetHealth"]["Description"]
    assert post(f"targets/{target['Id']}/8080/kill", {}) == {"task": task}
    limit = {"operations": ["DescribeTargetHealth"], "burst": 1, "perSecond": 0.01}
    post("faults", {"kind": "limit_rate", "service": "elbv2", **limit})
    asked = {"TargetGroupArn": group}
    assert [code_of(bench.elb.describe_target_health, **asked) for _ in range(2)] == ["ok", "Throttling"]
    post("addresses", {"reuse": target["Id"]})
    arn = balanced_site.run_one()
    running = balanced_site.until(arn, "RUNNING")
    assert running["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == target["Id"]
