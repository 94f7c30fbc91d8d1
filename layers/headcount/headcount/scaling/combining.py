"""Several policies, one count. Source: "Multiple scaling policies" of Application Auto Scaling.

The largest wish for more wins. Else the count goes in, to the largest wish for less, if all that track something and
may scale in agree: one that cannot tell does not. Step scaling neither asks them nor is asked. Who has no vote
holds nobody back, but where one of them would scale out again at once, nobody goes below that (+).
"""

from collections.abc import Sequence

from headcount.model.scaling import Policy, StepScaling
from headcount.model.scaling_state import Ask
from headcount.model.values import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The wish that counts; None: nothing changes, for the reason that is given."""

    ask: Ask | None = None
    reason: str = ""
    not_scaled: str | None = None


def combine(asks: Sequence[tuple[Policy, Ask]]) -> Choice:
    """Which of the policies' wishes counts."""
    outwards = [ask for _, ask in asks if ask.outcome == "out"]
    if outwards:
        return Choice(ask=_largest(outwards))
    against = [ask for policy, ask in asks if votes(policy) and ask.outcome != "in"]
    inwards = [ask for policy, ask in asks if ask.outcome == "in" and not (against and votes(policy))]
    if inwards:
        return Choice(ask=_not_below(_largest(inwards), [ask for _, ask in asks if ask.outcome == "keep"]))
    if any(ask.outcome == "in" for _, ask in asks):
        return Choice(reason=f"scale-in waits for {'; '.join(_told(ask) for ask in against)}")
    codes = [ask.not_scaled for _, ask in asks if ask.not_scaled]
    return Choice(reason="; ".join(_told(ask) for _, ask in asks), not_scaled=codes[0] if codes else None)


def _not_below(wish: Ask, others: Sequence[Ask]) -> Ask:
    """A wish for less goes no lower than where another one, that has no vote, would undo it at once."""
    highest = max(others, key=lambda ask: ask.at_least or 0, default=wish)
    if (highest.at_least or 0) <= (wish.count or 0):
        return wish
    return replace(wish, count=highest.at_least, limited=(*wish.limited, f"{highest.policy} needs {highest.at_least}"))


def votes(policy: Policy) -> bool:
    """Whether nothing that tracks is scaled in without its consent."""
    return not isinstance(policy, StepScaling) and not policy.disable_scale_in


def _largest(asks: Sequence[Ask]) -> Ask:
    return max(asks, key=lambda ask: ask.count or 0)


def _told(ask: Ask) -> str:
    because = f" ({', '.join(ask.limited)})" if ask.limited else ""
    return f"{ask.policy}: {ask.reason}{because}"
