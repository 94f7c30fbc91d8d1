"""What the invariants ask of the world."""

from typing import Protocol

from headcount.model.service import DeclaredService, ServiceState
from headcount.model.target import Endpoint
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.elb import TargetGroup


class Truth(Protocol):
    """What really is, in the table and in ECS."""

    def state(self, service: str) -> ServiceState:
        """Everything on record."""
        ...

    def declared(self, service: str) -> DeclaredService | None:
        """What is declared."""
        ...

    def records(self, service: str) -> int:
        """How many tasks and launches are on record."""
        ...

    def tasks(self, service: str) -> list[EcsTask]:
        """The service's tasks in ECS that are not STOPPED."""
        ...

    def ended(self, service: str, since: float) -> int:
        """How many of the service's tasks have come to be STOPPED since then."""
        ...

    def groups(self, service: str) -> list[TargetGroup]:
        """The service's target groups, also those that its manifest no longer names."""
        ...

    def holder(self, group: TargetGroup, endpoint: Endpoint) -> EcsTask | None:
        """The task that has an endpoint now."""
        ...

    def endpoint(self, group: TargetGroup, task: EcsTask) -> Endpoint | None:
        """Where a group reaches a task."""
        ...

    def was_unrecorded(self, task: EcsTask) -> bool:
        """Whether the record of a task was lost: nobody could know then what it was registered for."""
        ...

    def is_newest_pass(self, service: str) -> bool:
        """Whether the invocation that runs is the newest pass of the service."""
        ...

    def is_overdue(self) -> bool:
        """Whether the invocation that runs has outlived its time, at which Lambda ends one."""
        ...

    def users(self, task_definition: str) -> list[EcsTask]:
        """The tasks in ECS that are not STOPPED and run a task definition."""
        ...

    def is_registered(self, task_definition: str) -> bool:
        """Whether Headcount registered it."""
        ...
