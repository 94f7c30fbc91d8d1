"""Every way to lose capacity: instances that end, vanish or go silent; Spot; retirement."""

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from integration.sandbox_world.sites import Site, wait_for


def running_on(site: Site, instance: dict[str, Any], *, tasks: int = 1, **container: Any) -> list[str]:
    """Running tasks on an instance."""
    started = site.ecs.start_task(
        cluster=site.cluster,
        taskDefinition=site.define_ec2(f"{site.family}-e", **container),
        containerInstances=[instance["containerInstanceArn"]] * tasks,
    )
    arns = [task["taskArn"] for task in started["tasks"]]
    for arn in arns:
        site.until(arn, "RUNNING")
    return arns


def fargate_running(site: Site, **changes: Any) -> str:
    arn = site.run_one(**changes)
    site.until(arn, "RUNNING")
    return arn


def event_with(site: Site, chosen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return wait_for(lambda: next((event for event in list(site.events) if chosen(event)), None)) or {}


# --- instances ------------------------------------------------------------------------------------------------------


def test_a_terminated_instance_takes_its_tasks_along_and_ecs_tells(site: Site) -> None:
    lost, kept = site.add_instance(), site.add_instance()
    arns, others = running_on(site, lost, tasks=3), running_on(site, kept)
    site.world.losses.terminate(lost["ec2InstanceId"])
    for arn in arns:
        last = event_with(site, lambda event, arn=arn: _is_end_of(event, arn))["detail"]
        assert (last["lastStatus"], last["desiredStatus"], last["stopCode"]) == (
            "STOPPED",
            "STOPPED",
            "TerminationNotice",
        )
        assert last["stoppedReason"] == f"Host EC2 (instance {lost['ec2InstanceId']}) terminated."
        assert "exitCode" not in last["containers"][0]
    assert site.task(others[0])["lastStatus"] == "RUNNING"
    instance = site.instance(lost["containerInstanceArn"])
    assert (instance["status"], instance["agentConnected"], instance["runningTasksCount"]) == ("INACTIVE", False, 0)
    seen = [event["detail"] for event in site.events_of(lost["containerInstanceArn"])]
    disconnected = next(detail for detail in seen if not detail["agentConnected"])
    assert (disconnected["status"], disconnected["runningTasksCount"]) == ("ACTIVE", 3)
    assert seen[-1]["status"] == "INACTIVE"


def test_a_terminated_instance_is_not_listed(site: Site) -> None:
    lost = site.add_instance()
    site.world.losses.terminate(lost["containerInstanceArn"])
    assert site.ecs.list_container_instances(cluster=site.cluster)["containerInstanceArns"] == []


def test_a_vanished_instance_leaves_no_word_and_tasks_that_seem_to_run(site: Site) -> None:
    instance = site.add_instance()
    arn = running_on(site, instance)[0]
    wait_for(lambda: len(site.events_of(instance["containerInstanceArn"])) == 3)
    event_with(site, lambda event: event["detail"].get("taskArn") == arn and event["detail"]["lastStatus"] == "RUNNING")
    told = len(site.events)
    site.world.losses.vanish(instance["ec2InstanceId"], noticed_after=3.0, afterwards="STOPPED")
    task = site.task(arn)
    assert (task["lastStatus"], task["desiredStatus"], task["connectivity"]) == ("RUNNING", "RUNNING", "DISCONNECTED")
    assert site.ecs.list_tasks(cluster=site.cluster)["taskArns"] == [arn]
    assert site.instance(instance["containerInstanceArn"])["agentConnected"] is False
    site.until(arn, "STOPPED")
    wait_for(lambda: site.instance(instance["containerInstanceArn"])["status"] == "INACTIVE")
    assert len(site.events) == told


def test_what_vanished_may_be_missing_in_the_end(site: Site) -> None:
    instance = site.add_instance()
    arn = running_on(site, instance)[0]
    site.world.losses.vanish(instance["ec2InstanceId"], noticed_after=0.05, afterwards="MISSING")

    def failures() -> list[str]:
        tasks = site.ecs.describe_tasks(cluster=site.cluster, tasks=[arn])["failures"]
        instances = site.ecs.describe_container_instances(
            cluster=site.cluster, containerInstances=[instance["containerInstanceArn"]]
        )["failures"]
        return [failure["reason"] for failure in [*tasks, *instances]]

    wait_for(lambda: failures() == ["MISSING", "MISSING"])


def test_what_happens_while_an_agent_is_silent_is_told_when_it_is_back(site: Site) -> None:
    instance = site.add_instance()
    stopped, died, kept = running_on(site, instance, tasks=3)
    site.world.losses.disconnect(instance["ec2InstanceId"], None)
    site.ecs.stop_task(cluster=site.cluster, task=stopped, reason="scale-in")
    site.world.fail_task(died, exit_code=3)
    assert [site.task(arn)["lastStatus"] for arn in (stopped, died, kept)] == ["RUNNING"] * 3
    assert [site.task(arn)["desiredStatus"] for arn in (stopped, died, kept)] == ["STOPPED", "RUNNING", "RUNNING"]
    site.world.losses.reconnect(instance["ec2InstanceId"])
    assert site.until(stopped, "STOPPED")["stopCode"] == "UserInitiated"
    assert site.until(died, "STOPPED")["containers"][0]["exitCode"] == 3
    assert (site.task(kept)["lastStatus"], site.task(kept)["connectivity"]) == ("RUNNING", "CONNECTED")
    connected = [event["detail"]["agentConnected"] for event in site.events_of(instance["containerInstanceArn"])]
    assert connected[connected.index(False) - 1 :][:2] == [True, False]
    wait_for(lambda: site.events_of(instance["containerInstanceArn"])[-1]["detail"]["agentConnected"])


def test_a_task_does_not_get_on_while_its_agent_is_silent(site: Site) -> None:
    instance = site.add_instance()
    site.world.faults.stick("PENDING", family=f"{site.family}-e", times=1)
    arn = site.on_ec2(site.define_ec2(f"{site.family}-e"))["tasks"][0]["taskArn"]
    site.world.losses.disconnect(instance["ec2InstanceId"], 3.0)
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    assert site.task(arn)["lastStatus"] == "PENDING"
    assert site.instance(instance["containerInstanceArn"])["agentConnected"] is False
    site.until(arn, "STOPPED")
    assert site.instance(instance["containerInstanceArn"])["agentConnected"] is True


def test_an_interrupted_spot_instance_is_announced_drained_and_gone(site: Site) -> None:
    instance = site.add_instance("b")
    arn = running_on(site, instance)[0]
    site.world.losses.interrupt_spot_instance(instance["ec2InstanceId"], warning_seconds=3.0, drain=True)
    assert site.instance(instance["containerInstanceArn"])["status"] == "DRAINING"
    assert site.task(arn)["desiredStatus"] == "RUNNING"
    warning = event_with(site, lambda event: event["source"] == "aws.ec2")
    assert warning["detail-type"] == "EC2 Spot Instance Interruption Warning"
    assert warning["resources"] == [f"arn:aws:ec2:{site.world.region}b:instance/{instance['ec2InstanceId']}"]
    assert warning["detail"] == {"instance-id": instance["ec2InstanceId"], "instance-action": "terminate"}
    assert site.until(arn, "STOPPED")["stopCode"] == "TerminationNotice"
    site.events.remove(warning)


def test_an_agent_that_does_not_drain_leaves_the_instance_active(site: Site) -> None:
    instance = site.add_instance()
    site.world.losses.interrupt_spot_instance(instance["ec2InstanceId"], warning_seconds=3.0, drain=False)
    assert site.instance(instance["containerInstanceArn"])["status"] == "ACTIVE"
    wait_for(lambda: site.instance(instance["containerInstanceArn"])["status"] == "INACTIVE")


@pytest.mark.parametrize("loss", ["terminate", "reconnect"])
def test_unknown_instances(site: Site, loss: str) -> None:
    with pytest.raises(KeyError):
        getattr(site.world.losses, loss)("i-404")


# --- Fargate --------------------------------------------------------------------------------------------------------


def test_spot_takes_back_all_its_tasks_of_a_zone(site: Site) -> None:
    spot = {"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    zone = f"{site.world.region}c"
    in_c = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [site.subnets[zone]]}}}
    in_b = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [site.subnets[f"{site.world.region}b"]]}}}
    taken = fargate_running(site, **spot, **in_c)
    kept = [fargate_running(site, **in_c), fargate_running(site, **spot, **in_b)]
    ids = site.world.losses.interrupt_spot_tasks(zone, 0.05)
    assert taken.rpartition("/")[2] in ids
    assert not {arn.rpartition("/")[2] for arn in kept} & set(ids)
    assert site.until(taken, "STOPPED")["stopCode"] == "SpotInterruption"
    assert [site.task(arn)["desiredStatus"] for arn in kept] == ["RUNNING", "RUNNING"]


