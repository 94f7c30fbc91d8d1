"""Alarms of unhealthy targets: Headcount's own are read in full, and of others nothing more than that they are."""

import json

import pytest

from headcount import events
from headcount.errors import Poisoned
from headcount.observing import TargetAlarm

NAME = "headcount/main/unhealthy/web/1a2b3c4d"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09"
MEANT = {"service": "prod/web", "group": GROUP}


def _event(**changes):
    detail = {
        "alarmName": NAME,
        "state": {"value": "ALARM", "reason": "Threshold Crossed", "timestamp": "2026-03-02T10:17:12.345+0000"},
        "previousState": {"value": "OK", "timestamp": "2026-03-02T09:00:12.000+0000"},
        "configuration": {"description": json.dumps({"headcount": MEANT}), "metrics": []},
    }
    detail = {name: value for name, value in (detail | changes).items() if value is not ...}
    return {"detail-type": "CloudWatch Alarm State Change", "time": "2026-03-02T10:17:12Z", "detail": detail}


def _described(description):
    return _event(configuration={"description": description})


def _refusal(event):
    with pytest.raises(Poisoned) as poisoned:
        events.told(event, "main")
    return str(poisoned.value)


def test_an_alarm_of_ours_names_service_and_target_group_and_the_time_to_the_millisecond():
    assert events.told(_event(), "main") == TargetAlarm(
        alarm=NAME, state="ALARM", at=1772446632.345, service="prod/web", group=GROUP
    )


@pytest.mark.parametrize(
    "name",
    ["headcount/other/unhealthy/web/1a2b3c4d", "headcount/main", "web-cpu-high", "headcount/mainland/unhealthy/x"],
)
@pytest.mark.parametrize(
    "configuration", [{"description": json.dumps({"headcount": MEANT})}, {"description": "x"}, ...]
)
def test_an_alarm_of_others_is_nobodys_whatever_its_description(name, configuration):
    seen = events.told(_event(alarmName=name, configuration=configuration), "main")
    assert (seen.alarm, seen.service, seen.group) == (name, None, None)


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_the_state_is_told_as_it_is(state):
    assert events.told(_event(state={"value": state, "timestamp": "2026-03-02T10:17:12.345Z"}), "main").state == state


@pytest.mark.parametrize(
    "description",
    [
        None,
        7,
        "",
        "targets of web",
        "[]",
        "null",
        "{}",
        '{"headcount": null}',
        '{"headcount": "prod/web"}',
        "[" * 1000,
        '{"headcount": ' + "[" * 100_000,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_description_that_is_none_of_headcounts_is_poisoned(description):
    said = _refusal(_described(description))
    assert "detail.configuration.description is" in said
    assert '"service": "<cluster>/<serviceName>"' in said


@pytest.mark.parametrize("configuration", [..., None, "x", [], {}], ids=str)
def test_so_is_an_alarm_without_one(configuration):
    assert "detail.configuration.description is null" in _refusal(_event(configuration=configuration))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"service": "web"}, "headcount.service is 'web': <cluster>/<serviceName> is allowed"),
        ({"service": None}, "headcount.service is null"),
        ({"service": "prod/we b"}, "headcount.service is 'prod/we b'"),
        ({"group": "web"}, "headcount.group is 'web': the ARN of a target group is allowed"),
        ({"group": 5}, "headcount.group is 5"),
        ({"group": f"{GROUP}/x"}, "headcount.group is "),
        ({"group": GROUP.replace("targetgroup", "loadbalancer")}, "headcount.group is "),
    ],
)
def test_what_is_wrong_in_a_description_is_named(wrong, said):
    assert f"detail.configuration.description: {said}" in _refusal(_described(json.dumps({"headcount": MEANT | wrong})))


def test_everything_wrong_is_named_at_once():
    description = json.dumps({"headcount": {"service": 1, "group": 2}})
    said = _refusal(_event(state={"value": "RED", "timestamp": "soon"}, configuration={"description": description}))
    for problem in (
        "detail.state.value is 'RED': one of OK, ALARM, INSUFFICIENT_DATA is allowed",
        "detail.state.timestamp is 'soon'",
        "headcount.service is 1",
        "headcount.group is 2",
    ):
        assert problem in said


@pytest.mark.parametrize("missing", ["alarmName", "state"])
def test_a_missing_field_is_named(missing):
    assert f"detail.{missing} is missing" in _refusal(_event(**{missing: ...}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"alarmName": 5}, "detail.alarmName is 5"),
        ({"alarmName": "x" * 256}, "detail.alarmName is 'xxx"),
        ({"alarmName": "half a character: \ud800"}, "detail.alarmName is"),
        ({"state": "ALARM"}, "detail.state is 'ALARM': an object is allowed"),
        ({"state": {"value": ["ALARM"], "timestamp": "2026-03-02T10:17:12Z"}}, "detail.state.value is a list of 1"),
        ({"state": {"value": "ALARM"}}, "detail.state.timestamp is null"),
        ({"state": {"value": "ALARM", "timestamp": "2026-03-02T10:17:12"}}, "detail.state.timestamp is"),
        ({"state": {"value": "ALARM", "timestamp": "0001-01-01T00:00:00Z"}}, "detail.state.timestamp is"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_what_nobody_could_be_shown_is_poisoned(wrong, said):
    assert said in _refusal(_event(**wrong))


@pytest.mark.parametrize("detail", [None, 7, "x", [1]], ids=str)
def test_an_event_without_an_alarm_is_poisoned(detail):
    assert "detail is" in _refusal({"detail-type": "CloudWatch Alarm State Change", "detail": detail})
