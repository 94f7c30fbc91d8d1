"""Who should take traffic: every task that runs and is wanted, where its containers' ports are reached.

Tasks that begin to run together go into a target group together: ELB takes four calls a second in an account, however
many targets go into one.
"""

from collections.abc import Iterator, Mapping

from headcount.model.target import Endpoint, GroupTargets
from headcount.model.task import Task
from headcount.model.values import dataclass
from headcount.planning.rotation import BalancedPort
from headcount.planning.situation import Situation
from headcount.planning.stock import deployment_of

FULL_CALL = 100  # targets
LONGEST_WAIT_SECONDS = 20.0  # of a task that runs, for others that go into the same call
STORM = 10.0  # tasks that come together: for so many one second is waited, for twice as many four
STORM_SECONDS = 30.0  # what came so lately is part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """That a task should take traffic as ``endpoint`` in a group."""

    group: str
    task: str
    endpoint: Endpoint
    runs_since: float


def wishes_for_now(situation: Situation, stopping: Mapping[str, str]) -> tuple[list[Wish], list[float]]:
    """The wishes that are due, and when others will be. ``stopping``: the tasks that are to be stopped.

    The first goes at once, and so does the last; while more come, those that run wait a moment for them.
    """
    wishes = list(_wishes(situation, stopping))
    rotation, now = situation.rotation, situation.now
    # where another task had the address, it would be taken out meanwhile, and the task that waits with it
    taken: set[tuple[str, Endpoint]] = set()
    left: set[tuple[str, Endpoint, str]] = set()
    for entries in rotation.entries.values():
        for group, entry in entries:
            if entry.left_at is None or rotation.is_back(group, entry):
                taken.add((group, (entry.target, entry.port)))
            else:
                left.add((group, (entry.target, entry.port), entry.task))
    fresh: dict[str, list[Wish]] = {}
    due: list[Wish] = []
    for wish in wishes:
        if (wish.group, wish.endpoint) in taken or (wish.group, wish.endpoint, wish.task) in left:
            due.append(wish)
        else:
            fresh.setdefault(wish.group, []).append(wish)
    coming = _coming(situation) if fresh else 0
    wakes: list[float] = []
    for group, waiting in fresh.items():
        until = _next_call(rotation.ledgers.get(group), coming, now)
        full = len(waiting) - len(waiting) % FULL_CALL
        due += waiting if until <= now else waiting[:full]
        if until > now and full < len(waiting):
            wakes.append(until)
    return due, wakes


def _coming(situation: Situation) -> int:
    """How many tasks are on their way to run, those counted that are not launched yet."""
    running = sum(task.observed.last_status == "RUNNING" for task in situation.new)
    return max(0, situation.tally.desired - running)


def _next_call(ledger: GroupTargets | None, coming: int, now: float) -> float:
    """When a call that is not full is worth while: at once if nobody else comes, else some time after the last one."""
    if not coming or ledger is None or not ledger.registrations:
        return now
    lately = sum(entry.at >= now - STORM_SECONDS for entry in ledger.registrations)
    last = max(entry.at for entry in ledger.registrations)
    return last + min(LONGEST_WAIT_SECONDS, (max(coming, lately) / STORM) ** 2)


def _wishes(situation: Situation, stopping: Mapping[str, str]) -> Iterator[Wish]:
    """Every present task that runs and is not on its way out, in each of its target groups."""
    declared, rotation = situation.declared, situation.rotation
    if situation.deleting:
        return
    owners, endpoints = _owners(situation)
    for task in situation.stock.present:
        out = task.task_id in stopping or task.task_id in situation.sick.out_of_rotation
        if task.observed.last_status != "RUNNING" or out:
            continue
        # where a task of an older deployment is, it stays until it stops; so does one of which too little is known
        stays = deployment_of(task) != declared.deployment or bool(rotation.unknown)
        unsure: set[str] = set()
        runs_since = task.observed.started_at or situation.now
        for group, endpoint in endpoints[task.task_id]:
            if endpoint is None:
                unsure.add(group)
            elif owners[endpoint][1] == task.task_id:
                yield Wish(group=group, task=task.task_id, endpoint=endpoint, runs_since=runs_since)
        for group, entry in rotation.active(task) if stays or unsure else ():
            mine = owners.get(entry.endpoint, (runs_since, task.task_id))[1] == task.task_id
            if mine and (stays or group in unsure):
                yield Wish(group=group, task=task.task_id, endpoint=entry.endpoint, runs_since=runs_since)


def _owners(
    situation: Situation,
) -> tuple[dict[Endpoint, tuple[float, str]], dict[str, list[tuple[str, Endpoint | None]]]]:
    """Whose each endpoint is: the task's that started last of those that are alive on record, also of those that are to
    stop. An older one with the same address has died, and its event is late. And what each task is to its groups.
    """
    stock, instances, mode = situation.stock, situation.state.ec2_instances, situation.declared.network_mode
    owners: dict[Endpoint, tuple[float, str]] = {}
    endpoints: dict[str, list[tuple[str, Endpoint | None]]] = {}
    for task in (*stock.present, *stock.standby, *stock.asked, *stock.leaving):
        claim = (task.observed.started_at or 0.0, task.task_id)
        places = endpoints[task.task_id] = []
        for port in _ports_of(situation, task):
            endpoint = port.endpoint(task, mode, instances)
            places.append((port.group.arn, endpoint))
            if endpoint is not None and claim > owners.get(endpoint, (-1.0, "")):
                owners[endpoint] = claim
    return owners, endpoints


def _ports_of(situation: Situation, task: Task) -> tuple[BalancedPort, ...]:
    """Those of the task's own deployment, as far as that is still declared."""
    rotation, declared = situation.rotation, situation.declared
    if deployment_of(task) == declared.deployment:
        return rotation.wanted
    if declared.previous is None or deployment_of(task) != declared.previous.deployment:
        return ()
    there = {group for group, _ in rotation.entries.get(task.task_id, ())}
    return tuple(port for port in rotation.previous if port.group.arn not in there)
