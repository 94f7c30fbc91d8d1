"""events/ holds what AWS would send: whole envelopes, each of which reaches the function in whose folder it lies."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from moto.events.models import EventPattern

EVENTS = Path(__file__).parents[3] / "events"
STORIES = sorted(EVENTS.glob("*/*.json"))
# The rules' patterns keep these away; they are here to show that the function does, too.
NOT_OURS = {
    "foreign-install",
    "container-instance-disconnected",
    "alarm-of-another-install",
    "alarm-of-unhealthy-targets-is-over",
}


def _stories(folder):
    found = sorted((EVENTS / folder).glob("*.json"))
    return pytest.mark.parametrize("story", found, ids=[path.stem for path in found])


@pytest.mark.parametrize("story", STORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_event_lies_in_a_functions_folder_under_a_name_that_tells_its_story(story):
    assert (EVENTS.parent / "functions" / story.parent.name / "app.py").is_file()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", story.stem)
    assert isinstance(_load(story), dict)


@_stories("observe_tasks")
def test_what_aws_says_is_a_whole_envelope_that_one_rule_delivers(story, of_type):
    event = _load(story)
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
    assert _rules_that_deliver(event, "ObserveTasks", of_type) == (0 if story.stem in NOT_OURS else 1)


ALARMS = sorted((EVENTS / "decide_scaling").glob("alarm-*.json"))


@pytest.mark.parametrize("story", ALARMS, ids=lambda path: path.stem)
def test_alarms_that_change_are_delivered_to_scaling_but_those_of_unhealthy_targets(story, of_type):
    delivered = story.stem != "alarm-of-unhealthy-targets"
    assert _rules_that_deliver(_load(story), "DecideScaling", of_type) == delivered


def _rules_that_deliver(event, function, of_type):
    """How many of the rules that call a function let the event through."""
    rules = [rule for rule in of_type("AWS::Events::Rule").values() if "EventPattern" in rule]
    of_function = [rule for rule in rules if rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}]
    patterns = [_resolved(rule["EventPattern"]) for rule in of_function]
    return sum(EventPattern(None, pattern).matches_event(event) for pattern in patterns)


def _resolved(pattern):
    """The pattern in an install that is called main."""
    return json.loads(
        re.sub(r'\{"Fn::Sub": "([^"]*)"\}', r'"\1"', json.dumps(pattern)).replace("${InstallName}", "main")
    )


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
