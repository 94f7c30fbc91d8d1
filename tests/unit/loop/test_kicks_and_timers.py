"""Kicks are dropped by pass number, and none that matters is lost; a timer counts only while it is the recorded one."""

import itertools

import pytest

from fakes.clock import SettableClock
from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from fakes.messages import InMemoryKicks
from headcount.messages import DueTimer
from headcount.model.scaling_record import ScalingRecord
from headcount.model.task import STARTING_STATES

SERVICE = "prod/web"


class _Sender:
    """``observe_tasks`` in three steps that may happen at any time: record, read the number, kick."""

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.sighting = loop.runtime.events.pop()
        loop.runtime.events.clear()
        self.number = None

    def steps(self):
        return (self._record, self._read, self._kick)

    def _record(self):
        self.loop.store.record_sighting(SERVICE, self.sighting)

    def _read(self):
        self.number = self.loop.store.pass_number(SERVICE)

    def _kick(self):
        self.loop.kicks.kick(SERVICE, self.number, "task STOPPED")


def _one_task_is_lost() -> tuple[FakeLoop, _Sender]:
    """A kick of the present number was sent and handled a moment ago: SQS remembers its id."""
    loop = FakeLoop().running(2)
    loop.kick("before")
    loop.runtime.end(min(loop.ids()), "UserInitiated", "stopped by hand")
    return loop, _Sender(loop)


def _calls_of_the_pass() -> int:
    loop, sender = _one_task_is_lost()
    sender.steps()[0]()
    wire = Tripwire()
    loop.deliver_kick(wire)
    return len(wire.calls)


def test_no_kick_is_lost_however_sender_and_pass_interleave():
    """The sender's three steps happen before any calls of a pass, in order; the last moment is after the pass."""
    every = list(itertools.combinations_with_replacement(range(_calls_of_the_pass() + 1), 3))
    assert len(every) > 100
    lost = [moments for moments in every if _tasks_after(moments) != 2]
    assert lost == [], "the lost task is replaced without any audit"


def _tasks_after(moments) -> int:
    loop, sender = _one_task_is_lost()
    wire = Tripwire()
    original = wire.pass_through

    def pass_through(name, call):
        for moment, step in zip(moments, sender.steps(), strict=True):
            if moment == len(wire.calls):
                step()
        return original(name, call)

    wire.pass_through = pass_through
    loop.deliver_kick(wire)
    for moment, step in zip(moments, sender.steps(), strict=True):
        if moment >= len(wire.calls):
            step()
    while loop.deliver_kick():
        pass
    return len(loop.ids())


def test_a_thousand_events_become_a_few_passes():
    loop = FakeLoop()
    loop.declare(200)
    loop.settle()
    passes = len(loop.telling.passes)
    for task_id in loop.ids():
        loop.runtime.end(task_id, "UserInitiated", "stopped by hand")
    loop.deliver_events()
    assert len(loop.kicks.waiting) == 1
    loop.settle()
    loop.assert_exactly(200)
    assert len(loop.telling.passes) - passes < 15


def test_sqs_forgets_an_id_after_five_minutes():
    clock = SettableClock()
    kicks = InMemoryKicks(clock)
    for wait in (0, 299, 2):
        clock.advance(wait)
        kicks.kick(SERVICE, 7, "test")
    assert (len(kicks.sent), len(kicks.dropped)) == (2, 1)
    kicks.kick(SERVICE, None, "audit")
    kicks.kick(SERVICE, None, "audit")
    assert len(kicks.sent) == 4


# -- observing --------------------------------------------------------------------------------------------------------


def _observe(loop, *versions):
    """Events of one new task of ours, in the given order of versions."""
    task = loop.runtime.run_foreign("prod", "e" * 32, group="headcount:web", mark="hc/main/aaaaaaaaaaaaaaaaaaaa")
    outcomes = []
    for version in versions:
        task.observed = type(task.observed)(
            version=version, last_status="RUNNING", desired_status="RUNNING", launch="aaaaaaaaaaaaaaaaaaaa"
        )
        outcomes.append(loop.observer.observe(loop.runtime.describe("prod", [task.task_id])[0]))
    return outcomes


def test_of_versions_3_2_3_4_the_3_kicks_each_time_and_the_4_says_nothing_new():
    """The second delivery of the 3 kicks too: the first one's kick may have been lost."""
    loop = FakeLoop()
    assert _observe(loop, 3, 2, 3, 4) == ["kicked", "stale", "kicked", "recorded"]
    (task,) = loop.state().tasks
    assert task.observed.version == 4


def test_an_event_that_died_before_its_kick_kicks_when_it_is_delivered_again():
    loop = FakeLoop().running(2)
    loop.runtime.end(min(loop.ids()), "UserInitiated", "stopped by hand")
    event = loop.runtime.events[-1]
    loop.store.record_sighting(SERVICE, event)
    assert loop.observer.observe(event) == "kicked"
    loop.deliver_kick()
    assert len(loop.ids()) == 2


