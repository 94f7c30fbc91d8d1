"""What policies have in common that say a count outright: expressions, backlogs, the user's functions.

No alarm tells when they would say something else, so they look again by themselves.
"""

from headcount.model.scaling_state import Ask, Outcome
from headcount.scaling.counts import Counts


def asks_for(policy: str, count: int, counts: Counts, reason: str) -> Ask:
    """The wish for a count."""
    outcome: Outcome = "keep" if count == counts.desired else "out" if count > counts.desired else "in"
    return Ask(policy=policy, outcome=outcome, count=count, reason=reason, restless=True, outright=True)


def holds(policy: str, reason: str) -> Ask:
    """The wish of a policy that cannot tell: nothing changes on its account, and nothing is scaled in."""
    return Ask(policy=policy, outcome="hold", reason=reason, restless=True)
