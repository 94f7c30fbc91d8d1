"""Which occurrences are due after any absence, what is remembered of actions, and the schedules that are kept."""

from datetime import UTC, datetime

import pytest

from headcount.model.scaling import ScheduledAction
from headcount.model.scaling_record import KnownAction
from headcount.model.scaling_state import ScalingState
from headcount.model.schedule_expression import parse_schedule
from headcount.model.values import replace
from headcount.scaling.occurrences import next_occurrence
from headcount.scaling.own_schedules import due_occurrences, known_actions, next_due, wanted_schedules

DAY = 86400.0


def at(when: str) -> float:
    return datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()


MONDAY = at("2026-06-01T00:00:00")
NIGHT = ScheduledAction(name="night", schedule="cron(0 22 * * ? *)", minimum=1)


def due(action: ScheduledAction, now: float, since: float = MONDAY, fired: float | None = None) -> float | None:
    """The occurrence that is due of one action."""
    (known,) = known_actions([action], (), since)
    state = ScalingState(fired=() if fired is None else ((action.name, fired),))
    found = due_occurrences([action], [known], state, now)
    return found[0][0] if found else None


@pytest.mark.parametrize(
    ("schedule", "now", "last"),
    [
        ("cron(0 22 * * ? *)", "2026-06-01T21:59:58", None),
        ("cron(0 22 * * ? *)", "2026-06-01T21:59:59", "2026-06-01T22:00:00"),  # the clocks of two machines differ
        ("cron(0 22 * * ? *)", "2026-06-01T22:00:00", "2026-06-01T22:00:00"),
        ("cron(0 22 * * ? *)", "2026-06-05T10:00:00", "2026-06-04T22:00:00"),
        ("cron(0 22 ? * SUN *)", "2026-06-27T10:00:00", "2026-06-21T22:00:00"),
        ("cron(0 0 1 * ? *)", "2027-01-20T00:00:00", "2027-01-01T00:00:00"),
        ("cron(0-59 3 * * ? *)", "2026-06-02T23:00:00", "2026-06-02T03:59:00"),
        ("rate(1 minute)", "2026-07-01T00:00:30", "2026-07-01T00:00:00"),
        ("rate(7 days)", "2026-06-22T00:00:00", "2026-06-22T00:00:00"),
        ("at(2026-06-03T12:00:00)", "2026-06-09T00:00:00", "2026-06-03T12:00:00"),
        ("at(2026-05-03T12:00:00)", "2026-06-09T00:00:00", None),
    ],
)
def test_after_any_absence_the_last_occurrence_is_due(schedule: str, now: str, last: str | None) -> None:
    action = ScheduledAction(name="some", schedule=schedule, minimum=1)
    assert due(action, at(now)) == (None if last is None else at(last))


def test_what_has_been_there_is_not_due_again() -> None:
    ten = at("2026-06-01T22:00:00")
    assert due(NIGHT, ten + 60, fired=ten) is None
    assert due(NIGHT, ten + DAY, fired=ten) == ten + DAY


def test_it_is_the_one_that_stepping_through_all_of_them_ends_at() -> None:
    action = ScheduledAction(name="some", schedule="cron(7/13 2-4,22 ? * MON-FRI *)", minimum=1)
    for hours in range(0, 24 * 10, 7):
        now, found, step = MONDAY + hours * 3600.0, None, MONDAY
        while (step := next_occurrence(action, step) or now + 99) <= now + 1.0:
            found = step
        assert due(action, now) == found


def test_several_are_due_in_the_order_of_time() -> None:
    morning = replace(NIGHT, name="morning", schedule="cron(0 8 * * ? *)")
    known = known_actions([NIGHT, morning], (), MONDAY)
    found = due_occurrences([NIGHT, morning], known, ScalingState(), at("2026-06-03T12:00:00"))
    assert [(when, one.name) for when, one in found] == [
        (at("2026-06-02T22:00:00"), "night"),
        (at("2026-06-03T08:00:00"), "morning"),
    ]


def test_an_action_is_known_since_it_is_as_it_is() -> None:
    first = known_actions([NIGHT], (), 10.0)
    assert known_actions([NIGHT], first, 20.0) == first
    (changed,) = known_actions([replace(NIGHT, minimum=2)], first, 20.0)
    assert (changed.since, changed.mark != first[0].mark) == (20.0, True)
    assert known_actions([], first, 20.0) == ()


def test_what_fell_due_before_it_was_declared_is_nobodys() -> None:
    assert due(NIGHT, MONDAY + 3 * DAY, since=MONDAY + 2.95 * DAY) is None


def test_the_next_of_all_is_found() -> None:
    known = known_actions([NIGHT], (), MONDAY)
    assert next_due([NIGHT], known, MONDAY) == (at("2026-06-01T22:00:00"), NIGHT)
    assert next_due([NIGHT], known, at("2026-06-01T21:59:59.5")) == (at("2026-06-02T22:00:00"), NIGHT), "that is due"
    assert next_due([replace(NIGHT, end_at=MONDAY)], known, MONDAY) is None


def test_a_rate_counts_from_its_declaration_however_often_its_schedule_is_put() -> None:
    """EventBridge Scheduler counts a rate without a start from the last time that it was put."""
    rate = ScheduledAction(name="often", schedule="rate(2 hours)", minimum=1)
    known = known_actions([rate, NIGHT], (), MONDAY)
    wanted = {one.action: one for one in wanted_schedules([rate, NIGHT], known, "prod/web", MONDAY + 5000.0)}
    assert (wanted["often"].start_at, wanted["night"].start_at) == (MONDAY, None)
    started = replace(rate, start_at=MONDAY + 99.0)
    (wanted_then,) = wanted_schedules([started], known_actions([started], (), MONDAY), "prod/web", MONDAY)
    assert wanted_then.start_at == MONDAY + 99.0


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("cron(30 6 * * 2 *)", "cron(30 6 ? * 2 *)"),  # an example of AWS's own, which EventBridge refuses
        ("cron(0 8 * * * *)", "cron(0 8 * * ? *)"),
        ("cron(0 8 1 * * *)", "cron(0 8 1 * ? *)"),
        ("cron(0 0 8 ? * mon-fri *)", "cron(0 8 ? * MON-FRI *)"),  # seconds in front
        ("cron(0 8 ? * MON-FRI *)", "cron(0 8 ? * MON-FRI *)"),
        ("rate(1 minutes)", "rate(1 minute)"),
        ("rate(5 hour)", "rate(5 hours)"),
        ("at(2026-09-21T08:00:00)", "at(2026-09-21T08:00:00)"),
    ],
)
def test_schedules_are_written_as_eventbridge_takes_them(said: str, taken: str) -> None:
    (schedule,) = wanted_schedules([replace(NIGHT, schedule=said)], (), "prod/web", MONDAY)
    assert schedule.expression == taken
    assert parse_schedule(taken) == parse_schedule(said)


def test_schedules_have_names_that_eventbridge_takes() -> None:
    action = replace(NIGHT, name="Nachts, größer!")
    (wanted,) = wanted_schedules([action], [KnownAction(name=action.name, mark="", since=0.0)], "prod/web", MONDAY)
    assert wanted.name.replace("-", "").isalnum()
    assert len(wanted.name) <= 64
    assert wanted.name.isascii()
    others = wanted_schedules([action], (), "prod/api", MONDAY)
    assert others[0].name != wanted.name
