"""A pass may die between any two calls: the next ones finish what is recorded, and nothing is doubled or leaked."""

import pytest

from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from headcount.errors import TransientError

from .stories import STORIES, Story, assert_ended_well

EVERY_STORY = pytest.mark.parametrize("story", STORIES, ids=str)
WHEN = pytest.mark.parametrize("when", ["before", "after"])


def _calls(story: Story) -> list[str]:
    """What one undisturbed pass of the story calls, in order."""
    wire = Tripwire()
    assert story.begin().deliver_kick(wire), "the story begins with a kick"
    return wire.calls


def _lose_the_answer() -> None:
    raise TransientError("no answer from AWS")


@EVERY_STORY
def test_a_story_ends_well_when_nothing_happens_to_it(story: Story):
    loop = story.begin()
    loop.settle()
    assert_ended_well(story, loop)


@WHEN
@EVERY_STORY
def test_a_pass_killed_at_any_call_is_finished_by_the_next(story: Story, when):
    calls = _calls(story)
    for number, name in enumerate(calls):
        loop = story.begin()
        loop.deliver_kick(Tripwire(number, when))
        loop.settle()
        _assert_ended_well(story, loop, f"killed {when} call {number}, {name}")


@WHEN
@EVERY_STORY
def test_a_pass_killed_twice_is_finished_by_the_third(story: Story, when):
    for first in range(len(_calls(story))):
        for second in range(0, len(_calls(story)), 3):
            loop = story.begin()
            loop.deliver_kick(Tripwire(first, when))
            loop.deliver_events()
            loop.clock.advance(25)
            loop.deliver_kick(Tripwire(second, when))
            loop.settle()
            _assert_ended_well(story, loop, f"killed {when} calls {first} and {second}")


@WHEN
@EVERY_STORY
def test_a_call_that_fails_without_a_word_costs_a_pass_and_nothing_else(story: Story, when):
    for number, name in enumerate(_calls(story)):
        loop = story.begin()
        loop.deliver_kick(Tripwire(number, when, _lose_the_answer))
        loop.settle()
        _assert_ended_well(story, loop, f"failed {when} call {number}, {name}")


@EVERY_STORY
def test_an_event_delivered_twice_and_late_between_the_calls_changes_nothing(story: Story):
    """All events of ECS arrive at each point of the pass, and once more at its end."""
    for number, name in enumerate(_calls(story)):
        loop = story.begin()

        def repeat(loop: FakeLoop = loop) -> None:
            loop.runtime.step_all()
            seen = list(loop.runtime.events)
            loop.deliver_events()
            loop.runtime.events.extend(reversed(seen))

        loop.deliver_kick(Tripwire(number, "after", repeat))
        loop.settle()
        _assert_ended_well(story, loop, f"events repeated after call {number}, {name}")


@EVERY_STORY
def test_a_whole_pass_between_any_two_calls_of_another_doubles_nothing(story: Story):
    """Two passes at once: the queue forbids it, but an invocation may outlive its message's visibility."""
    for number, name in enumerate(_calls(story)):
        loop = story.begin()
        wire = Tripwire(number, "before", loop.reconcile)
        loop.deliver_kick(wire)
        loop.settle()
        _assert_ended_well(story, loop, f"another pass before call {number}, {name}")


def _assert_ended_well(story: Story, loop: FakeLoop, what: str) -> None:
    try:
        assert_ended_well(story, loop)
    except AssertionError as error:
        error.add_note(f"{story}: {what}")
        raise
