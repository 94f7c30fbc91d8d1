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
    ForgetTask,
    LookUpLaunch,
    Plan,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.task import Task
from headcount.planning.deadlines import start_deadline

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
        self.desired = state.capacity.desired_count if state.capacity and not self.deleting else 0
        self.open = {launch.launch_id: launch for launch in state.launches}
        heard = Counter(task.observed.launch for task in state.tasks)
        self.unheard = {key: max(0, launch.count - heard[key]) for key, launch in self.open.items()}
        self.occupying = [
            task for task in state.tasks if self.is_known(task) and task.observed.last_status != "STOPPED"
        ]
        self.live = [task for task in self.occupying if self.is_live(task)]

    def is_known(self, task: Task) -> bool:
        return task.managed is not None or task.observed.launch in self.open or task.confirmed_at is not None

    def is_live(self, task: Task) -> bool:
        told = task.observed.desired_status == "STOPPED" or (task.managed is not None and task.managed.stop is not None)
        return not told and not self.is_stuck(task)

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
        return self.deployment(task) == self.declared.deployment

    def is_healthy(self, task: Task) -> bool:
        if task.observed.last_status != "RUNNING":
            return False
        if self.declared.container_health_check:
            return task.health is not None and task.health.status == "HEALTHY"
        return self.now - (task.observed.started_at or 0.0) >= 40.0

    @property
    def live_new(self) -> int:
        flying = sum(self.unheard[key] for key, one in self.open.items() if one.deployment == self.declared.deployment)
        return sum(self.is_new(task) for task in self.live) + flying

    @property
    def protected(self) -> set[str]:
        return set() if self.deleting else {one.task for one in self.state.operator.protections if one.until > self.now}

    @property
    def throttled(self) -> bool:
        return self.state.status.throttle is not None and self.now < self.state.status.throttle.until


def broken_promises(state: ServiceState, decided: Plan, now: float) -> list[str]:
    """Every promise that the plan breaks; an empty list for a good plan."""
    broken = list(_about_every_plan(state, decided, now))
    if state.declared is None:
        broken += [
            "touched a task that no manifest declares" for one in decided.actions if not isinstance(one, ForgetTask)
        ]
        return broken
    reading = Reading(state, state.declared, now)
    for promise in (_about_starts, _about_requests, _about_stops, _about_health, _about_launches, _about_records):
        broken += promise(reading, decided)
    return broken


def _about_every_plan(state: ServiceState, decided: Plan, now: float) -> Iterator[str]:
    if decided.wake_at is not None and decided.wake_at <= now:
        yield "asks to be woken in the past"
    for decision in decided.decisions:
        if not decision.reason.strip():
            yield f"decides {decision.kind} without a reason"
    told = Counter((decision.task, decision.launch, decision.reason) for decision in decided.decisions)
    for action in decided.actions:
        about = (getattr(action, "task_id", None), getattr(getattr(action, "launch", None), "launch_id", None))
        if not action.reason.strip() or not told[*about, action.reason]:
            yield f"does {type(action).__name__} without a decision that gives its reason"
    stopped = {task.task_id: task.observed.last_status == "STOPPED" for task in state.tasks}
    for action in decided.actions:
        if isinstance(action, ForgetTask) and not stopped[action.task_id]:
            yield f"forgets {action.task_id}, which has not stopped"
    status_and_history = 2
    writes = sum(
        isinstance(action, StartTasks | AdoptTask) or (isinstance(action, StopTask) and not action.recorded)
        for action in decided.actions
    )
    if writes + status_and_history > WRITES_IN_ONE_TRANSACTION:
        yield f"needs {writes} writes, more than one transaction takes"


def _about_starts(reading: Reading, decided: Plan) -> Iterator[str]:
    started = sum(action.launch.count for action in decided.actions if isinstance(action, StartTasks))
    if not started:
        return
    if started > max(0, reading.desired - reading.live_new):
        yield f"starts {started} tasks with {reading.live_new} live of {reading.desired} desired"
    total = len(reading.occupying) + sum(reading.unheard.values()) + started
    most = maximum_total(reading.desired, reading.declared.manifest.maximum_percent)
    if total > most:
        yield f"makes it {total} tasks where maximum percent allows {most}"
    if reading.throttled:
        yield "starts tasks while ECS asks for patience"
    skipped = {
        one.zone
        for one in reading.state.status.zones
        if reading.now < one.until and one.deployment in (None, reading.declared.deployment)
    }
    for action in decided.actions:
        if isinstance(action, StartTasks) and action.launch.zone in skipped:
            yield f"starts tasks in {action.launch.zone}, which has no capacity"


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
        if tuple(_subnets(request)) != dict(reading.declared.zones)[launch.zone]:
            yield f"asks for other subnets than those of {launch.zone}"
        report = _VALIDATOR.validate(request, _RUN_TASK)
        if report.has_errors():
            yield f"sends what RunTask does not take: {report.generate_report()}"


def _subnets(request: Any) -> list[str]:
    subnets: list[str] = request["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    return subnets


def _about_stops(reading: Reading, decided: Plan) -> Iterator[str]:
    known = {task.task_id: task for task in reading.occupying}
    stops = [action for action in decided.actions if isinstance(action, StopTask)]
    if len({action.task_id for action in stops}) < len(stops):
        yield "stops one task twice"
    if stops and reading.throttled:
        yield "stops tasks while ECS asks for patience"
    surplus = 0
    for action in stops:
        task = known.get(action.task_id)
        if task is None:
            yield f"stops {action.task_id}, which is a stranger or gone"
        elif action.recorded:
            if task.managed is None or task.managed.stop is None:
                yield f"stops {action.task_id} again, which it never decided to stop"
        elif reading.is_stuck(task):
            continue
        elif not reading.is_live(task):
            yield f"decides anew to stop {action.task_id}, which is stopping"
        elif action.task_id in reading.protected:
            yield f"stops {action.task_id}, which is protected"
        else:
            surplus += reading.is_new(task)
    if surplus > max(0, reading.live_new - reading.desired):
        yield f"stops {surplus} tasks with {reading.live_new} live of {reading.desired} desired"


def _about_health(reading: Reading, decided: Plan) -> Iterator[str]:
    """Stops of older deployments' running tasks leave minimum healthy percent."""
    going = {action.task_id for action in decided.actions if isinstance(action, StopTask)}
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
    if not reading.throttled and len(finished) < len(reading.open) and not decided.again:
        yield "leaves a launch open and does not come back for it"
    for action in decided.actions:
        if isinstance(action, ResumeLaunch) and reading.now - action.launch.at >= 1800.0:
            yield "sends a launch again whose token may have run out"


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
