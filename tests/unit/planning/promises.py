"""What every plan promises, each broken promise one plain sentence. Counted anew, not by the planner's own stock."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import botocore.session
from botocore.validate import ParamValidator

from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import (
    AdoptTask,
    DeregisterTargets,
    DrainTask,
    ForgetTask,
    KeepLoadBalancers,
    KeepScaling,
    LookUpLaunch,
    Plan,
    RegisterTargets,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import DeclaredService, OperatorWishes, ServiceState
from headcount.model.target import GroupTargets, KnownGroup, Registration, TargetHealth
from headcount.model.task import Task
from headcount.model.values import replace
from headcount.planning.deadlines import start_deadline
from headcount.planning.situation import assess

LAUNCH_ID: Final = re.compile(r"[0-9a-f]{20}")
STARTED_BY: Final = re.compile(r"[A-Za-z0-9/_-]{1,36}")
WRITES_IN_ONE_TRANSACTION: Final = 100
_RUN_TASK: Any = botocore.session.get_session().get_service_model("ecs").operation_model("RunTask").input_shape
_VALIDATOR: Final = ParamValidator()


class Reading:
    """A state, read naively."""

    def __init__(self, state: ServiceState, declared: DeclaredService, now: float) -> None:
        self.state, self.declared, self.now = state, declared, now
        self.deleting = declared.deleting_at is not None
        self.desired = _count(state, now) if not self.deleting else 0
        assessed = assess(state, declared, now, 0.0)
        self.moved, self.sick = assessed.moves, assessed.sick  # which tasks, and why, has tests of its own
        wishes = OperatorWishes() if self.deleting else state.operator
        self.set_aside = {one.task for one in wishes.standbys} - {one.task for one in wishes.stops}
        self.asked = {one.task for one in wishes.stops}
        pause = wishes.pause
        self.frozen = pause is not None and pause.mode == "freeze" and (pause.until is None or pause.until > now)
        self.open = {launch.launch_id: launch for launch in state.launches}
        heard = Counter(task.observed.launch for task in state.tasks)
        self.unheard = {key: max(0, launch.count - heard[key]) for key, launch in self.open.items()}
        self.occupying = [
            task for task in state.tasks if self.is_known(task) and task.observed.last_status != "STOPPED"
        ]
        self.occupying = [task for task in self.occupying if not self.is_set_aside(task)]
        self.live = [task for task in self.occupying if self.is_live(task)]

    def is_set_aside(self, task: Task) -> bool:
        return task.task_id in self.set_aside and self.is_known(task) and not self.is_told(task)

    @staticmethod
    def is_told(task: Task) -> bool:
        return task.observed.desired_status == "STOPPED" or (task.managed is not None and task.managed.stop is not None)

    def is_asked(self, task: Task) -> bool:
        return task.task_id in self.asked and self.is_known(task) and not self.is_told(task)

    def is_known(self, task: Task) -> bool:
        return task.managed is not None or task.observed.launch in self.open or task.confirmed_at is not None

    def is_live(self, task: Task) -> bool:
        return not self.is_told(task) and not self.is_stuck(task) and not self.is_asked(task)

    def is_stuck(self, task: Task) -> bool:
        if task.managed is None and task.observed.launch not in self.open:
            return False  # taken over first
        deadline = start_deadline(task, self.declared.manifest.deadlines)
        return deadline is not None and self.now > deadline

    def deployment(self, task: Task) -> str:
        if task.managed:
            return task.managed.deployment
        if task.observed.launch in self.open:
            return self.open[task.observed.launch].deployment
        same = task.observed.task_definition_arn == self.declared.task_definition_arn
        return self.declared.deployment if same else "unknown"

    def is_new(self, task: Task) -> bool:
        return self.deployment(task) == self.declared.deployment and task.task_id not in self.moved

    def is_healthy(self, task: Task) -> bool:
        if task.observed.last_status != "RUNNING" or task.task_id in self.sick.ailments:
            return False
        in_rotation = self.is_in_service(task)
        if in_rotation is not None and not (in_rotation and not self.declared.container_health_check):
            return in_rotation and task.health is not None and task.health.status == "HEALTHY"
        if in_rotation:
            return True
        if self.declared.container_health_check:
            return task.health is not None and task.health.status == "HEALTHY"
        return self.now - (task.observed.started_at or 0.0) >= 40.0

    # -- rotation -----------------------------------------------------------------------------------------------------

    def known(self, arn: str) -> KnownGroup:
        groups = self.state.balancing.groups if self.state.balancing else ()
        return next((one for one in groups if one.arn == arn), KnownGroup(key=arn, arn=arn))

    def entries(self, task_id: str) -> list[tuple[GroupTargets, Registration]]:
        return [(one, entry) for one in self.state.targets for entry in one.registrations if entry.task == task_id]

    @staticmethod
    def shown(ledger: GroupTargets, entry: Registration) -> TargetHealth | None:
        targets = ledger.seen.targets if ledger.seen else ()
        return next((one for one in targets if one.endpoint == entry.endpoint), None)

    def is_well(self, ledger: GroupTargets, entry: Registration) -> bool:
        health = self.shown(ledger, entry)
        if health is None or ledger.seen is None or entry.registered_at is None:
            return False
        unchecked = (health.state, health.reason) == ("unavailable", "Target.HealthCheckDisabled")
        return ledger.seen.seen_at >= entry.registered_at and (health.state == "healthy" or unchecked)

    def is_in_service(self, task: Task) -> bool | None:
        """Whether the task is healthy in all its groups; None if groups have no say."""
        active = [(one, entry) for one, entry in self.entries(task.task_id) if entry.leaving_at is None]
        if self.deployment(task) != self.declared.deployment:
            return all(self.is_well(*one) for one in active) if active else None
        wanted = {one.target_group for one in self.declared.manifest.load_balancers}
        if not wanted:
            return None
        known = {one.key for one in self.state.balancing.groups} if self.state.balancing else set()
        well = {ledger.group for ledger, entry in active if self.is_well(ledger, entry)}
        sick = {ledger.group for ledger, entry in active if not self.is_well(ledger, entry)}
        return wanted <= known and wanted <= well and not wanted & sick

    def is_out(self, ledger: GroupTargets, entry: Registration) -> bool:
        """Whether a target gets no request any more, and those it had are over."""
        seen, group = ledger.seen, self.known(ledger.group)
        if seen is not None and seen.gone and self.now < seen.seen_at + 60.0:
            return True
        if entry.left_at is None:
            return False
        named = self.state.balancing is not None and group in self.state.balancing.groups
        over = entry.left_at + (0.0 if named and not group.load_balancers else group.delay_seconds)
        health = self.shown(ledger, entry)
        if seen is not None and health is not None and seen.seen_at > entry.left_at:
            drains_for_ever = health.state == "draining" and self.now >= entry.left_at + 3660.0
            if health.state not in ("draining", "unused") or health.reason == "Target.NotInUse":
                return False
            if health.state == "draining" and seen.seen_at >= over and not drains_for_ever:
                return False
        told = seen is not None and seen.seen_at >= over
        return self.now >= over if told else self.now >= over + 60.0

    def is_outage(self) -> bool:
        """More are unhealthy than the manifest says, and fewer healthy than desired."""
        running = [task for task in self.live if task.observed.last_status == "RUNNING"]
        healthy, sick = sum(map(self.is_healthy, running)), len(self.sick.ailments)
        terms = self.declared.manifest.unhealthy_tasks
        among = max(healthy + sick, min(len(running), self.desired))
        return sick > 1 and sick / among > terms.freeze_above_percent / 100 and healthy < self.desired

    @property
    def elb_waits(self) -> bool:
        throttle = self.state.status.elb_throttle
        return throttle is not None and self.now < throttle.until

    @property
    def live_new(self) -> int:
        return sum(self.is_new(task) for task in self.live) + self.flying_new

    @property
    def flying_new(self) -> int:
        return sum(self.unheard[key] for key, one in self.open.items() if one.deployment == self.declared.deployment)

    @property
    def protected(self) -> set[str]:
        return set() if self.deleting else {one.task for one in self.state.operator.protections if one.until > self.now}

    @property
    def throttled(self) -> bool:
        return self.state.status.throttle is not None and self.now < self.state.status.throttle.until


def _count(state: ServiceState, now: float) -> int:
    wishes, capacity = state.operator, state.capacity
    pause = wishes.pause
    if pause is not None and pause.mode == "stop" and (pause.until is None or pause.until > now):
        return 0
    if wishes.override is not None and wishes.override.until > now:
        return wishes.override.count
    return capacity.desired_count if capacity else 0


def broken_promises(state: ServiceState, decided: Plan, now: float) -> list[str]:
    """Every promise that the plan breaks; an empty list for a good plan."""
    broken = list(_about_every_plan(state, decided, now))
    if state.declared is None:
        broken += [
            "touched a task that no manifest declares" for one in decided.actions if not isinstance(one, ForgetTask)
        ]
        return broken
    reading = Reading(state, state.declared, now)
    for promise in _PROMISES:
        broken += promise(reading, decided)
    return broken


def _about_every_plan(state: ServiceState, decided: Plan, now: float) -> Iterator[str]:
    if decided.wake_at is not None and decided.wake_at <= now:
        yield "asks to be woken in the past"
    for decision in decided.decisions:
        if not decision.reason.strip():
            yield f"decides {decision.kind} without a reason"
    told = Counter((decision.task, decision.launch, decision.reason) for decision in decided.decisions)
    told_elsewhere = (RegisterTargets, DeregisterTargets, DrainTask, KeepLoadBalancers, KeepScaling)
    for action in decided.actions:
        if isinstance(action, told_elsewhere):
            if not action.reason.strip():
                yield f"does {type(action).__name__} without a reason"
            continue
        about = (getattr(action, "task_id", None), getattr(getattr(action, "launch", None), "launch_id", None))
        if not action.reason.strip() or not told[*about, action.reason]:
            yield f"does {type(action).__name__} without a decision that gives its reason"
    stopped = {task.task_id: task.observed.last_status == "STOPPED" for task in state.tasks}
    for action in decided.actions:
        if isinstance(action, ForgetTask) and not stopped[action.task_id]:
            yield f"forgets {action.task_id}, which has not stopped"
    status_and_history = 2
    writes = len(decided.ledgers) + sum(
        isinstance(action, StartTasks | AdoptTask | DrainTask) or (isinstance(action, StopTask) and not action.recorded)
        for action in decided.actions
    )
    if writes + status_and_history > WRITES_IN_ONE_TRANSACTION:
        yield f"needs {writes} writes, more than one transaction takes"


def _about_starts(reading: Reading, decided: Plan) -> Iterator[str]:
    started = sum(action.launch.count for action in decided.actions if isinstance(action, StartTasks))
    if not started:
        return
    flying_old = sum(reading.unheard.values()) - reading.flying_new
    well = [task for task in reading.live if task.task_id not in reading.sick.to_replace]
    old = sum(not reading.is_new(task) for task in well) + flying_old
    anew = sum(
        action.launch.count
        for action in decided.actions
        if isinstance(action, StartTasks) and action.launch.deployment == reading.declared.deployment
    )
    if started > anew and started + reading.live_new + old > reading.desired:
        yield f"starts {started - anew} old tasks where nothing is missing"
    if anew > max(0, reading.desired - reading.live_new):
        yield f"starts {started} tasks with {reading.live_new} live of {reading.desired} desired"
    total = len(reading.occupying) + sum(reading.unheard.values()) + started
    most = maximum_total(reading.desired, reading.declared.manifest.maximum_percent)
    if total > most:
        yield f"makes it {total} tasks where maximum percent allows {most}"
    if reading.throttled or reading.frozen:
        yield "starts tasks while ECS asks for patience, or a frozen service's"
    skipped = {
        (one.capacity, one.zone)
        for one in reading.state.status.zones
        if reading.now < one.until and one.deployment in (None, reading.declared.deployment)
    }
    cordoned = {one.zone for one in reading.state.cordons if one.until is None or one.until > reading.now}
    for action in decided.actions:
        if isinstance(action, StartTasks) and (action.launch.capacity, action.launch.zone) in skipped:
            yield f"starts tasks in {action.launch.zone}, which has no capacity"
        if isinstance(action, StartTasks) and action.launch.zone in cordoned:
            yield f"starts tasks in {action.launch.zone}, which is cordoned"


def _about_requests(reading: Reading, decided: Plan) -> Iterator[str]:
    known = set(reading.open)
    for action in decided.actions:
        if not isinstance(action, StartTasks):
            continue
        launch, request = action.launch, action.launch.request
        if launch.launch_id in known or not LAUNCH_ID.fullmatch(launch.launch_id):
            yield f"uses the launch id {launch.launch_id!r}, which is taken or no launch id"
        known.add(launch.launch_id)
        if not 1 <= launch.count <= 10 or request["count"] != launch.count:
            yield f"asks for {request['count']} tasks in one call"
        if request["clientToken"] != launch.launch_id or not STARTED_BY.fullmatch(request["startedBy"]):
            yield f"starts with token {request['clientToken']!r} and startedBy {request['startedBy']!r}"
        if not request["startedBy"].endswith(f"/{launch.launch_id}"):
            yield "does not name its launch in startedBy"
        if _subnets(request) != dict(reading.declared.zones)[launch.zone]:
            yield f"asks for other subnets than those of {launch.zone}"
        report = _VALIDATOR.validate(request, _RUN_TASK)
        if report.has_errors():
            yield f"sends what RunTask does not take: {report.generate_report()}"


def _subnets(request: Any) -> tuple[str, ...]:
    return tuple(request.get("networkConfiguration", {}).get("awsvpcConfiguration", {}).get("subnets", ()))


def _about_stops(reading: Reading, decided: Plan) -> Iterator[str]:
    known = {task.task_id: task for task in reading.occupying}
    stops = [action for action in decided.actions if isinstance(action, StopTask | DrainTask)]
    if len({action.task_id for action in stops}) < len(stops):
        yield "stops one task twice"
    if stops and reading.throttled:
        yield "stops tasks while ECS asks for patience"
    surplus = 0
    for action in stops:
        task = known.get(action.task_id)
        if task is None:
            yield f"stops {action.task_id}, which is a stranger or gone"
        elif isinstance(action, StopTask) and action.recorded:
            if task.managed is None or task.managed.stop is None:
                yield f"stops {action.task_id} again, which it never decided to stop"
        elif reading.is_asked(task):
            continue
        elif reading.frozen:
            yield f"stops {action.task_id} of a frozen service"
        elif reading.is_stuck(task):
            continue
        elif not reading.is_live(task):
            yield f"decides anew to stop {action.task_id}, which is stopping"
        elif action.task_id in reading.protected and not getattr(
            reading.moved.get(action.task_id), "unstoppable", False
        ):
            yield f"stops {action.task_id}, which is protected"
        else:
            surplus += reading.is_new(task)
    if surplus > max(0, reading.live_new - reading.desired):
        yield f"stops {surplus} tasks with {reading.live_new} live of {reading.desired} desired"


def _about_health(reading: Reading, decided: Plan) -> Iterator[str]:
    """Stops of older deployments' running tasks leave minimum healthy percent. Unhealthy ones cost no health."""
    going = {action.task_id for action in decided.actions if isinstance(action, StopTask | DrainTask)} - reading.asked
    going -= reading.sick.to_replace.keys()
    running_old = [one for one in reading.live if not reading.is_new(one) and one.observed.last_status == "RUNNING"]
    healthy_old = [task for task in running_old if reading.is_healthy(task)]
    staying_new = [task for task in reading.live if reading.is_new(task) and task.task_id not in going]
    healthy_new = sum(reading.is_healthy(task) for task in staying_new)
    floor = minimum_healthy(reading.desired, reading.declared.manifest.minimum_healthy_percent)
    for word, old in (("running", running_old), ("healthy", healthy_old)):
        staying = sum(task.task_id not in going for task in old)
        if staying < len(old) and staying + healthy_new < floor:
            yield f"leaves {staying} {word} old tasks and {healthy_new} healthy new ones where {floor} must stay"


