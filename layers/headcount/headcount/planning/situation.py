"""What the rules decide on: the state of a service, looked at once and counted once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from headcount.model.percentages import maximum_total
from headcount.model.plan import Action
from headcount.model.service import Decision, DeclaredService, Level, Pause, ServiceState, ZoneRefusal
from headcount.model.task import ManagedTask, StopIntent, Task
from headcount.model.values import dataclass, replace
from headcount.planning.backoff import (
    Slowdown,
    has_failed,
    is_young,
    lacks_capacity,
    launched_at,
    slow_down,
    was_unhealthy,
)
from headcount.planning.deadlines import start_deadline
from headcount.planning.health import find_healthy
from headcount.planning.placement import (
    Place,
    Places,
    places_of,
    places_used,
    refusal_at,
    refuse_place,
    still_known,
    with_refusal,
)
from headcount.planning.rebalancing import Balance, rebalance
from headcount.planning.replacing import Move, Moves, find_moves
from headcount.planning.rollout import Tally
from headcount.planning.rotation import Rotation, rotation_of
from headcount.planning.sickness import Crowd, Sick, find_sick
from headcount.planning.stock import Stock, deployment_of, take_stock
from headcount.planning.victims import ScaleInOrder
from headcount.planning.wishes import Wanted, wanted_count
from headcount.planning.words import clock_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A service at one moment.

    ``wanted``: the count that holds now, and why. ``healthy``: the ids of those present that are. ``lost``: dead, dying
    and stuck tasks, also those that were told to stop because they were stuck. ``new``: tasks of the declared
    deployment that are wanted as they are; ``old``: all others that are present, those of older deployments and those
    in ``moves``, which are to be replaced. ``failed``: the ids of lost tasks of this deployment that failed by their
    own doing. ``refusals``: places that refused capacity lately; ``places`` knows those that are skipped now.
    ``spared``: why protected tasks are not replaced. ``rebalancing``: how many of the
    moves are for better places. ``rotation``: what takes traffic; ``sick``: the unhealthy among the tasks present.
    """

    state: ServiceState
    declared: DeclaredService
    now: float
    jitter: float
    wanted: Wanted
    stock: Stock
    rotation: Rotation
    sick: Sick
    healthy: frozenset[str]
    lost: tuple[Task, ...]
    new: tuple[Task, ...]
    old: tuple[Task, ...]
    moves: Mapping[str, Move]
    spared: tuple[Decision, ...]
    rebalancing: int
    move_wakes: tuple[float, ...]
    failed: frozenset[str]
    slowdown: Slowdown
    refusals: tuple[ZoneRefusal, ...]
    places: Places
    tally: Tally

    @property
    def deleting(self) -> bool:
        """Whether the service is being deleted."""
        return self.declared.deleting_at is not None

    @property
    def pause(self) -> Pause | None:
        """The pause in force."""
        return self.wanted.pause

    @property
    def frozen(self) -> bool:
        """Whether somebody wants that nothing is started or stopped."""
        return self.pause is not None and self.pause.mode == "freeze"

    @property
    def order(self) -> ScaleInOrder:
        """Who goes first when there are too many."""
        return ScaleInOrder(
            prefer=self.declared.manifest.scale_in_prefer,
            deployment=self.declared.deployment,
            shares=self.places.shares,
            sick=frozenset(self.sick.ailments),
        )

    @property
    def stops_first(self) -> bool:
        """Whether a replacement can start only when the task it replaces has stopped."""
        return maximum_total(self.wanted.count, self.declared.manifest.maximum_percent) <= self.wanted.count

    @property
    def slowed(self) -> frozenset[str]:
        """The ids of unhealthy tasks that would fail as those before them did: their replacements wait as well."""
        backoff = self.slowdown.backoff
        if backoff is None or self.now >= backoff.until or not self.sick.to_replace:
            return frozenset()
        restarts = self.declared.manifest.restarts
        return frozenset(task.task_id for task in self._sick_now if is_young(task, restarts, self.now))

    @property
    def kept_sick(self) -> frozenset[str]:
        """The ids of unhealthy tasks that are not stopped yet: because too many are unhealthy, or because nothing has
        taken their places, and what does would have to wait.
        """
        if self.sick.frozen is not None:
            return frozenset(task.task_id for task in self._sick_now)
        live_new = len(self.new) + self.stock.in_flight_of(self.declared.deployment)
        return self.slowed if live_new < self.wanted.count else frozenset()

    @property
    def _sick_now(self) -> list[Task]:
        """The tasks of the declared deployment that are replaced because they are unhealthy."""
        deployment, sick = self.declared.deployment, self.sick.to_replace
        return [task for task in self.old if task.task_id in sick and deployment_of(task) == deployment]

    @property
    def throttled(self) -> bool:
        """Whether ECS asked for patience, and it is not over."""
        throttle = self.state.status.throttle
        return throttle is not None and self.now < throttle.until

    @property
    def elb_waits(self) -> bool:
        """Whether Elastic Load Balancing asked for patience, and it is not over."""
        throttle = self.state.status.elb_throttle
        return throttle is not None and self.now < throttle.until

    @property
    def held(self) -> frozenset[str]:
        """The ids of failed tasks whose places stay empty for now."""
        return frozenset(task.task_id for task in self.slowdown.held)

    @property
    def protected(self) -> dict[str, float]:
        """Tasks that must not be chosen as victims, and until when. Deleting a service overrides protection."""
        return _protected(self.state, self.declared, self.now)

    def present_by_place(self, deployment: str, tasks: Sequence[Task]) -> Counter[Place]:
        """So many of ``tasks`` in each place, and of that deployment's launches in flight."""
        present = self.places.count(tasks)
        for launch in self.stock.launches:
            if launch.deployment == deployment:
                present[Place(launch.capacity, launch.zone)] += self.stock.in_flight[launch.launch_id]
        return present


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one rule decided: actions, each with a decision; when to look again; whether more is to be done at once."""

    actions: tuple[Action, ...] = ()
    decisions: tuple[Decision, ...] = ()
    wakes: tuple[float, ...] = ()
    again: bool = False


NOTHING = Step()


def assess(state: ServiceState, declared: DeclaredService, now: float, jitter: float) -> Situation:
    """Look at the service once."""
    stock = take_stock(state, declared, now)
    rotation = rotation_of(state, declared)
    told = (
        replace(task, managed=replace(managed_of(task), stop=stuck_intent(task, declared, now))) for task in stock.stuck
    )
    leaving = (task for task in stock.leaving if (stop := managed_of(task).stop) is not None and stop.failed)
    aside = {one.task for one in state.operator.standbys}  # whatever becomes of them, they are missed nowhere
    lost = tuple(task for task in (*stock.gone, *stock.dying, *leaving, *told) if task.task_id not in aside)
    wanted = wanted_count(state, declared, now)
    healthy = find_healthy(stock.present, declared, rotation, now)
    coming = stock.in_flight_of(declared.deployment)
    crowd = Crowd(present=stock.present, healthy=healthy, coming=coming, desired=wanted.count)
    sick = find_sick(crowd, declared, rotation, now)
    slowdown, failed = _slowdown(state, declared, lost, now, jitter)
    refusals = _refusals(state, declared, lost, now, jitter)
    situation = Situation(
        state=state,
        declared=declared,
        now=now,
        jitter=jitter,
        wanted=wanted,
        stock=stock,
        rotation=rotation,
        sick=sick,
        healthy=healthy.difference(sick.ailments) if sick.ailments else healthy,
        lost=lost,
        new=(),
        old=(),
        moves={},
        spared=(),
        rebalancing=0,
        move_wakes=(),
        failed=failed,
        slowdown=slowdown,
        refusals=refusals,
        places=places_of(declared, state.cordons, refusals, wanted.count, now),
        tally=_NOTHING,
    )
    return _tallied(_with_moves(situation))


_NOTHING = Tally(
    desired=0, live_new=0, live_old=0, healthy_new=0, running_old=0, healthy_old=0, stopping=0, held=0, held_old=0
)


def _with_moves(situation: Situation) -> Situation:
    """The tasks present, divided into those that are wanted as they are and those that are to be replaced."""
    declared, stock, now = situation.declared, situation.stock, situation.now
    if situation.deleting or situation.frozen:
        return _divided(situation, Moves(moves={}, wakes=()), ())
    found = find_moves(stock.present, declared, situation.state.cordons, now, situation.sick)
    protected = situation.protected
    divided = _allowed(situation, found, protected) if found.moves else _divided(situation, found, ())
    if divided.old:
        return divided
    present = divided.present_by_place(declared.deployment, divided.new)
    surplus = present.total() > situation.wanted.count
    if not (_is_moving(situation) if surplus else _is_settled(divided)):
        return divided
    balance = Balance(
        tasks=[task for task in divided.new if task.task_id not in protected] if protected else divided.new,
        staying=[task for task in divided.new if task.task_id in protected] if protected else (),
        present=present,
        places=situation.places,
        refusals=situation.refusals,
        manifest=declared.manifest,
        order=situation.order,
        desired=situation.wanted.count,
        now=now,
    )
    better = rebalance(balance)
    wakes = better.wakes
    if balance.staying and not better.moves and rebalance(replace(balance, tasks=divided.new, staying=())).moves:
        wakes = (*wakes, *(protected[task.task_id] for task in balance.staying))
    if not (better.moves or wakes):
        return divided
    moved = Moves(moves=better.moves, wakes=(*divided.move_wakes, *wakes))
    return _divided(divided, moved, divided.spared, rebalancing=len(better.moves))


def _allowed(situation: Situation, found: Moves, protected: Mapping[str, float]) -> Situation:
    """Divided by those of the moves that protection does not keep, and that have somewhere to go."""
    spared = tuple(
        hold(f"task {task_id} stays while it is protected, until {clock_time(protected[task_id])}: {move.reason}")
        for task_id, move in found.moves.items()
        if task_id in protected and not move.unstoppable
    )
    moves = {task_id: move for task_id, move in found.moves.items() if task_id not in protected or move.unstoppable}
    if situation.stops_first and not situation.places.are_open:
        spared += tuple(
            hold(f"task {task_id} stays, for no place takes its replacement: {move.reason}", level="WARN")
            for task_id, move in moves.items()
            if move.can_wait
        )
        moves = {task_id: move for task_id, move in moves.items() if not move.can_wait}
    ends = [moves.unstoppable_at for task, moves in found.moves.items() if task in protected and moves.unstoppable_at]
    wakes = (*found.wakes, *(protected.values() if spared else ()), *ends)
    return _divided(situation, Moves(moves=moves, wakes=wakes), spared)


def _is_moving(situation: Situation) -> bool:
    """Whether tasks too many are the replacements of moves under way, and not what a smaller count leaves over."""
    status = situation.state.status
    return status.moving > 0 and status.counts.desired == situation.wanted.count


def _divided(situation: Situation, moves: Moves, spared: tuple[Decision, ...], *, rebalancing: int = 0) -> Situation:
    deployment, present = situation.declared.deployment, situation.stock.present
    new: list[Task] = []
    old: list[Task] = []
    for task in present:
        stays = deployment_of(task) == deployment and task.task_id not in moves.moves
        (new if stays else old).append(task)
    return replace(
        situation,
        new=tuple(new),
        old=tuple(old),
        moves=moves.moves,
        move_wakes=moves.wakes,
        spared=spared,
        rebalancing=rebalancing,
    )


def _is_settled(situation: Situation) -> bool:
    """Whether as many tasks run as are wanted, none stops, none is sick, and nothing else is wrong.

    Only then are tasks moved for their places. Once that has begun it goes on: what happens then is no reason to stop
    the replacement.
    """
    checked = situation.declared.container_health_check or situation.rotation.is_balanced
    well = sum(
        task.observed.last_status == "RUNNING" and (not checked or task.task_id in situation.healthy)
        for task in situation.new
    )
    backoff = situation.slowdown.backoff
    waiting = backoff is not None and situation.now < backoff.until
    undisturbed = not situation.stock.stopping and not waiting and not situation.throttled
    return well >= situation.wanted.count > 0 and undisturbed


def _slowdown(
    state: ServiceState, declared: DeclaredService, lost: tuple[Task, ...], now: float, jitter: float
) -> tuple[Slowdown, frozenset[str]]:
    """The backoff now, and the tasks of the declared deployment that failed. Failed tasks of older deployments wait
    for its end as well: they are not what it counts, but they must not be started over and over beside it.

    An unhealthy task leaves no place to be held: it is stopped only when its replacement need not wait.
    """
    restarts = declared.manifest.restarts
    all_failed = [task for task in lost if has_failed(task, restarts)]
    failed = [task for task in all_failed if deployment_of(task) == declared.deployment]
    slowdown = slow_down(state.status.backoff, declared.deployment, failed, restarts, now, jitter)
    backoff = slowdown.backoff
    if backoff is not None and now < backoff.until:
        slowdown = replace(slowdown, held=tuple(task for task in all_failed if not was_unhealthy(task)))
    return slowdown, frozenset(task.task_id for task in failed)


def _protected(state: ServiceState, declared: DeclaredService, now: float) -> dict[str, float]:
    wishes = () if declared.deleting_at is not None else state.operator.protections
    return {one.task: one.until for one in wishes if one.until > now}


def managed_of(task: Task) -> ManagedTask:
    """The managed part that taking stock filled in."""
    return task.managed or ManagedTask(deployment="unknown", launched_at=0.0)


def stuck_intent(task: Task, declared: DeclaredService, now: float) -> StopIntent:
    """Why a stuck task is stopped. It counts as failed."""
    deadline = start_deadline(task, declared.manifest.deadlines) or now
    reason = f"stuck in {task.observed.last_status}: should have left it by {clock_time(deadline)}"
    return StopIntent(at=now, reason=reason, failed=True)


def hold(reason: str, *, level: Level = "INFO", event_name: str | None = None, task: str | None = None) -> Decision:
    """A decision not to act, or not yet."""
    return Decision(kind="hold", reason=reason, level=level, event_name=event_name, task=task)


def _refusals(
    state: ServiceState, declared: DeclaredService, lost: Iterable[Task], now: float, jitter: float
) -> tuple[ZoneRefusal, ...]:
    """Places that refused in ``RunTask``'s answer, and those whose tasks ECS could not place after all."""
    homeless = [task for task in lost if lacks_capacity(task)]
    if not homeless and not state.status.zones:
        return ()
    used, everywhere = places_used(declared), places_of(declared, (), (), 0, now)
    refusals = still_known(state.status.zones, declared, used, now)
    for task in homeless:
        place = everywhere.place_of(task)
        if place not in used:
            continue
        before = refusal_at(refusals, place)
        if before is None or launched_at(task) >= before.since:
            reason = task.observed.stopped_reason or "no capacity"
            refusals = with_refusal(refusals, refuse_place(before, place, reason, now, jitter))
    return refusals


