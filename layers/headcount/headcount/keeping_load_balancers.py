"""gather -> plan -> apply, for the load balancing of one service.

Each round looks at what AWS has, plans what can be done now, records it, and does it; the next round sees what came of
it. Killed between any two calls, the message comes back and the next look finds everything again by name and tags.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from headcount.balancing.declared import declared_balancing, sought
from headcount.balancing.plan import is_nothing_declared, plan
from headcount.balancing.resources import BalancingPlan, BalancingView, Step
from headcount.errors import Conflict, Throttled, TransientError
from headcount.messages import LookRequest
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.service import Decision
from headcount.model.target import Balancing
from headcount.model.values import dataclass, replace
from headcount.ports import Clock, Kicks
from headcount.ports.keeping import BalancingRecords, BalancingStore, LoadBalancerResources, Looked, LookLog

ROUNDS = (
    8  # what refers to what is four deep; the others are for what only the deletion of something else makes possible
)
TRIES = 3  # looks that begin anew because somebody changed the records meanwhile
RESERVE_SECONDS = 12.0  # nothing new is begun with less: a call takes at most 10 s, its record comes after
HISTORY_KIND = "balancing"


@dataclasses.dataclass(slots=True)
class _Look:
    """One look under way: the records as they stand now, what was done and told, and AWS's words where it refused."""

    records: BalancingRecords
    remaining: Callable[[], float]
    done: int = 0
    refused: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    told: set[str] = dataclasses.field(default_factory=set)

    @property
    def service(self) -> str:
        return self.records.declared.manifest.service


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerKeeper:
    """What ``keep_load_balancers`` does for each request."""

    resources: LoadBalancerResources
    store: BalancingStore
    kicks: Kicks
    log: LookLog
    clock: Clock
    install: str
    may_manage: bool

    def keep(self, request: LookRequest, remaining: Callable[[], float]) -> Looked:
        """Bring the load balancing of a service to what is declared, and tell its passes.

        Where AWS asks for patience the look ends: the pass that asked for it does so again in a minute, and more tries
        of Lambda's would only be more calls.
        """
        for _ in range(TRIES):
            try:
                looked = self._keep(request, remaining)
            except Conflict:
                continue
            except Throttled as patience:
                looked = Looked(service=request.service, problems=(str(patience),))
            self.log.looked(looked)
            return looked
        raise TransientError(f"the records of {request.service} changed during every look")

    def _keep(self, request: LookRequest, remaining: Callable[[], float]) -> Looked:
        records = self.store.read(request.service)
        if records is None:
            return Looked(service=request.service)
        look, before = _Look(records=records, remaining=remaining), records.balancing
        view, planned = self._look(look)
        for _ in range(ROUNDS):
            done = look.done
            if planned.steps:
                self._carry_out(look, planned, before)
                view, planned = self._look(look)
            if look.done == done:
                break
        after = self._outcome(look, view, planned)
        self._record(look, after, _new_problems(after, before))
        is_news = after.removed or _without_time(after) != _without_time(before)
        if is_news:
            self.kicks.kick(request.service, self.store.pass_number(request.service), "load balancing")
        return Looked(
            service=request.service, steps=look.done, problems=after.problems, removed=after.removed, kicked=is_news
        )

    def _look(self, look: _Look) -> tuple[BalancingView, BalancingPlan]:
        records = look.records
        manifest = records.declared.manifest
        registered = [one for one in records.balancing.groups if one.arn in records.registered]
        wanted = sought(
            declared_balancing(manifest), records.balancing.owned, manifest.service, self.install, registered
        )
        view = BalancingView(
            declared=records.declared,
            install=self.install,
            before=records.balancing,
            seen=self.resources.look(wanted),
            registered=records.registered,
            busy=records.busy,
            seen_generation=records.seen_generation,
            may_manage=self.may_manage,
        )
        return view, plan(view)

    def _carry_out(self, look: _Look, planned: BalancingPlan, before: Balancing) -> None:
        """Record what is about to be owned, and why; then make the calls, each whatever became of the others."""
        coming = replace(look.records.balancing, owned=planned.owned)
        fresh = [step for step in planned.steps if not _is_refused(step, before.problems)]
        self._tell(look, coming, fresh)
        for step in planned.steps:
            if look.remaining() < RESERVE_SECONDS:
                raise TransientError(f"no time is left to go on with {step.what}")
            refusal = self.resources.carry_out(step)
            if refusal is not None:
                look.refused[_call(step)] = f"{_refusal_of(step)}{refusal}"
                continue
            look.done += 1
            if step.reason not in look.told:
                self._tell(look, look.records.balancing, [step])

    def _tell(self, look: _Look, balancing: Balancing, steps: Iterable[Step]) -> None:
        """Record why steps are made, each once a look."""
        untold = {step.reason: _decision(step) for step in steps if step.reason not in look.told}
        self._record(look, balancing, list(untold.values()))
        look.told.update(untold)

    def _outcome(self, look: _Look, view: BalancingView, planned: BalancingPlan) -> Balancing:
        """How things stand after the last look. What is still planned was refused, or not tried: nothing came of it."""
        never = {(one.owned.kind, one.owned.key) for one in planned.steps if one.owned and not one.owned.arn}
        owned = tuple(one for one in planned.owned if one.arn or (one.kind, one.key) not in never)
        return Balancing(
            generation=view.declared.generation,
            fingerprint=balancing_fingerprint(view.declared),
            checked_at=self.clock(),
            groups=planned.groups,
            owned=owned,
            problems=(
                *planned.problems,
                *dict.fromkeys(look.refused.get(_call(step)) or _left(step) for step in planned.steps),
            ),
            removed=not owned and is_nothing_declared(view),
        )

    def _record(self, look: _Look, balancing: Balancing, decisions: Sequence[Decision]) -> None:
        revision = self.store.write(look.records, balancing, decisions, self.clock())
        look.records = replace(look.records, balancing=balancing, revision=revision)
        self.log.decided(look.service, decisions)


def _decision(step: Step) -> Decision:
    return Decision(kind=HISTORY_KIND, reason=step.reason, level=step.level)


def _call(step: Step) -> tuple[str, str]:
    """What a refusal is about: a resource may need several calls."""
    return step.operation, step.what


def _refusal_of(step: Step) -> str:
    """How the problem begins that AWS refuses a step."""
    return f"{step.what}: AWS refuses {step.operation}: "


def _left(step: Step) -> str:
    """The problem with a step that no look came to: it makes the next one come soon."""
    return f"{step.what}: {step.operation} is not done yet: the next look goes on"


def _is_refused(step: Step, problems: Iterable[str]) -> bool:
    """Whether the look before tried the same and was refused: people have read it, and are told once it is done."""
    return any(problem.startswith(_refusal_of(step)) for problem in problems)


def _new_problems(after: Balancing, before: Balancing) -> list[Decision]:
    fresh: Iterable[str] = (problem for problem in after.problems if problem not in before.problems)
    return [Decision(kind=HISTORY_KIND, reason=problem, level="WARN") for problem in fresh]


def _without_time(balancing: Balancing) -> Balancing:
    return replace(balancing, checked_at=0.0)
