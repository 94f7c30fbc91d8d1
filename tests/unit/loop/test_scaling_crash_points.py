"""A look killed before or after any call of its ports, or overtaken by somebody else at any of them: the next one ends
where an undisturbed one would have, and nothing that was made is forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from builders import SERVICE
from fakes.crashing import Killed, Tripwire, When
from headcount.errors import TransientError
from headcount.messages import ScalingRequest
from headcount.model.scaling import ScheduledAction
from headcount.model.values import replace
from headcount.ports.scaling import FunctionAnswer
from unit.scaling.policies import a_backlog, a_function, a_scaling, a_step_policy, a_tracking

from .scaled import ScaledWorld

LOOK = ScalingRequest(service=SERVICE, cause="test")
HOURLY = ScheduledAction(name="hourly", schedule="rate(1 hour)", minimum=6)
EVERYTHING = replace(
    a_scaling(a_tracking(), a_step_policy(), a_backlog(100), a_function(), minimum=1, maximum=20),
    scheduled_actions=(HOURLY,),
)


@dataclass(frozen=True, slots=True)
class Story:
    """A service before the look that is disturbed."""

    name: str
    begin: Callable[[], ScaledWorld]

    def __str__(self) -> str:
        return self.name


def _declared() -> ScaledWorld:
    world = ScaledWorld()
    world.alarms.add("high", "ALARM")
    world.queues.backlogs["jobs"] = (10, 0)
    world.functions.answers["decide"] = FunctionAnswer(answer={"desiredCount": 2, "reason": "quiet"})
    world.declare(EVERYTHING, 4)
    world.measure(80.0)
    world.measure(60.0, name="high")
    return world


def _kept() -> ScaledWorld:
    world = _declared()
    world.look()
    world.after(400)
    world.measure(80.0)
    world.measure(60.0, name="high")
    return world


def _due() -> ScaledWorld:
    world = _declared()
    world.measure(50.0)
    world.alarms.set_state("high", "OK")
    world.look()
    return world.after(3600)


def _declared_otherwise() -> ScaledWorld:
    world = _kept()
    world.declare(a_scaling(a_tracking("memory"), minimum=1, maximum=20))
    world.measure(80.0)
    return world


def _undeclared() -> ScaledWorld:
    world = _kept()
    world.declare(None)
    return world


def _deleted() -> ScaledWorld:
    world = _kept()
    world.delete()
    return world


def _native() -> ScaledWorld:
    world = ScaledWorld()
    world.declare_native(a_tracking(), desired=4)
    world.measure(80.0, name="m1")
    return world


STORIES = [
    Story("declared", _declared),
    Story("looked at before", _kept),
    Story("an action is due", _due),
    Story("declared otherwise", _declared_otherwise),
    Story("not declared any more", _undeclared),
    Story("deleted", _deleted),
    Story("native", _native),
]


@pytest.fixture(params=STORIES, ids=str)
def story(request: pytest.FixtureRequest) -> Any:
    return request.param


def calls_of(story: Story) -> list[str]:
    wire = Tripwire()
    story.begin().wake(LOOK, wire)
    return wire.calls


def standing(world: ScaledWorld) -> dict[str, Any]:
    """Everything that people and AWS see; when it happened apart."""
    record = world.record
    return {
        "desired": world.desired,
        "native": {key: one.desired for key, one in world.native.services.items()},
        "alarms": set(world.alarms.alarms),
        "schedules": set(world.schedules.schedules),
        "watchers": world.store.watchers("high"),
        "names": record.names,
        "activities": [(one.policy, one.before, one.after) for one in record.state.activities],
        "bounds": (record.bounds, record.state.minimum, record.state.maximum, record.state.fired),
        "left": (record.problems, record.unset, record.removed, record.declared),
        "changes": [one for one in world.told() if " scales " in one],
    }


def standing_alarms(world: ScaledWorld) -> set[str]:
    return {name for name in world.alarms.alarms if name.startswith("headcount/")}


def nothing_is_forgotten(world: ScaledWorld) -> None:
    """What is there and is Headcount's is on record, at any time."""
    ours = standing_alarms(world) | set(world.schedules.schedules)
    partition = world.table.partition(SERVICE)
    assert ours <= (partition.scaling.names if partition.scaling is not None else set())


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_the_next_look_ends_where_this_one_would_have(story: Story, when: When) -> None:
    undisturbed = story.begin()
    undisturbed.wake(LOOK)
    for number, call in enumerate(calls_of(story)):
        world = story.begin()
        with pytest.raises(Killed):
            world.wake(LOOK, Tripwire(number, when))
        nothing_is_forgotten(world)
        world.wake(LOOK)  # Lambda repeats an invocation that died
        assert standing(world) == standing(undisturbed), f"killed {when} {call}"
        nothing_is_forgotten(world)