def test_retirement_is_announced_by_health_and_done_at_its_date(site: Site) -> None:
    arns = [fargate_running(site) for _ in range(2)]
    ids = [arn.rpartition("/")[2] for arn in arns]
    event_arn = site.world.losses.retire(ids, start_in=3.0)
    event = event_with(site, lambda event: event["detail"].get("eventArn") == event_arn)
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.health", "AWS Health Event", arns)
    detail = event["detail"]
    assert set(detail) == {
        *("eventArn", "service", "eventScopeCode", "communicationId", "lastUpdatedTime", "eventRegion"),
        *("eventTypeCode", "eventTypeCategory", "startTime", "endTime", "eventDescription", "affectedEntities"),
    }
    assert detail["eventTypeCode"] == "AWS_ECS_TASK_PATCHING_RETIREMENT"
    assert [entity["entityValue"] for entity in detail["affectedEntities"]] == arns
    window = parsedate_to_datetime(detail["endTime"]) - parsedate_to_datetime(detail["startTime"])
    assert window.days == 2
    assert [site.task(arn)["desiredStatus"] for arn in arns] == ["RUNNING", "RUNNING"]
    last = site.until(arns[0], "STOPPED")
    assert last["stoppedReason"].startswith("ECS is performing maintenance on the underlying infrastructure")
    json.dumps(event)


def test_retiring_what_never_was(site: Site) -> None:
    with pytest.raises(KeyError):
        site.world.losses.retire(["0" * 32], start_in=1)


def _is_end_of(event: dict[str, Any], arn: str) -> bool:
    return event["detail"].get("taskArn") == arn and event["detail"]["lastStatus"] == "STOPPED"
