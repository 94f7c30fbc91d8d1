"""An alarm of unhealthy targets makes a pass look at once, is not lost when it is repeated, and touches nobody else."""

import pytest

from builders import SERVICE
from fakes.crashing import Killed, Tripwire
from fakes.loop import FakeLoop
from headcount.errors import TransientError
from headcount.observing import Intake, Observer, TargetAlarm

WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"


@pytest.fixture
def loop() -> FakeLoop:
    """Three tasks in rotation, at rest."""
    loop = FakeLoop().in_service(3, WEB)
    loop.run(1)
    loop.kicks.sent.clear()
    return loop


def _alarm(loop: FakeLoop, **changes: object) -> TargetAlarm:
    said = {"alarm": "headcount/main/unhealthy/web/01c91e8c", "state": "ALARM", "service": SERVICE, "group": WEB}
    return TargetAlarm(**{"at": loop.clock(), **said, **changes})


def _take_in(loop: FakeLoop, alarm: TargetAlarm) -> str:
    def announcements() -> object:
        raise AssertionError("an alarm is no announcement of places")

    return Intake(observer=loop.observer, announcements=announcements).take_in(alarm)


def _suspect_at(loop: FakeLoop) -> float | None:
    (ledger,) = loop.state().targets
    return ledger.suspect_at


def test_targets_are_looked_at_as_soon_as_an_alarm_says_that_some_are_unhealthy(loop):
    loop.groups.fail_checks(WEB, min(loop.groups.registered(WEB)))
    loop.clock.advance(30.0)
    calls = loop.groups.calls["health"]
    assert _take_in(loop, _alarm(loop)) == "kicked"
    assert [(one.service, one.cause, one.event_at) for one in loop.kicks.sent] == [
        (SERVICE, "unhealthy targets", loop.clock())
    ]
    assert loop.groups.calls["health"] == calls, "it is the pass that looks"
    loop.deliver_kick()
    (ledger,) = loop.state().targets
    assert "unhealthy" in {one.state for one in ledger.seen.targets}
    assert loop.groups.calls["health"] == calls + 1


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_is_over_is_ignored(loop, state):
    assert _take_in(loop, _alarm(loop, state=state)) == "ignored"
    assert _suspect_at(loop) is None
    assert loop.kicks.sent == []


@pytest.mark.parametrize("others", [{"service": None}, {"group": None}, {"service": None, "group": None}], ids=str)
def test_an_alarm_of_others_is_foreign(loop, others):
    assert _take_in(loop, _alarm(loop, **others)) == "foreign"
    assert loop.kicks.sent == []


@pytest.mark.parametrize("gone", [{"group": WEB + "f"}, {"service": "prod/gone"}], ids=str)
def test_a_group_that_is_on_no_record_is_left_alone_and_kicks_nobody(loop, gone):
    assert _take_in(loop, _alarm(loop, **gone)) == "unknown target group"
    assert loop.kicks.sent == []
    assert len(loop.state().targets) == 1


def test_an_alarm_that_is_delivered_late_or_again_takes_nothing_back(loop):
    newest = loop.clock()
    for at in (newest, newest - 60.0, newest):
        assert _take_in(loop, _alarm(loop, at=at)) == "kicked", "the first delivery may have died before its kick"
    assert _suspect_at(loop) == newest


def test_a_kick_that_is_lost_with_its_function_comes_with_the_next_delivery(loop):
    wire = Tripwire(at=0)
    dying = Observer(store=loop.store, kicks=wire.guard(loop.kicks, "kicks"))
    with pytest.raises(Killed):
        dying.suspect(_alarm(loop))
    assert _suspect_at(loop) == loop.clock(), "it is written before anybody is told"
    assert _take_in(loop, _alarm(loop)) == "kicked"


def test_the_kick_carries_the_pass_number_that_was_read_after_the_record(loop):
    """A pass that began between the two has not seen the alarm, and its number must not drop the kick."""
    wire = Tripwire(0, "after", lambda: loop.store.begin_pass(SERVICE))
    observer = Observer(store=wire.guard(loop.store, "store"), kicks=loop.kicks)
    observer.suspect(_alarm(loop))
    assert wire.calls == ["store.record_suspects", "store.pass_number"]
    assert loop.kicks.sent[0].pass_number == loop.store.pass_number(SERVICE)


def test_a_queue_without_patience_is_the_senders_to_try_again(loop):
    loop.kicks.refuse_next = 1
    with pytest.raises(TransientError):
        _take_in(loop, _alarm(loop))
