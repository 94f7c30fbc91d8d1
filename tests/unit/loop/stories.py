"""Stories of a service: how it stands at first, what happens, and how many tasks there are at the end."""

from collections.abc import Callable
from dataclasses import dataclass

from builders import SERVICE
from fakes.loop import FakeLoop


@dataclass(frozen=True, slots=True)
class Story:
    """``begin`` leaves a kick or an event to deliver."""

    name: str
    begin: Callable[[], FakeLoop]
    desired: int

    def __str__(self) -> str:
        return self.name


def _start_three() -> FakeLoop:
    loop = FakeLoop()
    loop.declare(3)
    return loop


def _replace_a_lost_one() -> FakeLoop:
    loop = FakeLoop().running(3)
    loop.runtime.end(min(loop.ids()), "UserInitiated", "Task stopped by user")
    loop.deliver_events()
    return loop


def _replace_a_dying_one() -> FakeLoop:
    loop = FakeLoop().running(3)
    loop.runtime.interrupt(min(loop.ids()))
    loop.deliver_events()
    return loop


def _scale_in() -> FakeLoop:
    loop = FakeLoop().running(5)
    loop.scale(2)
    return loop


def _deployment_begins() -> FakeLoop:
    loop = FakeLoop().running(2)
    loop.deploy()
    return loop


def _deployment_steps() -> FakeLoop:
    """The new tasks are healthy; the next pass stops old ones."""
    loop = _deployment_begins()
    loop.drain()
    loop.clock.advance(60)
    loop.wake()
    return loop


def _deletion_begins() -> FakeLoop:
    loop = FakeLoop().running(3)
    loop.delete()
    return loop


def _deletion_ends() -> FakeLoop:
    """All tasks are stopped; the next pass removes the service."""
    loop = _deletion_begins()
    loop.deliver_kick()
    while loop.runtime.step_all():
        pass
    loop.deliver_events()
    return loop


def _shortfall() -> FakeLoop:
    loop = FakeLoop()
    loop.runtime.capacity["zone-a"] = 1
    loop.declare(6)
    return loop


def _throttled() -> FakeLoop:
    loop = FakeLoop()
    loop.runtime.throttle("launch", 2)
    loop.declare(4)
    return loop


def _answer_lost() -> FakeLoop:
    loop = FakeLoop()
    loop.runtime.lose_answer("launch", 2)
    loop.declare(4)
    return loop


def _stop_throttled() -> FakeLoop:
    loop = FakeLoop().running(4)
    loop.runtime.throttle("stop", 1)
    loop.scale(1)
    return loop


def _orphan() -> FakeLoop:
    """A task of ours that is on no record, seen alive by the audit."""
    loop = FakeLoop().running(2)
    loop.runtime.run_foreign("prod", "f" * 32, group="headcount:web", mark="hc/main/lostlostlostlostlost")
    loop.clock.advance(16 * 60)
    loop.audit()
    return loop


STORIES = (
    Story("three tasks start", _start_three, 3),
    Story("a lost task is replaced", _replace_a_lost_one, 3),
    Story("a dying task is replaced", _replace_a_dying_one, 3),
    Story("scale in", _scale_in, 2),
    Story("a deployment begins", _deployment_begins, 2),
    Story("a deployment goes on", _deployment_steps, 2),
    Story("a deletion begins", _deletion_begins, 0),
    Story("a deletion ends", _deletion_ends, 0),
    Story("a zone starts too few", _shortfall, 6),
    Story("RunTask is throttled", _throttled, 4),
    Story("RunTask's answer is lost", _answer_lost, 4),
    Story("StopTask is throttled", _stop_throttled, 1),
    Story("an orphan is adopted", _orphan, 2),
)


def assert_ended_well(story: Story, loop: FakeLoop) -> None:
    """Exactly the desired count, nothing doubled, nothing leaked."""
    loop.assert_exactly(story.desired)
    if story.desired == 0:
        assert loop.store.partition(SERVICE).is_empty()
