"""A small pure model of what surrounds ``plan``: the table, ECS with its tokens and life cycles, and a clock.

``World.look`` is one pass: gather, plan, record, carry out, absorb. Events reach the table as long as
``events_arrive``; ``audit`` repairs what was missed. Every plan is held against ``broken_promises``.
"""

from dataclasses import replace
from typing import Any, Literal

from builders import NOW, TASK_DEFINITION, a_capacity, a_declared_service
from headcount.model.percentages import maximum_total
from headcount.model.plan import (
    AdoptTask,
    ForgetTask,
    LookUpLaunch,
    Plan,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import Launch, OperatorWishes, Protection, ServiceState, ServiceStatus
from headcount.model.task import ContainerHealth, ManagedTask, ObservedTask, Task
from headcount.planning.outcomes import LaunchOutcome, absorb
from headcount.planning.plan import plan
from unit.planning.promises import broken_promises

START_SECONDS = 10.0
STOP_SECONDS = 5.0
CRASH_SECONDS = 2.0

Answer = Literal["ok", "throttled", "lost", "refused"]


class World:
    def __init__(self, desired: int = 3, *, jitter: float = 0.0, **declared: Any) -> None:
        self.now = NOW
        self.jitter = jitter
        self.declared = a_declared_service(**declared)
        self.desired = desired
        self.protections: tuple[Protection, ...] = ()
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
        self.crashing: set[str] = set()  # task definitions whose containers exit soon after they run
        self.events_arrive = True
        self.dies_after_recording = False

    # -- one pass -----------------------------------------------------------------------------------------------------

    def state(self) -> ServiceState:
        return ServiceState(
            service="prod/web",
            install="main",
            pass_number=self.pass_number,
            declared=self.declared,
            capacity=a_capacity(self.desired),
            operator=OperatorWishes(protections=self.protections),
            status=self.status,
            tasks=tuple(self.table.values()),
            launches=tuple(self.launches.values()),
        )

    def look(self) -> Plan:
        self.pass_number += 1
        state = self.state()
        decided = plan(state, self.now, self.jitter)
        assert broken_promises(state, decided, self.now) == []
        self._never_more_than_the_maximum(decided)
        self._record(decided)
        if not self.dies_after_recording:
            self._carry_out(decided)
        return decided

    def _never_more_than_the_maximum(self, decided: Plan) -> None:
        """In ECS's own eyes, which may see more than the table."""
        started = sum(action.launch.count for action in decided.actions if isinstance(action, StartTasks))
        unsent = sum(launch.count for key, launch in self.launches.items() if key not in self.tokens)
        total = len(self.alive()) + unsent + started
        most = maximum_total(self.desired, self.declared.manifest.maximum_percent)
        assert not started or self.lost_records or total <= most, f"{total} tasks at once where {most} are allowed"

    def _record(self, decided: Plan) -> None:
        self.status = decided.status
        for action in decided.actions:
            if isinstance(action, StartTasks):
                self.launches[action.launch.launch_id] = action.launch
            elif isinstance(action, StopTask | AdoptTask):
                self.table[action.task_id] = replace(self.table[action.task_id], managed=action.managed)

    def _carry_out(self, decided: Plan) -> None:
        outcomes: list[LaunchOutcome] = []
        stops_unknown = None
        for action in decided.actions:
            if isinstance(action, StartTasks | ResumeLaunch | LookUpLaunch):
                if all(outcome.kind != "unknown" for outcome in outcomes):
                    outcomes.append(self._launch(action.launch, look_up=isinstance(action, LookUpLaunch)))
            elif isinstance(action, StopTask):
                if self.answer == "throttled":
                    stops_unknown = "ThrottlingException"
                else:
                    self.end(action.task_id, "UserInitiated", action.reason)
                    self.observe(action.task_id)
            elif isinstance(action, ForgetTask):
                self.table.pop(action.task_id, None)
            elif isinstance(action, RemoveService):
                self.removed = True
        absorbed = absorb(self.status, self.declared, tuple(outcomes), stops_unknown, self.now, self.jitter)
        wakes = [at for at in (decided.wake_at, absorbed.wake_at) if at is not None]
        self.status = replace(absorbed.status, next_wake=min(wakes, default=None))
        self.again = decided.again or absorbed.again

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
        self.declared = replace(
            self.declared, generation=generation, deployment=f"dep-{generation}", task_definition_arn=arn
        )
        if crashes:
            self.crashing.add(arn)

    # -- ECS ----------------------------------------------------------------------------------------------------------

    def _run_task(self, launch: Launch) -> tuple[str, ...]:
        token = launch.request["clientToken"]
        if token not in self.tokens:
            count = launch.count // 2 if launch.zone in self.full_zones else launch.count
            ids = tuple(f"{token}-{number}" for number in range(count))
            for task_id in ids:
                self.ecs[task_id] = ObservedTask(
                    version=1,
                    last_status="PROVISIONING",
                    desired_status="RUNNING",
                    launch=launch.launch_id,
                    task_definition_arn=launch.request["taskDefinition"],
                    availability_zone=launch.zone,
                    created_at=self.now,
                )
            self.tokens[token] = ids
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
                    self._change(task_id, last_status="RUNNING", started_at=self.now)
                else:
                    self.end(task_id, "EssentialContainerExited", "Essential container in task exited")
        self.now = max(self.now, until)

    # -- what reaches the table ---------------------------------------------------------------------------------------

    def observe(self, task_id: str) -> None:
        known = self.table.get(task_id)
        if known is None or known.observed.version < self.ecs[task_id].version:
            self.table[task_id] = self._seen(task_id)

    def _seen(self, task_id: str) -> Task:
        observed, known = self.ecs[task_id], self.table.get(task_id)
        task = replace(known, observed=observed) if known else Task(task_id=task_id, observed=observed)
        if observed.last_status == "RUNNING" and self.declared.container_health_check:
            task = replace(task, health=ContainerHealth(status="HEALTHY", seen_at=self.now))
        return task

    def audit(self) -> None:
        """The truth, as far as ECS tells it."""
        for task_id in list(self.ecs):
            if task_id in self.table:
                self.observe(task_id)
            unknown = task_id not in self.table or self.table[task_id].managed is None
            observed = self.ecs[task_id]
            if unknown and task_id in self.alive() and observed.launch not in self.launches:
                self.table[task_id] = replace(self._seen(task_id), confirmed_at=self.now)

    def lose_record(self, task_id: str) -> None:
        """Somebody deletes a record by hand, or restores an old table."""
        self.lost_records |= self.table.pop(task_id, None) is not None

    # -- until nothing changes any more -------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """No more faults."""
        self.answer = "ok"
        self.full_zones.clear()
        self.crashing.clear()
        self.events_arrive = True
        self.dies_after_recording = False
        self.audit()

    def settle(self, most_passes: int = 150) -> int:
        """Look whenever something changes or a wake falls due, until all is quiet; the number of passes it took."""
        for passes in range(1, most_passes):
            decided = self.look()
            if self.removed:
                return passes
            if self.again:
                continue
            times = [at for at in (self.next_change(), self.status.next_wake) if at is not None]
            quiet = not decided.actions and self.status.state == "STEADY" and self.next_change() is None
            rolled_out = self.status.deployments[0].rollout_state == "COMPLETED"
            if quiet and rolled_out:
                return passes
            assert times, f"nothing will ever happen again: {self.status.state}: {self.status.state_reason}"
            self.pass_time(min(times))
        raise AssertionError(f"still not quiet: {self.status.state}: {self.status.state_reason}")


def _as_launched(launch: Launch) -> ManagedTask:
    return ManagedTask(deployment=launch.deployment, launched_at=launch.at, zone=launch.zone)
