"""Any state at all, drawn from a seed: most make no sense, and every plan must be a good one all the same."""

from random import Random
from typing import Any

from builders import (
    DEPLOYMENT,
    NOW,
    TASK_DEFINITION,
    ZONES,
    a_backoff,
    a_declared_service,
    a_launch,
    a_manifest,
    a_service,
    a_status,
    a_task,
    a_throttle,
    a_zone_refusal,
    zones_named,
)
from headcount.model.manifest import SCALE_IN_RULES, Deadlines, Manifest, Restarts
from headcount.model.service import (
    Backoff,
    DeclaredService,
    Launch,
    OperatorWishes,
    Protection,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import StopIntent, Task

STATUSES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
STOP_CODES = (None, "EssentialContainerExited", "TaskFailedToStart", "SpotInterruption", "UserInitiated")
REASONS = (None, "Essential container in task exited", "Capacity is unavailable at this time")
LAUNCHES = ("launchaaaaaaaaaaaaaa", "launchbbbbbbbbbbbbbb", "launchcccccccccccccc")
AGES = (7200.0, 1801.0, 901.0, 301.0, 60.0, 39.0, 5.0, 0.5, 0.0)


class AnyState:
    """Draws the parts of a state. One seed gives a hundred times as many states as a draw for every field."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one_of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def moment(self) -> float:
        return NOW - self.random.choice(AGES)

    def maybe(self, likely: float) -> bool:
        return self.random.random() < likely

    def manifest(self, desired: int) -> Manifest:
        provider = self.one_of(None, "FARGATE_SPOT")
        return a_manifest(
            desired_count=desired,
            minimum_healthy_percent=self.one_of(0, 33, 50, 66, 100),
            maximum_percent=self.one_of(100, 120, 150, 200, 400),
            restarts=self.one_of(Restarts(), Restarts(initial_seconds=0), Restarts(maximum_seconds=5)),
            deadlines=self.one_of(Deadlines(), Deadlines(provisioning_seconds=30, pending_seconds=30)),
            scale_in_prefer=tuple(self.random.sample(SCALE_IN_RULES, self.random.randint(1, 6))),
            launch_type=None if provider else "FARGATE",
            capacity_provider=provider,
            security_groups=self.one_of((), ("sg-1",)),
            run_task=self.one_of({}, {"enableExecuteCommand": True, "platformVersion": "LATEST"}),
            tags=self.one_of((), (("team", "shop"),)),
        )

    def declared(self, desired: int) -> DeclaredService:
        return a_declared_service(
            self.manifest(desired),
            zones=zones_named(*ZONES[: self.random.randint(1, 3)]),
            container_health_check=self.maybe(0.5),
            deleting_at=NOW - 1.0 if self.maybe(0.2) else None,
        )

    def task(self, number: int) -> Task:
        status = "RUNNING" if self.maybe(0.5) else self.one_of(*STATUSES)
        observed: dict[str, Any] = {}
        if status == "STOPPED" or self.maybe(0.2):
            observed = {
                "desired_status": "STOPPED",
                "stop_code": self.one_of(*STOP_CODES),
                "stopped_reason": self.one_of(*REASONS),
                "stopping_at": self.one_of(None, self.moment()),
            }
        if self.maybe(0.5):
            observed["started_at"] = self.one_of(None, self.moment())
        stop = StopIntent(at=self.moment(), reason="scale in to 1", failed=self.maybe(0.3))
        return a_task(
            f"task-{number}",
            status=status,
            launched_at=self.moment(),
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0", None),
            zone=self.one_of(*ZONES),
            health=self.one_of(None, "HEALTHY", "HEALTHY", "UNHEALTHY", "UNKNOWN"),
            stop=stop if self.maybe(0.15) else None,
            launch=self.one_of("launch-closed", *LAUNCHES),
            confirmed_at=self.one_of(None, None, NOW - 30.0),
            task_definition_arn=self.one_of(TASK_DEFINITION, TASK_DEFINITION + "3"),
            **observed,
        )

    def launch(self, launch_id: str) -> Launch:
        return a_launch(
            launch_id,
            at=self.moment(),
            count=self.random.randint(1, 4),
            zone=self.one_of(*ZONES),
            deployment=self.one_of(DEPLOYMENT, "dep-0"),
        )

    def backoff(self) -> Backoff:
        began_at = self.moment()
        return a_backoff(
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0"),
            round=self.random.randint(1, 4),
            began_at=began_at,
            until=began_at + self.one_of(0.0, 5.0, 300.0),
            refused=self.maybe(0.3),
        )

    def status(self) -> ServiceStatus:
        return a_status(
            backoff=self.backoff() if self.maybe(0.5) else None,
            zones=tuple(
                a_zone_refusal(zone, since=self.moment(), until=NOW + self.one_of(-1.0, 9.0))
                for zone in ZONES
                if self.maybe(0.3)
            ),
            throttle=a_throttle(until=NOW + self.one_of(-1.0, 1.0)) if self.maybe(0.2) else None,
            steady_since=self.one_of(None, self.moment()),
            announced_at=self.one_of(None, self.moment()),
        )

    def state(self, desired: int, tasks: int, launches: int) -> ServiceState:
        drawn = [self.task(number) for number in range(tasks)]
        return a_service(
            *drawn,
            desired=desired,
            declared=self.declared(desired),
            launches=tuple(self.launch(launch_id) for launch_id in LAUNCHES[:launches]),
            operator=OperatorWishes(
                protections=tuple(
                    Protection(task=task.task_id, until=NOW + self.one_of(-1.0, 60.0))
                    for task in drawn
                    if self.maybe(0.2)
                )
            ),
            status=self.status(),
        )
