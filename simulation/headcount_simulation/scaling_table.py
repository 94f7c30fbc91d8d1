"""The records that ``decide_scaling`` reads and writes, each write one atomic step."""

from collections.abc import Sequence

from headcount.errors import Conflict
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, OperatorWishes, ServiceStatus
from headcount.model.values import replace
from headcount.ports.scaling import ScalingRecords, ScalingWrite
from headcount_simulation.table import Table

_UNREAD = ("task#", "targets#")  # a count depends on neither


class ScalingTable:
    """``ScalingStore`` over the table, without what lies between. No alarm of a user's own wakes a service here."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.revisions: dict[str, int] = {}

    def read(self, service: str) -> ScalingRecords | None:
        """The records, consistently; None if nobody declares the service."""
        partition = self.table.readable(service, unread=_UNREAD)
        declared = partition.manifest
        if declared is None:
            return None
        document = (partition.status.document if partition.status else None) or ServiceStatus()
        manifest = declared.manifest
        lost = Capacity(desired_count=manifest.starting_count, declared_count=manifest.desired_count)
        return ScalingRecords(
            declared=declared,
            capacity=partition.capacity[0] if partition.capacity else lost,
            operator=partition.operator[0] if partition.operator else OperatorWishes(),
            scaling=partition.scaling or ScalingRecord(),
            running=document.counts.running,
            leaving=document.counts.stopping,
            settled_at=document.steady_since,
            deploying=document.is_deploying(declared.deployment),
            seen_count=document.counts.desired if document.generation else None,
            next_wake=document.next_wake,
            revision=self._revision(service),
            capacity_revision=partition.capacity[1] if partition.capacity else None,
        )

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        """All of it, or ``Conflict``."""
        service = before.declared.manifest.service
        partition = self.table.partition(service)
        self.check(before, write)
        after = replace(before, scaling=write.scaling, revision=(before.revision or 0) + 1)
        if write.capacity is not None:
            raised = (before.capacity_revision or 0) + 1
            partition.capacity = (write.capacity, raised)
            after = replace(after, capacity=write.capacity, capacity_revision=raised)
        self.revisions[service], partition.scaling = after.revision or 0, write.scaling
        self.table.write_history(service, 0, "scaling", write.history, now)
        return after

    def check(self, before: ScalingRecords, write: ScalingWrite) -> None:
        """The conditions of the transaction."""
        service = before.declared.manifest.service
        partition = self.table.partition(service)
        if self._revision(service) != before.revision:
            raise Conflict("the record changed at this moment")
        same = partition.manifest is not None and partition.manifest.generation == before.declared.generation
        if write.depends_on_manifest(before) and not same:
            raise Conflict("the manifest changed at this moment")
        revision = partition.capacity[1] if partition.capacity else None
        if write.capacity is not None and revision != before.capacity_revision:
            raise Conflict("the count changed at this moment")

    def watchers(self, alarm: str) -> tuple[str, ...]:
        """Nobody."""
        del alarm
        return ()

    def watch(self, service: str, alarms: Sequence[str], before: Sequence[str]) -> None:
        """Nothing is to be watched."""
        del service, alarms, before

    def _revision(self, service: str) -> int | None:
        return self.revisions.get(service) if self.table.partition(service).scaling is not None else None
