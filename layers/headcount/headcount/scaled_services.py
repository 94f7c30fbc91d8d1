"""What is being scaled: how many tasks a service has, what its metrics are, and what stands against changing its count.

Of Headcount's own services the records know it, of native ones ECS does.
"""

from headcount.model.fingerprints import family_of
from headcount.model.scaling_record import OVERDUE_SECONDS, ScalingRecord
from headcount.model.scaling_state import Present
from headcount.model.values import dataclass, replace
from headcount.planning.wishes import why_held
from headcount.ports import Clock
from headcount.ports.scaling import NativeServices, ScalingRecords, ScalingStore, ScalingWrite
from headcount.scaling.looking_again import SELDOM_SECONDS
from headcount.scaling.queries import Measured
from headcount.scaling.telling import history_of, new_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledService:
    """One service at the time of a look.

    ``record``: as it was read; ``held``: why people want its count to be left alone, ``held_until``: until when, if
    that is known; ``refused``: why it must be, whatever people want.
    """

    key: str
    record: ScalingRecord
    measured: Measured
    present: Present
    held: str = ""
    held_until: float | None = None
    refused: str = ""
    problems: tuple[str, ...] = ()
    is_native: bool = False

    @property
    def stays(self) -> str:
        """Why the count must stay as it is; empty if it may change."""
        return self.refused or self.held

    def stays_until(self, now: float) -> float | None:
        """When it may change again. Nobody tells that a rival has let go of it."""
        return now + SELDOM_SECONDS if self.refused else self.held_until

    def concerns_passes(self, records: ScalingRecords) -> bool:
        """Whether a pass must know how the records are now: the count is not what the last one saw, or no pass would
        notice in time that the next look does not come.
        """
        at, wake = records.scaling.next_look_at, records.next_wake
        unseen = not (self.is_native or self.stays) and records.seen_count != records.capacity.desired_count
        return unseen or (at is not None and (wake is None or wake > at + 2 * OVERDUE_SECONDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReader:
    """Looks at one service at a time."""

    native: NativeServices

    def read(self, records: ScalingRecords, now: float) -> ScaledService:
        """The service now."""
        manifest, (held, until) = records.declared.manifest, why_held(records.operator, now)
        service = ScaledService(
            key=manifest.service,
            record=records.scaling,
            measured=Measured(cluster=manifest.cluster, family=family_of(records.declared.task_definition_arn)),
            present=Present(
                desired=records.capacity.desired_count,
                running=records.running,
                deploying=records.deploying,
                leaving=records.leaving,
                settled_at=records.settled_at,
            ),
            held=held,
            held_until=until,
        )
        return self._read_native(service, manifest.cluster, manifest.service_name) if manifest.native else service

    def _read_native(self, service: ScaledService, cluster: str, name: str) -> ScaledService:
        """ECS has the counts. Where somebody else sets them, or nobody can, they are left alone."""
        counts = self.native.counts(cluster, name)
        native = replace(service, measured=Measured(cluster=cluster, service=name), is_native=True)
        if counts is None:
            refusal = f"ECS has no service {name} in cluster {cluster}"
            return replace(native, present=Present(desired=0, running=0), refused=refusal, problems=(refusal,))
        present = Present(desired=counts.desired, running=counts.running, deploying=counts.deploying)
        if counts.rival:
            return replace(native, present=present, refused=counts.rival, problems=(counts.rival,))
        unset = service.record.unset
        if unset is not None and unset.before == counts.desired and not service.held:  # decided, recorded, and not done
            refusal = self.native.set_count(cluster, name, unset.count) or ""
            if not refusal:
                return replace(native, present=replace(present, desired=unset.count))
            return replace(native, present=present, problems=(f"{unset.count} tasks: AWS refuses: {refusal}",))
        return replace(native, present=present)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeSetter:
    """Sets the count of a native service that is on record as not yet set."""

    native: NativeServices
    store: ScalingStore
    clock: Clock

    def set(self, records: ScalingRecords, count: int) -> ScalingRecords:
        """Have ECS set it, and write down that it has been, or why not: the next look would do it again."""
        manifest, record = records.declared.manifest, replace(records.scaling, unset=None)
        refusal = self.native.set_count(manifest.cluster, manifest.service_name, count)
        if refusal is None:
            return self.store.write(records, ScalingWrite(scaling=record), self.clock())
        problem = f"{count} tasks: AWS refuses: {refusal}"
        told = history_of((), None, new_problems((problem,), record.problems), ())
        refused = replace(record, problems=(*record.problems, problem))
        return self.store.write(records, ScalingWrite(scaling=refused, history=tuple(told)), self.clock())
