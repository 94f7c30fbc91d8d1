"""What AWS announced about the places of tasks: container instances that go, Spot instances taken back, retirements.

An announcement names an instance or tasks. ECS tells which of our tasks are meant; each gets a notice on record, and
its service a kick. What fails, or comes before a task is on record, the audit repairs: it compares once a minute.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from headcount.errors import HeadcountError, TransientError
from headcount.model.task import Notice
from headcount.model.values import dataclass
from headcount.ports import Clock, Kicks
from headcount.ports.tasks import InstanceSighting, ObserveStore, Sighting, TaskRuntime

KNOWN_SECONDS = (
    60.0  # an instance's event repeats with every task that stops on it; the audit looks once a minute anyway
)
MOST_KNOWN = 1000
SPOT_NOTICE_SECONDS = 120.0
_GOING = ("DEREGISTERING", "INACTIVE")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceChange:
    """A container instance of a cluster is now like this. ``at``: epoch seconds."""

    cluster: str
    instance: InstanceSighting
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotInterruption:
    """EC2 takes a Spot instance back. ``action``: terminate, stop or hibernate."""

    ec2_instance: str
    action: str
    at: float

    @property
    def deadline(self) -> float:
        """Two minutes from the warning; hibernation begins with it."""
        return self.at if self.action == "hibernate" else self.at + SPOT_NOTICE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """AWS Health: Fargate ends tasks from ``starts_at`` on. A task without cluster was named by its id alone."""

    tasks: tuple[tuple[str | None, str], ...]
    starts_at: float
    at: float


def name_of(instance: InstanceSighting) -> str:
    """``container instance d1d8...e7aa (i-0f3a...)``."""
    ec2 = f" ({instance.ec2_instance})" if instance.ec2_instance else ""
    return f"container instance {instance.instance.rpartition('/')[2]}{ec2}"


def notice_of(instance: InstanceSighting, at: float) -> Notice | None:
    """What an instance that goes means to its tasks; None for one that stays.

    That its agent is disconnected is no part of it: agents reconnect several times an hour.
    """
    if instance.status in _GOING:
        return Notice(kind="GONE", at=at, reason=f"{name_of(instance)} is {instance.status}")
    if instance.status == "DRAINING":
        return Notice(kind="DRAINING", at=at, reason=f"{name_of(instance)} is draining")
    return None


def is_settled(instance: InstanceSighting) -> bool:
    """Whether its status says anything about its tasks: one that registers does not."""
    return instance.status in ("ACTIVE", "DRAINING", *_GOING)


def notice_by_look(instance: InstanceSighting | None, arn: str, at: float) -> Notice | None:
    """What an instance that was described means to its tasks, None for one that is well.

    One that ECS does not know is gone. One whose agent is disconnected may come back: planning waits for that.
    """
    if instance is None:
        unknown = InstanceSighting(instance=arn, status="", agent_connected=False)
        return Notice(kind="GONE", at=at, reason=f"ECS does not know {name_of(unknown)} any more")
    if instance.status == "ACTIVE" and not instance.agent_connected:
        return Notice(kind="DISCONNECTED", at=at, reason=f"the agent of {name_of(instance)} is disconnected")
    return notice_of(instance, at)


@dataclasses.dataclass(slots=True, kw_only=True)
class Announcements:
    """What ``observe_tasks`` does with an announcement. Remembers for a minute what it has just handled."""

    store: ObserveStore
    runtime: TaskRuntime
    kicks: Kicks
    clock: Clock
    clusters: tuple[str, ...]
    _known: dict[tuple[str, str], float] = dataclasses.field(default_factory=dict)

    def instance_changed(self, change: InstanceChange) -> str:
        """A container instance drains or goes. Says in a word or two what became of it, as the others do."""
        if change.cluster not in self.clusters:
            return "foreign"
        notice = notice_of(change.instance, change.at)
        if notice is None:
            return "ignored"
        known = (change.instance.instance, notice.kind)
        if self.clock() - self._known.get(known, float("-inf")) < KNOWN_SECONDS:
            return "known"
        delivery = _Delivery(store=self.store, kicks=self.kicks)
        delivery.give(self.runtime.on_instance(change.cluster, change.instance.instance), notice)
        outcome = delivery.close(f"instance {change.instance.status}", change.at)
        if not delivery.unrecorded:
            self._remember(known)
        return outcome

    def spot_interrupted(self, spot: SpotInterruption) -> str:
        """EC2 takes a Spot instance back. EC2 does not know the cluster that it belongs to, if any."""
        delivery = _Delivery(store=self.store, kicks=self.kicks)
        for cluster in self.clusters:
            with delivery.contained():
                for instance in self.runtime.instances_of(cluster, spot.ec2_instance):
                    place = InstanceSighting(
                        instance=instance, status="", agent_connected=True, ec2_instance=spot.ec2_instance
                    )
                    notice = Notice(
                        kind="SPOT",
                        at=spot.at,
                        reason=f"EC2 will {spot.action} the Spot instance of {name_of(place)}",
                        deadline=spot.deadline,
                    )
                    delivery.give(self.runtime.on_instance(cluster, instance), notice)
        return delivery.close("Spot interruption", spot.at)

    def tasks_retire(self, retirement: Retirement) -> str:
        """Fargate retires tasks. They may be anybody's: ECS tells whose they are."""
        notice = Notice(
            kind="RETIREMENT",
            at=retirement.at,
            reason="AWS Health announced that Fargate retires this task",
            deadline=retirement.starts_at,
        )
        delivery = _Delivery(store=self.store, kicks=self.kicks)
        for cluster in self.clusters:
            ids = [task_id for named, task_id in retirement.tasks if named in (None, cluster)]
            with delivery.contained():
                delivery.give(self.runtime.describe(cluster, ids) if ids else (), notice)
        return delivery.close("retirement", retirement.at)

    def _remember(self, known: tuple[str, str]) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[known] = self.clock()


@dataclasses.dataclass(slots=True, kw_only=True)
class _Delivery:
    """Notices given to tasks, one by one: the trouble of one does not keep the others from theirs."""

    store: ObserveStore
    kicks: Kicks
    services: dict[str, None] = dataclasses.field(default_factory=dict)
    unrecorded: int = 0
    troubles: list[HeadcountError] = dataclasses.field(default_factory=list)

    @contextmanager
    def contained(self) -> Iterator[None]:
        try:
            yield
        except HeadcountError as error:
            self.troubles.append(error)

    def give(self, sightings: Iterable[Sighting], notice: Notice) -> None:
        """Write the notice for those of the tasks that are ours and should run."""
        for sighting in sightings:
            if sighting.service is None or sighting.observed.desired_status == "STOPPED":
                continue
            with self.contained():
                if self.store.record_notice(sighting.service, sighting.task_id, notice):
                    self.services[sighting.service] = None
                else:
                    self.unrecorded += 1

    def close(self, cause: str, at: float) -> str:
        """Kick the services, and say what became of the announcement.

        A repeated announcement kicks again: the first delivery may have died before its kicks.
        """
        for service in self.services:
            with self.contained():
                self.kicks.kick(service, self.store.pass_number(service), cause, at)
        if self.troubles:
            raise TransientError("; ".join(str(trouble) for trouble in self.troubles[:5])) from self.troubles[0]
        if self.unrecorded:
            return "not yet on record"
        return "kicked" if self.services else "none of ours"