def _about_launches(reading: Reading, decided: Plan) -> Iterator[str]:
    finished = [one.launch for one in decided.actions if isinstance(one, ResumeLaunch | LookUpLaunch)]
    if any(launch is not reading.open.get(launch.launch_id) for launch in finished):
        yield "resumes a launch otherwise than it was recorded"
    if reading.throttled and finished:
        yield "resumes launches while ECS asks for patience"
    soon = decided.again or (decided.wake_at is not None and decided.wake_at <= reading.now + 10.0)
    if not reading.throttled and len(finished) < len(reading.open) and not soon:
        yield "leaves a launch open and does not come back for it"
    for action in decided.actions:
        if isinstance(action, ResumeLaunch) and reading.now - action.launch.at >= 1800.0:
            yield "sends a launch again whose token may have run out"


def _about_scaling(reading: Reading, decided: Plan) -> Iterator[str]:
    """Whoever was asked is given a minute, and a service does not end while alarms of it are left."""
    record, asked_at = reading.state.scaling, reading.state.status.scaling_asked_at
    unanswered = asked_at is not None and (record is None or asked_at > record.looked_at)
    asks = [one for one in decided.actions if isinstance(one, KeepScaling)]
    if asks and unanswered and reading.now - (asked_at or 0.0) < 60.0:
        yield "asks about its scaling again before there can be an answer"
    if len(asks) > 1:
        yield "asks about its scaling twice"
    if record is not None and not record.removed and any(isinstance(one, RemoveService) for one in decided.actions):
        yield "ends while something of its scaling is left"


