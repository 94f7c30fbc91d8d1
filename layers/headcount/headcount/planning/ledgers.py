"""What is registered in each target group, and what should be: the difference is the calls of a pass.

The ledger is written before the call and again with ELB's answer. An entry goes through: decided (``at``), registered,
leaving, left (ELB has answered; it drains), and is dropped when nothing waits for it. A call may be late, so what a
ledger says is held against what ELB shows: targets that ELB lost are registered again, and one that was registered just
before its task died is looked at once more before it is forgotten.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from headcount.model.plan import DeregisterTargets, RegisterTargets
from headcount.model.service import Decision, Level
from headcount.model.target import Endpoint, GroupTargets, Registration
from headcount.model.task import how_it_ended
from headcount.model.values import dataclass, replace
from headcount.planning.rotation import GONE_SECONDS, LINGER_SECONDS, Rotation, is_missing, name_of
from headcount.planning.situation import NOTHING, Situation, Step
from headcount.planning.traffic import Wish, wishes_for_now
from headcount.planning.words import some

REFUSED_SECONDS = 60.0  # a target that ELB refused is sent again after this: others do not wait for it
WORDS = 100  # characters of a reason that are kept: a ledger may hold a thousand, and a record 400 KB
LEDGERS = 8  # a pass: they fit in one transaction of the table, with the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What the ledgers are held against. ``awaited``: the ids of tasks that still run as far as ECS is told, whose
    connections are waited for; ``ending``: those of them that are to be stopped, and run on until they have drained.
    ``reasons``: why each task that takes no traffic (any more) does not.
    """

    rotation: Rotation
    awaited: frozenset[str]
    ending: frozenset[str]
    reasons: Mapping[str, str]
    now: float


@dataclasses.dataclass(slots=True, kw_only=True)
class _Change:
    """What becomes of one ledger in this pass."""

    before: GroupTargets
    entries: list[Registration]
    register: list[Endpoint] = dataclasses.field(default_factory=list)
    deregister: list[Endpoint] = dataclasses.field(default_factory=list)
    decisions: list[Decision] = dataclasses.field(default_factory=list)
    wakes: list[float] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """The ledgers that change, and the step that changes them."""

    changed: tuple[GroupTargets, ...]
    step: Step


UNCHANGED = Ledgers(changed=(), step=NOTHING)


def keep_ledgers(situation: Situation, stopping: Mapping[str, str]) -> Ledgers:
    """Bring the ledgers to what the tasks of the service are now. ``stopping``: tasks to be stopped, each with why."""
    rotation = situation.rotation
    due, wakes = wishes_for_now(situation, stopping)
    by_group: dict[str, list[Wish]] = {group: [] for group in rotation.ledgers}
    for wish in due:
        by_group.setdefault(wish.group, []).append(wish)
    scene = _scene(situation, stopping)
    gone = [group for group, wanted in by_group.items() if wanted and rotation.is_gone(group, situation.now)]
    changes = [
        _changed(scene, rotation.ledgers.get(group) or GroupTargets(group=group), wanted)
        for group, wanted in sorted(by_group.items())
    ]
    refusals = [one for one in changes if one.wakes]
    changes = [one for one in changes if _is_news(one)]
    some_wait = len(changes) > LEDGERS
    changes = changes[:LEDGERS]
    quiet = situation.elb_waits
    return Ledgers(
        changed=tuple(
            replace(one.before, registrations=tuple(one.entries))
            for one in changes
            if tuple(one.entries) != one.before.registrations
        ),
        step=Step(
            actions=() if quiet else tuple(_calls(changes)),
            decisions=(
                *map(_lost, gone),
                *(decision for one in changes for decision in one.decisions),
                *(decision for one in refusals if one not in changes for decision in one.decisions),
            ),
            wakes=(
                *wakes,
                *((situation.now + GONE_SECONDS,) if gone else ()),
                *(at for one in refusals for at in one.wakes),
            ),
            again=some_wait and not quiet,
        ),
    )


