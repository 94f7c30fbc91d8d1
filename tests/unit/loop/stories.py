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


WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"


def _into_rotation() -> FakeLoop:
    """The tasks run; the next pass registers them."""
    loop = FakeLoop()
    loop.balance(3, WEB)
    loop.deliver_kick()
    while loop.runtime.step_all():
        pass
    loop.deliver_events()
    return loop


def _out_of_rotation() -> FakeLoop:
    loop = FakeLoop().in_service(3, WEB)
    loop.scale(1)
    return loop


def _drained() -> FakeLoop:
    """Two tasks have drained; the next pass stops them."""
    loop = _out_of_rotation()
    loop.deliver_kick()
    loop.clock.advance(6.0)
    loop.wake()
    return loop


def _dead_in_rotation() -> FakeLoop:
    loop = FakeLoop().in_service(3, WEB)
    loop.runtime.end(min(loop.ids()), "EssentialContainerExited", "Essential container in task exited", exit_code=137)
    loop.deliver_events()
    return loop


def _unhealthy_in_rotation() -> FakeLoop:
    """One task answers its health checks no more, and an alarm says so."""
    loop = FakeLoop().in_service(3, WEB)
    loop.groups.fail_checks(WEB, loop.endpoint(min(loop.ids())))
    loop.store.record_suspects(SERVICE, WEB, loop.clock())
    loop.kick("alarm")
    return loop


def _deletion_in_rotation() -> FakeLoop:
    loop = FakeLoop().in_service(2, WEB)
    loop.delete()
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
    Story("tasks go into rotation", _into_rotation, 3),
    Story("tasks leave rotation", _out_of_rotation, 1),
    Story("drained tasks are stopped", _drained, 1),
    Story("a dead task leaves rotation", _dead_in_rotation, 3),
    Story("an unhealthy task is replaced", _unhealthy_in_rotation, 3),
    Story("a deletion begins in rotation", _deletion_in_rotation, 0),
)


def assert_ended_well(story: Story, loop: FakeLoop) -> None:
    """Exactly the desired count, nothing doubled, nothing leaked."""
    loop.assert_exactly(story.desired)
    for group in loop.groups.groups:
        registered = {loop.endpoint(task_id) for task_id in loop.ids()}
        assert loop.groups.registered(group) == registered, "the live tasks are in rotation, and nothing else"
    assert not loop.cut, f"tasks that were stopped while they took traffic: {loop.cut}"
    if story.desired == 0:
        assert loop.store.partition(SERVICE).is_empty()
