"""The expectations of ``events/`` can fail: whatever is wrong with a call is named, and so is a wrong expectation."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samlocal import changes
from samlocal.in_process import functions_in_process
from samlocal.place import a_place
from samlocal.story import Effects, Story, stories
from samlocal.theatre import Theatre

STORIES = {str(story): story for story in stories()}
GONE = STORIES["observe_tasks/task-stopped-essential-container-exited"]
POISONED = STORIES["observe_tasks/missing-fields"]
KICK = STORIES["reconcile_service/kick-after-a-scale-in"]


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with a_place() as place:
        yield Theatre(place)


@pytest.mark.parametrize(
    ("story", "wrong", "problem"),
    [
        (GONE, {"answers": {"outcome": "ignored"}}, "answers.outcome is"),
        (GONE, {"effects": replace(GONE.effects, writes=())}, "writes: "),
        (GONE, {"effects": replace(GONE.effects, kicks={"prod/api": "task STOPPED"})}, "kicks: "),
        (GONE, {"given": "empty", "fails": {"type": "Poisoned", "says": []}}, "it should fail with Poisoned"),
        (POISONED, {"fails": None}, "it failed: "),
        (POISONED, {"fails": {"type": "KeyError", "says": []}}, "it should fail with KeyError"),
        (POISONED, {"fails": {"type": "Poisoned", "says": ["detail.group"]}}, "its error does not say 'detail.group'"),
        (KICK, {"effects": replace(KICK.effects, stops=())}, "stops: "),
        (KICK, {"effects": replace(KICK.effects, starts=1)}, "starts: "),
        (KICK, {"effects": replace(KICK.effects, timers=())}, "timers: "),
        (KICK, {"effects": replace(KICK.effects, publishes=())}, "publishes: "),
    ],
)
def test_a_broken_expectation_is_seen(story: Story, wrong: dict[str, Any], problem: str, theatre: Theatre) -> None:
    with functions_in_process(theatre.place) as invoke:
        problems = theatre.play(replace(story, **wrong), invoke)
    assert [text for text in problems if text.startswith(problem)], problems


def test_a_function_that_does_nothing_is_seen(theatre: Theatre) -> None:
    assert theatre.play(GONE, lambda _folder, _payload: {"outcome": "kicked"}) == [
        "writes: nothing instead of ('prod/web task 8f2b6c1d STOPPED, version 6',)",
        "kicks: nothing instead of {'prod/web': 'task STOPPED'}",
    ]


def test_lists_are_compared_whole_and_objects_by_the_fields_that_are_named() -> None:
    story = replace(GONE, answers={"result": [{"a": 1}]}, effects=Effects())
    assert story.problems({"result": [{"a": 1, "b": 2}], "more": 3}, Effects()) == []
    assert story.problems({"result": [{"a": 1}, {"a": 1}]}, Effects())
    assert story.problems({"result": []}, Effects())
    assert story.problems({}, Effects()) == ["answers.result is missing in {}"]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("a: {answers: 1, kick: b}", "expects .'kick'."),
        ("a:", "either an answer or"),
        ("a: {answers: 1, fails: 2}", "or"),
    ],
)
def test_a_wrong_expectation_is_refused(text: str, refused: str, tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "expected.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=refused):
        stories("control", events=tmp_path)


def test_records_that_appear_change_and_go_are_told() -> None:
    was: changes.Records = {
        ("prod/web", "capacity"): {"n": 1},
        ("prod/web", "operator"): {"n": 1},
        ("prod/web", "status"): {},
    }
    now: changes.Records = {
        ("prod/web", "capacity"): {"n": 2},
        ("prod/web", "status"): {},
        ("task#123456789", "where"): _where("prod/web"),
    }
    assert changes.in_words(was, now, {"123456789"}) == (
        "new task belongs to prod/web",
        "prod/web capacity written",
        "prod/web operator removed",
    )


def _where(service: str) -> dict[str, Any]:
    return {"service": {"S": service}}
