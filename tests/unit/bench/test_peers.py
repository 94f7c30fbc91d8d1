"""What an engine tells is put together into the points that are measured at every peer."""

from typing import Any

import pytest
from bench.measurement import NotMeasured
from bench.peers.points import Replaced, ScaledUp, spent, spread
from bench.peers.swarm_words import ContainerEvent, SwarmTask, growth, read_event, read_task, replacement

KILLED_AT = 1_790_000_000.0


def an_event(action: str, task_id: str, at: float) -> ContainerEvent:
    return ContainerEvent(at=KILLED_AT + at, action=action, task_id=task_id)


def a_task(task_id: str, created: float, state: str = "running") -> SwarmTask:
    return SwarmTask(task_id=task_id, created_at=KILLED_AT + created, state=state, state_at=KILLED_AT + created + 1)


def test_an_event_of_a_tasks_container_is_read_to_the_nanosecond() -> None:
    document = {
        "Type": "container",
        "Action": "die",
        "timeNano": 1795646520537136741,
        "Actor": {"ID": "b3b2", "Attributes": {"com.docker.swarm.task.id": "70yn", "exitCode": "137"}},
    }
    event = read_event(document)
    assert event == ContainerEvent(at=pytest.approx(1795646520.537137, abs=1e-6), action="die", task_id="70yn")


@pytest.mark.parametrize(
    "document",
    [
        {"Type": "container", "Action": "die", "timeNano": 1, "Actor": {"Attributes": {}}},
        {"Type": "network", "Action": "connect", "Actor": {"Attributes": {"com.docker.swarm.task.id": "70yn"}}},
        {"Type": "service", "Action": "create"},
    ],
)
def test_events_of_anything_else_are_passed_over(document: dict[str, Any]) -> None:
    assert read_event(document) is None


def test_a_task_is_read_with_times_of_any_precision() -> None:
    task = read_task(
        {
            "ID": "zi6x",
            "CreatedAt": "2026-11-25T22:42:00.637030947Z",
            "Status": {"State": "running", "Timestamp": "2026-11-25T22:42:01.2Z"},
        }
    )
    assert task.runs
    assert task.created_at == pytest.approx(1795646520.637030, abs=1e-6)
    assert task.state_at == pytest.approx(1795646521.2, abs=1e-6)


def test_a_replacement_is_the_one_task_that_was_asked_for_after_the_kill() -> None:
    events = [
        an_event("start", "old", -5.0),
        an_event("die", "older", -3.0),
        an_event("die", "old", 0.030),
        an_event("create", "new", 0.300),
        an_event("start", "new", 0.700),
    ]
    run = replacement(KILLED_AT, events, [a_task("old", -9.0, "failed"), a_task("new", 0.130)])
    assert run.seen == pytest.approx(0.030, abs=1e-6)
    assert run.decision == pytest.approx(0.100, abs=1e-6)
    assert run.handover == pytest.approx(0.270, abs=1e-6)
    assert run.whole == pytest.approx(0.700, abs=1e-6)


@pytest.mark.parametrize(
    ("events", "tasks", "words"),
    [
        ([], [a_task("new", 0.1)], "saw 0 die, and asked for 1"),
        ([an_event("die", "a", 0.1), an_event("die", "b", 0.1)], [a_task("new", 0.2)], "saw 2 die"),
        ([an_event("die", "a", 0.1)], [a_task("n1", 0.2), a_task("n2", 0.2)], "asked for 2 others"),
        ([an_event("die", "a", 0.1)], [a_task("new", 0.2, "ready")], "new is ready, but the engine told no create"),
    ],
)
def test_what_does_not_fit_together_is_not_measured(
    events: list[ContainerEvent], tasks: list[SwarmTask], words: str
) -> None:
    with pytest.raises(NotMeasured, match=words):
        replacement(KILLED_AT, events, tasks)


def test_growth_lasts_until_the_last_task_runs() -> None:
    events = [
        an_event("create", "b", 0.2),
        an_event("create", "a", 0.3),
        an_event("start", "a", 0.5),
        an_event("start", "b", 0.9),
    ]
    tasks = [a_task("first", -60.0), a_task("a", 0.010), a_task("b", 0.015)]
    run = growth(KILLED_AT, 2, events, tasks)
    assert run.decision == pytest.approx(0.010, abs=1e-6)
    assert run.all_requested_at == pytest.approx(KILLED_AT + 0.015, abs=1e-6)
    assert run.handover == pytest.approx(0.2, abs=1e-6)
    assert run.whole == pytest.approx(0.9, abs=1e-6)


def test_growth_by_another_number_is_not_measured() -> None:
    with pytest.raises(NotMeasured, match="3 further tasks were asked for; Swarm has 1"):
        growth(KILLED_AT, 3, [], [a_task("a", 0.01)])


def test_a_spread_is_the_median_between_the_ends() -> None:
    runs = (0.3, 0.1, 0.2, 0.9)
    found = spread(runs)
    assert (found.least, found.median, found.most) == (0.1, 0.25, 0.9)


def test_what_was_spent_counts_whoever_came_in_between() -> None:
    assert spent({"dockerd": 1.0}, {"dockerd": 1.5, "containerd": 0.2}) == {"dockerd": 0.5, "containerd": 0.2}


def test_the_same_points_are_read_at_both() -> None:
    """A death that is told before the clock that killed says so counts as it was told: ECS's times are rounded."""
    lost = Replaced(killed_at=10.0, seen_at=9.999, requested_at=10.05, handed_over_at=10.05, running_at=10.2)
    grown = ScaledUp(asked_at=10.0, requested_at=10.1, all_requested_at=10.2, handed_over_at=10.1, running_at=10.6)
    assert (lost.decision, lost.whole) == (pytest.approx(0.051), pytest.approx(0.2))
    assert (grown.seen, grown.decision, grown.whole) == (0.0, pytest.approx(0.1), pytest.approx(0.6))
