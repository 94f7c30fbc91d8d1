"""A service behind target groups: tasks in rotation, ledgers, and what Elastic Load Balancing said of them.

``task-7`` has the address 10.0.0.7. Everything was registered a minute ago and last seen five seconds ago.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from builders import NOW, a_declared_service, a_manifest, a_service, a_task
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.manifest import LoadBalancer, UnhealthyTasks
from headcount.model.plan import DeregisterTargets, DrainTask, Plan, RegisterTargets
from headcount.model.service import ServiceState
from headcount.model.target import (
    Balancing,
    Endpoint,
    GroupTargets,
    KnownGroup,
    Registration,
    TargetHealth,
    TargetsSeen,
)
from headcount.model.task import Task
from headcount.model.values import replace
from unit.planning.plans import actions_of

WEB: Final = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ADMIN: Final = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/admin/fedcba9876543210"
PORT: Final = 8080
DELAY: Final = 30.0
SEEN_AT: Final = NOW - 5.0


def address_of(task_id: str) -> str:
    return f"10.0.0.{task_id.rpartition('-')[2]}"


def endpoint_of(task: Task | str, port: int = PORT) -> Endpoint:
    if isinstance(task, Task):
        return task.observed.address or "", port
    return address_of(task), port


def a_served_task(task_id: str = "task-1", **changes: Any) -> Task:
    """A task with an address."""
    return a_task(task_id, **{"address": address_of(task_id)} | changes)


def served(count: int, first: int = 1, **changes: Any) -> tuple[Task, ...]:
    return tuple(a_served_task(f"task-{number}", **changes) for number in range(first, first + count))


def an_entry(task: Task | str = "task-1", port: int = PORT, **changes: Any) -> Registration:
    """What the ledger holds of a task that is in rotation."""
    task_id = task.task_id if isinstance(task, Task) else task
    target, port = endpoint_of(task, port)
    fields = {"target": target, "port": port, "at": NOW - 61.0, "registered_at": NOW - 60.0}
    return Registration(task=task_id, **fields | changes)


def a_leaving_entry(task: Task | str = "task-1", port: int = PORT, **changes: Any) -> Registration:
    """One that ELB has let go of ten seconds ago: it drains."""
    fields = {"leaving_at": NOW - 11.0, "because": "scale in to 2", "left_at": NOW - 10.0}
    return an_entry(task, port, **fields | changes)


def a_target(task: Task | str = "task-1", state: str = "healthy", port: int = PORT, **changes: Any) -> TargetHealth:
    target, port = endpoint_of(task, port)
    return TargetHealth(target=target, port=port, state=state, **{"since": NOW - 30.0} | changes)


def a_ledger(
    *entries: Registration, group: str = WEB, seen: Iterable[TargetHealth] | None = (), seen_at: float = SEEN_AT
) -> GroupTargets:
    """``seen``: None if nobody has looked."""
    told = None if seen is None else TargetsSeen(seen_at=seen_at, targets=tuple(seen))
    return GroupTargets(group=group, registrations=entries, seen=told)


def a_known_group(arn: str = WEB, **changes: Any) -> KnownGroup:
    return KnownGroup(key=arn, arn=arn, **{"delay_seconds": DELAY, "load_balancers": ("alb",)} | changes)


def a_load_balancer(group: str = WEB, port: int = PORT, container: str = "web") -> LoadBalancer:
    return LoadBalancer(container_name=container, container_port=port, target_group=group)


def balanced(
    *tasks: Task,
    desired: int = 3,
    targets: Iterable[GroupTargets] = (),
    groups: Iterable[KnownGroup] = (a_known_group(),),
    entries: Iterable[LoadBalancer] = (a_load_balancer(),),
    manifest: Mapping[str, Any] | None = None,
    declared: Mapping[str, Any] | None = None,
    **changes: Any,
) -> ServiceState:
    """A service of ``tasks`` whose ledgers are ``targets``. The record ``balancing`` is new."""
    fields = {"desired_count": desired, "load_balancers": tuple(entries)} | dict(manifest or {})
    service = a_declared_service(a_manifest(**fields), **dict(declared or {}))
    mark = balancing_fingerprint(service)
    balancing = Balancing(generation=1, fingerprint=mark, checked_at=NOW - 60.0, groups=tuple(groups))
    given = {"balancing": balancing, "targets": tuple(targets)} | changes
    return a_service(*tasks, desired=desired, declared=service, **given)


def in_rotation(*tasks: Task, unhealthy: Iterable[str] = (), since: float = NOW - 30.0, **changes: Any) -> ServiceState:
    """A service whose running tasks are all registered, and healthy but for those that are ``unhealthy``."""
    sick = set(unhealthy)
    there = [task for task in tasks if task.observed.last_status == "RUNNING"]
    seen = [a_target(task, "unhealthy" if task.task_id in sick else "healthy", since=since) for task in there]
    return balanced(*tasks, **{"targets": (a_ledger(*map(an_entry, there), seen=seen),)} | changes)


def on_terms(state: ServiceState, **terms: Any) -> ServiceState:
    """The same with other ``unhealthyTasks``."""
    assert state.declared is not None
    manifest = replace(state.declared.manifest, unhealthy_tasks=UnhealthyTasks(**terms))
    return replace(state, declared=replace(state.declared, manifest=manifest))


def registered(decided: Plan, group: str = WEB) -> list[Endpoint]:
    return [one for action in actions_of(decided, RegisterTargets) if action.group == group for one in action.targets]


def deregistered(decided: Plan, group: str = WEB) -> list[Endpoint]:
    return [one for action in actions_of(decided, DeregisterTargets) if action.group == group for one in action.targets]


def drained(decided: Plan) -> list[str]:
    return [action.task_id for action in actions_of(decided, DrainTask)]


def ledger_after(state: ServiceState, decided: Plan, group: str = WEB) -> tuple[Registration, ...]:
    """The ledger as the plan leaves it."""
    ledgers = {one.group: one for one in (*state.targets, *decided.ledgers)}
    return ledgers[group].registrations if group in ledgers else ()


BOTH: Final[dict[str, Any]] = {
    "entries": (a_load_balancer(), a_load_balancer(ADMIN, 9090, "admin")),
    "groups": (a_known_group(), a_known_group(ADMIN)),
}
"""Two target groups, one for each of two containers."""

FIRST, SECOND, THIRD = (endpoint_of(f"task-{number}") for number in (1, 2, 3))
