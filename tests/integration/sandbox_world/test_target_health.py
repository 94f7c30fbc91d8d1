"""Targets have AWS's states and reasons, and change them when AWS's do."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world.elb.targets import FAILED, MAX_TARGETS, Target, Thresholds
from integration.sandbox_world.balancing import Bench, a_server, get
from integration.sandbox_world.sites import Site, wait_for

NOBODY = {"Id": "10.0.0.200", "Port": 8080}
SEVERAL = [{"Id": "10.0.0.201", "Port": port} for port in (8080, 8081)]
INITIAL = ("initial", "Elb.RegistrationInProgress"), ("initial", "Elb.InitialHealthChecking")


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of an error."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def a_task(site: Site) -> tuple[str, dict[str, Any]]:
    """A running task (its id) and the target that it is."""
    arn = site.run_one()
    task = site.until(arn, "RUNNING")
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    return arn.rpartition("/")[2], {"Id": address, "Port": 8080}


def test_a_target_registers_is_checked_and_is_healthy_after_one_good_check(bench: Bench) -> None:
    group = bench.group(HealthyThresholdCount=10, HealthCheckIntervalSeconds=300)  # so seldom, but for the first ones
    bench.listener(group)
    with a_server(status=503) as server:
        bench.register(group, server.target)
        assert bench.states(group)[0] in INITIAL
        bad = len(server.seen)
        server.status = 200
        bench.until(group, "healthy")
        described = bench.health(group)[0]
        assert described["TargetHealth"] == {"State": "healthy"}
        assert described["HealthCheckPort"] == str(server.port)
        checks = [headers for _, _, headers, _ in server.seen]
        assert all(headers["User-Agent"] == "ELB-HealthChecker/2.0" for headers in checks)
        assert len(checks) - bad <= 1


def test_a_target_without_anything_behind_it_becomes_unhealthy_after_the_threshold(bench: Bench) -> None:
    group = bench.group(UnhealthyThresholdCount=3)
    bench.listener(group)
    began = time.monotonic()
    bench.register(group, NOBODY)
    bench.until(group, "unhealthy")
    assert time.monotonic() - began > 2 * 0.25, "three failures are two intervals apart"
    assert bench.states(group) == [("unhealthy", "Target.FailedHealthChecks")]


def test_a_wrong_code_and_silence_have_reasons_of_their_own(bench: Bench) -> None:
    group = bench.group(Matcher={"HttpCode": "200-299"})
    bench.listener(group)
    with a_server(status=503) as server:
        bench.register(group, server.target)
        bench.until(group, "unhealthy")
        health = bench.health(group)[0]["TargetHealth"]
        assert health["Reason"] == "Target.ResponseCodeMismatch"
        assert health["Description"] == "Health checks failed with these codes: [503]"
        server.status = 202
        bench.until(group, "healthy")


def test_a_target_that_hangs_times_out(bench: Bench, balanced_site: Site) -> None:
    group = bench.group()
    bench.listener(group)
    task, target = a_task(balanced_site)
    bench.register(group, target)
    bench.until(group, "healthy")
    bench.world.faults.sicken("hang", tasks=[task])
    wait_for(lambda: bench.states(group) == [("unhealthy", "Target.Timeout")])


def test_recovery_takes_as_many_checks_as_the_group_says() -> None:
    target = Target(key=("10.0.0.1", 80), zone=None)
    limits = Thresholds(healthy=3, unhealthy=2)
    seen = []
    for passes in (True, False, False, True, True, False, True, True, True):
        if passes:
            target.pass_check(limits)
        else:
            target.fail_check(limits, FAILED)
        seen.append(target.state)
    assert seen == ["healthy"] * 2 + ["unhealthy"] * 6 + ["healthy"]


def test_a_simulated_task_is_healthy_while_it_runs(bench: Bench, balanced_site: Site) -> None:
    group = bench.group()
    bench.listener(group)
    task, target = a_task(balanced_site)
    bench.register(group, target, {**target, "Port": 9999})
    wait_for(lambda: [state for state, _ in bench.states(group)] == ["healthy", "unhealthy"])
    assert bench.world.targets.kill(target["Id"], 8080) == task
    bench.until(group, "unhealthy", "unhealthy")


def test_without_a_listener_a_target_is_unused_and_with_one_it_is_checked(bench: Bench) -> None:
    group = bench.group(delay=30)
    with a_server() as server:
        bench.register(group, server.target)
        assert bench.states(group) == [("unused", "Target.NotInUse")]
        bench.deregister(group, server.target)
        assert bench.health(group) == [], "nothing has to drain"
        bench.register(group, server.target)
        listener = bench.listener(group)
        bench.until(group, "healthy")
        bench.elb.delete_listener(ListenerArn=listener)
        assert bench.states(group) == [("unused", "Target.NotInUse")]


def test_a_target_drains_for_the_whole_delay_and_is_gone_then(bench: Bench) -> None:
    group = bench.group(delay=3)
    bench.listener(group)
    with a_server() as server:
        bench.put(group, server)
        began = time.monotonic()
        bench.deregister(group, server.target)
        assert bench.states(group) == [("draining", "Target.DeregistrationInProgress")]
        wait_for(lambda: not bench.health(group))
        assert time.monotonic() - began >= 3
        assert bench.states(group, server.target) == [("unused", "Target.NotRegistered")]


def test_deregistering_again_does_not_begin_anew_and_registering_puts_it_back(bench: Bench) -> None:
    group = bench.group(delay=1)
    bench.listener(group)
    with a_server() as server:
        bench.put(group, server)
        bench.deregister(group, server.target)
        bench.register(group, server.target)
        assert bench.states(group)[0] in INITIAL
        bench.until(group, "healthy")
        bench.deregister(group, server.target)

        def is_gone() -> bool:
            bench.deregister(group, server.target)
            return not bench.health(group)

        wait_for(is_gone)


def test_targets_are_known_by_id_and_port(bench: Bench) -> None:
    group = bench.group()
    bench.register(group, *SEVERAL)
    bench.register(group, SEVERAL[0])
    bench.deregister(group, {"Id": SEVERAL[0]["Id"], "Port": 9999}, {"Id": "10.0.0.99"})
    assert [one["Target"] for one in bench.health(group)] == SEVERAL
    bench.deregister(group, {"Id": SEVERAL[0]["Id"]})
    assert [one["Target"] for one in bench.health(group)] == SEVERAL[1:], "the group's own port is meant"


def test_a_group_has_at_most_a_thousand_targets(bench: Bench) -> None:
    group = bench.group()
    targets = [{"Id": f"10.0.1.{number % 200}", "Port": 2000 + number} for number in range(MAX_TARGETS)]
    bench.register(group, *targets)
    code, _ = refused(bench.elb.register_targets, TargetGroupArn=group, Targets=[NOBODY])
    assert code == "TooManyTargets"
    bench.register(group, targets[0])
    assert len(bench.health(group)) == MAX_TARGETS


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("8.8.8.8", "InvalidTarget"),
        ("192.168.1.1", "InvalidTarget"),
        ("not an address", "ValidationError"),
        ("i-0123456789abcdef0", "ValidationError"),
        ("::1", "ValidationError"),
    ],
)
def test_addresses_that_cannot_be_targets_are_refused_with_the_whole_call(bench: Bench, target: str, code: str) -> None:
    group = bench.group()
    found, message = refused(bench.elb.register_targets, TargetGroupArn=group, Targets=[NOBODY, {"Id": target}])
    assert found == code
    assert target in message
    assert bench.health(group) == []


def test_an_address_outside_the_vpc_needs_all_zones(bench: Bench) -> None:
    group = bench.group()
    bench.register(group, {"Id": "192.168.1.1", "AvailabilityZone": "all"})
    assert bench.health(group)[0]["Target"]["AvailabilityZone"] == "all"


def test_instances_are_targets_by_their_ec2_id(bench: Bench, balanced_site: Site) -> None:
    instance = balanced_site.add_instance()["ec2InstanceId"]
    definition = balanced_site.define_ec2(f"{balanced_site.family}-e", portMappings=[{"containerPort": 8080}])
    arn = balanced_site.on_ec2(definition)["tasks"][0]["taskArn"]
    port = balanced_site.until(arn, "RUNNING")["containers"][0]["networkBindings"][0]["hostPort"]
    group = bench.group(TargetType="instance")
    bench.listener(group)
    bench.register(group, {"Id": instance, "Port": port})
    bench.until(group, "healthy")
    code, message = refused(bench.elb.register_targets, TargetGroupArn=group, Targets=[{"Id": "i-0000000000000000a"}])
    assert (code, "i-0000000000000000a" in message) == ("InvalidTarget", True)
    assert refused(bench.elb.register_targets, TargetGroupArn=group, Targets=[NOBODY])[0] == "ValidationError"


def test_what_is_no_group_is_not_found(bench: Bench) -> None:
    gone = {"TargetGroupArn": bench.group()}
    bench.elb.delete_target_group(**gone)
    for call in (bench.elb.register_targets, bench.elb.deregister_targets):
        assert refused(call, **gone, Targets=[NOBODY])[0] == "TargetGroupNotFound"
    assert refused(bench.elb.describe_target_health, **gone)[0] == "TargetGroupNotFound"


def test_a_used_address_that_a_new_task_gets_leads_to_the_new_task(bench: Bench, balanced_site: Site) -> None:
    group = bench.group()
    url = bench.serve(group)
    first, target = a_task(balanced_site)
    bench.register(group, target)
    bench.until(group, "healthy")
    bench.world.targets.kill(target["Id"], 8080)
    bench.until(group, "unhealthy")
    bench.world.targets.reuse_address(target["Id"])
    second, same = a_task(balanced_site)
    assert (same, second != first) == (target, True)
    assert bench.world.targets.task_of(target["Id"], 8080) == second
    bench.until(group, "healthy")
    assert get(url).body.strip() == second


def test_health_checks_follow_changes_of_the_group(bench: Bench) -> None:
    group = bench.group()
    bench.listener(group)
    with a_server(status=404) as server:
        bench.register(group, server.target)
        bench.until(group, "unhealthy")
        bench.elb.modify_target_group(
            TargetGroupArn=group, HealthCheckPath="/ready", Matcher={"HttpCode": "404"}, HealthyThresholdCount=2
        )
        bench.until(group, "healthy")
        assert server.seen[-1][1] == "/ready"


def test_a_network_group_is_checked_by_connecting(network: Bench) -> None:
    group = network.group("TCP", HealthCheckProtocol="TCP")
    network.listener(group, protocol="TCP")
    with a_server() as server:
        network.put(group, server)
        assert server.seen == []
        target = server.target
    network.until(group, "unhealthy")
    assert network.states(group, target) == [("unhealthy", "Target.FailedHealthChecks")]