def _about_records(reading: Reading, decided: Plan) -> Iterator[str]:
    adopted = {action.task_id for action in decided.actions if isinstance(action, AdoptTask)}
    for task in reading.state.tasks:
        unrecorded = task.managed is None and task.observed.launch not in reading.open
        if task.task_id in adopted and (not unrecorded or task.confirmed_at is None):
            yield f"adopts {task.task_id}, which is recorded or not confirmed"
    for action in decided.actions:
        if isinstance(action, RemoveService) and (reading.occupying or reading.open or not reading.deleting):
            yield "removes a service of which something is left"
    forgotten = {action.task_id for action in decided.actions if isinstance(action, ForgetTask)}
    if any(task.task_id in forgotten and task.observed.launch in reading.open for task in reading.state.tasks):
        yield "forgets a task of a launch that is still open, and so would count it as in flight again"


def _about_rotation(reading: Reading, decided: Plan) -> Iterator[str]:
    """Nobody stops while it takes traffic, and only what is ours leaves."""
    after = {one.group: one for one in (*reading.state.targets, *decided.ledgers)}
    for action in decided.actions:
        if isinstance(action, StopTask):
            for ledger, entry in reading.entries(action.task_id):
                if not reading.is_out(ledger, entry):
                    yield f"stops {action.task_id}, which may take traffic at {entry.endpoint}"
        if isinstance(action, DrainTask) and not reading.entries(action.task_id):
            yield f"drains {action.task_id}, which is nowhere"
        if isinstance(action, DeregisterTargets):
            before = next((one.registrations for one in reading.state.targets if one.group == action.group), ())
            wanted = {entry.endpoint for entry in after[action.group].registrations if entry.leaving_at is None}
            if not set(action.targets) <= {entry.endpoint for entry in before}:
                yield f"takes targets out of {action.group} that Headcount did not register"
            if wanted.intersection(action.targets):
                yield f"takes out of {action.group} what a task of ours has"
    runs = {task.task_id for task in reading.live if task.observed.last_status == "RUNNING"}
    for ledger in decided.ledgers:
        active = [entry for entry in ledger.registrations if entry.leaving_at is None]
        if len({entry.endpoint for entry in active}) < len(active):
            yield f"gives one endpoint of {ledger.group} to two tasks"
        if any(entry.task not in runs for entry in active):
            yield f"keeps a task in {ledger.group} that does not run, or is on its way out"


