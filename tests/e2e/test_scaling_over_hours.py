"""Hours of scaling: scheduled actions when the clocks go back, what people change by hand, and what is left at the end.

In Berlin the clocks go back at 01:00 UTC of 25 October 2026: 02:30 comes twice.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.install import Install
from e2e.scaled import SCALED, Scaled, an_alarm, own_alarms, stepping, tracking
from headcount_sandbox import Clock

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SCALE = 450.0
BEGIN = datetime(2026, 10, 24, 20, 45, tzinfo=UTC)  # early enough for a sandbox that starts on a busy machine
SANDBOX = {**SCALED, "clock": Clock(scale=SCALE, start=BEGIN)}
FIRST_HALF_PAST_TWO = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
SECOND_HALF_PAST_TWO = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
PATIENCE = 90.0  # seconds: hours of the world
PATIENT = {"provisioningSeconds": 7200}  # five minutes, its default, are less than a second here


def an_action(name: str, schedule: str, **bounds: int) -> dict[str, Any]:
    return {
        "scheduledActionName": name,
        "schedule": schedule,
        "timezone": "Europe/Berlin",
        "scalableTargetAction": bounds,
    }


@pytest.fixture(scope="module", autouse=True)
def nights(installed: Install) -> None:
    """Two services with an action at half past two, one of them frozen."""
    late = an_action("late", "cron(30 2 * * ? *)", minCapacity=5)
    for name in ("night", "frozen-night"):
        Scaled(install=installed, name=name).declare(2, bounds=(1, 9), actions=[late], deadlines=PATIENT)
    for name in ("night", "frozen-night"):
        installed.steady(name, 2)
    installed.ask("pause", service="demo/frozen-night", mode="freeze", reason="inventory")
    assert now(installed) < FIRST_HALF_PAST_TWO, "the machine is too busy for this story: begin the clock earlier"


def now(install: Install) -> datetime:
    return datetime.fromtimestamp(install.sandbox.world.clock.now(), UTC)


def schedules(install: Install, service: str) -> list[tuple[str, str]]:
    """Group and name of each of a service's schedules."""
    scheduler = install.sandbox.client("scheduler")
    known = [(one["GroupName"], one["Name"]) for one in scheduler.list_schedules()["Schedules"]]
    found = []
    for group, name in known:
        with suppress(scheduler.exceptions.ResourceNotFoundException):  # it may go between two questions
            told = scheduler.get_schedule(GroupName=group, Name=name)
            found += [(group, name)] if f'"demo/{service}"' in told["Target"]["Input"] else []
    return found


