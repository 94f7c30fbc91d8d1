"""events/ holds what AWS would send: whole envelopes, each of which reaches the function in whose folder it lies."""

import hashlib
import json
import re
from pathlib import Path

import pytest

EVENTS = Path(__file__).parents[3] / "events"
STORIES = sorted(EVENTS.glob("*/*.json"))
NOT_OURS = {"foreign-install"}  # the rule's pattern keeps these away; they are here to show that the function does, too


def _stories(folder):
    found = sorted((EVENTS / folder).glob("*.json"))
    return pytest.mark.parametrize("story", found, ids=[path.stem for path in found])


@pytest.mark.parametrize("story", STORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_event_lies_in_a_functions_folder_under_a_name_that_tells_its_story(story):
    assert (EVENTS.parent / "functions" / story.parent.name / "app.py").is_file()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", story.stem)
    assert isinstance(_load(story), dict)


@_stories("observe_tasks")
def test_a_task_event_is_a_whole_envelope_that_matches_the_rule(story, of_type):
    event = _load(story)
    (pattern,) = [r["EventPattern"] for r in of_type("AWS::Events::Rule").values() if "EventPattern" in r]
    prefix = pattern["detail"]["startedBy"][0]["prefix"]["Fn::Sub"].replace("${InstallName}", "main")
    assert event.keys() == {
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    }
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    assert event["detail"]["startedBy"].startswith(prefix) == (story.stem not in NOT_OURS)


def test_the_audits_event_is_a_scheduled_one():
    event = _load(EVENTS / "audit_clusters" / "every-minute.json")
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})


@_stories("reconcile_service")
def test_a_kick_comes_alone_in_the_message_group_of_its_service(story):
    (record,) = _load(story)["Records"]
    _assert_is_a_message(record)
    assert record["eventSourceARN"].endswith(".fifo")
    assert record["attributes"]["MessageGroupId"]
    if (service := re.search(r'"service": "([^"]+)"', record["body"])) is not None:
        assert record["attributes"]["MessageGroupId"] == hashlib.sha256(service[1].encode()).hexdigest()


@_stories("wake_services")
def test_timers_come_from_a_standard_queue(story):
    for record in _load(story)["Records"]:
        _assert_is_a_message(record)
        assert not record["eventSourceARN"].endswith(".fifo")
        assert "MessageGroupId" not in record["attributes"]


@pytest.mark.parametrize("operation", ["apply", "list", "describe", "events", "why", "scale", "delete", "protect"])
def test_there_is_a_request_for_every_operation_of_control(operation):
    requests = [_load(story) for story in (EVENTS / "control").glob("*.json")]
    assert [r for r in requests if r.get("version") == 1 and r.get("operation") == operation]


def _assert_is_a_message(record):
    assert record["eventSource"] == "aws:sqs"
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert record["messageId"]
    assert record["receiptHandle"]
    assert int(record["attributes"]["ApproximateReceiveCount"]) >= 1


def _load(path):
    return json.loads(path.read_text(encoding="utf-8"))
