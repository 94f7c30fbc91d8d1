from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from headcount_sandbox import HeadcountSandboxError, Sandbox
from headcount_sandbox.platform.deployment import Place, Schedule, Target
from headcount_sandbox.platform.schedule_expressions import next_time
from headcount_sandbox.platform.schedules import Schedules, scheduled_event
from headcount_sandbox.world.timers import Timers

MONDAY = datetime(2026, 3, 2, 10, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "time"),
    [
        ("rate(1 minute)", "2026-03-02T10:05:30"),
        ("rate(5 minutes)", "2026-03-02T10:09:30"),
        ("rate(1 day)", "2026-03-03T10:04:30"),
        ("cron(* * * * ? *)", "2026-03-02T10:05:00"),
        ("cron(0/15 * * * ? *)", "2026-03-02T10:15:00"),
        ("cron(0 8 ? * MON-FRI *)", "2026-03-03T08:00:00"),
        ("cron(0 8 ? * 1 *)", "2026-03-08T08:00:00"),
        ("cron(30 9,18 1 JAN ? 2027-2030)", "2027-01-01T09:30:00"),
    ],
)
def test_knows_when_a_schedule_fires_next(expression: str, time: str) -> None:
    assert next_time(expression, MONDAY) == datetime.fromisoformat(time).replace(tzinfo=UTC)


def test_knows_that_a_schedule_never_fires_again() -> None:
    assert next_time("cron(0 0 1 1 ? 2020)", MONDAY) is None


@pytest.mark.parametrize(
    "expression",
    [
        "every minute",
        "rate(x minutes)",
        "cron(0 8 * * *)",
        "cron(0 8 * * * *)",
        "cron(0 8 L * ? *)",
        "cron(99 8 * * ? *)",
    ],
)
def test_refuses_other_expressions(expression: str) -> None:
    with pytest.raises(HeadcountSandboxError, match=r"cron|rate|every"):
        next_time(expression, MONDAY)


def test_sends_the_event_of_a_scheduled_rule() -> None:
    place = Place(account="123456789012", region="eu-west-1", endpoint_url="")
    arn = "arn:aws:events:eu-west-1:123456789012:rule/every-minute"
    schedule = Schedule(arn=arn, source="aws.events", expression="rate(1 minute)", targets=())
    event = scheduled_event(schedule, place, MONDAY)
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-03-02T10:04:30Z",
        "region": "eu-west-1",
        "resources": [arn],
        "detail": {},
    }


@pytest.fixture
def timers() -> Iterator[Timers]:
    timers = Timers()
    timers.start()
    yield timers
    timers.stop()


def test_fires_again_and_again_at_the_speed_that_was_asked(timers: Timers, until: Callable[..., Any]) -> None:
    fired: list[dict[str, Any]] = []
    schedule = Schedule(arn="arn:s", source="aws.events", expression="rate(1 minute)", targets=(Target(arn="arn:f"),))
    Schedules(
        (schedule,),
        place=Place(account="1", region="r", endpoint_url=""),
        deliver=lambda target, text, event: fired.append(event),
        timers=timers,
        scale=1200,
    ).start()
    until(lambda: len(fired) >= 3)


def test_fires_when_asked(sandbox: Sandbox, until: Callable[..., Any]) -> None:
    assert sandbox.platform.fire_schedule("Echo") == 1
    until(lambda: any(entry.get("event", {}).get("source") == "aws.events" for entry in sandbox.logs("Echo")))
