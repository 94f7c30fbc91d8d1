"""What the audit makes of target groups: ELB's word on registered targets against what is on record."""

from collections.abc import Container, Sequence

from headcount.model.target import Endpoint, GroupTargets, Registration, TargetHealth, TargetsSeen

GROUPS_A_MINUTE = 40  # what ELB allows an account at once: its calls come back before the next minute

_ON_THE_WAY_OUT = (None, "draining", "unused")


def is_unchanged(ledger: GroupTargets, answer: Sequence[TargetHealth] | None) -> bool:
    """Whether ELB says of each target what it said last: of most groups, each minute."""
    before = ledger.seen
    if before is None or answer is None or before.gone or len(answer) != len(before.targets):
        return False
    ours = {(entry.target, entry.port) for entry in ledger.registrations}
    foreign = 0
    for one, known in zip(answer, before.targets, strict=True):
        if one.state != known.state or one.target != known.target or one.port != known.port:
            return False
        foreign += (one.target, one.port) not in ours
    return foreign == before.foreign


def is_on_record(ledger: GroupTargets, seen: TargetsSeen) -> bool:
    """Whether the record says as much already, or is newer. Reasons and descriptions may be others."""
    before = ledger.seen
    if before is None:
        return False
    if before.seen_at >= seen.seen_at:
        return True
    ours = {entry.endpoint for entry in ledger.registrations}
    return (before.gone, before.foreign, _states(before, ours)) == (seen.gone, seen.foreign, _states(seen, ours))


def is_news(ledger: GroupTargets, seen: TargetsSeen) -> bool:
    """Whether the service has to look: the group is gone or back, or a target is as no pass expects it."""
    if seen.gone != (ledger.seen is not None and ledger.seen.gone):
        return True
    ours = {entry.endpoint for entry in ledger.registrations}
    before, now = _states(ledger.seen, ours), _states(seen, ours)
    return any(_is_unexpected(one, before.get(one.endpoint), now.get(one.endpoint)) for one in ledger.registrations)


def _is_unexpected(entry: Registration, before: str | None, now: str | None) -> bool:
    """Whether a target's state, None where it is missing, is other than on record and no step that a pass waits for."""
    if before == now:
        return False
    if entry.left_at is not None:
        return now not in _ON_THE_WAY_OUT
    if entry.leaving_at is not None or entry.registered_at is None:
        return False
    return (before, now) != (None, "initial")


def is_well(ledger: GroupTargets, seen: TargetsSeen) -> bool:
    """Whether every target that is meant to be in rotation is."""
    states = _states(seen, {entry.endpoint for entry in ledger.registrations})
    return not seen.gone and all(
        states.get(entry.endpoint) == "healthy" for entry in ledger.registrations if entry.leaving_at is None
    )


def _states(seen: TargetsSeen | None, ours: Container[Endpoint]) -> dict[Endpoint, str]:
    told = seen.targets if seen is not None else ()
    return {endpoint: one.state for one in told if (endpoint := (one.target, one.port)) in ours}
