"""Once a minute: compare what is on record with what ECS says, and repair what events missed.

An auditor lives as long as its process and remembers the rosters it read, so that a quiet service costs no read: a
roster is read again only when the index says that a pass has changed it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from headcount.errors import HeadcountError
from headcount.model.task import ContainerHealth, Task
from headcount.planning.stock import matters
from headcount.ports import AuditStore, Clock, Kicks, ServiceMark, Sighting, TaskRuntime

VANISHED_AFTER_MISSES = 2  # one answer without a task may be ECS's mistake
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
    troubles: list[str] = field(default_factory=list)


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
    _misses: dict[str, int] = field(default_factory=dict)
    _audits: int = 0

    def audit(self, clusters: Sequence[str], remaining: Callable[[], float]) -> Findings:
        """Audit the clusters in turn, as far as time allows; the rest waits for the next minute."""
        findings = Findings()
        for cluster in self._in_turn(clusters):
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                break
            with self._contained(findings, f"cluster {cluster}"):
                self._audit_cluster(cluster, findings, remaining)
        self._audits += 1
        return findings

    def _in_turn(self, clusters: Sequence[str]) -> Sequence[str]:
        """The clusters, beginning with another one each time: an audit cut short is not always short of the same."""
        first = self._audits % len(clusters) if clusters else 0
        return [*clusters[first:], *clusters[:first]]

    @contextmanager
    def _contained(self, findings: Findings, where: str) -> Iterator[None]:
        """The trouble of one service or cluster is reported and does not keep the audit from the others."""
        try:
            yield
        except HeadcountError as error:
            findings.troubles.append(f"{where}: {error}")

    def _audit_cluster(self, cluster: str, findings: Findings, remaining: Callable[[], float]) -> None:
        marks = self._readable(self.store.services(cluster), findings)
        findings.services += len(marks)
        self._drop_rosters_of_others(cluster, marks)
        for mark in marks:
            reason = self._why_due(mark)
            if reason is not None:
                self._kick(mark.service, reason, findings)
        news: set[str] = set()
        with self._contained(findings, f"cluster {cluster}"):
            self._compare(cluster, marks, findings, remaining, news)
        if self.clock() - self._swept_at.get(cluster, 0.0) >= SWEEP_SECONDS and remaining() >= RESERVE_SECONDS:
            with self._contained(findings, f"sweep of cluster {cluster}"):
                self._sweep(cluster, findings, news)
                self._swept_at[cluster] = self.clock()
        for service in sorted(news):
            self._kick(service, "the audit found news", findings)

    def _kick(self, service: str, reason: str, findings: Findings) -> None:
        with self._contained(findings, f"kick of {service}"):
            self.kicks.kick(service, None, reason)
            findings.kicked += 1

    def _readable(self, marks: Iterable[ServiceMark], findings: Findings) -> list[ServiceMark]:
        """The services whose rosters are known; those that a pass has changed since are read again."""
        readable: list[ServiceMark] = []
        for mark in marks:
            known = self._rosters.get(mark.service)
            with self._contained(findings, f"service {mark.service}"):
                if known is None or known.pass_number != mark.pass_number:
                    tasks = {task.task_id: task for task in self.store.roster(mark.service)}
                    self._rosters[mark.service] = _Roster(pass_number=mark.pass_number, tasks=tasks)
                readable.append(mark)
        return readable

    def _drop_rosters_of_others(self, cluster: str, marks: Iterable[ServiceMark]) -> None:
        """Services that left the index are no longer remembered."""
        present = {mark.service for mark in marks}
        gone = [one for one in self._rosters if one.startswith(f"{cluster}/") and one not in present]
        for service in gone:
            del self._rosters[service]

    def _why_due(self, mark: ServiceMark) -> str | None:
        """Why a service must be looked at, whatever ECS says: lost kicks, lost timers, records nobody came back for."""
        now = self.clock()
        if mark.generation is not None and mark.generation != mark.seen_generation:
            return "a manifest that no pass has seen"
        if mark.next_wake is not None and now > mark.next_wake + OVERDUE_SECONDS:
            return "an overdue timer"
        stopped = (task.observed for task in self._rosters[mark.service].tasks.values())
        if any(one.last_status == "STOPPED" and now - (one.stopped_at or now) > LEFTOVER_SECONDS for one in stopped):
            return "a stopped task on record"
        return None

    def _compare(
        self,
        cluster: str,
        marks: Iterable[ServiceMark],
        findings: Findings,
        remaining: Callable[[], float],
        news: set[str],
    ) -> None:
        """Describe every task on record that is not known to be stopped; ``news`` gets the services that changed."""
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
                    self._misses.pop(task_id, None)
                    changed = self._take_in(service, task, seen[task_id], findings)
                else:
                    changed = self._take_as_vanished(service, task, findings)
                if changed:
                    news.add(service)

    def _take_in(self, service: str, task: Task, sighting: Sighting, findings: Findings) -> bool:
        """Write what differs: a newer version, another health. Both are remembered, so the next minute is quiet.

        A roster may lag behind events that needed no pass, so a newer version counts as missed only where it matters.
        """
        news = False
        health, observed = task.health, task.observed
        if sighting.observed.version > observed.version:
            observed = sighting.observed
            news = self.store.record_sighting(service, sighting) and matters(observed)
            findings.missed += news
        if sighting.health in ("HEALTHY", "UNHEALTHY") and (health is None or health.status != sighting.health):
            health = ContainerHealth(status=sighting.health, seen_at=self.clock())
            self.store.record_health(service, task.task_id, health)
            news = True
        self._rosters[service].tasks[task.task_id] = replace(task, observed=observed, health=health)
        return news

    def _take_as_vanished(self, service: str, task: Task, findings: Findings) -> bool:
        """ECS does not know a task: lost, unless it is too young for ECS to know, or was missing only once."""
        born = task.managed.launched_at if task.managed else (task.observed.created_at or self.clock())
        self._misses[task.task_id] = self._misses.get(task.task_id, 0) + 1
        if self.clock() - born < VANISHED_AFTER_SECONDS or self._misses[task.task_id] < VANISHED_AFTER_MISSES:
            return False
        findings.vanished += 1
        del self._misses[task.task_id]
        return self.store.record_vanished(service, task, "ECS does not know this task any more", self.clock())

    def _sweep(self, cluster: str, findings: Findings, news: set[str]) -> None:
        """Look at the cluster's tasks that nobody has written down; ``news`` gets the services they belong to.

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
            news.add(sighting.service)
