"""A service in a sandbox that is killed and watched: who runs, and when nothing is going on any more."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bench.measurement import NotMeasured
from headcount_sandbox import Sandbox
from headcount_sandbox.world.calls import Call

CLUSTER = "bench"
FUNCTIONS = ("ObserveTasks", "ReconcileService", "AuditClusters", "WakeServices")
RUNS_FOR_EVER = ["sh", "-c", "while :; do sleep 1000; done"]
_TEMPLATE = Path(__file__).parents[1] / "template.yaml"
_DEADLINE = 120.0
_POLL_SECONDS = 0.01
_QUIET_SECONDS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A task state change as EventBridge got it. ``at``: when it happened, in epoch seconds, to the millisecond."""

    at: float
    task_id: str
    last_status: str
    desired_status: str


class Watch:
    """Every task state change of a sandbox, and who runs now."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._events: list[Event] = []
        sandbox.world.on_event(self._take_in)

    def running(self) -> tuple[str, ...]:
        """The tasks that run and should, in no order."""
        with self._lock:
            return tuple(self._running)

    def death_of(self, task_id: str) -> Event | None:
        """The first event that says a task is to stop."""
        with self._lock:
            found = (one for one in self._events if one.task_id == task_id and one.desired_status == "STOPPED")
            return next(found, None)

    def began_to_run(self) -> tuple[float, ...]:
        """When tasks of events that are not forgotten became RUNNING."""
        with self._lock:
            return tuple(one.at for one in self._events if one.last_status == one.desired_status == "RUNNING")

    def newest_at(self) -> float:
        with self._lock:
            return self._events[-1].at if self._events else 0.0

    def forget(self) -> None:
        with self._lock:
            self._events.clear()

    def _take_in(self, event: Mapping[str, Any]) -> None:
        if event["detail-type"] != "ECS Task State Change":
            return
        detail = event["detail"]
        seen = Event(
            at=datetime.fromisoformat(detail["updatedAt"]).timestamp(),
            task_id=str(detail["taskArn"]).rpartition("/")[2],
            last_status=detail["lastStatus"],
            desired_status=detail["desiredStatus"],
        )
        with self._lock:
            self._events.append(seen)
            if seen.last_status == "RUNNING" and seen.desired_status == "RUNNING":
                self._running.add(seen.task_id)
            else:
                self._running.discard(seen.task_id)


class Bench:
    """One install of Headcount in one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.watch = Watch(sandbox)
        self._names = {name: sandbox.platform.function(name).name for name in FUNCTIONS}

    def apply(
        self,
        name: str,
        count: int,
        *,
        backs_off: bool = False,
        command: list[str] = RUNS_FOR_EVER,
        container_port: int | None = None,
        **fields: Any,
    ) -> None:
        """Declare a service over all zones. Without ``backs_off`` failed tasks are replaced at once, every time."""
        manifest: dict[str, Any] = {
            "kind": "Service",
            "cluster": CLUSTER,
            "serviceName": name,
            "taskDefinition": name,
            "desiredCount": count,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(self.sandbox.subnets.values())}},
            **fields,
        }
        if not backs_off:
            manifest["restarts"] = {"initialSeconds": 0}
        self.sandbox.register_task_definition(name, command, container_port=container_port)
        answer = self.sandbox.invoke_control({"version": 1, "operation": "apply", "manifest": manifest})
        if not answer["ok"]:
            raise NotMeasured(f"control refused the service: {answer['error']}")

    def wait_until_whole(self, count: int) -> None:
        """Wait until ``count`` tasks run and nobody does anything about them any more."""
        self.wait(lambda: len(self.watch.running()) == count, f"{count} tasks run")
        self.wait(self._is_quiet, "everything is quiet")

    def wait_until_replaced(self, task_id: str, count: int) -> Event:
        """Wait until a task has died and ``count`` run again, all quiet; the event of its death."""
        self.wait(lambda: self.watch.death_of(task_id) is not None, f"{task_id} dies")
        death = self.watch.death_of(task_id)
        assert death is not None
        self.wait_until_whole(count)
        return death

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                raise NotMeasured(f"waited {_DEADLINE:g} s in vain until {what}; {len(self.watch.running())} run")
            time.sleep(_POLL_SECONDS)

    def forget(self) -> None:
        """Drop the ledger of calls and old events, so that looking through them stays cheap."""
        self.sandbox.world.calls.clear()
        self.watch.forget()

    def calls(self, since: float = 0.0) -> list[Call]:
        """The functions' calls since then, oldest first."""
        ours = set(self._names.values())
        calls = self.sandbox.world.calls.select(since=since)
        return sorted((call for call in calls if call.function in ours), key=lambda call: call.at)

    def calls_of(self, function: str, operation: str | None = None) -> list[Call]:
        """The calls of one function (logical id), oldest first."""
        name = self._names[function]
        return [call for call in self.calls() if call.function == name and operation in (None, call.operation)]

    def passes(self) -> list[dict[str, Any]]:
        """The log line of every pass so far, oldest first."""
        return [line for line in self.sandbox.logs("ReconcileService") if line.get("message") == "pass"]

    def _is_quiet(self) -> bool:
        """No event, no call for a while, and every service says that it is steady, so no event waits its turn."""
        since = time.time() - _QUIET_SECONDS
        if self.watch.newest_at() >= since or any(call.at + call.duration >= since for call in self.calls()):
            return False
        listed = self.sandbox.invoke_control({"version": 1, "operation": "list"})
        return bool(listed["ok"]) and all(one["state"] == "STEADY" for one in listed["result"]["services"])


@contextmanager
def a_bench(
    runtime: Literal["simulated", "process"], *, schedule_scale: float = 1.0, health_check_scale: float = 1.0
) -> Iterator[Bench]:
    """A sandbox with this checkout's template in it. The scales: see ``Sandbox``."""
    with Sandbox(
        template=_TEMPLATE,
        task_runtime=runtime,
        parameters={"Clusters": CLUSTER, "PassableRoles": "arn:aws:iam::123456789012:role/bench"},
        schedule_scale=schedule_scale,
        health_check_scale=health_check_scale,
    ) as sandbox:
        yield Bench(sandbox)