def test_alarms_and_schedules_that_somebody_deletes_or_changes_come_back(installed: Install) -> None:
    drifted = Scaled(install=installed, name="drifted")
    yearly = an_action("yearly", "cron(0 0 1 1 ? *)", maxCapacity=8)
    drifted.run(1, tracking("load", "drifted", 50.0), bounds=(1, 9), actions=[yearly], deadlines=PATIENT)
    installed.says("drifted", "created the schedule of yearly")
    before, known = own_alarms(installed, "drifted"), len(drifted.reasons())
    [schedule] = schedules(installed, "drifted")

    cloudwatch = installed.sandbox.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=[before["high"]["AlarmName"]])
    kept = ("AlarmName", "AlarmDescription", "Metrics", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator")
    single = ("Namespace", "MetricName", "Statistic", "Period")
    changed = {key: before["low"][key] for key in (*kept, *single) if before["low"].get(key)}
    cloudwatch.put_metric_alarm(**changed, Threshold=1.0)
    installed.sandbox.client("scheduler").delete_schedule(GroupName=schedule[0], Name=schedule[1])

    def as_before() -> bool:
        alarms = own_alarms(installed, "drifted")
        return alarms.keys() == before.keys() and alarms["low"]["Threshold"] == before["low"]["Threshold"]

    installed.wait(as_before, "its alarms are as they were", "drifted")
    installed.wait(lambda: schedules(installed, "drifted") == [schedule], "its schedule is back", "drifted")
    expected = {f"created alarm {before['high']['AlarmName']}", f"corrected alarm {before['low']['AlarmName']}"}
    installed.wait(lambda: expected <= set(drifted.reasons()[known:]), "what was done is told", "drifted")


@pytest.mark.parametrize("how", ["undeclared", "deleted"])
def test_with_the_declaration_or_the_service_everything_goes_that_was_made_for_it(installed: Install, how: str) -> None:
    service = Scaled(install=installed, name=how)
    an_alarm(installed, f"users-of-{how}", "busy", 50)
    step = {"metricIntervalLowerBound": 0, "scalingAdjustment": 1}
    service.run(
        2,
        tracking("load", how, 50.0),
        stepping("steps", [f"users-of-{how}"], [step]),
        bounds=(1, 9),
        actions=[an_action("yearly", "cron(0 0 1 1 ? *)", maxCapacity=8)],
        deadlines=PATIENT,
    )
    installed.wait(lambda: own_alarms(installed, how).keys() == {"high", "low"}, "its alarms are there", how)
    installed.wait(lambda: len(schedules(installed, how)) == 1, "its schedule is there", how)

    if how == "deleted":
        installed.ask("delete", service=f"demo/{how}")
        installed.wait(lambda: not installed.control("describe", service=f"demo/{how}")["ok"], "it is gone", how)
    else:
        manifest = {**installed.describe(how)["manifest"]}
        del manifest["scaling"]
        installed.ask("apply", manifest=manifest)
        installed.wait(lambda: not own_alarms(installed, how), "its alarms are gone", how)
        installed.wait(lambda: not schedules(installed, how), "its schedule is gone", how)
        installed.steady(how, 2)
        assert installed.refused("scaling", service=f"demo/{how}")
    assert (own_alarms(installed, how), schedules(installed, how)) == ({}, [])
    told = installed.sandbox.client("cloudwatch").describe_alarms(AlarmNames=[f"users-of-{how}"])["MetricAlarms"]
    assert [alarm["Threshold"] for alarm in told] == [50.0], "what is the user's stays as it is"


def test_an_action_at_half_past_two_sets_the_bounds_once_though_it_is_told_of_twice(installed: Install) -> None:
    night = Scaled(install=installed, name="night")
    installed.wait(lambda: night.desired == 5, "half past two", "night", within=PATIENCE)
    installed.exactly("night", 5)
    [change] = night.changes()
    assert FIRST_HALF_PAST_TWO.timestamp() <= change.at < SECOND_HALF_PAST_TWO.timestamp()
    assert change.reason == "late scales out from 2 to 5: late sets minimum 5 and maximum 9: 2 is below the minimum"
    installed.ask("scale", service="demo/night", desiredCount=3)
    again = {"schema": 1, "service": "demo/night", "action": "late", "at": "2026-10-25T00:30:00Z"}
    function = installed.sandbox.platform.function("DecideScaling").name
    answer = installed.sandbox.client("lambda").invoke(FunctionName=function, Payload=json.dumps(again).encode())
    assert "FunctionError" not in answer
    assert (night.told["minCapacity"], night.told["maxCapacity"]) == (5, 9)


def test_bounds_that_are_set_while_a_service_is_frozen_move_the_count_when_it_is_not(installed: Install) -> None:
    frozen = Scaled(install=installed, name="frozen-night")
    installed.wait(lambda: frozen.told["minCapacity"] == 5, "half past two", "frozen-night", within=PATIENCE)
    assert (frozen.desired, len(installed.ids("frozen-night"))) == (2, 2)
    installed.ask("resume", service="demo/frozen-night")
    installed.steady("frozen-night", 5)
    assert frozen.counts() == [5]


def test_the_second_half_past_two_of_that_night_is_none(installed: Install) -> None:
    night = Scaled(install=installed, name="night")
    installed.wait(lambda: now(installed) > SECOND_HALF_PAST_TWO, "the second one", within=PATIENCE)
    night.minutes_pass(15)
    assert night.desired == 3, "a count that people set is moved by the next occurrence, and there was none"
    assert sum("late sets minimum 5" in reason for reason in night.reasons()) == 1, night.reasons()
    [action] = night.told["scheduledActions"]
    assert action["lastAt"] == "2026-10-25T00:30:00.000Z"
    assert action["nextLocalTime"] == "2026-10-26T02:30:00+01:00"
