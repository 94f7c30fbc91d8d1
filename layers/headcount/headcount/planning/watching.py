"""What no event tells of tasks, and a pass must therefore ask for: container health, and instances' EC2 ids.

Source: ECS developer guide, task state change events: they do not carry the health of containers.
"""

from collections import Counter
from collections.abc import Iterator

from headcount.model.service import DeclaredService, ServiceState
from headcount.model.task import Task

DESCRIBED = 500  # a pass: five calls; the audit sees the others on the minute


def tasks_to_describe(state: ServiceState, now: float) -> tuple[str, ...]:
    """The running tasks that are not known to be healthy, when it is time to ask again for them."""
    declared = state.declared
    if declared is None or not declared.container_health_check or now < _next_look(state, declared):
        return ()
    return tuple(task.task_id for task in _unsure(state))[:DESCRIBED]


def health_look_at(state: ServiceState, known_healthy: int = 0) -> float | None:
    """When to ask for container health: at the pace of the checks, while some task is not known to be healthy.

    ``known_healthy``: so many tasks certainly are.
    """
    declared = state.declared
    if declared is None or not declared.container_health_check or known_healthy == len(state.tasks):
        return None
    return None if next(_unsure(state), None) is None else _next_look(state, declared)


def instances_to_ask_for(state: ServiceState) -> tuple[str, ...]:
    """The container instances (ARNs) under running tasks that lack a target, where targets are EC2 instances."""
    if state.balancing is None or state.declared is None:
        return ()
    named = {one.target_group for one in state.declared.manifest.load_balancers}
    groups = {one.arn for one in state.balancing.groups if one.key in named and one.target_type == "instance"}
    if not groups:
        return ()
    there = Counter(
        entry.task
        for ledger in state.targets
        if ledger.group in groups
        for entry in ledger.registrations
        if entry.leaving_at is None
    )
    unknown = {
        task.observed.container_instance: None
        for task in state.tasks
        if task.observed.last_status == "RUNNING"
        and task.observed.desired_status == "RUNNING"
        and task.observed.container_instance is not None
        and task.observed.container_instance not in state.ec2_instances
        and there[task.task_id] < len(groups)
    }
    return tuple(unknown)


def _next_look(state: ServiceState, declared: DeclaredService) -> float:
    return state.status.health_looked_at + declared.container_health_interval


def _unsure(state: ServiceState) -> Iterator[Task]:
    """Those that are counted, and not known to be healthy. A task on standby is not: it may be sick for days."""
    aside = {one.task for one in state.operator.standbys}
    for task in state.tasks:
        runs = task.observed.last_status == "RUNNING" and task.observed.desired_status == "RUNNING"
        if runs and (task.health is None or task.health.status != "HEALTHY") and task.task_id not in aside:
            yield task
