"""A steady service whose tasks stand on container instances, and what AWS may announce about those."""

from typing import Any

from builders import SERVICE
from fakes.loop import FakeLoop
from headcount.model.task import Notice
from headcount.noticing import Announcements, InstanceChange
from headcount.ports.tasks import InstanceSighting


class Places:
    """Four tasks: two on the first container instance, two on the second."""

    def __init__(self) -> None:
        self.loop = FakeLoop().running(4)
        self.tasks = sorted(self.loop.ids())
        self.first, self.second = (self.loop.runtime.add_instance("prod", number) for number in (1, 2))
        self.loop.runtime.put_on(self.first, *self.tasks[:2])
        self.loop.runtime.put_on(self.second, *self.tasks[2:])
        self.loop.run(1)
        self.loop.kicks.sent.clear()
        self.loop.runtime.calls.clear()

    def announcements(self, *clusters: str) -> Announcements:
        """``observe_tasks`` in a process of its own."""
        loop = self.loop
        clusters = clusters or ("prod",)
        return Announcements(
            store=loop.store, runtime=loop.runtime, kicks=loop.kicks, clock=loop.clock, clusters=clusters
        )

    def change(self, **changes: Any) -> InstanceChange:
        """The first container instance changes, and ECS says so."""
        cluster = changes.pop("cluster", "prod")
        seen: InstanceSighting = self.loop.runtime.set_instance(self.first, **changes)
        return InstanceChange(cluster=cluster, instance=seen, at=self.loop.clock())

    def notices(self) -> list[Notice | None]:
        """What is on record, task by task."""
        records = self.loop.store.partition(SERVICE).tasks
        return [records[task_id].notice for task_id in self.tasks]

    def kinds(self) -> list[str | None]:
        return [notice.kind if notice else None for notice in self.notices()]

    def give(self, notice: Notice) -> None:
        """A notice on record for every task."""
        for task_id in self.tasks:
            self.loop.store.record_notice(SERVICE, task_id, notice)
