"""Tasks that run and are unhealthy: who is, since when, and what the manifest wants done about it (``unhealthyTasks``).

ECS replaces every unhealthy task at once, also when all are: an overload then becomes an outage. Here so many at once
are an outage, not bad tasks: nothing is killed, and more may be started.

Sources: ECS developer guide, "Amazon ECS services" (replacement of unhealthy tasks); ECS API,
healthCheckGracePeriodSeconds.
"""

from collections.abc import Iterable, Mapping, Sequence

from headcount.model.manifest import UnhealthyTasks
from headcount.model.percentages import maximum_total
from headcount.model.service import DeclaredService
from headcount.model.task import Task
from headcount.model.values import dataclass, replace
from headcount.planning.rotation import Rotation, ill
from headcount.planning.stock import deployment_of
from headcount.planning.words import clock_time

FEWEST_TO_FREEZE = 2  # one unhealthy task is never an outage: of a service of one it would be all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """What ails a task. ``since``: epoch seconds; ``action``: what the manifest wants done about it."""

    reason: str
    since: float
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sick:
    """The unhealthy tasks of a service, by id, beyond their grace period.

    ``lasting``: those that have been so for as long as the manifest tolerates. ``to_replace``: those whose turn it is,
    with the reason; ``waiting``: so many more come after them. ``out_of_rotation``: those that take no traffic, with
    the reason. ``frozen``: why nothing is killed; None if unhealthy tasks may be. ``wakes``: when waiting alone makes
    it more.
    """

    ailments: Mapping[str, Ailment]
    lasting: frozenset[str]
    to_replace: Mapping[str, str]
    waiting: int
    out_of_rotation: Mapping[str, str]
    frozen: str | None
    wakes: tuple[float, ...]


