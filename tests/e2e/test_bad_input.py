"""Requests, messages and events that make no sense: refused with everything that is wrong, and nothing is touched."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.install import CLUSTER, ROOT, Install, id_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def snapshot(install: Install) -> Any:
    """All that could have been touched: tasks, services and what is declared."""
    records = [
        record for record in install.records("bystander") if record["sk"] in ("manifest", "capacity", "operator")
    ]
    services = install.ask("list")["services"]
    names = [one["service"] for one in services if one["state"] != "DELETING"]  # other files' last services still end
    return [id_of(task) for task in install.ever("bystander")], names, records


@pytest.fixture(autouse=True)
def bystander(install: Install) -> None:
    """A service that must not notice."""
    if not install.control("describe", service=f"{CLUSTER}/bystander")["ok"]:
        install.run("bystander", 2)
    install.steady("bystander", 2)


def test_all_problems_of_a_manifest_are_reported_at_once_and_nothing_is_touched(install: Install) -> None:
    before = snapshot(install)
    manifest = {
        **install.manifest("bystander", "bystander:1", 2),
        "desiredCount": 5001,
        "launchType": "EXTERNAL",
        "serviceName": "b" * 255,
        "taskDefinitoin": "web",
        "loadBalancers": [{"targetGroupArn": "arn"}],
        "restarts": {"initialSeconds": -1, "maximumSeconds": "soon"},
        "deploymentConfiguration": {"minimumHealthyPercent": 101},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["not-a-subnet"]}},
    }

    error = install.refused("apply", manifest=manifest)

    assert error["type"] == "InvalidManifest"
    said = {problem["path"]: problem["message"] for problem in error["problems"]}
    expected = {
        "desiredCount",
        "launchType",
        "serviceName",
        "taskDefinitoin",
        "loadBalancers[0].targetGroupArn",
        "loadBalancers[0].containerName",
        "restarts.initialSeconds",
        "restarts.maximumSeconds",
        "deploymentConfiguration.minimumHealthyPercent",
        "networkConfiguration.awsvpcConfiguration.subnets[0]",
    }
    assert expected <= said.keys(), f"missing: {expected - said.keys()}"
    assert "taskDefinition" in said["taskDefinitoin"]
    assert "5000" in said["desiredCount"]
    assert snapshot(install) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"desiredCount": -1}, ("desiredCount", "-1")),
        ({"taskDefinition": "nobody-registered-this"}, ("nobody-registered-this",)),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}},
            ("subnet-0123456789abcdef0",),
        ),
        (
            {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
            ("minimumHealthyPercent", "maximumPercent"),
        ),
        ({"cluster": "somebody-elses"}, ("somebody-elses", CLUSTER)),
        ({"kind": "Job"}, ("Job",)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_change_that_cannot_be_is_refused_and_says_why(
    install: Install, change: dict[str, Any], words: tuple[str, ...]
) -> None:
    before = snapshot(install)

    error = install.refused("apply", manifest={**install.manifest("bystander", "bystander:1", 2), **change})

    assert all(word in json.dumps(error) for word in words), error
    assert error["problems"], error
    assert snapshot(install) == before


def test_fargate_refuses_a_task_definition_of_another_network_mode(install: Install) -> None:
    before = snapshot(install)
    install.ecs.register_task_definition(
        family="bridged",
        networkMode="bridge",
        containerDefinitions=[{"name": "app", "image": "sandbox", "essential": True, "memory": 128}],
    )

    error = install.refused("apply", manifest=install.manifest("bridged", "bridged", 1))

    assert "awsvpc" in json.dumps(error["problems"]), error
    assert snapshot(install) == before


@pytest.mark.parametrize(
    ("request_", "error_type"),
    [
        ({}, "UnsupportedVersion"),
        ({"version": 2, "operation": "list"}, "UnsupportedVersion"),
        ({"version": 1, "operation": "destroy"}, "InvalidRequest"),
        ({"version": 1, "operation": "list", "clusters": "all"}, "InvalidRequest"),
        ({"version": 1, "operation": "scale", "service": "demo/bystander", "desiredCount": "9"}, "InvalidRequest"),
        ({"version": 1, "operation": "scale", "service": "demo/bystander", "desiredCount": -1}, "InvalidRequest"),
        ({"version": 1, "operation": "scale", "service": "demo/bystander", "desiredCount": 5001}, "InvalidRequest"),
        ({"version": 1, "operation": "scale", "service": "demo/nobody", "desiredCount": 1}, "ServiceNotFound"),
        ({"version": 1, "operation": "delete", "service": "elsewhere/bystander"}, "InvalidRequest"),
        ({"version": 1, "operation": "protect", "service": "demo/bystander", "tasks": ["?"]}, "InvalidRequest"),
        ({"version": 1, "operation": "apply", "manifest": ["not", "a", "mapping"]}, "InvalidManifest"),
        ({"version": 1, "operation": "apply"}, "InvalidManifest"),
        ({"version": 1, "operation": "events", "service": "demo/bystander", "limit": 0}, "InvalidRequest"),
        ({"version": 1, "operation": "why"}, "InvalidRequest"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(install: Install, request_: dict[str, Any], error_type: str) -> None:
    before = snapshot(install)

    answer = install.sandbox.invoke_control(request_)

    assert not answer["ok"], answer
    assert answer["error"]["type"] == error_type, answer
    assert snapshot(install) == before


@pytest.fixture
def hasty(install: Install) -> Iterator[None]:
    """What fails comes back after two seconds, so that five tries take seconds, but longer than a replacement."""
    sqs = install.sandbox.client("sqs")
    urls = [install.queue_url(output) for output in ("ReconcileQueueUrl", "TimerQueueUrl")]
    was = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] for url in urls]
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    yield
    for url, attributes in zip(urls, was, strict=True):
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def test_poisoned_messages_become_dead_letters_while_services_go_on(install: Install, hasty: None) -> None:
    kicks = ["this is no JSON", '{"schema": 1, "server": "demo/bystander"}', '["demo/bystander"]']
    timers = ['{"schema": 1, "service": 7, "at": "soon"}', "nor this"]
    sqs = install.sandbox.client("sqs")
    for number, body in enumerate(kicks):
        sqs.send_message(
            QueueUrl=install.queue_url("ReconcileQueueUrl"),
            MessageBody=body,
            MessageGroupId=f"poison-{number}",
            MessageDeduplicationId=f"poison-{number}",
        )
    for body in timers:
        sqs.send_message(QueueUrl=install.queue_url("TimerQueueUrl"), MessageBody=body)

    victim = install.ids("bystander")[0]
    install.sandbox.kill_task(victim)
    install.wait(lambda: victim not in install.ids("bystander"), "the task is dead", "bystander")
    install.steady("bystander", 2)
    assert install.dead_letters("ReconcileDeadLettersUrl") == [], "the service did not wait for the poison to go"

    for output, bodies in (("ReconcileDeadLettersUrl", kicks), ("TimerDeadLettersUrl", timers)):
        all_there = partial(_has_dead_letters, install, output, len(bodies))
        install.wait(all_there, f"the messages are in {output}", "bystander")
        assert install.take_dead_letters(output) == sorted(bodies)


def _has_dead_letters(install: Install, output: str, count: int) -> bool:
    return len(install.dead_letters(output)) == count


@pytest.mark.parametrize(
    "story", ["foreign-cluster", "foreign-group", "foreign-install", "newer-shape", "stale-version"]
)
def test_events_that_are_none_of_ours_are_left_alone(install: Install, story: str) -> None:
    before = snapshot(install)
    event = json.loads((ROOT / "events" / "observe_tasks" / f"{story}.json").read_text())

    status, headers, body = install.sandbox.platform.invoke("ObserveTasks", json.dumps(event).encode())

    assert status == 200
    assert "X-Amz-Function-Error" not in headers, body
    assert snapshot(install) == before
    install.exactly("bystander", 2)


def test_an_event_with_missing_fields_is_kept_as_a_dead_letter(install: Install) -> None:
    before = snapshot(install)
    event = (ROOT / "events" / "observe_tasks" / "missing-fields.json").read_bytes()

    install.sandbox.platform.invoke("ObserveTasks", event, "Event")

    install.wait(lambda: install.dead_letters("EventDeadLettersUrl") != [], "the event is a dead letter")
    [letter] = install.take_dead_letters("EventDeadLettersUrl")
    assert "detail.taskArn is missing; detail.lastStatus is missing" in letter
    assert snapshot(install) == before
    install.exactly("bystander", 2)
