"""A small pure model of what surrounds ``plan``: the table, ECS with its tokens and life cycles, and a clock.

``World.look`` is one pass: gather, look, plan, record, carry out, absorb. Events reach the table as long as
``events_arrive``; ``audit`` repairs what was missed. Every plan is held against ``broken_promises``. A service with
load balancers stands behind a model of ELB (``elb.py``), and addresses are used again as soon as a task has stopped.
"""

from typing import Any, Literal

from builders import NOW, TASK_DEFINITION, a_capacity, a_declared_service
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.percentages import maximum_total
from headcount.model.plan import (
    AdoptTask,
    DeregisterTargets,
    DrainTask,
    ForgetTask,
    KeepLoadBalancers,
    LookUpLaunch,
    Plan,
    RegisterTargets,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import Cordon, Launch, OperatorWishes, ServiceState, ServiceStatus
from headcount.model.target import Balancing, Endpoint, GroupTargets, KnownGroup, TargetsSeen, seen_of
from headcount.model.task import ContainerHealth, ManagedTask, Notice, ObservedTask, Task
from headcount.model.values import replace
from headcount.planning.launching import managed_by
from headcount.planning.ledgers import with_answers
from headcount.planning.outcomes import LaunchOutcome, absorb, absorb_targets, elb_was_silent
from headcount.planning.plan import plan
from headcount.planning.rotation import groups_to_look_at, next_look_at
from headcount.planning.watching import tasks_to_describe
from headcount.planning.wishes import wanted_count
from unit.planning.elb import Elb
from unit.planning.promises import broken_promises

START_SECONDS = 10.0
STOP_SECONDS = 5.0
CRASH_SECONDS = 2.0
MINUTE = 60.0
FOREIGN: Endpoint = ("10.9.9.9", 80)

Answer = Literal["ok", "throttled", "lost", "refused"]


class World:
    def __init__(self, desired: int = 3, *, jitter: float = 0.0, **declared: Any) -> None:
        self.now = NOW
        self.jitter = jitter
        self.declared = a_declared_service(**declared)
        self.desired = desired
        self.wishes = OperatorWishes()
        self.cordons: tuple[Cordon, ...] = ()
        self.status = ServiceStatus()
        self.pass_number = 1000
        self.table: dict[str, Task] = {}
        self.launches: dict[str, Launch] = {}
        self.ecs: dict[str, ObservedTask] = {}
        self.tokens: dict[str, tuple[str, ...]] = {}
        self.calls = 0
        self.removed = False
        self.lost_records = False
        self.again = False
        self.answer: Answer = "ok"
        self.full_zones: set[str] = set()
        self.none_left: set[str] = set()  # zones and capacity providers that take nothing at all
        self.began = NOW
        self.most_alive = 0
        self.crashing: set[str] = set()  # task definitions whose containers exit soon after they run
        self.events_arrive = True
        self.dies_after_recording = False
        self.sick: dict[str, float] = {}  # tasks whose health checks fail, since when
        self.sickening: set[str] = set()  # task definitions whose tasks never answer well
        self.healed: dict[str, float] = {}
        self.elb = Elb(lambda: self.now, self._answers)
        self.targets: dict[str, GroupTargets] = {}
        self.balancing: Balancing | None = None
        self.taken_out: set[tuple[str, Endpoint]] = set()
        self.every_group = self.declared.manifest.load_balancers
        for one in self.declared.manifest.load_balancers:
            self.elb.add_group(one.target_group)
            self.elb.register(one.target_group, FOREIGN)

    # -- one pass -----------------------------------------------------------------------------------------------------

    def state(self) -> ServiceState:
        return ServiceState(
            service="prod/web",
            install="main",
            pass_number=self.pass_number,
            declared=self.declared,
            capacity=a_capacity(self.desired),
            operator=self.wishes,
            cordons=self.cordons,
            status=self.status,
            tasks=tuple(self.table.values()),
            launches=tuple(self.launches.values()),
            balancing=self.balancing,
            targets=tuple(self.targets.values()),
        )

    def wanted(self) -> int:
        return wanted_count(self.state(), self.declared, self.now).count

    def notice(self, task_id: str, kind: Any) -> None:
        """AWS announces something about the place of a task, or takes it back (None)."""
        if task_id in self.table:
            notice = None if kind is None else Notice(kind=kind, at=self.now, reason=f"its instance: {kind}")
            self.table[task_id] = replace(self.table[task_id], notice=notice)

    def look(self) -> Plan:
        self.pass_number += 1
        self._ask()
        state = self.state()
        decided = plan(state, self.now, self.jitter)
        assert broken_promises(state, decided, self.now) == []
        self._never_more_than_the_maximum(decided)
        self._record(decided)
        if not self.dies_after_recording:
            self._carry_out(decided)
        return decided

    def _ask(self) -> None:
        """What no event tells."""
        for group in groups_to_look_at(self.state(), self.now):
            if self.elb.answer == "throttled":
                self.status = elb_was_silent(self.status, "Throttling", self.now, self.jitter)
                break
            self._see(group)
        unsure = tasks_to_describe(self.state(), self.now)
        if unsure:
            self.status = replace(self.status, health_looked_at=self.now)
        for task_id in unsure:
            if task_id in self.ecs:
                self.table[task_id] = self._examined(self.table[task_id])

    def _see(self, group: str) -> None:
        ledger = self.targets[group]
        self.targets[group] = replace(ledger, seen=seen_of(ledger, self.elb.health(group), self.now))

    def _never_more_than_the_maximum(self, decided: Plan) -> None:
        """In ECS's own eyes, which may see more than the table."""
        started = sum(action.launch.count for action in decided.actions if isinstance(action, StartTasks))
        unsent = sum(launch.count for key, launch in self.launches.items() if key not in self.tokens)
        aside = {one.task for one in self.wishes.standbys}
        total = len(self.alive().keys() - aside) + unsent + started
        most = maximum_total(self.wanted(), self.declared.manifest.maximum_percent)
        assert not started or self.lost_records or total <= most, f"{total} tasks at once where {most} are allowed"

    def _record(self, decided: Plan) -> None:
        self.status = decided.status
        for action in decided.actions:
            if isinstance(action, StartTasks):
                self.launches[action.launch.launch_id] = action.launch
            elif isinstance(action, StopTask | DrainTask | AdoptTask):
                self.table[action.task_id] = replace(self.table[action.task_id], managed=action.managed)
        self.targets.update((one.group, one) for one in decided.ledgers)

    def _carry_out(self, decided: Plan) -> None:
        outcomes: list[LaunchOutcome] = []
        stops_unknown = None
        elb_says = self._call_elb(decided)
        for action in decided.actions:
            if isinstance(action, StartTasks | ResumeLaunch | LookUpLaunch):
                if all(outcome.kind != "unknown" for outcome in outcomes):
                    outcomes.append(self._launch(action.launch, look_up=isinstance(action, LookUpLaunch)))
            elif isinstance(action, StopTask):
                if self.answer == "throttled":
                    stops_unknown = "ThrottlingException"
                else:
                    self._never_in_rotation_when_stopped(action.task_id)
                    self.end(action.task_id, "UserInitiated", action.reason)
                    self.observe(action.task_id)
            elif isinstance(action, ForgetTask):
                self.table.pop(action.task_id, None)
            elif isinstance(action, RemoveService):
                self.removed = True
        absorbed = absorb(self.status, self.declared, tuple(outcomes), stops_unknown, self.now, self.jitter)
        if elb_says is not None:
            absorbed = absorb_targets(absorbed, elb_says, self.now, self.jitter)
        look = next_look_at(replace(self.state(), status=absorbed.status), self.now)
        wakes = [at for at in (decided.wake_at, absorbed.wake_at, look) if at is not None]
        self.status = replace(absorbed.status, next_wake=min(wakes, default=None))
        self.again = decided.again or absorbed.again

    # -- load balancing -----------------------------------------------------------------------------------------------

    def _call_elb(self, decided: Plan) -> tuple[str, ...] | None:
        """What is out goes first. The words of ELB where it did not answer; None if it was not called."""
        calls = [one for one in decided.actions if isinstance(one, DeregisterTargets)]
        more = [one for one in decided.actions if isinstance(one, RegisterTargets)]
        said: list[str] = []
        for call in (*calls, *more):
            into = isinstance(call, RegisterTargets)
            if self.elb.answer == "throttled":
                said.append("Throttling")
                continue
            gone = call.group not in self.elb.groups
            self.taken_out |= set() if into else {(call.group, target) for target in call.targets}
            for target in () if gone else call.targets:
                (self.elb.register if into else self.elb.deregister)(call.group, target)
            if self.elb.answer == "lost":
                said.append("the connection broke")
                continue
            answered = with_answers(
                self.targets[call.group],
                registered=call.targets if into else (),
                deregistered=() if into else call.targets,
                gone=gone,
                awaited={key for key, task in self.table.items() if task.observed.desired_status == "RUNNING"},
                now=self.now,
            )
            seen = TargetsSeen(seen_at=self.now, gone=True) if gone else answered.seen
            self.targets[call.group] = replace(answered, seen=seen)
        if any(isinstance(one, KeepLoadBalancers) for one in decided.actions):
            self._keep_load_balancers()
        return tuple(said) if calls or more else None

    def _keep_load_balancers(self) -> None:
        """What ``keep_load_balancers`` writes: groups that are gone are made again."""
        removed = self.declared.deleting_at is not None
        named = [one.target_group for one in self.declared.manifest.load_balancers]
        for group in () if removed else named:
            self.elb.add_group(group)
        self.balancing = Balancing(
            generation=self.declared.generation,
            fingerprint=balancing_fingerprint(self.declared),
            checked_at=self.now,
            groups=tuple(
                KnownGroup(
                    key=one, arn=one, delay_seconds=self.elb.delay, interval_seconds=5.0, load_balancers=("alb",)
                )
                for one in named
            ),
            removed=removed,
        )
        self.again = True

    def _never_in_rotation_when_stopped(self, task_id: str) -> None:
        task = self.ecs[task_id]
        own = [(task.address, one.container_port) for one in self.every_group if task.address is not None]
        gone = task.last_status == "STOPPED"  # nobody has told; somebody else may have its address by now
        assert gone or not self.elb.serves(own), f"{task_id} is stopped while it takes traffic, or drains"

    def _answers(self, endpoint: Endpoint) -> tuple[bool, float]:
        """Whether somebody at this address answers well, since when."""
        if endpoint == FOREIGN:
            return True, NOW
        for task_id, task in self.ecs.items():
            if task.address == endpoint[0] and task.last_status == "RUNNING":
                if self.is_sick(task_id):
                    return False, self.sick.get(task_id, task.started_at or NOW)
                return True, max(task.started_at or NOW, self.healed.get(task_id, NOW))
        return False, NOW

    def is_sick(self, task_id: str) -> bool:
        return task_id in self.sick or self.ecs[task_id].task_definition_arn in self.sickening

    def sicken(self, task_id: str) -> None:
        self.sick.setdefault(task_id, self.now)

    def heal(self) -> None:
        """Everybody is well again."""
        self.healed = dict.fromkeys(self.sick, self.now)
        self.sick.clear()
        self.sickening.clear()

    def name_groups(self, *groups: str) -> None:
        """Somebody applies a manifest with other target groups. No task is replaced for it."""
        entries = tuple(one for one in self.every_group if one.target_group in groups)
        manifest = replace(self.declared.manifest, load_balancers=entries)
        self.declared = replace(self.declared, manifest=manifest, generation=self.declared.generation + 1)

    def in_rotation(self, group: str) -> set[str]:
        """The addresses of tasks that are healthy in a group."""
        there = self.elb.registered(group) - {FOREIGN}
        return {address for address, port in there if self.elb.state(group, (address, port)) == "healthy"}

    def _launch(self, launch: Launch, *, look_up: bool) -> LaunchOutcome:
        self.calls += 1
        if self.answer == "throttled":
            return LaunchOutcome(launch=launch, kind="unknown", reason="ThrottlingException")
        if self.answer == "refused" and not look_up:
            del self.launches[launch.launch_id]
            return LaunchOutcome(launch=launch, kind="refused", reason="TaskDefinition is inactive")
        ids = self.tokens.get(launch.launch_id, ()) if look_up else self._run_task(launch)
        if self.answer == "lost":
            return LaunchOutcome(launch=launch, kind="unknown", reason="the connection broke")
        for task_id in ids:
            self.table.setdefault(task_id, self._seen(task_id))
            if self.table[task_id].managed is None:
                self.table[task_id] = replace(self.table[task_id], managed=_as_launched(launch))
        del self.launches[launch.launch_id]
        if look_up:
            return LaunchOutcome(launch=launch, kind="answered", started=launch.count)
        reason = "" if len(ids) == launch.count else "Capacity is unavailable at this time"
        return LaunchOutcome(launch=launch, kind="answered", started=len(ids), reason=reason)

    def deploy(self, *, crashes: bool = False) -> None:
        """Somebody applies a new task definition."""
        generation = self.declared.generation + 1
        arn = f"{TASK_DEFINITION}{generation}"
        completed = bool(self.status.deployments) and self.status.deployments[0].rollout_state == "COMPLETED"
        before = replace(self.declared, previous=None) if completed else self.declared.previous
        self.declared = replace(
            self.declared,
            generation=generation,
            deployment=f"dep-{generation}",
            task_definition_arn=arn,
            previous=before,
        )
        if crashes:
            self.crashing.add(arn)

    # -- ECS ----------------------------------------------------------------------------------------------------------

    def _run_task(self, launch: Launch) -> tuple[str, ...]:
        token = launch.request["clientToken"]
        if token not in self.tokens:
            count = launch.count // 2 if launch.zone in self.full_zones else launch.count
            count = 0 if {launch.zone, launch.capacity} & self.none_left else count
            ids = tuple(f"{token}-{number}" for number in range(count))
            for task_id in ids:
                self.ecs[task_id] = ObservedTask(
                    version=1,
                    last_status="PROVISIONING",
                    desired_status="RUNNING",
                    launch=launch.launch_id,
                    task_definition_arn=launch.request["taskDefinition"],
                    availability_zone=launch.zone,
                    capacity_provider=launch.capacity,
                    created_at=self.now,
                )
            if ids:
                self.tokens[token] = ids
            self.most_alive = max(self.most_alive, len(self.alive()))
            return ids
        return self.tokens[token]

    def alive(self) -> dict[str, ObservedTask]:
        return {task_id: task for task_id, task in self.ecs.items() if task.last_status != "STOPPED"}

    def running(self) -> dict[str, ObservedTask]:
        return {
            task_id: task
            for task_id, task in self.ecs.items()
            if task.last_status == "RUNNING" and task.desired_status == "RUNNING"
        }

    def end(self, task_id: str, stop_code: str, reason: str) -> None:
        """ECS is told that a task must stop; it takes a while."""
        task = self.ecs[task_id]
        if task.desired_status == "RUNNING":
            self._change(
                task_id, desired_status="STOPPED", stopping_at=self.now, stop_code=stop_code, stopped_reason=reason
            )

    def _change(self, task_id: str, **changes: Any) -> None:
        task = self.ecs[task_id]
        self.ecs[task_id] = replace(task, version=task.version + 1, **changes)
        if self.events_arrive:
            self.observe(task_id)

    def _due(self, task: ObservedTask) -> float | None:
        """When ECS will next change a task by itself."""
        if task.last_status == "STOPPED":
            return None
        if task.desired_status == "STOPPED":
            return (task.stopping_at or self.now) + STOP_SECONDS
        if task.last_status == "PROVISIONING":
            return (task.created_at or self.now) + START_SECONDS
        if task.task_definition_arn in self.crashing:
            return (task.started_at or self.now) + CRASH_SECONDS
        return None

    def next_change(self) -> float | None:
        return min((at for task in self.ecs.values() if (at := self._due(task)) is not None), default=None)

    def pass_time(self, until: float) -> None:
        """ECS lives on; nobody looks."""
        while (at := self.next_change()) is not None and at <= until:
            self.now = max(self.now, at)
            for task_id, task in list(self.ecs.items()):
                if self._due(task) != at:
                    continue
                if task.desired_status == "STOPPED":
                    self._change(task_id, last_status="STOPPED", stopped_at=self.now)
                elif task.last_status == "PROVISIONING":
                    self._change(task_id, last_status="RUNNING", started_at=self.now, address=self._free_address())
                else:
                    self.end(task_id, "EssentialContainerExited", "Essential container in task exited")
        self.now = max(self.now, until)

    def _free_address(self) -> str:
        """The lowest one: that of the task that stopped last, often enough."""
        taken = {task.address for task in self.alive().values()}
        return next(address for number in range(1, 250) if (address := f"10.0.0.{number}") not in taken)

    # -- what reaches the table ---------------------------------------------------------------------------------------

    def observe(self, task_id: str) -> None:
        known = self.table.get(task_id)
        if known is None or known.observed.version < self.ecs[task_id].version:
            self.table[task_id] = self._seen(task_id)

    def _seen(self, task_id: str) -> Task:
        observed, known = self.ecs[task_id], self.table.get(task_id)
        task = replace(known, observed=observed) if known else Task(task_id=task_id, observed=observed)
        return self._examined(task)

    def _examined(self, task: Task) -> Task:
        """With the health of its containers as ``DescribeTasks`` tells it now."""
        observed = self.ecs[task.task_id]
        if observed.last_status != "RUNNING" or not self.declared.container_health_check:
            return task
        status = "UNHEALTHY" if self.is_sick(task.task_id) else "HEALTHY"
        if task.health is not None and task.health.status == status:
            return task
        return replace(task, health=ContainerHealth(status=status, seen_at=self.now))

    def audit(self) -> None:
        """The truth, as far as ECS tells it."""
        for task_id in list(self.ecs):
            if task_id in self.table:
                self.observe(task_id)
            unknown = task_id not in self.table or self.table[task_id].managed is None
            observed = self.ecs[task_id]
            if unknown and task_id in self.alive() and observed.launch not in self.launches:
                self.table[task_id] = replace(self._seen(task_id), confirmed_at=self.now)
            if task_id in self.table:
                self.table[task_id] = self._examined(self.table[task_id])
        if self.elb.answer != "throttled":
            for group in self.targets:
                self._see(group)

    def lose_record(self, task_id: str) -> None:
        """Somebody deletes a record by hand, or restores an old table."""
        self.lost_records |= self.table.pop(task_id, None) is not None

    # -- until nothing changes any more -------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """No more faults."""
        self.answer = "ok"
        self.full_zones.clear()
        self.none_left.clear()
        self.crashing.clear()
        self.events_arrive = True
        self.dies_after_recording = False
        self.elb.answer = "ok"
        self.audit()

    def settle(self, most_passes: int = 150) -> int:
        """Look whenever something changes or a wake falls due, until all is quiet; the number of passes it took.

        Where health has a say, the audit looks on the minute.
        """
        watched = self.every_group or self.declared.container_health_check
        audit_at = self.now + MINUTE
        for passes in range(1, most_passes * (5 if watched else 1)):
            if watched and self.now >= audit_at:
                audit_at = self.now + MINUTE
                self.audit()
            decided = self.look()
            if self.removed:
                return passes
            if self.again:
                continue
            times = [at for at in (self.next_change(), self.status.next_wake) if at is not None]
            quiet = not decided.actions and self.status.state == "STEADY" and self.next_change() is None
            times += [audit_at] if watched else []
            rolled_out = self.status.deployments[0].rollout_state == "COMPLETED"
            if quiet and rolled_out:
                return passes
            assert times, f"nothing will ever happen again: {self.status.state}: {self.status.state_reason}"
            self.pass_time(min(times))
        raise AssertionError(f"still not quiet: {self.status.state}: {self.status.state_reason}")


def _as_launched(launch: Launch) -> ManagedTask:
    return managed_by(launch)
