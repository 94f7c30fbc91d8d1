"""Plays stories: sets the scene, calls the function, and compares what came of it."""

from samlocal.place import Place
from samlocal.scenes import Scenes
from samlocal.story import Invoke, Story


class Theatre:
    """One place in which stories are played one after the other."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._scenes = Scenes(place)

    def play(self, story: Story, invoke: Invoke) -> list[str]:
        """What was other than the story expects."""
        self._scenes.set(story.given)
        before = self.place.snapshot()
        answer = invoke(story.function, story.payload)
        return story.problems(answer, self.place.effects_since(before))
