"""Tasks live as ECS's do: states in order, versions that rise, events of AWS's shape, an end with its reason."""

import json
import threading
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from integration.sandbox_world.sites import Site, wait_for

CLIMB = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
DESCENT = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
TIMES_IN_ORDER = ["createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt"]
TIMES_IN_ORDER += ["executionStoppedAt", "stoppedAt"]


def statuses(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["detail"]["lastStatus"], event["detail"]["desiredStatus"]) for event in events]


def stopped(site: Site, arn: str) -> dict[str, Any]:
    """The last event of a task."""
    site.until(arn, "STOPPED")
    return wait_for(lambda: next((e for e in site.events_of(arn) if e["detail"]["lastStatus"] == "STOPPED"), None))


def test_a_task_climbs_through_every_state_and_each_raises_the_version(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    events = wait_for(lambda: len(site.events_of(arn)) == 4 and site.events_of(arn))
    assert statuses(events) == [(status, "RUNNING") for status in CLIMB]
    assert [event["detail"]["version"] for event in events] == [1, 2, 3, 4]


def test_a_stopped_task_is_dying_first_and_then_descends(site: Site) -> None:
    arn = site.run_one(tags=[{"key": "headcount:service", "value": "web"}])
    site.until(arn, "RUNNING")
    answered = site.ecs.stop_task(cluster=site.cluster, task=arn, reason="scale-in")["task"]
    assert (answered["lastStatus"], answered["desiredStatus"], answered["stoppedReason"]) == (
        "RUNNING",
        "STOPPED",
        "scale-in",
    )
    last = stopped(site, arn)["detail"]
    assert statuses(site.events_of(arn))[4:] == [("RUNNING", "STOPPED"), *((status, "STOPPED") for status in DESCENT)]
    assert (last["stopCode"], last["stoppedReason"]) == ("UserInitiated", "scale-in")
    assert [last[name] for name in TIMES_IN_ORDER] == sorted(last[name] for name in TIMES_IN_ORDER)


def test_stopping_again_changes_nothing(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    site.ecs.stop_task(cluster=site.cluster, task=arn, reason="first")
    version = site.until(arn, "STOPPED")["version"]
    again = site.ecs.stop_task(cluster=site.cluster, task=arn, reason="second")["task"]
    assert (again["stoppedReason"], again["version"]) == ("first", version)


def test_a_task_that_dies_while_it_is_being_stopped_stays_its_time_in_each_state(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    ecs = site.world._ecs
    with ecs.store.lock:  # both are under way before either goes on
        site.world.kill_task(arn)
        ecs.lives.stop(ecs.store.by_id(arn), "scale-in")
    stopped(site, arn)
    descent = site.events_of(arn)[5:]
    assert [event["detail"]["lastStatus"] for event in descent] == DESCENT
    at = [datetime.fromisoformat(event["detail"]["updatedAt"]).timestamp() for event in descent]
    assert all(later - earlier >= 0.009 for earlier, later in pairwise(at))


def test_a_task_can_be_stopped_before_it_runs(site: Site) -> None:
    site.world.faults.stick("PROVISIONING", family=site.family)
    arn = site.run_one()
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    last = stopped(site, arn)["detail"]
    assert last["stopCode"] == "UserInitiated"
    assert "startedAt" not in last


def test_stopping_an_unknown_task(site: Site) -> None:
    with pytest.raises(ClientError, match="The referenced task was not found") as caught:
        site.ecs.stop_task(cluster=site.cluster, task="0" * 32)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_only_the_chosen_number_of_tasks_stays_in_provisioning(site: Site) -> None:
    site.world.faults.stick("PROVISIONING", family=site.family, times=1)
    first, second = site.run_one(), site.run_one()
    site.until(second, "RUNNING")
    assert site.task(first)["lastStatus"] == "PROVISIONING"


def test_a_task_may_fail_to_start(site: Site) -> None:
    site.world.faults.fail_to_start(family=site.family)
    last = stopped(site, site.run_one())["detail"]
    assert last["stopCode"] == "TaskFailedToStart"
    assert last["stoppedReason"].startswith("CannotPullContainerError")
    assert last["containers"][0]["reason"] == last["stoppedReason"]
    assert "startedAt" not in last


def test_a_simulated_task_follows_its_script(site: Site) -> None:
    revision = site.define(f"{site.family}-crash", command=["simulate", "exit", "3", "after", "0.05"])
    last = stopped(site, site.run_one(taskDefinition=revision))["detail"]
    assert (last["stopCode"], last["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert last["containers"][0]["exitCode"] == 3


def test_a_spot_notice_comes_while_the_task_still_runs(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    site.world.spot_notice(arn, warning_seconds=3.0)
    dying = site.task(arn)
    assert (dying["lastStatus"], dying["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert dying["stopCode"] == "SpotInterruption"
    last = stopped(site, arn)["detail"]
    assert last["stoppedReason"] == "Your Spot Task was interrupted."
    assert ("RUNNING", "STOPPED") in statuses(site.events_of(arn))


def test_events_have_the_shape_of_aws(site: Site) -> None:
    arn = site.run_one(startedBy="hc/main/abc", tags=[{"key": "a", "value": "b"}])
    site.until(arn, "RUNNING")
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    event = stopped(site, arn)
    expected = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert set(event) == expected
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.ecs", "ECS Task State Change", [arn])
    assert event["time"].endswith("Z")
    assert "." not in event["time"]
    detail = event["detail"]
    assert set(detail) == {
        *("attachments", "attributes", "availabilityZone", "capacityProviderName", "clusterArn", "connectivity"),
        *("connectivityAt", "containers", "cpu", "createdAt", "desiredStatus", "enableExecuteCommand"),
        *("ephemeralStorage", "executionStoppedAt", "group", "lastStatus", "launchType", "memory", "overrides"),
        *("platformVersion", "pullStartedAt", "pullStoppedAt", "startedAt", "startedBy", "stopCode", "stoppedAt"),
        *("stoppedReason", "stoppingAt", "taskArn", "taskDefinitionArn", "updatedAt", "version"),
    }
    assert len(detail["createdAt"]) == len("2026-03-02T10:00:01.877Z")
    json.dumps(event)


def test_the_address_is_in_the_attachment_and_in_the_container_once_attached(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    first, running = wait_for(lambda: site.events_of(arn))[0]["detail"], site.task(arn)
    assert first["attachments"][0]["status"] == "PRECREATED"
    assert first["containers"][0]["networkInterfaces"] == []
    details = {pair["name"]: pair["value"] for pair in running["attachments"][0]["details"]}
    assert running["attachments"][0]["status"] == "ATTACHED"
    assert details["subnetId"] in site.subnets.values()
    assert running["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == details["privateIPv4Address"]


def test_tags_are_described_on_request_and_gone_after_a_stop(site: Site) -> None:
    arn = site.run_one(tags=[{"key": "headcount:service", "value": "web"}])
    assert site.task(arn)["tags"] == []
    assert site.task(arn, include=["TAGS"])["tags"] == [{"key": "headcount:service", "value": "web"}]
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    assert site.task(arn, include=["TAGS"])["tags"] == []


def test_unknown_tasks_are_failures_and_at_most_100_are_described(site: Site) -> None:
    missing = site.ecs.describe_tasks(cluster=site.cluster, tasks=["0" * 32])
    assert missing["tasks"] == []
    assert missing["failures"][0]["reason"] == "MISSING"
    assert missing["failures"][0]["arn"].endswith(f"task/{site.cluster}/{'0' * 32}")
    with pytest.raises(ClientError, match="between 1 and 100"):
        site.ecs.describe_tasks(cluster=site.cluster, tasks=[f"{number:032x}" for number in range(101)])


def test_list_tasks_filters_and_pages(site: Site) -> None:
    arns = [task["taskArn"] for task in site.run(count=5, startedBy="hc/main/one")["tasks"]]
    site.run(count=2, startedBy="hc/main/two")
    by_starter = site.ecs.list_tasks(cluster=site.cluster, startedBy="hc/main/one")["taskArns"]
    assert by_starter == arns
    page = site.ecs.list_tasks(cluster=site.cluster, maxResults=3)
    rest = site.ecs.list_tasks(cluster=site.cluster, maxResults=100, nextToken=page["nextToken"])
    assert (len(page["taskArns"]), len(rest["taskArns"]), "nextToken" in rest) == (3, 4, False)
    assert site.ecs.list_tasks(cluster=site.cluster, family="other")["taskArns"] == []


def test_list_tasks_shows_the_running_unless_asked_for_the_stopped(site: Site) -> None:
    arn = site.run_one()
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    assert site.ecs.list_tasks(cluster=site.cluster)["taskArns"] == []
    assert site.ecs.list_tasks(cluster=site.cluster, desiredStatus="STOPPED")["taskArns"] == [arn]


@pytest.mark.parametrize(
    "filters", [{"desiredStatus": "RUNNING"}, {"family": "web"}, {"launchType": "FARGATE"}], ids=lambda f: next(iter(f))
)
def test_started_by_must_be_the_only_filter(site: Site, filters: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="must be the only filter"):
        site.ecs.list_tasks(cluster=site.cluster, startedBy="hc/main/one", **filters)


@pytest.mark.parametrize("bad", [{"maxResults": 101}, {"maxResults": 0}, {"nextToken": "bm90aGluZw=="}])
def test_list_tasks_refuses_bad_pages(site: Site, bad: dict[str, Any]) -> None:
    with pytest.raises(ClientError):
        site.ecs.list_tasks(cluster=site.cluster, **bad)


def test_clusters_count_their_tasks_and_cannot_be_deleted_with_them(site: Site) -> None:
    site.world.faults.stick("PENDING", family=site.family, times=1)
    pending, running = site.run_one(), site.run_one()
    site.until(running, "RUNNING")
    site.until(pending, "PENDING")
    cluster = site.ecs.describe_clusters(clusters=[site.cluster])["clusters"][0]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (1, 1)
    with pytest.raises(site.ecs.exceptions.ClusterContainsTasksException):
        site.ecs.delete_cluster(cluster=site.cluster)
    for arn in (pending, running):
        site.ecs.stop_task(cluster=site.cluster, task=arn)
        site.until(arn, "STOPPED")
    assert site.ecs.delete_cluster(cluster=site.cluster)["cluster"]["clusterName"] == site.cluster


def test_stopped_tasks_are_missing_once_their_time_is_over() -> None:
    store = TaskStore(retention=0.0)
    task = SimpleNamespace(task_id="a", arn="arn/a", cluster="c", times={"stoppedAt": 1.0})
    store.add(cast("Task", task))
    assert store.get("c", "a") is None
    assert list(store.all("c")) == []


def test_three_hundred_tasks_run_and_stop_without_a_thread_each(site: Site) -> None:
    threads = threading.active_count()
    arns = [task["taskArn"] for _ in range(30) for task in site.run(count=10)["tasks"]]
    for arn in arns:
        site.ecs.stop_task(cluster=site.cluster, task=arn)
    assert threading.active_count() <= threads + 1
    for first in range(0, len(arns), 100):
        wait_for(lambda page=arns[first : first + 100]: _all_stopped(site, page))


def _all_stopped(site: Site, arns: list[str]) -> bool:
    tasks = site.ecs.describe_tasks(cluster=site.cluster, tasks=arns)["tasks"]
    return all(task["lastStatus"] == "STOPPED" for task in tasks)
