import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.deployment import Rule, Target
from headcount_sandbox.platform.event_bus import EventBus, target_input
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.timers import Timers

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
EVENT: dict[str, Any] = {
    "source": "aws.ecs",
    "detail-type": "ECS Task State Change",
    "time": "2026-03-02T10:00:34Z",
    "detail": {
        "startedBy": "hc/main/abc",
        "version": 5,
        "stopped": None,
        "containers": [{"name": "app", "exitCode": 0}, {"name": "log", "exitCode": 137}],
    },
}


class Deliveries:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, target: Target, text: str, event: dict[str, Any]) -> None:
        self.texts.append(text)


@pytest.fixture
def timers() -> Iterator[Timers]:
    timers = Timers()
    timers.start()
    yield timers
    timers.stop()


def a_bus(pattern: dict[str, Any], deliveries: Deliveries, timers: Timers, faults: Faults | None = None) -> EventBus:
    rule = Rule(name="r", arn="arn:r", pattern=pattern, targets=(Target(arn=FUNCTION),))
    return EventBus((rule,), faults=faults or Faults(0), deliver=deliveries, timers=timers)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.ecs", "aws.ec2"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"detail": {"startedBy": [{"prefix": "hc/main/"}]}}, True),
        ({"detail": {"startedBy": [{"prefix": "hc/other/"}]}}, False),
        ({"detail": {"startedBy": [{"suffix": "abc"}]}}, True),
        ({"detail": {"startedBy": [{"wildcard": "hc/*/abc"}]}}, True),
        ({"detail": {"startedBy": [{"equals-ignore-case": "HC/MAIN/ABC"}]}}, True),
        ({"detail": {"startedBy": [{"anything-but": {"prefix": "hc/"}}]}}, False),
        ({"detail": {"version": [{"numeric": [">", 4, "<=", 5]}]}}, True),
        ({"detail": {"version": ["5"]}}, False),
        ({"detail": {"stopped": [None]}}, True),
        ({"detail": {"group": [{"exists": False}]}}, True),
        ({"detail": {"group": [{"exists": True}]}}, False),
        ({"detail": {"containers": {"exitCode": [137]}}}, True),
        ({"detail": {"containers": {"exitCode": [1]}}}, False),
        ({"$or": [{"source": ["aws.ec2"]}, {"detail": {"version": [5]}}]}, True),
        ({"source": ["aws.ec2"], "$or": [{"detail": {"version": [5]}}]}, False),
    ],
)
def test_delivers_events_that_match_the_pattern(pattern: dict[str, Any], matches: bool, timers: Timers) -> None:
    deliveries = Deliveries()
    a_bus(pattern, deliveries, timers).route(EVENT)
    assert [json.loads(text) for text in deliveries.texts] == ([EVENT] if matches else [])


def test_loses_doubles_and_delays_events_as_the_faults_say(timers: Timers, until: Callable[..., Any]) -> None:
    faults, deliveries = Faults(0), Deliveries()
    bus = a_bus({"source": ["aws.ecs"]}, deliveries, timers, faults)
    faults.lose_events()
    bus.route(EVENT)
    assert deliveries.texts == []
    faults.clear()
    faults.duplicate_events()
    faults.delay_events(0.05, 0.05)
    bus.route(EVENT)
    assert deliveries.texts == []
    until(lambda: len(deliveries.texts) == 2)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(arn=FUNCTION, input='{"constant": 1}'), '{"constant": 1}'),
        (Target(arn=FUNCTION, input_path="$.detail.version"), "5"),
        (
            Target(
                arn=FUNCTION,
                input_transformer={
                    "InputPathsMap": {"who": "$.detail.startedBy", "version": "$.detail.version"},
                    "InputTemplate": '{"text": "by <who>", "who": <who>, "version": <version>, '
                    '"rule": <aws.events.rule-arn>}',
                },
            ),
            '{"text": "by hc/main/abc", "who": "hc/main/abc", "version": 5, "rule": "arn:r"}',
        ),
    ],
)
def test_makes_the_targets_input_from_the_event(target: Target, text: str) -> None:
    assert target_input(target, EVENT, rule_arn="arn:r") == text


def test_put_events_reach_functions_and_can_be_read(sandbox: Sandbox, until: Callable[..., Any]) -> None:
    entry = {"Source": "headcount", "DetailType": "Ask", "Detail": json.dumps({"kind": "published"})}
    sandbox.client("events").put_events(Entries=[entry])
    until(lambda: any(entry.get("event") == {"kind": "published"} for entry in sandbox.logs("Echo")))
    assert {"kind": "published"} in [event["detail"] for event in sandbox.platform.published_events()]


def test_task_events_reach_the_function_of_their_rule(sandbox: Sandbox, until: Callable[..., Any]) -> None:
    sandbox.register_task_definition("one", ["true"])
    task = sandbox.client("ecs").run_task(
        cluster="prod",
        taskDefinition="one",
        launchType="FARGATE",
        startedBy="hc/main/launch",
        networkConfiguration={"awsvpcConfiguration": {"subnets": list(sandbox.subnets.values())}},
    )["tasks"][0]

    def statuses() -> set[str]:
        events = [entry["event"] for entry in sandbox.logs("Echo") if "detail-type" in entry.get("event", {})]
        return {event["detail"]["lastStatus"] for event in events if event["resources"] == [task["taskArn"]]}

    until(lambda: "RUNNING" in statuses())


def test_200_events_at_once_all_arrive(sandbox: Sandbox, until: Callable[..., Any]) -> None:
    for number in range(20):
        entries = [
            {"Source": "headcount", "DetailType": "Ask", "Detail": json.dumps({"burst": number * 10 + index})}
            for index in range(10)
        ]
        sandbox.client("events").put_events(Entries=entries)

    def arrived() -> set[int]:
        return {entry["event"]["burst"] for entry in sandbox.logs("Echo") if "burst" in entry.get("event", {})}

    until(lambda: arrived() == set(range(200)))
