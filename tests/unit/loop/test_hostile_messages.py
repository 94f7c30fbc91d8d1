"""Messages and events that fuzzing found: each is poisoned by itself, and keeps no other from its work."""

import json

import pytest
from aws_lambda_powertools import Logger

from headcount import events, triggers
from headcount.errors import Poisoned
from headcount.handlers import each_record
from headcount.messages import DueTimer

TASK = {
    "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d",
    "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
    "lastStatus": "STOPPED",
    "desiredStatus": "STOPPED",
    "version": 4,
    "group": "headcount:web",
    "startedBy": "hc/main/mfrggzdfmztwq2lknnwg",
}
HOSTILE = {
    "deep": "[" * 200_000,
    "deep in a field": '{"schema": 1, "service": "prod/web", "at": 1, "x": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "a huge number": '{"schema": 1, "service": "prod/web", "eventAt": 1, "at": 1' + "0" * 400 + "}",
    "no number": '{"schema": 1, "service": "prod/web", "at": NaN}',
    "an endless number": '{"schema": 1, "service": "prod/web", "at": Infinity}',
    "a schema that is true": '{"schema": true, "service": "prod/web", "at": 1}',
}


def _record(body, number=0):
    return {"messageId": str(number), "body": body}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_timer_is_poisoned_and_the_others_are_read(body):
    good = json.dumps({"schema": 1, "service": "prod/web", "at": 5.0})
    read = []
    event = {"Records": [_record(text, number) for number, text in enumerate([good, body, good])]}
    answer = each_record(event, Logger(service="test"), lambda record: read.append(triggers.timer(record)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert read == [DueTimer(service="prod/web", at=5.0)] * 2


@pytest.mark.parametrize("field", ["eventAt", "sentAt"])
@pytest.mark.parametrize("value", ["1" + "0" * 400, "NaN", "-Infinity", "-1", "1e300"])
def test_a_kick_has_times_that_can_be_measured_with(field, value):
    with pytest.raises(Poisoned, match=field):
        triggers.kick(_record(f'{{"schema": 1, "service": "prod/web", "{field}": {value}}}'))


@pytest.mark.parametrize(
    "wrong",
    [
        {"stoppedReason": "half a character: \ud800"},
        {"taskArn": ""},
        {"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/" + "x" * 2000},
        {"version": 2**63},
        {"availabilityZone": float("nan")},
        {"version": -1},
        {"availabilityZone": "z" * 70_000},
        {"createdAt": "9999-12-31T23:59:59-10:00"},
        {"startedAt": "0001-01-01T00:00:00+00:00"},
        {"updatedAt": "0001-01-01T00:00:00+00:00"},
        {"attachments": [{"details": [{"name": "privateIPv4Address"}]}]},
    ],
    ids=lambda wrong: ascii(wrong)[:50],
)
def test_what_the_table_or_people_could_not_take_is_poisoned(wrong):
    with pytest.raises(Poisoned, match="detail"):
        events.task_event({"detail": TASK | wrong}, "main")


@pytest.mark.parametrize("group", ["headcount:", "headcount:we b", "headcount:a/b", f"headcount:{'x' * 246}"])
def test_a_group_that_names_no_service_belongs_to_none(group):
    """Its service could be kicked, and the kick could never be read."""
    assert events.task_event({"detail": TASK | {"group": group}}, "main").service is None


def test_a_long_reason_is_cut():
    """It stands in the record, the history, the status, answers and events; each has a limit of its own."""
    containers = [{"name": "web", "reason": "y" * 100_000}]
    told = {"stoppedReason": "x" * 200_000, "containers": containers}
    observed = events.task_event({"detail": TASK | told}, "main").observed
    assert len(observed.stopped_reason) == len(observed.containers[0].reason) == 1024


def test_blanks_are_no_reason():
    """Every decision has a reason, and that a task was lost is told in ECS's words."""
    told = {"stoppedReason": " ", "stopCode": "\t", "containers": [{"name": "web", "reason": "", "exitCode": 1}]}
    observed = events.task_event({"detail": TASK | told}, "main").observed
    assert (observed.stopped_reason, observed.stop_code, observed.containers[0].reason) == (None, None, None)


def test_what_is_wrong_is_told_in_few_words():
    with pytest.raises(Poisoned) as poisoned:
        events.task_event({"detail": TASK | {"lastStatus": ["x"] * 100_000, "createdAt": "y" * 100_000}}, "main")
    assert len(str(poisoned.value)) < 1000