def _about_ledgers(reading: Reading, decided: Plan) -> Iterator[str]:
    """What is called is on record first, and what is on record is called, once a group and direction."""
    before = {one.group: one for one in reading.state.targets}
    calls = [one for one in decided.actions if isinstance(one, RegisterTargets | DeregisterTargets)]
    if len({(type(one), one.group) for one in calls}) < len(calls):
        yield "makes two calls of one"
    if calls and reading.elb_waits:
        yield "calls ELB while it asks for patience"
    if sum(isinstance(one, KeepLoadBalancers) for one in decided.actions) > 1:
        yield "asks for its load balancers twice"
    into = {(one.group, target) for one in calls if isinstance(one, RegisterTargets) for target in one.targets}
    out = {(one.group, target) for one in calls if isinstance(one, DeregisterTargets) for target in one.targets}
    told = {(decision.kind, decision.task) for decision in decided.decisions}
    for action in decided.actions:
        if isinstance(action, DrainTask) and ("deregister", action.task_id) not in told:
            yield f"drains {action.task_id} without a word"
    for ledger in decided.ledgers:
        known = before.get(ledger.group) or GroupTargets(group=ledger.group)
        if ledger.registrations == known.registrations:
            yield f"writes the ledger of {ledger.group}, which has not changed"
        if replace(ledger, registrations=()) != replace(known, registrations=()):
            yield f"writes what ELB said of {ledger.group}, which is not a pass's"
        there = {(one.task, one.endpoint): one for one in known.registrations}
        for entry in ledger.registrations:
            was = there.get((entry.task, entry.endpoint))
            if (was is None or (was.leaving_at and not entry.leaving_at)) and ("register", entry.task) not in told:
                yield f"registers {entry.task} without a word"
            if entry.leaving_at and not (was and was.leaving_at) and ("deregister", entry.task) not in told:
                yield f"takes {entry.task} out without a word"
    asked = {
        (one.group, entry)
        for one in {**before, **{one.group: one for one in decided.ledgers}}.values()
        for entry in one.registrations
    }
    waiting = {(group, one.endpoint) for group, one in asked if one.leaving_at is None and one.registered_at is None}
    leaving = {(group, one.endpoint) for group, one in asked if one.leaving_at is not None and one.left_at is None}
    if not into <= waiting or not out <= leaving:
        yield "calls ELB for what is on no ledger"
    many = len(before) + len(decided.ledgers) > 8  # then some wait for the next pass
    if not reading.elb_waits and not many and (into != waiting or out != leaving):
        yield "leaves targets on a ledger that ELB is not told of"


def _about_sickness(reading: Reading, decided: Plan) -> Iterator[str]:
    """In an outage nobody is killed for being unhealthy, but by a deployment or with the count."""
    if not reading.is_outage():
        return
    for action in decided.actions:
        if isinstance(action, StopTask | DrainTask) and action.reason == reading.sick.to_replace.get(action.task_id):
            task = next(one for one in reading.state.tasks if one.task_id == action.task_id)
            again = isinstance(action, StopTask) and action.recorded
            if reading.deployment(task) == reading.declared.deployment and not again:
                yield f"kills {action.task_id} in an outage"


_PROMISES: Final = (
    _about_starts,
    _about_requests,
    _about_stops,
    _about_health,
    _about_launches,
    _about_records,
    _about_scaling,
    _about_rotation,
    _about_ledgers,
    _about_sickness,
)