def _tallied(situation: Situation) -> Situation:
    """The situation with its tasks counted."""
    declared, stock, now = situation.declared, situation.stock, situation.now
    in_flight_new = stock.in_flight_of(declared.deployment) if stock.launches else 0
    backoff = situation.slowdown.backoff
    refused = backoff is not None and backoff.refused and now < backoff.until
    new, old, sick, healthy = situation.new, situation.old, situation.sick, situation.healthy
    held = situation.slowdown.held
    held_new = sum(deployment_of(task) == declared.deployment for task in held) if held else 0
    healthy_old = sum(task.task_id in healthy for task in old) if old else 0
    tally = Tally(
        desired=situation.wanted.count,
        live_new=len(new) + in_flight_new,
        live_old=len(old) + stock.all_in_flight - in_flight_new,
        healthy_new=len(healthy) - healthy_old,
        running_old=sum(task.observed.last_status == "RUNNING" for task in old) if old else 0,
        healthy_old=healthy_old,
        stopping=stock.stopping,
        held=situation.wanted.count if refused else held_new + len(situation.slowed),
        held_old=len(held) - held_new,
        failing=backoff is not None,
        sick_new=sum(task.task_id in sick.lasting for task in new) if sick.lasting else 0,
        sick_old=_sick_old(situation) if sick.to_replace else 0,
    )
    return replace(situation, tally=tally)


def _sick_old(situation: Situation) -> int:
    """How many of the old tasks are replaced because they are unhealthy, and may go now."""
    return sum(task.task_id in situation.sick.to_replace for task in situation.old) - len(situation.kept_sick)
