"""Durations, times, and text from elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from headcount_cli.durations import format_seconds, parse_duration
from headcount_cli.times import ago, parse_time, when
from headcount_cli.views.history import sentence
from headcount_cli.views.secrets import HIDDEN, masked
from headcount_cli.views.words import plain, short
from unit.cli.fake_control import an_event

NOW = datetime(2026, 11, 23, 3, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), (" 1D ", 86400)]
)
def test_reads_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1.5h", "10 m", "0s", "8d", "9999999999s", "1h30", "\u0663m"])
def test_refuses_what_is_no_duration_and_says_what_is(text: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        parse_duration(text)
    assert "s" in refused.value.message
    assert f"'{text}'" in refused.value.message


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (38, "38s"), (300, "5m"), (7830, "2h 10m"), (86405, "1d"), (273600, "3d 4h")]
)
def test_writes_durations_in_two_units(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-11-23T02:55:00Z", "02:55:00 UTC (5m ago)"),
        ("2026-11-23T12:00:38+09:00", "03:00:38 UTC (in 38s)"),
        (1795402800.0, "03:00:00 UTC (now)"),
        ("2026-11-20T01:00:00", "2026-11-20 01:00:00 UTC (3d 2h ago)"),
        (None, "-"),
        ("soon", "-"),
        (float("inf"), "-"),
        (True, "-"),
    ],
)
def test_writes_times_absolute_and_relative(value: object, text: str) -> None:
    assert when(value, NOW) == text


def test_narrow_columns_have_one_unit() -> None:
    assert ago("2026-11-23T00:50:00Z", NOW) == "2h ago"
    assert parse_time("nonsense") is None


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("desiredCount", 3, 3),
        ("overrides.containerOverrides[0].environment[1].value", "hunter2", HIDDEN),
        ("overrides.containerOverrides[0].environment[1].name", "PASSWORD", "PASSWORD"),
        ("overrides.containerOverrides[0].environment", [{"name": "A", "value": "hunter2"}], HIDDEN),
        (
            "overrides",
            {"containerOverrides": [{"environment": ["x"], "cpu": 1}]},
            {"containerOverrides": [{"environment": HIDDEN, "cpu": 1}]},
        ),
        ("environment", None, None),
    ],
)
def test_masks_what_environment_variables_hold(path: str, value: object, shown: object) -> None:
    assert masked(path, value) == shown


def test_text_from_elsewhere_is_only_text() -> None:
    assert plain("a\x1b[2J\u202eb\nc") == "a\ufffd[2J\ufffdb\nc"
    assert short("x" * 1000).endswith("...")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (an_event("stop", "newest first", task="t1", deployment="dep-3"), "Stopped task t1: newest first (dep-3)"),
        (
            an_event("stop", "(service web) has stopped 2 running tasks"),
            "Stopped: (service web) has stopped 2 running tasks",
        ),
        (an_event("control", "delete", by=None), "Somebody asked: delete"),
        (an_event("deployment", "deployment dep-3 completed", deployment="dep-3"), "Deployment dep-3 completed"),
        (an_event("launch", "start 1 task", launch="l1"), "Launch: start 1 task (launch l1)"),
        (an_event("hold", "wait", task="t1", by="bob"), "Waiting: wait (task t1, by bob)"),
        (an_event("novelty", "of a newer version"), "Novelty: of a newer version"),
    ],
)
def test_decisions_are_sentences(entry: dict[str, object], told: str) -> None:
    assert sentence(entry).plain == told
