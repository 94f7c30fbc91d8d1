"""How a day is told to people."""

from collections.abc import Iterable

from headcount_simulation.simulating import Outcome


def tell(outcome: Outcome) -> Iterable[str]:
    """The day line by line: who it is about, what happened when, and how it ended."""
    day = outcome.day
    yield f"seed {day.seed}: {len(day.characters)} services, {day.faults} faults"
    for character in day.characters:
        least, most = character.percentages
        zones = ", ".join(character.subnets)
        health = ", container health checks" if character.checks_health else ""
        yield f"  {character.service}: {character.desired} tasks, healthy {least}% to {most}%, {zones}{health}"
    yield from (f"{_clock(at)}  {line}" for at, line in outcome.story)
    yield f"{outcome.passes} passes, {outcome.calls} calls of AWS, {outcome.tasks} tasks; {verdict(outcome)}"


def verdict(outcome: Outcome) -> str:
    """One sentence."""
    return "every invariant held" if outcome.violation is None else f"VIOLATED {outcome.violation}"


def _clock(at: float) -> str:
    return f"{int(at // 3600):02}:{int(at // 60 % 60):02}:{at % 60:06.3f}"
