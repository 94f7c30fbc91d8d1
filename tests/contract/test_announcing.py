"""Events on EventBridge are ECS's own in shape, and never fail a pass."""

import json
import threading

import pytest
from aws_lambda_powertools import Logger

from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.model.service import Decision

ACCOUNT = "arn:aws:ecs:eu-west-1:123456789012"
NOW = 1_790_000_000.25


@pytest.fixture(scope="module")
def bus(world):
    """Events that arrived, and a way to wait for them."""
    arrived, changed = [], threading.Condition()

    def listen(event):
        with changed:
            arrived.append(event)
            changed.notify_all()

    def wait_for(count):
        with changed:
            assert changed.wait_for(lambda: len(arrived) >= count, 5), f"{len(arrived)} of {count} events"
            taken = arrived[:]
            arrived.clear()
            return taken

    world.on_put_events(listen)
    return wait_for


def _announcer(world):
    return EventBridgeAnnouncer(world.client("events"), "default", ACCOUNT, Logger(service="test-announcing"))


def test_a_decision_with_a_name_becomes_a_service_action(world, bus):
    steady = Decision(kind="steady", event_name="SERVICE_STEADY_STATE", reason="3 of 3 running")
    _announcer(world).publish("prod/web", [Decision(kind="hold", reason="no name"), steady], NOW)
    (event,) = bus(1)
    assert (event["source"], event["detail-type"]) == ("headcount", "ECS Service Action")
    assert event["resources"] == [f"{ACCOUNT}:service/prod/web"]
    detail = event["detail"] if isinstance(event["detail"], dict) else json.loads(event["detail"])
    assert detail == {
        "eventType": "INFO",
        "eventName": "SERVICE_STEADY_STATE",
        "clusterArn": f"{ACCOUNT}:cluster/prod",
        "serviceName": "web",
        "createdAt": "2026-09-21T14:13:20.250Z",
        "reason": "3 of 3 running",
    }


def test_deployments_have_a_type_of_their_own(world, bus):
    done = Decision(kind="deployment", event_name="SERVICE_DEPLOYMENT_COMPLETED", reason="done", deployment="dep-2")
    _announcer(world).publish("prod/web", [done], NOW)
    (event,) = bus(1)
    assert event["detail-type"] == "ECS Deployment State Change"


def test_more_than_ten_events_go_in_several_calls(world, bus):
    many = [Decision(kind="stop", event_name="TASKS_STOPPED", reason=str(number)) for number in range(23)]
    _announcer(world).publish("prod/web", many, NOW)
    assert len(bus(23)) == 23


@pytest.mark.parametrize("fault", ["throttle", "fail"])
def test_what_cannot_be_published_fails_nothing(world, fault):
    extra = {"error_code": "AccessDeniedException"} if fault == "fail" else {}
    getattr(world.faults, fault)("events", "PutEvents", times=1, **extra)
    _announcer(world).publish("prod/web", [Decision(kind="stop", event_name="TASKS_STOPPED", reason="x")], NOW)
    world.faults.clear()
