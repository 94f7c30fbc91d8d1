"""Scaling with everything around it: passes that ask and carry out, timers, alarms, losses, quiet nights, the end."""

import pytest

from builders import SERVICE
from fakes.crashing import Tripwire
from headcount.messages import ScalingRequest
from headcount.model.scaling import Cooldowns
from headcount.model.service import OperatorWishes, Pause
from headcount.model.values import replace
from unit.scaling.policies import a_scaling, a_tracking

from .scaling_loop import ScalingLoop

SCALING = a_scaling(a_tracking(cooldowns=Cooldowns(scale_out=60, scale_in=60)), minimum=2, maximum=20)


@pytest.fixture
def loop() -> ScalingLoop:
    """Four tasks, half used."""
    loop = ScalingLoop()
    loop.load = 200.0
    loop.declare_scaled(SCALING, 4)
    loop.run(5)
    loop.assert_exactly(4)
    assert len(loop.alarms.alarms) == 2
    return loop


def test_the_count_follows_the_load_out_and_in(loop: ScalingLoop) -> None:
    loop.load = 640.0
    loop.run(10)
    assert loop.desired == 13
    loop.assert_exactly(13)
    loop.load = 120.0
    loop.run(40)
    assert loop.desired == 3
    loop.assert_exactly(3)


@pytest.mark.parametrize("lost", [{"timer"}, {"alarm"}, {"timer", "alarm"}])
def test_whatever_is_lost_the_count_follows_in_the_end(loop: ScalingLoop, lost: set[str]) -> None:
    loop.lost = lost
    loop.load = 640.0
    loop.run(45)
    loop.assert_exactly(13)


def test_tasks_are_kept_while_no_look_can_be_asked_for() -> None:
    loop = ScalingLoop()
    loop.load = 200.0
    loop.scaling.refusing = True
    loop.declare_scaled(SCALING, 4)
    loop.run(3)
    loop.assert_exactly(4)
    told = [decision.reason for decision in loop.telling.decisions if "asked for" in decision.reason]
    assert told[0] == "a look at scaling cannot be asked for: Invoke: TooManyRequestsException: Rate exceeded"
    loop.scaling.refusing = False
    loop.run(3)
    assert len(loop.alarms.alarms) == 2


def test_a_request_that_is_lost_is_sent_again() -> None:
    loop = ScalingLoop()
    loop.load = 200.0
    loop.lost = {"ask"}
    loop.declare_scaled(SCALING, 4)
    loop.run(2)
    assert loop.alarms.alarms == {}
    loop.lost = set()
    loop.run(3)
    assert len(loop.alarms.alarms) == 2


def test_a_night_at_the_minimum_costs_a_look_every_quarter_of_an_hour(loop: ScalingLoop) -> None:
    loop.load = 10.0
    loop.run(60)
    loop.assert_exactly(2)
    assert [one.state for one in loop.alarms.alarms.values()] == ["OK", "ALARM"]
    before, passes = loop.looks(), len(loop.telling.passes)
    loop.run(8 * 60)
    assert loop.looks(before) <= 8 * 4 + 1
    assert len(loop.telling.passes) - passes <= 8 * 4 + 1
    assert loop.desired == 2


def test_a_day_of_calm_costs_no_more(loop: ScalingLoop) -> None:
    loop.run(60)
    before = loop.looks()
    loop.run(4 * 60)
    assert loop.looks(before) <= 4 * 4 + 1


def test_a_pause_is_seen_at_once_and_its_end_as_well(loop: ScalingLoop) -> None:
    loop.load = 640.0
    loop.store.partition(SERVICE).operator = (OperatorWishes(pause=Pause(mode="freeze", at=0.0, by="alice")), 1)
    loop.kick("control")
    loop.run(10)
    assert (loop.desired, loop.record.held) == (4, "frozen by alice")
    loop.store.partition(SERVICE).operator = (OperatorWishes(), 2)
    loop.kick("control")
    loop.run(3)
    assert (loop.desired, loop.record.held) == (13, "")


def test_what_people_set_in_the_middle_is_kept_until_the_metric_says_otherwise(loop: ScalingLoop) -> None:
    loop.scale(8)
    loop.run(10)
    loop.assert_exactly(8)
    loop.run(20)
    assert loop.desired == 4


def test_a_deployment_scales_out_and_not_in(loop: ScalingLoop) -> None:
    loop.load = 640.0
    loop.deploy()
    loop.run(12)
    loop.assert_exactly(13)


def test_a_deleted_service_leaves_nothing(loop: ScalingLoop) -> None:
    loop.delete()
    loop.run(3)
    assert (loop.alarms.alarms, loop.ids()) == ({}, set())
    assert loop.store.partition(SERVICE).is_empty()
    assert loop.store.partition(SERVICE).scaling is None


def test_a_service_that_stops_scaling_keeps_its_count(loop: ScalingLoop) -> None:
    loop.load = 640.0
    loop.run(10)
    loop.declare_scaled(None, 13)
    loop.run(30)
    assert (loop.alarms.alarms, loop.record.removed) == ({}, True)
    loop.assert_exactly(13)


def test_a_count_that_is_written_after_a_pass_has_begun_is_seen_by_another(loop: ScalingLoop) -> None:
    """The kick of that pass has the id that one by the number read before it would have, and SQS drops what repeats."""
    loop.load = 640.0
    loop.lost = {"alarm", "timer"}
    loop.run(4)

    def a_pass() -> None:
        loop.kick("somebody else")
        while loop.deliver_kick():
            pass

    wire = Tripwire(at=1, action=a_pass)
    decider = replace(loop.decider, store=wire.guard(loop.scaling_store, "store"))
    decider.decide(ScalingRequest(service=SERVICE, cause="test"), lambda: 60.0)
    assert wire.calls == ["store.read", "store.write"]
    loop.drain()
    loop.assert_exactly(13)