def test_killed_at_any_call_a_pass_is_told_of_the_count_all_the_same(story: Story) -> None:
    for number, call in enumerate(calls_of(story)):
        world = story.begin()
        world.kicks.sent.clear()
        with pytest.raises(Killed):
            world.wake(LOOK, Tripwire(number, "before"))
        world.wake(LOOK)
        seen = world.table.partition(SERVICE).status.document.counts.desired
        if world.desired != seen or world.record.removed:
            assert world.kicks.sent, f"killed before {call}"


def test_whatever_is_throttled_the_next_looks_end_where_this_one_would_have(story: Story) -> None:
    """A call without an answer may have been made or not; what policies read is decided anew."""
    undisturbed = story.begin()
    undisturbed.wake(LOOK)
    for number, call in enumerate(calls_of(story)):
        for when in ("before", "after"):
            world = story.begin()
            try:
                world.wake(LOOK, Tripwire(number, when, _throttled))
            except TransientError:
                world.wake(LOOK)
            nothing_is_forgotten(world)
            for _ in range(2):
                world.clock.advance(60)
                world.wake(LOOK)
            after, expected = standing(world), standing(undisturbed)
            for name in ("alarms", "schedules", "watchers", "names"):
                assert after[name] == expected[name], f"throttled {when} {call}"
            assert after["left"][1:3] == expected["left"][1:3]


def _throttled() -> None:
    raise TransientError("ThrottlingException: Rate exceeded")


@pytest.mark.parametrize("what", ["scaled by hand", "declared again"])
def test_overtaken_at_any_call_it_decides_on_what_is_true_then(story: Story, what: str) -> None:
    for number, call in enumerate(calls_of(story)):
        world = story.begin()

        def overtake(world: ScaledWorld = world) -> None:
            if what == "scaled by hand":
                world.scale(11)
            else:
                partition = world.table.partition(SERVICE)
                world.generation += 1
                partition.manifest = replace(partition.manifest, generation=world.generation)

        there = standing_alarms(world)
        world.wake(LOOK, Tripwire(number, "before", overtake))
        nothing_is_forgotten(world)
        told = world.told()
        untold = {
            name for name in standing_alarms(world) - there if not any(f"created alarm {name}" in one for one in told)
        }
        assert not untold, f"made before {call} was overtaken, and nobody was told"
        if what == "scaled by hand" and not world.native.services:
            assert world.desired == 11 or world.log.looks[-1].decisions[0].before == 11, call


def test_two_looks_at_once_change_the_count_once(story: Story) -> None:
    undisturbed = story.begin()
    undisturbed.wake(LOOK)
    for number, call in enumerate(calls_of(story)):
        world = story.begin()
        world.wake(LOOK, Tripwire(number, "before", lambda world=world: world.wake(LOOK)))
        assert standing(world) == standing(undisturbed), f"at once with {call}"


@pytest.mark.parametrize("by", ["another declaration", "a deletion", "the end of a deletion"])
def test_overtaken_by_a_look_that_wants_nothing_of_it_nothing_is_forgotten(story: Story, by: str) -> None:
    """The other look drops names of what is not there yet."""
    for number, call in enumerate(calls_of(story)):
        world = story.begin()

        def overtake(world: ScaledWorld = world) -> None:
            if by == "another declaration":
                world.declare(a_scaling(a_tracking("other"), minimum=1, maximum=20))
            else:
                world.delete()
            world.wake(LOOK)
            if by == "the end of a deletion":
                partition = world.table.partition(SERVICE)
                partition.manifest = partition.scaling = None

        world.wake(LOOK, Tripwire(number, "before", overtake))
        nothing_is_forgotten(world)
        if by != "another declaration":
            made = (standing_alarms(world), world.schedules.schedules, world.store.watchers("high"))
            assert made == (set(), {}, ()), f"overtaken at {call}"
