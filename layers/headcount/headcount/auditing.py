"""Once a minute: compare what is on record with what ECS says, and repair what events missed.

An auditor lives as long as its process and remembers the rosters it read, so that a quiet service costs no read: a
roster is read again only when the index says that a pass has changed it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from headcount.model.task import ContainerHealth, Task
from headcount.ports import AuditStore, Clock, Kicks, ServiceMark, Sighting, TaskRuntime

VANISHED_AFTER_SECONDS = 300.0  # a young task may be missing from DescribeTasks: ECS is eventually consistent
ORPHAN_AFTER_SECONDS = 120.0  # a younger task may be on its way into the table
OVERDUE_SECONDS = 5.0
LEFTOVER_SECONDS = 60.0
SWEEP_SECONDS = 15 * 60.0
RESERVE_SECONDS = 5.0
DESCRIBED_AT_ONCE = 100


@dataclass(slots=True)
class Findings:
    """What one audit found: numbers for metrics and the log line."""

    services: int = 0
    tasks: int = 0
    missed: int = 0
    vanished: int = 0
    orphans: int = 0
    kicked: int = 0
    out_of_time: bool = False


@dataclass(slots=True)
class _Roster:
    pass_number: int | None
    tasks: dict[str, Task]


@dataclass(slots=True, kw_only=True)
class Auditor:
    """What ``audit_clusters`` does every minute."""

    runtime: TaskRuntime
    store: AuditStore
    kicks: Kicks
    clock: Clock
    _rosters: dict[str, _Roster] = field(default_factory=dict)
    _swept_at: dict[str, float] = field(default_factory=dict)

    def audit(self, clusters: Sequence[str], remaining: Callable[[], float]) -> Findings:
        """Audit the clusters in turn, as far as time allows; the rest waits for the next minute."""
        findings = Findings()
        for cluster in clusters:
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                break
            self._audit_cluster(cluster, findings, remaining)
        return findings

    def _audit_cluster(self, cluster: str, findings: Findings, remaining: Callable[[], float]) -> None:
        marks = self.store.services(cluster)
        findings.services += len(marks)
        self._refresh(marks)
        due = {mark.service: reason for mark in marks if (reason := self._why_due(mark))}
        try:
            for service in self._compare(cluster, marks, findings, remaining):
                due.setdefault(service, "the audit found news")
            if self.clock() - self._swept_at.get(cluster, 0.0) >= SWEEP_SECONDS and remaining() >= RESERVE_SECONDS:
                for service in self._sweep(cluster, findings):
                    due.setdefault(service, "the audit found an orphan")
                self._swept_at[cluster] = self.clock()
        finally:  # whatever ECS refuses: what is due stays due, and what was written down is news only once
            for service, reason in due.items():
                self.kicks.kick(service, None, reason)
                findings.kicked += 1

    def _refresh(self, marks: Iterable[ServiceMark]) -> None:
        """Read again the rosters that a pass has changed since."""
        for mark in marks:
            known = self._rosters.get(mark.service)
            if known is None or known.pass_number != mark.pass_number:
                tasks = {task.task_id: task for task in self.store.roster(mark.service)}
                self._rosters[mark.service] = _Roster(pass_number=mark.pass_number, tasks=tasks)

    def _why_due(self, mark: ServiceMark) -> str | None:
        """Why a service must be looked at, whatever ECS says: lost kicks, lost timers, records nobody came back for."""
        now = self.clock()
        if mark.generation != mark.seen_generation:
            return "a manifest that no pass has seen"
        if mark.next_wake is not None and now > mark.next_wake + OVERDUE_SECONDS:
            return "an overdue timer"
        stopped = (task.observed for task in self._rosters[mark.service].tasks.values())
        if any(one.last_status == "STOPPED" and now - (one.stopped_at or now) > LEFTOVER_SECONDS for one in stopped):
            return "a stopped task on record"
        return None

    def _compare(
        self, cluster: str, marks: Iterable[ServiceMark], findings: Findings, remaining: Callable[[], float]
    ) -> Iterable[str]:
        """Describe every task on record that is not known to be stopped; yields the services with news."""
        places = {
            task.task_id: mark.service
            for mark in marks
            for task in self._rosters[mark.service].tasks.values()
            if task.observed.last_status != "STOPPED"
        }
        ids = list(places)
        findings.tasks += len(ids)
        for first in range(0, len(ids), DESCRIBED_AT_ONCE):
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                return
            page = ids[first : first + DESCRIBED_AT_ONCE]
            seen = {sighting.task_id: sighting for sighting in self.runtime.describe(cluster, page)}
            for task_id in page:
                service = places[task_id]
                task = self._rosters[service].tasks[task_id]
                if task_id in seen:
                    news = self._take_in(service, task, seen[task_id], findings)
                else:
                    news = self._take_as_vanished(service, task, findings)
                if news:
                    yield service

    def _take_in(self, service: str, task: Task, sighting: Sighting, findings: Findings) -> bool:
        """Write what differs: a newer version, another health. Both are remembered, so the next minute is quiet."""
        news = False
        health = task.health
        if sighting.observed.version > task.observed.version:
            findings.missed += 1
            news = self.store.record_sighting(service, sighting)
        if sighting.health in ("HEALTHY", "UNHEALTHY") and (health is None or health.status != sighting.health):
            health = ContainerHealth(status=sighting.health, seen_at=self.clock())
            self.store.record_health(service, task.task_id, health)
            news = True
        newer = sighting.observed if sighting.observed.version > task.observed.version else task.observed
        self._rosters[service].tasks[task.task_id] = Task(
            task_id=task.task_id, observed=newer, managed=task.managed, health=health, confirmed_at=task.confirmed_at
        )
        return news

    def _take_as_vanished(self, service: str, task: Task, findings: Findings) -> bool:
        """ECS does not know a task: lost, unless it is so young that ECS may not know it yet."""
        born = task.managed.launched_at if task.managed else (task.observed.created_at or self.clock())
        if self.clock() - born < VANISHED_AFTER_SECONDS:
            return False
        findings.vanished += 1
        return self.store.record_vanished(service, task, "ECS does not know this task any more", self.clock())

    def _sweep(self, cluster: str, findings: Findings) -> Iterable[str]:
        """Look at the cluster's tasks that nobody has written down; yields the services that one of ours belongs to.

        An event alone does not write a task down: it may be an echo, so its record counts for nothing until confirmed.
        """
        known = {
            task_id
            for roster in self._rosters.values()
            for task_id, task in roster.tasks.items()
            if task.managed is not None or task.confirmed_at is not None
        }
        strangers = [task_id for task_id in self.runtime.sweep(cluster) if task_id not in known]
        for sighting in self.runtime.describe(cluster, strangers):
            age = self.clock() - (sighting.observed.created_at or self.clock())
            if sighting.service is None or age < ORPHAN_AFTER_SECONDS:
                continue
            findings.orphans += 1
            self.store.confirm(sighting.service, sighting, self.clock())
            yield sighting.service
