"""Schedules: AWS's grammar, local time through clock changes, starts and ends, and what an occurrence does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headcount.model.scaling import ScalableTarget, ScheduledAction, Suspended
from headcount.model.scaling_state import ScalingState
from headcount.model.schedule_expression import parse_schedule, zone_of
from headcount.scaling.decide import bounds_in_force
from headcount.scaling.occurrences import next_occurrence, occurrence_id
from headcount.scaling.scheduled import decide_scheduled, move_into
from unit.scaling.policies import Scaled, a_scaling, a_step_policy, alarmed


def an_action(schedule: str, **changed: Any) -> ScheduledAction:
    return ScheduledAction(name="morning", schedule=schedule, **changed)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def following(schedule: str, after: str, count: int = 1, **changed: Any) -> list[str]:
    """So many occurrences after a time, as UTC to the minute."""
    found, action = at(after), an_action(schedule, **changed)
    times = []
    for _ in range(count):
        following_one = next_occurrence(action, found)
        if following_one is None:
            return [*times, "never"]
        found = following_one
        times.append(datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M"))
    return times


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        # EventBridge's and Application Auto Scaling's examples
        ("0 10 * * ? *", ["2026-03-05T10:00", "2026-03-06T10:00"]),
        ("15 12 * * ? *", ["2026-03-04T12:15", "2026-03-05T12:15"]),
        ("0 18 ? * MON-FRI *", ["2026-03-04T18:00", "2026-03-05T18:00", "2026-03-06T18:00", "2026-03-09T18:00"]),
        ("0 8 1 * ? *", ["2026-04-01T08:00", "2026-05-01T08:00"]),
        ("0/15 * * * ? *", ["2026-03-04T12:15", "2026-03-04T12:30"]),
        ("0/10 * ? * MON-FRI *", ["2026-03-04T12:10", "2026-03-04T12:20"]),
        ("0/5 8-17 ? * MON-FRI *", ["2026-03-04T12:05"]),
        ("0 0/8 * * ? *", ["2026-03-04T16:00", "2026-03-05T00:00", "2026-03-05T08:00"]),
        ("30 6 * * 2 *", ["2026-03-09T06:30", "2026-03-16T06:30"]),  # lenient: * in both; 2 is Monday
        # L, W and #
        ("0 9 L * ? *", ["2026-03-31T09:00", "2026-04-30T09:00"]),
        ("0 9 L 2 ? 2028", ["2028-02-29T09:00", "never"]),
        ("0 9 1,L * ? *", ["2026-03-31T09:00", "2026-04-01T09:00", "2026-04-30T09:00"]),
        ("0 9 3W * ? *", ["2026-04-03T09:00", "2026-05-04T09:00"]),  # 3 May 2026 is a Sunday
        ("0 9 1W 8 ? *", ["2026-08-03T09:00", "2027-08-02T09:00"]),  # a Saturday, a Sunday: not the month before
        ("0 9 31W 5 ? *", ["2026-05-29T09:00", "2027-05-31T09:00"]),  # a Sunday: not the month after
        ("0 9 LW * ? *", ["2026-03-31T09:00", "2026-04-30T09:00", "2026-05-29T09:00"]),
        ("0 9 ? * 3#2 *", ["2026-03-10T09:00", "2026-04-14T09:00"]),  # the second Tuesday
        ("0 9 ? * FRI#5 *", ["2026-05-29T09:00", "2026-07-31T09:00"]),
        ("0 9 ? * 6L *", ["2026-03-27T09:00", "2026-04-24T09:00"]),  # the last Friday
        ("0 9 ? * L *", ["2026-03-07T09:00", "2026-03-14T09:00"]),  # the last day of the week
        ("0 9 ? * 1 *", ["2026-03-08T09:00"]),  # 1 is Sunday
        # lists, ranges over the end, names, years
        ("0 22-2/2 * * ? *", ["2026-03-04T22:00", "2026-03-05T00:00", "2026-03-05T02:00", "2026-03-05T22:00"]),
        ("0 0 ? * FRI-MON *", ["2026-03-06T00:00", "2026-03-07T00:00", "2026-03-08T00:00", "2026-03-09T00:00"]),
        ("5,10 3 1 jan,Jul ? *", ["2026-07-01T03:05", "2026-07-01T03:10", "2027-01-01T03:05"]),
        ("0 0 1 1 ? 2030-2032", ["2030-01-01T00:00", "2031-01-01T00:00", "2032-01-01T00:00", "never"]),
        ("0 0 1 1 ? 2025", ["never"]),
        ("0 0 1 1 ? 2199", ["2199-01-01T00:00", "never"]),
        ("0 0 29 2 ? *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 30 2 ? *", ["never"]),
        ("0 0 10 * * ? *", ["2026-03-05T10:00"]),  # with seconds in front, as Application Auto Scaling accepts it
    ],
)
def test_cron(cron: str, times: list[str]) -> None:
    assert following(f"cron({cron})", "2026-03-04T12:00", len(times)) == times


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("cron(0 10 * * *)", "six fields"),
        ("cron(0 10 1 * 2 *)", "? for one of day-of-month and day-of-week"),
        ("cron(0 10 ? * ? *)", "? for one of day-of-month and day-of-week"),
        ("cron(60 10 * * ? *)", "minutes: '60' is not one of 0-59"),
        ("cron(0 24 * * ? *)", "hours: '24' is not one of 0-23"),
        ("cron(0 10 0 * ? *)", "day-of-month: '0'"),
        ("cron(0 10 32W * ? *)", "day-of-month: '32'"),
        ("cron(0 10 ? * 8 *)", "day-of-week: '8' is not one of 1-7 or SUN-SAT"),
        ("cron(0 10 ? * MON#6 *)", "which one of a month, 1-5, not '6'"),
        ("cron(0 10 * 13 ? *)", "month: '13' is not one of 1-12 or JAN-DEC"),
        ("cron(0 10 * * ? 1969)", "year: '1969'"),
        ("cron(0 10 * * ? 2030-2029)", "year: '2030-2029' ends before it begins"),
        ("cron(*/0 10 * * ? *)", "minutes: the step after / must be a positive whole number, not '0'"),
        ("cron(0 ten * * ? *)", "hours: 'TEN'"),
        ("cron(0 1- * * ? *)", "hours: ''"),
        ("cron()", "six fields"),
        ("rate(0 minutes)", "must be at("),
        ("rate(5 seconds)", "must be at("),
        ("rate(5)", "must be at("),
        ("at(2026-02-30T00:00:00)", "does not exist"),
        ("at(2026-02-03)", "must be at("),
        ("every day", "must be at("),
    ],
)
def test_what_is_no_schedule(schedule: str, said: str) -> None:
    parsed = parse_schedule(schedule)
    assert isinstance(parsed, str)
    assert said in parsed
    assert next_occurrence(an_action(schedule), 0.0) is None


# -- clock changes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "zone", "after", "times"),
    [
        # spring forward in New York, 8 March 2026, 2:00 -> 3:00: 2:30 does not occur
        ("30 2 * * ? *", "America/New_York", "2026-03-07T00:00", ["2026-03-07T07:30", "2026-03-09T06:30"]),
        ("0 8 * * ? *", "America/New_York", "2026-03-07T00:00", ["2026-03-07T13:00", "2026-03-08T12:00"]),
        ("0/30 1-3 8 3 ? *", "America/New_York", "2026-03-08T06:00", ["2026-03-08T06:30", "2026-03-08T07:00"]),
        # fall back, 1 November 2026, 2:00 -> 1:00: 1:30 comes twice and occurs once
        ("30 1 * * ? *", "America/New_York", "2026-11-01T00:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        ("0/30 1-2 1 11 ? *", "America/New_York", "2026-11-01T05:00", ["2026-11-01T05:30", "2026-11-01T07:00"]),
        # Berlin, 29 March and 25 October 2026
        ("30 2 ? * SUN *", "Europe/Berlin", "2026-03-22T12:00", ["2026-04-05T00:30"]),
        ("30 2 ? * SUN *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-11-01T01:30"]),
        # midnight does not exist: Cairo, 24 April 2026
        ("0 0 * * ? *", "Africa/Cairo", "2026-04-22T22:00", ["2026-04-24T21:00"]),
        # half an hour: Lord Howe, 5 April 2026
        ("45 1 * * ? *", "Australia/Lord_Howe", "2026-04-04T12:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
        ("0 8 ? * MON-FRI *", "Asia/Seoul", "2026-03-06T00:00", ["2026-03-08T23:00"]),
    ],
)
def test_local_time_through_clock_changes(cron: str, zone: str, after: str, times: list[str]) -> None:
    assert following(f"cron({cron})", after, len(times), timezone=zone) == times


def test_at_is_local_time_too() -> None:
    assert following("at(2026-07-01T08:00:00)", "2026-03-01T00:00", 2, timezone="Europe/Berlin") == [
        "2026-07-01T06:00",
        "never",
    ]


def test_at_in_an_hour_that_is_skipped_falls_due_as_if_the_clock_had_not_changed() -> None:
    assert following("at(2026-03-08T02:30:00)", "2026-03-01T00:00", timezone="America/New_York") == ["2026-03-08T07:30"]


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "../etc/passwd", "America", "/etc/localtime"])
def test_unknown_zones(name: str) -> None:
    assert zone_of(name) is None
    assert next_occurrence(an_action("cron(0 8 * * ? *)", timezone=name), 0.0) is None


# -- rate, start, end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "times"),
    [
        ("rate(5 minutes)", ["2026-03-04T12:05", "2026-03-04T12:10"]),
        ("rate(1 hour)", ["2026-03-04T13:00", "2026-03-04T14:00"]),
        ("rate(2 days)", ["2026-03-05T00:00", "2026-03-07T00:00"]),
    ],
)
def test_rate(rate: str, times: list[str]) -> None:
    assert following(rate, "2026-03-04T12:00", 2, start_at=at("2026-03-01T00:00")) == times


def test_a_rate_without_a_start_counts_from_its_making() -> None:
    assert next_occurrence(an_action("rate(10 minutes)"), at("2026-03-04T12:00"), at("2026-03-04T11:55")) == at(
        "2026-03-04T12:05"
    )
    assert next_occurrence(an_action("rate(10 minutes)"), 5.0, 1000.0) == 1000.0


def test_a_recurring_action_also_runs_at_its_start_and_not_after_its_end() -> None:
    bounds = {"start_at": at("2026-03-10T07:00"), "end_at": at("2026-03-11T08:00")}
    expected = ["2026-03-10T07:00", "2026-03-10T08:00", "2026-03-11T08:00", "never"]
    assert following("cron(0 8 * * ? *)", "2026-03-01T00:00", 4, **bounds) == expected
    assert following("rate(12 hours)", "2026-03-01T00:00", 4, **bounds) == [
        "2026-03-10T07:00",
        "2026-03-10T19:00",
        "2026-03-11T07:00",
        "never",
    ]


def test_an_occurrence_has_one_name() -> None:
    assert occurrence_id(an_action("rate(1 day)"), at("2026-03-10T07:00")) == "morning@2026-03-10T07:00:00.000Z"


# -- what an occurrence does ------------------------------------------------------------------------------------------

DECLARED = ScalableTarget(minimum=2, maximum=40)
TEN_TO_TWENTY = an_action("cron(0 8 * * ? *)", minimum=10, maximum=20)


@pytest.mark.parametrize(("desired", "count"), [(5, 10), (30, 20), (15, 15), (10, 10), (20, 20)])
def test_a_count_outside_the_new_bounds_is_moved_into_them(desired: int, count: int) -> None:
    decision = decide_scheduled(TEN_TO_TWENTY, 1000.0, DECLARED, ScalingState(), desired)
    assert decision.count == count
    assert bounds_in_force(DECLARED, decision.state) == ScalableTarget(minimum=10, maximum=20)


def test_one_bound_leaves_the_other() -> None:
    decision = decide_scheduled(an_action("rate(1 day)", minimum=10), 1000.0, DECLARED, ScalingState(), 5)
    assert bounds_in_force(DECLARED, decision.state) == ScalableTarget(minimum=10, maximum=40)
    later = decide_scheduled(an_action("rate(1 day)", maximum=12), 2000.0, DECLARED, decision.state, 30)
    assert (later.count, bounds_in_force(DECLARED, later.state)) == (12, ScalableTarget(minimum=10, maximum=12))
    assert later.reason == "morning sets minimum 10 and maximum 12: 30 is above the maximum"


def test_bounds_that_contradict_each_other_are_refused() -> None:
    decision = decide_scheduled(an_action("rate(1 day)", minimum=50), 1000.0, DECLARED, ScalingState(), 5)
    assert (decision.count, decision.reason) == (5, "refused: it would make the minimum 50 and the maximum 40")
    assert bounds_in_force(DECLARED, decision.state) == DECLARED


def test_an_occurrence_counts_once_whatever_the_order() -> None:
    first = decide_scheduled(TEN_TO_TWENTY, 2000.0, DECLARED, ScalingState(), 5)
    for occurrence in (2000.0, 1000.0):
        again = decide_scheduled(TEN_TO_TWENTY, occurrence, DECLARED, first.state, 5)
        assert (again.count, again.state) == (5, first.state)
    assert decide_scheduled(TEN_TO_TWENTY, 3000.0, DECLARED, first.state, 5).count == 10


def test_what_falls_due_while_scheduled_scaling_is_suspended_is_lost() -> None:
    suspended = ScalableTarget(minimum=2, maximum=40, suspended=Suspended(scheduled=True))
    decision = decide_scheduled(TEN_TO_TWENTY, 1000.0, suspended, ScalingState(), 5)
    assert (decision.count, bounds_in_force(DECLARED, decision.state)) == (5, DECLARED)
    assert decide_scheduled(TEN_TO_TWENTY, 1000.0, DECLARED, decision.state, 5).count == 5


def test_policies_keep_to_the_scheduled_bounds_and_cooldowns_do_not_concern_the_schedule() -> None:
    scaled = Scaled(a_scaling(a_step_policy(), maximum=40), 10)
    assert scaled.decide(alarmed(80.0)).count == 12
    scheduled = decide_scheduled(TEN_TO_TWENTY, scaled.now, scaled.scaling.target, scaled.state, 30)
    assert scheduled.count == 20
    scaled.state, scaled.desired = scheduled.state, 20
    decision = scaled.after(400).decide(alarmed(80.0, now=scaled.now))
    assert (decision.count, decision.limited) == (20, ("the maximum is 20",))


@pytest.mark.parametrize(("desired", "count"), [(1, 2), (2, 2), (50, 40)])
def test_registering_a_target_moves_the_count_at_once(desired: int, count: int) -> None:
    assert move_into(DECLARED, desired)[0] == count