def with_answers(
    ledger: GroupTargets,
    *,
    registered: Sequence[Endpoint] = (),
    deregistered: Sequence[Endpoint] = (),
    refused: Mapping[Endpoint, str] | None = None,
    gone: bool = False,
    awaited: Collection[str] = (),
    now: float,
) -> GroupTargets:
    """A ledger after ELB answered the calls of a pass. A group that is gone has no targets.

    ``refused``: what ELB would not take in or out, in its own words. ``awaited``: the ids of tasks that run, and drain;
    nobody waits for the targets of others.
    """
    if gone:
        return replace(ledger, registrations=())
    into, out, words = set(registered), set(deregistered), refused or {}

    def answered(entry: Registration) -> Registration:
        if entry.endpoint in words:
            return replace(entry, refused=words[entry.endpoint][:WORDS], refused_at=now)
        if entry.leaving_at is None and entry.endpoint in into:
            return replace(entry, registered_at=now, refused="", refused_at=None)
        if entry.leaving_at is not None and entry.endpoint in out:
            return replace(entry, left_at=now, refused="", refused_at=None)
        return entry

    entries = (answered(entry) for entry in ledger.registrations)
    return replace(ledger, registrations=tuple(one for one in entries if one.task in awaited or not _is_safe(one)))


# -- what is no longer ------------------------------------------------------------------------------------------------


def _scene(situation: Situation, stopping: Mapping[str, str]) -> _Scene:
    stock = situation.stock
    ending = frozenset(task.task_id for task in (*stock.leaving, *stock.asked))
    staying = frozenset(task.task_id for task in (*stock.present, *stock.standby, *stock.stuck))
    return _Scene(
        rotation=situation.rotation,
        awaited=ending | staying,
        ending=ending,
        reasons=_reasons(situation, stopping),
        now=situation.now,
    )


def _reasons(situation: Situation, stopping: Mapping[str, str]) -> dict[str, str]:
    stock = situation.stock
    reasons = dict(situation.sick.out_of_rotation)
    if situation.deleting:
        reasons |= {task.task_id: situation.wanted.because for task in stock.present}
    for task in (*stock.gone, *stock.dying, *stock.leaving):
        reasons[task.task_id] = how_it_ended(task)
    reasons |= {task.task_id: "on standby" for task in stock.standby}
    reasons |= {task.task_id: "to be stopped on request" for task in stock.asked}
    return reasons | dict(stopping)


def _changed(scene: _Scene, ledger: GroupTargets, wishes: Iterable[Wish]) -> _Change:
    """One ledger, entry by entry. An address belongs to the task that has it now."""
    now = scene.now
    wanted = {wish.endpoint: wish for wish in wishes}
    change = _Change(before=ledger, entries=[])
    if scene.rotation.is_gone(ledger.group, now):
        return change  # deleted under us: there is nothing to leave, and nobody registers there
    kept: set[Endpoint] = set()
    for entry in ledger.registrations:
        endpoint = entry.target, entry.port
        wish = wanted.get(endpoint)
        if wish is not None and wish.task == entry.task and entry.leaving_at is None:
            kept.add(endpoint)
            change.entries.append(_stays(scene, change, entry))
        elif wish is None:
            _leaves(scene, change, entry)
    for endpoint, wish in wanted.items():
        if endpoint not in kept:
            change.entries.append(Registration(task=wish.task, target=endpoint[0], port=endpoint[1], at=now))
            change.register.append(endpoint)
            change.decisions.append(_decided("register", wish.task, endpoint, ledger.group, "runs and has an address"))
    return change


def _stays(scene: _Scene, change: _Change, entry: Registration) -> Registration:
    """A target that is in rotation: sent again while ELB has not answered, and when ELB has lost it."""
    group = change.before.group
    if entry.registered_at is not None and is_missing(scene.rotation, group, entry):
        reason = "ELB has lost it, so it is registered again"
        change.decisions.append(_decided("register", entry.task, entry.endpoint, group, reason, level="WARN"))
        entry = replace(entry, registered_at=None)
    if entry.registered_at is None and not _is_refused(scene, change, entry):
        entry = replace(entry, at=scene.now)
        change.register.append(entry.endpoint)
    return entry


