"""Once a minute: compare what is on record with what ECS and ELB say, and repair what events missed.

An auditor lives as long as its process and remembers the rosters it read, so that a quiet service costs no read: a
roster is read again only when the index says that a pass has changed it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from headcount.auditing_targets import GROUPS_A_MINUTE, is_news, is_on_record, is_unchanged, is_well
from headcount.errors import HeadcountError, Throttled
from headcount.model.notices import OF_THE_INSTANCE, after, lighter_than
from headcount.model.target import GroupTargets, TargetsSeen, seen_of
from headcount.model.task import ContainerHealth, Notice, Task
from headcount.model.values import replace
from headcount.noticing import is_settled, notice_by_look
from headcount.planning.news import matters
from headcount.ports import Clock, Kicks, ServiceMark
from headcount.ports.auditing import AuditStore, Roster
from headcount.ports.targets import TargetGroups
from headcount.ports.tasks import InstanceSighting, Sighting, TaskRuntime

VANISHED_AFTER_MISSES = 2  # one answer without a task may be ECS's mistake
VANISHED_AFTER_SECONDS = 300.0  # a young task may be missing from DescribeTasks: ECS is eventually consistent
ORPHAN_AFTER_SECONDS = 120.0  # a younger task may be on its way into the table
OVERDUE_SECONDS = 5.0
LEFTOVER_SECONDS = 60.0
LOOKED_AT_SOON_SECONDS = 300.0
SWEEP_SECONDS = 15 * 60.0
PAGES_AT_ONCE = 20  # of ECS's list, a hundred tasks each: what is compared needs most of ECS's patience
RESERVE_SECONDS = 5.0
COMPARING_SECONDS = (
    25.0  # what reading rosters leaves for the rest; those that are not read yet wait for the next minute
)
DESCRIBED_AT_ONCE = 100
MOST_SILENT_GROUPS = 5  # target groups without an answer in one audit: what keeps ELB from it is not theirs alone


@dataclass(slots=True)
class Findings:
    """What one audit found: numbers for metrics and the log line."""

    services: int = 0
    tasks: int = 0
    missed: int = 0
    vanished: int = 0
    orphans: int = 0
    notices: int = 0
    groups: int = 0
    targets: int = 0
    kicked: int = 0
    out_of_time: bool = False
    troubles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """A roster as it was read at a pass number, and what became of it since: the tasks that ECS is asked about, those
    of them on container instances, and those that are known to be stopped.
    """

    pass_number: int | None
    targets: dict[str, GroupTargets]
    alive: dict[str, Task] = field(default_factory=dict)
    hosted: dict[str, Task] = field(default_factory=dict)
    stopped: dict[str, Task] = field(default_factory=dict)

    @classmethod
    def read(cls, roster: Roster, pass_number: int | None) -> "_Known":
        known = cls(pass_number=pass_number, targets={one.group: one for one in roster.targets})
        for task in roster.tasks:
            known.put(task)
        return known

    def put(self, task: Task) -> None:
        """What is known of a task from now on."""
        if task.observed.last_status == "STOPPED":
            self.alive.pop(task.task_id, None)
            self.hosted.pop(task.task_id, None)
            self.stopped[task.task_id] = task
            return
        self.alive[task.task_id] = task
        if task.observed.container_instance:
            self.hosted[task.task_id] = task


def _is_known(task: Task, sighting: Sighting) -> bool:
    """Whether ECS says what is on record: of most tasks, each minute."""
    health = task.health.status if task.health is not None else "UNKNOWN"
    return sighting.observed.version <= task.observed.version and sighting.health in (None, "UNKNOWN", health)


class _Contained:
    """Around what concerns one service or cluster: its trouble is reported, and does not keep the audit from others."""

    __slots__ = ("findings", "where")

    def __init__(self, findings: Findings, where: str) -> None:
        self.findings = findings
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, HeadcountError):
            return False
        self.findings.troubles.append(f"{self.where}: {error}")
        return True


@dataclass(slots=True, kw_only=True)
class Auditor:
    """What ``audit_clusters`` does every minute."""

    runtime: TaskRuntime
    target_groups: TargetGroups
    store: AuditStore
    kicks: Kicks
    clock: Clock
    _rosters: dict[str, _Known] = field(default_factory=dict)
    _news: set[str] = field(default_factory=set)
    _told: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _compared: set[tuple[str, str]] = field(default_factory=set)
    _goes_on_after: tuple[str, str] = ("", "")
    _swept_at: dict[str, float] = field(default_factory=dict)
    _sweeps: dict[str, str] = field(default_factory=dict)
    _misses: dict[str, int] = field(default_factory=dict)
    _goes_on_at: dict[str, str] = field(default_factory=dict)
    _audits: int = 0

    def audit(self, clusters: Sequence[str], remaining: Callable[[], float]) -> Findings:
        """Audit the clusters in turn, as far as time allows; the rest waits for the next minute."""
        findings = Findings()
        for cluster in self._in_turn(clusters):
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                break
            with _Contained(findings, f"cluster {cluster}"):
                self._audit_cluster(cluster, findings, remaining)
        self._look_at_target_groups(clusters, findings, remaining)
        self._tell_services(findings)
        self._audits += 1
        return findings

    def _in_turn(self, clusters: Sequence[str]) -> Sequence[str]:
        """The clusters, beginning with another one each time: an audit cut short is not always short of the same."""
        first = self._audits % len(clusters) if clusters else 0
        return [*clusters[first:], *clusters[:first]]

    def _audit_cluster(self, cluster: str, findings: Findings, remaining: Callable[[], float]) -> None:
        services = self.store.services(cluster)
        marks, unread = self._readable(services, findings, remaining)
        findings.services += len(marks)
        self._drop_rosters_of_others(cluster, services)
        self._tell_again(services)
        for mark in (*marks, *unread):
            reason = self._why_due(mark)
            if reason is not None:
                self._kick(mark.service, reason, findings)
        if not unread and remaining() >= RESERVE_SECONDS:  # before the rest, which may leave it none of ECS's patience
            with _Contained(findings, f"sweep of cluster {cluster}"):
                self._sweep(cluster, findings)
        with _Contained(findings, f"cluster {cluster}"):
            self._compare(cluster, marks, findings, remaining)
        with _Contained(findings, f"container instances of cluster {cluster}"):
            self._look_at_instances(cluster, marks, findings, remaining)
        self._tell_services(findings)

    def _tell_services(self, findings: Findings) -> None:
        """Kick the services of which there are news; those that cannot be kicked now are kicked by the next audit."""
        for service in sorted(self._news):
            if self._kick(service, "the audit found news", findings):
                self._news.discard(service)
                if service in self._numbers:
                    self._told[service] = self._numbers[service]

    def _tell_again(self, marks: Iterable[ServiceMark]) -> None:
        """What was told is news still, unless the index says that one pass has begun since.

        Where none has, the kick was lost. Where several have, they may fail and be tried again, until the kick is given
        up: nothing else would come back to what stands on record by then.
        """
        for mark in marks:
            told = self._told.pop(mark.service, None)
            if told is not None and mark.pass_number != told + 1:
                self._news.add(mark.service)
            if mark.pass_number is not None:
                self._numbers[mark.service] = mark.pass_number

    def _kick(self, service: str, reason: str, findings: Findings) -> bool:
        try:
            self.kicks.kick(service, None, reason)
        except HeadcountError as error:
            findings.troubles.append(f"kick of {service}: {error}")
            return False
        findings.kicked += 1
        return True

    def _readable(
        self, marks: Iterable[ServiceMark], findings: Findings, remaining: Callable[[], float]
    ) -> tuple[list[ServiceMark], list[ServiceMark]]:
        """The services whose rosters are known, and those that there is no time to read: half of it is for the rest.

        A roster is read again when a pass has changed it. What is not in order is news to a new auditor: the last one
        may have died before it told.
        """
        left = remaining() / 2.0
        readable: list[ServiceMark] = []
        unread: list[ServiceMark] = []
        for mark in marks:
            known = self._rosters.get(mark.service)
            if known is not None and known.pass_number == mark.pass_number:
                readable.append(mark)
                continue
            if remaining() < left:
                findings.out_of_time = True
                unread.append(mark)
                continue
            with _Contained(findings, f"service {mark.service}"):
                roster = self.store.roster(mark.service)
                self._rosters[mark.service] = _Known.read(roster, mark.pass_number)
                if known is None and any(map(_waits_for_a_pass, roster.tasks)):
                    self._news.add(mark.service)
                readable.append(mark)
        return readable, unread

    def _drop_rosters_of_others(self, cluster: str, marks: Iterable[ServiceMark]) -> None:
        """Services that left the index are no longer remembered."""
        present = {mark.service for mark in marks}
        gone = [one for one in self._rosters if one.startswith(f"{cluster}/") and one not in present]
        for service in gone:
            del self._rosters[service]
            self._told.pop(service, None)
            self._numbers.pop(service, None)

    def _why_due(self, mark: ServiceMark) -> str | None:
        """Why a service must be looked at, whatever ECS says: lost kicks, lost timers, records nobody came back for."""
        now = self.clock()
        if mark.generation is not None and mark.generation != mark.seen_generation:
            return "a manifest that no pass has seen"
        if mark.next_wake is not None and now > mark.next_wake + OVERDUE_SECONDS:
            return "an overdue timer"
        if mark.next_wake is not None and mark.next_wake < now + LOOKED_AT_SOON_SECONDS:
            return None  # a pass sees by itself what the last one left on record: failed tasks, while they wait
        roster = self._rosters.get(mark.service)
        ends = [task.observed.stopped_at for task in roster.stopped.values()] if roster else []
        if any(now - (at or now) > LEFTOVER_SECONDS for at in ends):
            return "a stopped task on record"
        return None

    def _compare(
        self,
        cluster: str,
        marks: Iterable[ServiceMark],
        findings: Findings,
        remaining: Callable[[], float],
    ) -> None:
        """Describe every task on record that is not known to be stopped.

        What an audit does not come to, for lack of time or because ECS asked for patience, is where the next begins.
        """
        services = [mark.service for mark in self._from_where_it_stopped(cluster, marks)]
        alive = [(service, task) for service in services for task in self._rosters[service].alive.values()]
        findings.tasks += len(alive)
        for first in range(0, len(alive), DESCRIBED_AT_ONCE):
            page = alive[first : first + DESCRIBED_AT_ONCE]
            self._goes_on_at[cluster] = page[0][0]
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                return
            described = self.runtime.describe(cluster, [task.task_id for _, task in page])
            seen = {sighting.task_id: sighting for sighting in described}
            for service, task in page:
                sighting = seen.get(task.task_id)
                if sighting is None:
                    changed = self._take_as_vanished(service, task, findings)
                else:
                    if self._misses:
                        self._misses.pop(task.task_id, None)
                    changed = not _is_known(task, sighting) and self._take_in(service, task, sighting, findings)
                if changed:
                    self._news.add(service)
        self._goes_on_at.pop(cluster, None)

    def _from_where_it_stopped(self, cluster: str, marks: Iterable[ServiceMark]) -> list[ServiceMark]:
        """The services in order, from the one at which the last audit had to stop, and round."""
        ordered = sorted(marks, key=lambda mark: mark.service)
        first = sum(mark.service < self._goes_on_at.get(cluster, "") for mark in ordered)
        return ordered[first:] + ordered[:first]

    def _take_in(self, service: str, task: Task, sighting: Sighting, findings: Findings) -> bool:
        """Write what differs: a newer version, another health. Both are remembered, so the next minute is quiet.

        A roster may lag behind events that needed no pass, so a newer version counts as missed only where it matters.
        """
        news = False
        health, observed = task.health, task.observed
        if sighting.observed.version > observed.version:
            observed = sighting.observed
            recorded = self.store.record_sighting(service, sighting)
            news = recorded is not None and matters(observed, recorded.before)
            findings.missed += news
        if sighting.health in ("HEALTHY", "UNHEALTHY") and (health is None or health.status != sighting.health):
            health = ContainerHealth(status=sighting.health, seen_at=self.clock())
            self.store.record_health(service, task.task_id, health)
            news = True
        if observed is not task.observed or health is not task.health:
            self._rosters[service].put(replace(task, observed=observed, health=health))
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

    def _look_at_instances(
        self,
        cluster: str,
        marks: Iterable[ServiceMark],
        findings: Findings,
        remaining: Callable[[], float],
    ) -> None:
        """Describe the container instances under the tasks on record."""
        tasks = self._tasks_by_instance(marks)
        arns = list(tasks)
        seen: dict[str, InstanceSighting] = {}
        for number, arn in enumerate(arns):
            if remaining() < RESERVE_SECONDS:  # looked at for each: an instance may carry a hundred tasks to be written
                findings.out_of_time = True
                return
            if number % DESCRIBED_AT_ONCE == 0:
                page = arns[number : number + DESCRIBED_AT_ONCE]
                seen = {instance.instance: instance for instance in self.runtime.instances(cluster, page)}
            if self._is_told(arn, seen):
                self._correct_notices(tasks[arn], notice_by_look(seen.get(arn), arn, self.clock()), findings)

    def _tasks_by_instance(self, marks: Iterable[ServiceMark]) -> dict[str, list[tuple[str, Task]]]:
        """The tasks on record that should run on container instances, with their services."""
        found: dict[str, list[tuple[str, Task]]] = {}
        for mark in marks:
            for task in self._rosters[mark.service].hosted.values():
                if task.observed.container_instance and task.observed.desired_status == "RUNNING":
                    found.setdefault(task.observed.container_instance, []).append((mark.service, task))
        return found

    def _is_told(self, arn: str, seen: Mapping[str, InstanceSighting]) -> bool:
        """Whether ECS's answer tells anything of an instance: one answer without it may be ECS's mistake."""
        if arn in seen:
            self._misses.pop(arn, None)
            return is_settled(seen[arn])
        self._misses[arn] = self._misses.get(arn, 0) + 1
        return self._misses[arn] >= VANISHED_AFTER_MISSES

    def _correct_notices(self, tasks: Iterable[tuple[str, Task]], notice: Notice | None, findings: Findings) -> None:
        """What one instance means to each of its tasks."""
        for service, task in tasks:
            with _Contained(findings, f"notice of task {task.task_id} of {service}"):
                if self._correct_notice(service, task, notice):
                    findings.notices += 1
                    self._news.add(service)

    def _correct_notice(self, service: str, task: Task, notice: Notice | None) -> bool:
        """Write what differs, and take back what no longer holds. Remembered, so that the next minute is quiet."""
        standing = task.notice
        if (
            standing is not None
            and standing.kind in OF_THE_INSTANCE
            and (notice is None or notice.kind in lighter_than(standing.kind))
        ):
            self.store.record_notice(service, task.task_id, None)
            standing = None
        corrected = after(notice, standing)
        if corrected == task.notice:
            return False
        if corrected is not None:
            self.store.record_notice(service, task.task_id, corrected)
        self._rosters[service].put(replace(task, notice=corrected))
        return True

    # -- target groups ------------------------------------------------------------------------------------------------

    def _look_at_target_groups(
        self, clusters: Sequence[str], findings: Findings, remaining: Callable[[], float]
    ) -> None:
        """Ask ELB for the groups in which something is registered, as many as its limits and the time allow.

        The next audit goes on with the group after the last: the alarms on target health do not wait for it. ELB's
        limits are those of the account: all clusters share them, and the passes too.
        """
        silent = 0
        for service, group in self._groups_in_turn(clusters):
            if remaining() < RESERVE_SECONDS:
                findings.out_of_time = True
                return
            where = f"target group {group} of {service}"
            try:
                self._look_at_group(service, group, findings)
            except Throttled as error:
                findings.troubles.append(f"{where}: {error}")
                return
            except HeadcountError as error:
                findings.troubles.append(f"{where}: {error}")
                silent += 1
            self._goes_on_after = (service, group)
            if silent >= MOST_SILENT_GROUPS:
                return

    def _groups_in_turn(self, clusters: Sequence[str]) -> list[tuple[str, str]]:
        """Services with their target groups, from where the last audit stopped, and round; not more than a minute's."""
        groups = sorted(
            (service, ledger.group)
            for service, known in self._rosters.items()
            if service.partition("/")[0] in clusters
            for ledger in known.targets.values()
            if ledger.registrations
        )
        self._compared.intersection_update(groups)
        first = sum(one <= self._goes_on_after for one in groups)
        return [*groups[first:], *groups[:first]][:GROUPS_A_MINUTE]

    def _look_at_group(self, service: str, group: str, findings: Findings) -> None:
        """Write what ELB says if it differs from the record.

        The roster may be older than the answer, and lack a target that a pass has registered since: where something
        differs, it is read again before anything is written.
        """
        ledger = self._rosters[service].targets.get(group)
        if ledger is None:
            return
        asked_at = self.clock()
        answer = self.target_groups.health(group)
        findings.groups += 1
        findings.targets += len(ledger.registrations)
        if (service, group) in self._compared and is_unchanged(ledger, answer):
            return
        seen = seen_of(ledger, answer, asked_at)
        if is_on_record(ledger, seen):
            if (service, group) not in self._compared:
                self._take_in_targets(service, ledger, seen)
            return
        known = self._rosters[service] = _Known.read(self.store.roster(service), self._rosters[service].pass_number)
        ledger = known.targets.get(group)
        if ledger is not None and ledger.registrations:
            self._take_in_targets(service, ledger, seen_of(ledger, answer, asked_at))

    def _take_in_targets(self, service: str, ledger: GroupTargets, seen: TargetsSeen) -> None:
        """Write what differs; remembered, so that the next minute is quiet.

        Whatever is not well is news to a new auditor: the last one may have died before it told.
        """
        first = (service, ledger.group) not in self._compared
        if not is_on_record(ledger, seen):
            self.store.record_targets_seen(service, ledger.group, seen)
            self._rosters[service].targets[ledger.group] = replace(ledger, seen=seen)
        if is_news(ledger, seen) or (first and not is_well(ledger, seen)):
            self._news.add(service)
        self._compared.add((service, ledger.group))

    # -- orphans ------------------------------------------------------------------------------------------------------

    def _sweep(self, cluster: str, findings: Findings) -> None:
        """Look at tasks of the cluster that nobody has written down, every so often.

        A large cluster is swept over several audits, and one that has to stop is gone on with by the next: its list has
        so many pages that ECS would lose its patience.
        """
        after = self._sweeps.pop(cluster, None)
        if after is None and self.clock() - self._swept_at.get(cluster, 0.0) < SWEEP_SECONDS:
            return
        try:
            swept, goes_on = self._pages(cluster, after)
            self._look_at_strangers(cluster, swept, findings)
        except Throttled:
            if after is not None:
                self._sweeps[cluster] = after
            raise
        if goes_on is None:
            self._swept_at[cluster] = self.clock()
        else:
            self._sweeps[cluster] = goes_on

    def _pages(self, cluster: str, after: str | None) -> tuple[list[str], str | None]:
        """The tasks on the pages after a mark, as many as ECS has patience for, and the mark to go on with."""
        swept: list[str] = []
        for _ in range(PAGES_AT_ONCE):
            try:
                page = self.runtime.sweep(cluster, after)
            except Throttled:
                if not swept:
                    raise
                break
            swept += page.task_ids
            after = page.goes_on
            if after is None:
                break
        return swept, after

    def _look_at_strangers(self, cluster: str, swept: Iterable[str], findings: Findings) -> None:
        """An event alone does not write a task down: it may be an echo, and counts for nothing until confirmed."""
        known = {
            task.task_id
            for roster in self._rosters.values()
            for task in chain(roster.alive.values(), roster.stopped.values())
            if task.managed is not None or task.confirmed_at is not None
        }
        strangers = [task_id for task_id in swept if task_id not in known]
        for sighting in self.runtime.describe(cluster, strangers) if strangers else ():
            age = self.clock() - (sighting.observed.created_at or self.clock())
            if sighting.service is None or age < ORPHAN_AFTER_SECONDS:
                continue
            findings.orphans += 1
            self.store.confirm(sighting.service, sighting, self.clock())
            self._news.add(sighting.service)


def _waits_for_a_pass(task: Task) -> bool:
    """Whether the audit may have written something of a task that no pass has decided about."""
    if task.managed is None:
        return task.confirmed_at is not None
    unwell = task.notice is not None or (task.health is not None and task.health.status == "UNHEALTHY")
    return unwell and task.managed.stop is None