def test_a_task_that_ends_kicks_when_it_begins_to_die_and_when_it_is_gone():
    loop = FakeLoop().running(1)
    (task_id,) = loop.ids()
    loop.runtime.stop("prod", task_id, "stopped by hand")
    while loop.runtime.step(task_id):
        pass
    of_the_task = [event for event in loop.runtime.events if event.task_id == task_id]
    outcomes = [(event.observed.last_status, loop.observer.observe(event)) for event in of_the_task]
    assert outcomes == [
        ("RUNNING", "kicked"),
        ("DEACTIVATING", "recorded"),
        ("STOPPING", "recorded"),
        ("DEPROVISIONING", "recorded"),
        ("STOPPED", "kicked"),
    ]


@pytest.mark.parametrize("status", STARTING_STATES)
def test_a_task_on_its_way_up_kicks_nobody(status):
    loop = FakeLoop()
    loop.declare(1)
    loop.deliver_kick()
    sent = len(loop.kicks.sent)
    (task,) = loop.runtime.tasks.values()
    while task.observed.last_status != status:
        loop.runtime.step(task.task_id)
    loop.deliver_events()
    assert len(loop.kicks.sent) == sent


def test_a_late_event_of_a_forgotten_task_revives_nothing():
    loop = FakeLoop().running(2)
    victim = min(loop.ids())
    running = loop.runtime.describe("prod", [victim])[0]
    loop.runtime.end(victim, "UserInitiated", "stopped by hand")
    loop.settle()
    loop.observer.observe(running)
    while loop.deliver_kick():
        pass
    assert loop.state().status.counts.running + loop.state().status.counts.pending == 2
    assert len(loop.ids()) == 2


def test_late_events_of_a_service_that_is_gone_leave_nothing_behind_the_next_audit():
    loop = FakeLoop().running(2)
    late = [loop.runtime.describe("prod", [task])[0] for task in sorted(loop.ids())]
    loop.delete()
    loop.kick("delete")
    loop.settle()
    for sighting in late:
        loop.observer.observe(sighting)
    loop.drain()
    loop.audit()
    loop.drain()
    partition = loop.store.partitions[SERVICE]
    assert (partition.manifest, partition.status, partition.tasks, partition.launches) == (None, None, {}, {})


def test_a_foreign_task_is_left_alone():
    loop = FakeLoop()
    loop.runtime.run_foreign("prod", "f" * 32, group="family:db", mark="somebody")
    assert loop.observer.observe(loop.runtime.describe("prod", ["f" * 32])[0]) == "foreign"
    assert (loop.kicks.sent, loop.store.partitions) == ([], {})


# -- waking -----------------------------------------------------------------------------------------------------------


def _with_a_timer() -> FakeLoop:
    loop = FakeLoop()
    loop.runtime.throttle("launch", 1)
    loop.declare(1)
    loop.deliver_kick()
    return loop


def test_the_recorded_timer_wakes():
    loop = _with_a_timer()
    (timer,) = loop.timers.waiting
    assert loop.waker.wake(DueTimer(service=SERVICE, at=timer.at)) is True
    assert loop.kicks.sent[-1].cause == "timer"


@pytest.mark.parametrize("off", [-1.0, 1.0, 1e-6])
def test_a_superseded_timer_is_dropped(off):
    loop = _with_a_timer()
    (timer,) = loop.timers.waiting
    assert loop.waker.wake(DueTimer(service=SERVICE, at=timer.at + off)) is False
    assert loop.kicks.sent[-1].cause == "control"


def test_a_timer_of_a_service_that_is_gone_is_dropped():
    assert FakeLoop().waker.wake(DueTimer(service="prod/gone", at=5.0)) is False


def _wanting_to_scale_at(at: float) -> FakeLoop:
    loop = FakeLoop()
    loop.store.partition(SERVICE).scaling = ScalingRecord(next_look_at=at)
    return loop


def test_a_timer_of_scaling_has_scaling_looked_at_and_kicks_nobody():
    loop = _wanting_to_scale_at(5.0)
    assert loop.waker.wake(DueTimer(service=SERVICE, at=5.0, of_scaling=True)) is True
    assert loop.scaling.asked == [(SERVICE, "timer")]
    assert loop.kicks.sent == []


@pytest.mark.parametrize("at", [4.0, 6.0])
def test_a_superseded_timer_of_scaling_is_dropped(at):
    loop = _wanting_to_scale_at(5.0)
    assert loop.waker.wake(DueTimer(service=SERVICE, at=at, of_scaling=True)) is False
    assert loop.scaling.asked == []