def _is_refused(scene: _Scene, change: _Change, entry: Registration) -> bool:
    """Whether ELB refused the last call about a target, and it is too early for the next."""
    if entry.refused_at is None or scene.now >= entry.refused_at + REFUSED_SECONDS:
        return False
    if not change.wakes:  # the first speaks for all
        change.decisions.append(refusal(change.before.group, entry))
    change.wakes.append(entry.refused_at + REFUSED_SECONDS)
    return True


def _leaves(scene: _Scene, change: _Change, entry: Registration) -> None:
    """A target that is to be out of rotation: told to ELB until it answers, dropped when nobody waits for it."""
    group = change.before.group
    if entry.leaving_at is None:
        reason = scene.reasons.get(entry.task) or _why_gone(scene, group)
        entry = replace(entry, leaving_at=scene.now, because=reason[:WORDS], refused="", refused_at=None)
        change.decisions.append(_decided("deregister", entry.task, entry.endpoint, group, reason))
    elif entry.left_at is not None:
        if _is_over(scene, group, entry):
            return
        if scene.rotation.is_back(group, entry):
            entry = replace(entry, left_at=None)
    change.entries.append(entry)
    if entry.left_at is None and not _is_refused(scene, change, entry):
        change.deregister.append(entry.endpoint)


def _why_gone(scene: _Scene, group: str) -> str:
    if any(port.group.arn == group for port in scene.rotation.wanted):
        return "no task of the service has this address any more"
    return "the manifest no longer names this target group"


def _is_over(scene: _Scene, group: str, entry: Registration) -> bool:
    """Whether an entry that left may be dropped: nobody waits for it to drain, and no late call can bring it back."""
    if entry.task in scene.awaited:
        return entry.task not in scene.ending and scene.rotation.is_drained(group, entry, scene.now)
    seen = scene.rotation.ledgers[group].seen
    seen_late = seen is not None and seen.seen_at >= entry.at + LINGER_SECONDS
    return _is_safe(entry) or (seen_late and not scene.rotation.is_back(group, entry))


def _is_safe(entry: Registration) -> bool:
    """Whether every call that could have registered the target was over when ELB took it out."""
    return entry.left_at is not None and entry.left_at >= entry.at + LINGER_SECONDS


# -- calls ------------------------------------------------------------------------------------------------------------


def _is_news(change: _Change) -> bool:
    return bool(change.register or change.deregister) or tuple(change.entries) != change.before.registrations


def _calls(changes: Iterable[_Change]) -> Iterator[RegisterTargets | DeregisterTargets]:
    for change in changes:
        group, name = change.before.group, name_of(change.before.group)
        if change.deregister:
            reason = f"{some(len(change.deregister), 'target')} out of target group {name}"
            yield DeregisterTargets(group=group, targets=tuple(change.deregister), reason=reason)
        if change.register:
            reason = f"{some(len(change.register), 'target')} into target group {name}"
            yield RegisterTargets(group=group, targets=tuple(change.register), reason=reason)


def refusal(group: str, entry: Registration) -> Decision:
    """That ELB does not take a target in or out. The same words each time: only the first is news."""
    reason = f"ELB refuses {entry.target}:{entry.port} in target group {name_of(group)}: {entry.refused}"
    return Decision(kind="hold", level="WARN", task=entry.task, reason=reason)


def _lost(group: str) -> Decision:
    reason = f"target group {name_of(group)} does not exist any more: nothing is registered there"
    return Decision(kind="hold", level="ERROR", reason=reason)


def _decided(kind: str, task: str, endpoint: Endpoint, group: str, why: str, *, level: Level = "INFO") -> Decision:
    place = f"{endpoint[0]}:{endpoint[1]} {'into' if kind == 'register' else 'out of'} target group {name_of(group)}"
    return Decision(kind=kind, task=task, level=level, reason=f"{place}: {why}")
