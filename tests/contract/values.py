"""What the contract tests write: a service, sightings of its tasks, the plans of its passes."""

from typing import Any

from builders import a_capacity, a_declared_service, a_launch, a_manifest, a_task
from headcount.model.plan import Action, Plan, StartTasks
from headcount.model.service import Decision, DeclaredService, Launch, ServiceState, ServiceStatus
from headcount.model.values import replace
from headcount.ports.tasks import Sighting

LAUNCH = "launchaaaaaaaaaaaaaa"


def saw(task_id: str, version: int, status: str = "RUNNING", **observed: Any) -> Sighting:
    """ECS said this of a task."""
    return Sighting(
        task_id=task_id,
        service=None,
        observed=a_task(task_id, status=status, version=version, launch=LAUNCH, **observed).observed,
    )


def declared(service: str, **changes: Any) -> DeclaredService:
    cluster, _, name = service.partition("/")
    return a_declared_service(a_manifest(cluster=cluster, service_name=name), **changes)


def asked(reason: str = "apply") -> Decision:
    return Decision(kind="control", reason=reason, by="alice")


def declare(table: Any, desired: int = 3) -> None:
    """The service as ``control`` writes it."""
    table.store.put_service(None, declared(table.service), a_capacity(desired), asked(), table.clock())


def plan_of(*actions: Action, status: ServiceStatus | None = None) -> Plan:
    return Plan(actions=actions, decisions=(), status=status or ServiceStatus(generation=1), wake_at=None)


def begin(table: Any) -> ServiceState:
    """A pass up to its reading."""
    return table.store.gather(table.service, table.store.begin_pass(table.service))


def commit_launch(table: Any, launch: Launch | None = None) -> Launch:
    """A pass that records a launch and dies."""
    launch = launch or a_launch(LAUNCH, count=2)
    table.store.commit(begin(table), plan_of(StartTasks(launch=launch, reason="test")), (), table.clock())
    return launch


def record_task(table: Any, task_id: str, version: int = 1) -> None:
    """A task that was launched and is on record."""
    launch = replace(a_launch(LAUNCH), launch_id=f"l-{task_id}"[:20])
    commit_launch(table, launch)
    table.store.record_launch(table.service, launch, [saw(task_id, version, "PENDING")])
