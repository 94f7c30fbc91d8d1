"""The log line of an event names what it speaks of, so that a task or an instance is found by searching."""

import json
from pathlib import Path

import pytest

from headcount import events

EVENTS = Path(__file__).parents[3] / "events" / "observe_tasks"
ITS_OWN = {"level", "location", "message", "timestamp", "service", "outcome"}  # fields that the line has anyway


def _told(story: str) -> dict[str, object]:
    event = json.loads((EVENTS / f"{story}.json").read_text(encoding="utf-8"))
    return events.subject(events.told(event, "main"))


@pytest.mark.parametrize(
    ("story", "field", "value"),
    [
        ("task-running", "task", "8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d"),
        ("task-running", "service_key", "prod/web"),
        ("container-instance-draining", "cluster", "prod"),
        ("container-instance-draining", "status", "DRAINING"),
        ("spot-instance-interruption-warning", "ec2_instance", "i-0b64c1f2de9a83751"),
        ("task-retirement-by-ids", "retiring_tasks", 2),
        ("alarm-of-unhealthy-targets", "service_key", "prod/web"),
        ("alarm-of-unhealthy-targets", "alarm", "headcount/main/unhealthy/web/01c91e8c"),
        ("alarm-of-unhealthy-targets-is-over", "alarm_state", "OK"),
    ],
)
def test_an_event_is_found_by_what_it_speaks_of(story: str, field: str, value: object) -> None:
    fields = _told(story)
    assert fields[field] == value
    assert not ITS_OWN & fields.keys()
    assert json.dumps(fields)