NOBODY = Sick(ailments={}, lasting=frozenset(), to_replace={}, waiting=0, out_of_rotation={}, frozen=None, wakes=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The tasks that count: those ``present``, and the ids of the ``healthy`` ones. ``coming``: so many of the declared
    deployment were asked for and not heard of yet.
    """

    present: Sequence[Task]
    healthy: frozenset[str]
    coming: int
    desired: int


def find_sick(crowd: Crowd, declared: DeclaredService, rotation: Rotation, now: float) -> Sick:
    """Look at the running tasks that count."""
    if not declared.container_health_check and not rotation.entries:
        return NOBODY
    manifest = declared.manifest
    terms, grace = manifest.unhealthy_tasks, manifest.health_check_grace_seconds
    ailments: dict[str, Ailment] = {}
    lasting: set[str] = set()
    wakes: list[float] = []
    ghosts = _ghosts(crowd.present) if rotation.entries else {}
    if ghosts:
        crowd = replace(crowd, healthy=crowd.healthy.difference(ghosts))
    for task in crowd.present:
        ghost = ghosts.get(task.task_id)
        ailment = ghost or (None if task.task_id in crowd.healthy else _ailment(task, declared, rotation))
        if ailment is None:
            continue
        grace_ends = (task.observed.started_at or 0.0) + grace if ghost is None else 0.0
        if grace and now <= grace_ends:
            wakes.append(grace_ends + 0.001)
            continue
        ailments[task.task_id] = ailment
        lasts_at = max(ailment.since + terms.after_seconds, grace_ends)
        if now < lasts_at:
            wakes.append(lasts_at)
        else:
            lasting.add(task.task_id)
    if not ailments:
        return replace(NOBODY, wakes=tuple(wakes)) if wakes else NOBODY
    return _on_terms(ailments, frozenset(lasting), crowd, declared, tuple(wakes))


def _ghosts(tasks: Iterable[Task]) -> dict[str, Ailment]:
    """Tasks whose address another one has that began to run later: they are gone, and nobody has told yet."""
    running = (task for task in tasks if task.observed.address is not None and task.observed.last_status == "RUNNING")
    last: dict[str | None, Task] = {}
    ghosts: dict[str, Ailment] = {}
    for task in running:
        other = last.get(task.observed.address)
        if other is None:
            last[task.observed.address] = task
            continue
        older, newer = sorted((task, other), key=lambda one: (one.observed.started_at or 0.0, one.task_id))
        last[task.observed.address] = newer
        reason = f"gone: task {newer.task_id} has its address {older.observed.address}"
        ghosts[older.task_id] = Ailment(reason=reason, since=newer.observed.started_at or 0.0, action="replace")
    return ghosts


def _on_terms(
    ailments: Mapping[str, Ailment],
    lasting: frozenset[str],
    crowd: Crowd,
    declared: DeclaredService,
    wakes: tuple[float, ...],
) -> Sick:
    oldest_first = sorted(lasting, key=lambda task_id: (ailments[task_id].since, task_id))
    to_replace = [task_id for task_id in oldest_first if ailments[task_id].action == "replace"]
    frozen = _frozen(ailments, crowd, declared.manifest.unhealthy_tasks)
    # while nothing is killed, as many are started as maximum percent allows
    most = len(to_replace) if frozen else _at_once(ailments, crowd, declared)
    return Sick(
        ailments=ailments,
        lasting=lasting,
        to_replace={task_id: ailments[task_id].reason for task_id in to_replace[:most]},
        waiting=max(0, len(to_replace) - most),
        out_of_rotation={
            task_id: ailments[task_id].reason
            for task_id in oldest_first
            if ailments[task_id].action == "stopRouting" and frozen is None
        },
        frozen=frozen,
        wakes=wakes,
    )


def _at_once(ailments: Mapping[str, Ailment], crowd: Crowd, declared: DeclaredService) -> int:
    """How many unhealthy tasks are replaced at once, those counted whose replacement is there, or that are out."""
    desired, manifest = crowd.desired, declared.manifest
    allowed = max(1, -(-desired * manifest.unhealthy_tasks.at_once_percent // 100))
    if maximum_total(desired, manifest.maximum_percent) > desired:
        current = sum(deployment_of(task) == declared.deployment for task in crowd.present)
        return max(allowed, current + crowd.coming - desired)
    out_already = desired - len(crowd.healthy) - len(ailments)
    return max(0, allowed - max(0, out_already))


def _frozen(ailments: Mapping[str, Ailment], crowd: Crowd, terms: UnhealthyTasks) -> str | None:
    """Replacements count once they are healthy; when as many tasks as desired are, the outage is over."""
    sick, healthy = len(ailments), len(crowd.healthy)
    running = sum(task.observed.last_status == "RUNNING" for task in crowd.present)
    among = max(min(running, crowd.desired), sick + healthy)
    harmless = all(one.action == "ignore" for one in ailments.values())
    if harmless or sick < FEWEST_TO_FREEZE or sick * 100 <= among * terms.freeze_above_percent:
        return None
    if healthy >= crowd.desired:
        return None
    return (
        f"frozen: {sick} of {among} tasks are unhealthy, more than freezeAbovePercent {terms.freeze_above_percent}: "
        "that is an outage or an overload, so none of them is killed; more are started as far as maximumPercent allows"
    )


def _ailment(task: Task, declared: DeclaredService, rotation: Rotation) -> Ailment | None:
    """What ails a task that runs. What the containers say comes first: they alone tell whether it lives."""
    health, terms = task.health, declared.manifest.unhealthy_tasks
    if task.observed.last_status != "RUNNING":
        return None
    if declared.container_health_check and health is not None and health.status == "UNHEALTHY":
        reason = f"unhealthy: its container health check has failed since {clock_time(health.seen_at)}"
        return Ailment(reason=reason, since=health.seen_at, action=terms.action)
    found = rotation.unhealthy(task, is_current=deployment_of(task) == declared.deployment)
    if found is None:
        return None
    group, target = found
    action = terms.target_action or terms.action
    # a target that is unhealthy gets no traffic anyway, and the load balancer's own check is its only way back
    return Ailment(
        reason=ill(target, group), since=target.since, action="ignore" if action == "stopRouting" else action
    )
