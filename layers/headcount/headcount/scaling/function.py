"""The user's own function: what it is asked, and what may be an answer. The call itself is made elsewhere.

Version 1 of question and answer. A question::

    {"version": 1, "service": "prod/web", "policy": "mine", "now": "2026-09-21T14:13:20.000Z",
     "counts": {"desired": 4, "running": 4}, "bounds": {"minimum": 2, "maximum": 40}, "deploying": false,
     "metrics": {"backlog": [["2026-09-21T14:12:00.000Z", 120.0], ...]}}

An answer: ``{"desiredCount": 6, "reason": "..."}``. Other keys are ignored; anything else means *hold*.
"""

from typing import Any

from headcount.model.instants import iso
from headcount.model.scaling import Function, ScalableTarget
from headcount.model.scaling_state import Ask, Present, Reading
from headcount.model.showing import shown
from headcount.scaling.absolute import asks_for, holds
from headcount.scaling.counts import Counts

VERSION = 1
MOST_TASKS = 1_000_000
LONGEST_REASON = 500


def question(
    policy: Function, service: str, target: ScalableTarget, present: Present, reading: Reading, now: float
) -> dict[str, Any]:
    """What the function is sent, as JSON. Points are [beginning of the period, value], oldest first."""
    return {
        "version": VERSION,
        "service": service,
        "policy": policy.name,
        "now": iso(now),
        "counts": {"desired": present.desired, "running": present.running},
        "bounds": {"minimum": target.minimum, "maximum": target.maximum},
        "deploying": present.deploying,
        "metrics": {
            name: [[iso(at), value] for at, value in sorted(series.points)] for name, series in reading.series.items()
        },
    }


def ask_function(policy: Function, reading: Reading, counts: Counts) -> Ask:
    """What the function asks for, by its answer."""
    count, reason = _understood(reading.answer)
    return holds(policy.name, reason) if count is None else asks_for(policy.name, count, counts, reason)


def _understood(answer: Any) -> tuple[int | None, str]:
    """The count, and the function's reason; or None, and what is wrong with the answer."""
    if not isinstance(answer, dict):
        return None, f"its answer must be a mapping with desiredCount and reason, not {shown(answer)}"
    count, reason = answer.get("desiredCount"), answer.get("reason", "")
    if isinstance(count, float) and count.is_integer():
        count = int(count)  # JSON of some languages knows no whole numbers
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_TASKS:
        return None, f"its desiredCount must be a whole number from 0 to {MOST_TASKS}, not {shown(count)}"
    if not isinstance(reason, str):
        return None, f"its reason must be text, not {shown(reason)}"
    return count, reason[:LONGEST_REASON] or "it gave no reason"
