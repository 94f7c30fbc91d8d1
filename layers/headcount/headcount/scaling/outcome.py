"""What is kept of a look, and when the next one is due."""

from collections.abc import Iterable

from headcount.model.scaling import Scaling
from headcount.model.scaling_record import ScalingRecord
from headcount.model.scaling_state import ScalingDecision
from headcount.model.values import dataclass, replace
from headcount.scaling.looking_again import LOOK_AGAIN_SECONDS, QUIET_SECONDS
from headcount.scaling.own_schedules import next_due
from headcount.scaling.setting_bounds import Moved
from headcount.scaling.telling import remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The record after a look, the count, and every decision: of declaration and schedules, then of the policies."""

    record: ScalingRecord
    count: int
    moves: tuple[ScalingDecision, ...] = ()
    policies: ScalingDecision | None = None

    @property
    def decisions(self) -> tuple[ScalingDecision, ...]:
        """All of them, in the order in which they were taken."""
        return (*self.moves, *(() if self.policies is None else (self.policies,)))

    @property
    def changes(self) -> tuple[ScalingDecision, ...]:
        """Those that changed the count."""
        return tuple(one for one in self.decisions if one.count != one.before)


def outcome_of(moved: Moved, policies: ScalingDecision | None, now: float) -> Outcome:
    """What came of the decisions of one look. ``policies``: None where they were not asked."""
    record = moved.record
    if policies is not None:
        record = replace(record, state=policies.state, latest=remembered(policies, now))
    count = moved.count if policies is None else policies.count
    outcome = Outcome(record=record, count=count, moves=moved.decisions, policies=policies)
    if not outcome.changes:
        return outcome
    return replace(outcome, record=replace(record, changed=remembered(outcome.changes[-1], now)))


def look_again(
    outcome: Outcome, scaling: Scaling, now: float, *, told: bool, stays_until: float | None
) -> ScalingRecord:
    """The record with the time of the next look: whatever comes first.

    ``told``: an alarm told that it is one. Its data may be seen by the next look only, and the alarm does not tell
    again. ``stays_until``: when the count may be free to change again, where it is not.
    """
    record = outcome.record
    due = next_due(scaling.scheduled_actions, record.actions, now)
    decided = None if outcome.policies is None else outcome.policies.next_look_at
    wishes: Iterable[float | None] = (
        decided,
        None if due is None else due[0],
        stays_until,
        record.keep_at,
        now + LOOK_AGAIN_SECONDS if told and not record.held else None,
        now + QUIET_SECONDS if scaling.policies and not record.held else None,
    )
    return replace(record, next_look_at=min(at for at in wishes if at is not None))
