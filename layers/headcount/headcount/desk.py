"""What every operation of ``control`` needs: services by the names that people use, and writing what they wish."""

from collections.abc import Callable

import msgspec

from headcount.circumstances import Circumstances
from headcount.declaring import capacity_of, raised
from headcount.errors import Refused, TerminalError, TransientError
from headcount.model.problem import Problem
from headcount.model.service import Capacity, Decision, DeclaredService, OperatorWishes, ServiceState
from headcount.model.values import dataclass
from headcount.ports import Clock, Kicks
from headcount.ports.controlling import ControlStore, Registry, ScalingSurroundings, ServiceRecords
from headcount.ports.scaling import NativeServices
from headcount.requests import Fields, managed, refuse
from headcount.wishing import in_force

MOST_OF_A_KIND = 500  # tasks of a service that are protected, on standby or to be stopped at a time
MOST_BYTES = 350_000  # of all wishes of a service: they are one record, and a record holds 400 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A service that is declared and not being deleted, as it was read."""

    records: ServiceRecords
    declared: DeclaredService

    @property
    def state(self) -> ServiceState:
        """Everything on record."""
        return self.records.state

    @property
    def capacity(self) -> Capacity:
        """The count on record, or the manifest's own."""
        return capacity_of(self.state, self.declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What operations read, write and ask. ``new_id`` makes an identity for a service declared for the first time."""

    store: ControlStore
    kicks: Kicks
    registry: Registry
    native: NativeServices
    surroundings: ScalingSurroundings
    clock: Clock
    new_id: Callable[[], str]
    clusters: tuple[str, ...]

    # -- finding ------------------------------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """``cluster/name`` of a name that ``Fields.service`` has read; a bare one where only one cluster has it."""
        if "/" in name:
            return name
        only = len(self.clusters) == 1
        keys = [f"{cluster}/{name}" for cluster in self.clusters]
        found = [key for key in keys if only or self._is_listed(key)]
        if len(found) > 1:
            message = f"{name} is in several clusters: say one of {', '.join(found)}"
            raise Refused("InvalidRequest", message, (Problem(path="service", value=name, message=message),))
        if not found:
            raise Refused("ServiceNotFound", f"there is no service {name} in {', '.join(self.clusters)}")
        return found[0]

    def _is_listed(self, key: str) -> bool:
        return any(mark.service == key for mark in self.store.services(key.partition("/")[0]))

    def find(self, name: str) -> ServiceRecords:
        """A service that is declared, or of which tasks are left."""
        service = self.key(name)
        records = self.store.read(service)
        if records is None or (records.state.declared is None and not records.state.tasks):
            raise Refused("ServiceNotFound", f"there is no service {service}")
        return records

    def declared(self, name: str) -> Declared:
        """A service that may be changed."""
        records = self.find(name)
        declared = records.state.declared
        if declared is None:
            raise Refused("ServiceNotFound", f"nobody declares {records.state.service}")
        if declared.deleting_at is not None:
            raise Refused("ServiceDeleting", f"{records.state.service} is being deleted")
        return Declared(records=records, declared=declared)

    def neighbours(self, service: str) -> tuple[DeclaredService, ...]:
        """The other services of its cluster; none while they cannot be read: they are for warnings alone."""
        try:
            names = sorted({mark.service for mark in self.store.services(service.partition("/")[0])} - {service})
            overview = self.store.overview(names)
        except (TransientError, TerminalError):
            return ()
        return tuple(declared for name in names if (declared := overview[name][2]) is not None)

    def check_cluster(self, cluster: str) -> None:
        """Refuse a cluster that is not the install's."""
        if cluster not in self.clusters:
            refuse([Problem(path="cluster", value=cluster, message=managed(self.clusters))])

    # -- writing ------------------------------------------------------------------------------------------------------

    def wish(self, found: Declared, wishes: OperatorWishes, entry: Decision, capacity: Capacity | None = None) -> None:
        """Record what operators wish of a service, and the count if that changes with it. No news is not recorded."""
        if wishes == found.state.operator and capacity in (None, found.capacity):
            return
        after = raised(found.declared, found.state.status)
        self.put(found.records, after, capacity or found.capacity, entry, wishes)

    def put(
        self,
        records: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        wishes: OperatorWishes | None = None,
    ) -> None:
        """Record a service, without the wishes that are over."""
        now = self.clock()
        if records is None:
            self.store.put_service(None, declared, capacity, entry, now, wishes)
            return
        before = records.state.operator
        after = in_force(wishes or before, records.state.tasks, now)
        _check_room(after)
        self.store.put_service(records, declared, capacity, entry, now, None if after == before else after)

    def kick(self, service: str, cause: str) -> None:
        """After the record. What a person asked for is never dropped as a repetition, so no pass number is read."""
        self.kicks.kick(service, None, cause)


def asked(fields: Fields, words: str) -> Decision:
    """The history's entry of what somebody asked for, with who and why."""
    reason = f"{words}: {fields.reason}" if fields.reason else words
    return Decision(kind="control", reason=reason, by=fields.by or None)


def who_and_why(fields: Fields) -> str:
    """`` by alice: night shift``, as far as it was said."""
    return (f" by {fields.by}" if fields.by else "") + (f": {fields.reason}" if fields.reason else "")


def circumstances(desk: Desk, found: Declared, count: int) -> Circumstances:
    """What warnings about a service that stays declared as it is depend on."""
    return Circumstances(declared=found.declared, count=count, before=found.state, now=desk.clock())


def _check_room(wishes: OperatorWishes) -> None:
    """Refuse what one record does not hold."""
    for word, kind in (
        ("protected", wishes.protections),
        ("on standby", wishes.standbys),
        ("to be stopped", wishes.stops),
    ):
        if len(kind) > MOST_OF_A_KIND:
            said = f"at most {MOST_OF_A_KIND} tasks of a service may be {word} at a time, this makes {len(kind)}"
            refuse([Problem(path="tasks", value=len(kind), message=said)])
    size = len(msgspec.json.encode(wishes))
    if size > MOST_BYTES:
        said = f"what is wished of the service would take {size} bytes, {MOST_BYTES} are allowed: give shorter reasons"
        refuse([Problem(path="reason", value=size, message=said)])
