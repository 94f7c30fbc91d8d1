"""The sandbox's own doors under `/_sandbox/`: faults, tasks and recorded calls, for shells and demos.

GET    /_sandbox/faults                     what is switched on
POST   /_sandbox/faults                     {"kind": "throttle", "service": "ecs", ...}: a method of `Faults`
DELETE /_sandbox/faults[/<id>]              switch off all, or one
GET    /_sandbox/tasks                      every task, with the pid of its process
POST   /_sandbox/tasks/<id>/spot-notice     {"warningSeconds": 120}
POST   /_sandbox/tasks/<id>/kill            SIGKILL
POST   /_sandbox/tasks/<id>/fail            {"exitCode": 1}: a simulated task
GET    /_sandbox/calls?service=&operation=&since=    recorded calls, oldest first

Container instances, losses and load balancers have doors of their own: `losing_doors`, `balancing_doors`.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol
from urllib.parse import parse_qsl

from headcount_sandbox.world.api import ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.calls import Calls
from headcount_sandbox.world.doors import Door, document, snake
from headcount_sandbox.world.faults import Faults

FAULT_KINDS = (
    "throttle",
    "limit_rate",
    "fail",
    "timeout_after_success",
    "kill_caller",
    "refuse_capacity",
    "limit_capacity",
    "stick",
    "fail_to_start",
    "sicken",
    "duplicate_events",
    "duplicate_invocations",
    "shuffle_events",
    "delay_events",
    "lose_events",
)


class Tasks(Protocol):
    """What the console does with tasks."""

    def describe_tasks(self) -> list[dict[str, Any]]:
        """Every task as the API shows it, with `pid`."""
        ...

    def spot_notice(self, task_id: str, warning_seconds: float = 120.0) -> None:
        """A Spot interruption notice."""
        ...

    def kill_task(self, task_id: str) -> None:
        """SIGKILL."""
        ...

    def fail_task(self, task_id: str, exit_code: int = 1) -> None:
        """Ends a simulated task."""
        ...


class Console:
    """Answers requests under `/_sandbox/`."""

    def __init__(self, *, faults: Faults, calls: Calls, tasks: Tasks, more: Sequence[Door]) -> None:
        self._faults = faults
        self._calls = calls
        self._tasks = tasks
        self._doors: tuple[Door, ...] = (
            ("GET", r"faults", self._list_faults),
            ("POST", r"faults", self._add_fault),
            ("DELETE", r"faults(?:/(?P<fault_id>[\w-]+))?", self._remove_fault),
            ("GET", r"tasks", lambda _: {"tasks": self._tasks.describe_tasks()}),
            ("POST", r"tasks/(?P<task_id>\w+)/(?P<action>spot-notice|kill|fail)", self._act),
            ("GET", r"calls", self._list_calls),
            *more,
        )

    def answer(self, request: ApiRequest) -> ApiResponse:
        """The answer, in JSON; raises `ApiError` for what there is no door for."""
        rest = request.path.removeprefix("/_sandbox/").rstrip("/")
        for method, pattern, door in self._doors:
            found = re.fullmatch(pattern, rest)
            if found and method == request.method:
                return json_answer(door(request, **found.groupdict()), content_type="application/json")
        raise ApiError("NotFound", f"There is no {request.method} {request.path} in the sandbox.", status=404)

    def _list_faults(self, _: ApiRequest) -> dict[str, Any]:
        return {"faults": self._faults.describe()}

    def _add_fault(self, request: ApiRequest) -> dict[str, Any]:
        settings = {snake(name): value for name, value in document(request).items()}
        kind = settings.pop("kind", None)
        if kind not in FAULT_KINDS:
            raise ApiError("InvalidFault", f"kind must be one of {', '.join(FAULT_KINDS)}, not {kind!r}.")
        try:
            return {"id": getattr(self._faults, kind)(**settings)}
        except TypeError as error:
            raise ApiError("InvalidFault", str(error)) from error

    def _remove_fault(self, _: ApiRequest, fault_id: str | None) -> dict[str, Any]:
        if fault_id is None:
            self._faults.clear()
        elif not self._faults.remove(fault_id):
            raise ApiError("NotFound", f"There is no fault {fault_id}.", status=404)
        return self._list_faults(_)

    def _act(self, request: ApiRequest, task_id: str, action: str) -> dict[str, Any]:
        settings = document(request)
        try:
            if action == "spot-notice":
                self._tasks.spot_notice(task_id, float(settings.get("warningSeconds", 120)))
            elif action == "kill":
                self._tasks.kill_task(task_id)
            else:
                self._tasks.fail_task(task_id, int(settings.get("exitCode", 1)))
        except KeyError as error:
            raise ApiError("NotFound", f"There is no task {task_id}.", status=404) from error
        return {}

    def _list_calls(self, request: ApiRequest) -> dict[str, Any]:
        query = dict(parse_qsl(request.query))
        chosen = self._calls.select(query.get("service"), query.get("operation"), float(query.get("since", 0)))
        return {"calls": [asdict(call) for call in chosen]}
