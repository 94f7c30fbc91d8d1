"""From a failing day to the least of it that still fails."""

from headcount.model.values import replace
from headcount_simulation.days import Day, Happening, without
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.simulating import Outcome, simulate


def shrink(failed: Outcome, parts: Parts = REAL, *, most_tries: int = 400) -> Outcome:
    """Leave out services and happenings as long as the same invariant breaks; the last failing day, with its story."""
    shrinker = _Shrinker(failed, parts, most_tries)
    for character in failed.day.characters:
        shrinker.try_dropping([one for one in shrinker.day.happenings if one.service == character.service])
    size = max(1, len(shrinker.day.happenings) // 2)
    while size:
        if not shrinker.pass_over(size):
            size //= 2
    idle = {one.service for one in shrinker.day.happenings}
    smaller = replace(shrinker.day, characters=tuple(one for one in shrinker.day.characters if one.service in idle))
    if shrinker.fails(smaller):
        shrinker.day = smaller
    return simulate(shrinker.day, parts, keep_story=True)


class _Shrinker:
    def __init__(self, failed: Outcome, parts: Parts, most_tries: int) -> None:
        assert failed.violation is not None, "only a failed day is shrunk"
        self.day = failed.day
        self.invariant = failed.violation.invariant
        self.parts = parts
        self.left = most_tries

    def fails(self, day: Day) -> bool:
        """Whether a day breaks the same invariant."""
        self.left -= 1
        violation = simulate(day, self.parts).violation
        return violation is not None and violation.invariant == self.invariant

    def try_dropping(self, happenings: list[Happening]) -> bool:
        """Leave some out for good if the day still fails."""
        if self.left <= 0 or not happenings:
            return False
        smaller = without(self.day, happenings)
        if not self.fails(smaller):
            return False
        self.day = smaller
        return True

    def pass_over(self, size: int) -> bool:
        """Try to leave out every run of ``size`` happenings, the last first; whether one went."""
        dropped = False
        for first in range(len(self.day.happenings) - size, -size, -size):
            dropped |= self.try_dropping(list(self.day.happenings[max(0, first) : first + size]))
        return dropped and self.left > 0
