"""Switches that make the world misbehave: all at run time, drawn from one seed, each with a count of its hits."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headcount_sandbox.world.api import ApiError, signing_name
from headcount_sandbox.world.event_faults import Delaying, Delivery, Duplicating, EventFault, Losing
from headcount_sandbox.world.sickness import SICK_CONDUCTS, SickConduct, Sickness

CAPACITY_REASON = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
_PULL_REASON = "CannotPullContainerError: pull image manifest has been retried 5 time(s): image not found"
_THROTTLES = {
    "ecs": ("ThrottlingException", 400),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "sqs": ("RequestThrottled", 403),
    "events": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "ec2": ("RequestLimitExceeded", 503),
    "elasticloadbalancing": ("Throttling", 400),
    "monitoring": ("Throttling", 400),
}

When = Literal["before", "after"]
LiveTasks = Callable[[str | None, str | None], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEffect:
    """What is to happen to one call: an error in its place, a dropped answer, or the death of the caller."""

    fault: str
    error: ApiError | None = None
    drop_after: bool = False
    kill: When | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRefusal:
    """There is no capacity: RunTask says so, or `late` the task does, when it stops in PROVISIONING."""

    reason: str
    late: bool


@dataclass(slots=True, kw_only=True)
class _Bucket:
    """Tokens: a call takes one, `per_second` come back, at most `burst` are there."""

    burst: float
    per_second: float
    left: float
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Whether there was one."""
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True, kw_only=True)
class _Fault:
    """One switch that is on; `left` counts down to its end, None means until it is cleared."""

    fault_id: str
    kind: str
    settings: Mapping[str, Any]
    matches: Callable[[Mapping[str, Any]], bool]
    effect: Any
    left: int | None = None
    skip: int = 0
    hits: int = 0


class Faults:
    """The switches; methods that switch something on return its id, for `remove`. Safe to use from any thread."""

    def __init__(self, seed: int | None = None) -> None:
        self._rng = random.Random(seed)
        self._lock = threading.RLock()
        self._faults: dict[str, _Fault] = {}
        self._next = 0

    # --- switching on: calls ----------------------------------------------------------------------------------------

    def throttle(
        self,
        service: str,
        operation: str = "*",
        *,
        probability: float = 1.0,
        times: int | None = None,
        access_key: str | None = None,
    ) -> str:
        """Answers calls with the throttling error of their service."""
        error = _throttled(service)
        chosen = _call_filter(service, operation, access_key, self._chance(probability))
        settings = {"service": service, "operation": operation, "probability": probability, "accessKey": access_key}
        return self._add("throttle", settings, chosen, {"error": error}, left=times)

    def limit_rate(
        self,
        service: str,
        operations: Sequence[str] = (),
        *,
        burst: int,
        per_second: float,
        access_key: str | None = None,
    ) -> str:
        """Throttles calls beyond a rate, as AWS's token buckets do; the operations (none: all of them) share one."""
        bucket = _Bucket(burst=burst, per_second=per_second, left=burst)

        def chosen(call: Mapping[str, Any]) -> bool:
            meant = call.get("service") == signing_name(service) and access_key in (None, call.get("access_key"))
            return meant and (not operations or call.get("operation") in operations) and not bucket.take()

        settings = {"service": service, "operations": list(operations), "burst": burst, "perSecond": per_second}
        return self._add("limit_rate", settings, chosen, {"error": _throttled(service)})

    def fail(
        self,
        service: str,
        operation: str = "*",
        *,
        error_code: str,
        http_status: int = 400,
        message: str = "Injected by the sandbox",
        probability: float = 1.0,
        times: int | None = None,
        access_key: str | None = None,
        function: str | None = None,
    ) -> str:
        """Answers calls (those of one function, if its name is given) with an error; they have no effect."""
        error = ApiError(error_code, message, status=http_status)
        called = _call_filter(service, operation, access_key, self._chance(probability))

        def chosen(call: Mapping[str, Any]) -> bool:
            return function in (None, call.get("function")) and called(call)

        settings = {"service": service, "operation": operation, "errorCode": error_code, "accessKey": access_key}
        settings |= {"function": function}
        return self._add("fail", settings, chosen, {"error": error}, left=times)

    def timeout_after_success(
        self,
        service: str,
        operation: str = "*",
        *,
        probability: float = 1.0,
        times: int | None = None,
        access_key: str | None = None,
    ) -> str:
        """Executes calls and drops the connection in place of the answer."""
        chosen = _call_filter(service, operation, access_key, self._chance(probability))
        settings = {"service": service, "operation": operation, "accessKey": access_key}
        return self._add("timeout_after_success", settings, chosen, {"drop_after": True}, left=times)

    def kill_caller(
        self, function: str, service: str, operation: str, *, when: When = "before", nth: int = 1, times: int = 1
    ) -> str:
        """Kills the function at its `nth` such call from now: before the call takes effect, or before its answer."""

        def chosen(call: Mapping[str, Any]) -> bool:
            named = call.get("function") == function
            return named and call.get("service") == signing_name(service) and operation in ("*", call.get("operation"))

        settings = {"function": function, "service": service, "operation": operation, "when": when, "nth": nth}
        return self._add("kill_caller", settings, chosen, {"kill": when}, left=times, skip=nth - 1)

    # --- switching on: tasks ----------------------------------------------------------------------------------------

    def refuse_capacity(
        self,
        *,
        zone: str | None = None,
        capacity_provider: str | None = None,
        after: int = 0,
        times: int | None = None,
        reason: str = CAPACITY_REASON,
        late: bool = False,
    ) -> str:
        """No capacity in a zone, for a capacity provider, for both together or anywhere, after `after` more tasks.

        RunTask answers `failures`; with `late` it answers tasks that end with TaskFailedToStart in PROVISIONING.
        """

        def chosen(place: Mapping[str, Any]) -> bool:
            here = zone in (None, place.get("zone"))
            return here and "provider" in place and capacity_provider in (None, place["provider"])

        settings = {"zone": zone, "capacityProvider": capacity_provider, "after": after, "late": late, "reason": reason}
        effect = CapacityRefusal(reason=reason, late=late)
        return self._add("refuse_capacity", settings, chosen, effect, left=times, skip=after)

    def limit_capacity(
        self,
        tasks: int,
        *,
        zone: str | None = None,
        capacity_provider: str | None = None,
        reason: str = CAPACITY_REASON,
        late: bool = False,
    ) -> str:
        """At most so many tasks at a time in a zone, of a capacity provider, or anywhere; the rest is refused."""

        def chosen(place: Mapping[str, Any]) -> bool:
            here = "provider" in place and zone in (None, place["zone"])
            of_it = here and capacity_provider in (None, place["provider"])
            return bool(of_it and place["live_tasks"](zone, capacity_provider) >= tasks)

        settings = {"tasks": tasks, "zone": zone, "capacityProvider": capacity_provider, "late": late, "reason": reason}
        return self._add("limit_capacity", settings, chosen, CapacityRefusal(reason=reason, late=late))

    def stick(self, status: str = "PROVISIONING", *, family: str | None = None, times: int | None = None) -> str:
        """Tasks that reach `status` on the way up stay there until somebody stops them."""
        chosen = _task_filter(status, family)
        return self._add("stick", {"status": status, "family": family}, chosen, None, left=times)

    def fail_to_start(self, *, family: str | None = None, times: int | None = None, reason: str = _PULL_REASON) -> str:
        """Tasks end with TaskFailedToStart in place of RUNNING."""
        chosen = _task_filter("START", family)
        return self._add("fail_to_start", {"family": family, "reason": reason}, chosen, reason, left=times)

    # --- switching on: targets of load balancers ---------------------------------------------------------------------

    def sicken(
        self,
        conduct: SickConduct,
        *,
        tasks: Sequence[str] | None = None,
        family: str | None = None,
        status: int = 500,
        seconds: float = 10.0,
        times: int | None = None,
    ) -> str:
        """Tasks (ids or ARNs), those of a family, or all of them behave badly towards load balancers.

        They `answer` with `status`, `hang`, `refuse` connections, are in `slow_start` for `seconds` after RUNNING, or
        `flap`: `status` for `seconds`, well for as many. Checks and requests alike, simulated tasks and processes
        alike (which know nothing of it: what the load balancer gets of them is replaced).
        """
        if conduct not in SICK_CONDUCTS:
            raise TypeError(f"conduct must be one of {', '.join(SICK_CONDUCTS)}, not {conduct!r}")
        meant = None if tasks is None else {task.rpartition("/")[2] for task in tasks}

        def chosen(subject: Mapping[str, Any]) -> bool:
            return (meant is None or subject.get("task_id") in meant) and family in (None, subject.get("family"))

        listed = None if meant is None else sorted(meant)
        settings = {"conduct": conduct, "tasks": listed, "family": family, "status": status, "seconds": seconds}
        effect = Sickness(conduct=conduct, status=status, seconds=seconds)
        return self._add("sicken", settings, chosen, effect, left=times)

    # --- switching on: events ---------------------------------------------------------------------------------------

    def duplicate_events(self, copies: int = 1) -> str:
        """Every event arrives 1 + `copies` times."""
        return self._add_event_fault("duplicate_events", {"copies": copies}, Duplicating(copies=copies))

    def shuffle_events(self, window: float = 1.0) -> str:
        """Events within `window` seconds arrive in any order."""
        effect = Delaying(rng=self._rng, minimum=0.0, maximum=window)
        return self._add_event_fault("shuffle_events", {"window": window}, effect)

    def delay_events(self, minimum: float, maximum: float) -> str:
        """Every event arrives between `minimum` and `maximum` seconds late."""
        effect = Delaying(rng=self._rng, minimum=minimum, maximum=maximum)
        return self._add_event_fault("delay_events", {"minimum": minimum, "maximum": maximum}, effect)

    def lose_events(self, probability: float = 1.0, *, every: int | None = None) -> str:
        """Loses events with a probability, or every n-th (`every=2`: every second)."""
        effect = Losing(rng=self._rng, probability=probability, every=every)
        return self._add_event_fault("lose_events", {"probability": probability, "every": every}, effect)

    # --- switching on: functions -------------------------------------------------------------------------------------

    def duplicate_invocations(self, function: str = "*", *, copies: int = 1, times: int | None = None) -> str:
        """Asynchronous invocations of a function (its name) arrive 1 + `copies` times, with the same request id."""

        def chosen(subject: Mapping[str, Any]) -> bool:
            return "invoked" in subject and function in ("*", subject["invoked"])

        settings = {"function": function, "copies": copies}
        return self._add("duplicate_invocations", settings, chosen, copies, left=times)

    # --- switching off, looking -------------------------------------------------------------------------------------

    def remove(self, fault_id: str) -> bool:
        """Switches one fault off; False if it was not on."""
        with self._lock:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Switches everything off."""
        with self._lock:
            self._faults.clear()

    def describe(self) -> list[dict[str, Any]]:
        """The faults that are on, with how often each struck and how often it may still."""
        with self._lock:
            return [
                {"id": fault.fault_id, "kind": fault.kind, **fault.settings, "hits": fault.hits, "left": fault.left}
                for fault in self._faults.values()
            ]

    # --- asked by the world -----------------------------------------------------------------------------------------

    def events(self, event: dict[str, Any]) -> list[Delivery]:
        """What becomes of an event: deliveries, each with its delay in seconds; none if it is lost."""
        deliveries: list[Delivery] = [(0.0, event)]
        with self._lock:
            for fault in tuple(self._faults.values()):
                if isinstance(fault.effect, Losing | Duplicating | Delaying):
                    fault.hits += 1
                    deliveries = [outcome for delivery in deliveries for outcome in fault.effect(delivery)]
        return deliveries

    def call_effect(self, call: Mapping[str, Any]) -> CallEffect | None:
        """What is to happen to a call: `service`, `operation`, `access_key`, `function`."""
        fault = self._strike(call, ("throttle", "limit_rate", "fail", "timeout_after_success", "kill_caller"))
        return None if fault is None else CallEffect(fault=fault.fault_id, **fault.effect)

    def capacity_refusal(
        self, zone: str | None, capacity_provider: str | None, live_tasks: LiveTasks
    ) -> CapacityRefusal | None:
        """Whether one more task there is refused; `live_tasks` counts those of a zone and a provider."""
        place = {"zone": zone, "provider": capacity_provider, "live_tasks": live_tasks}
        fault = self._strike(place, ("refuse_capacity", "limit_capacity"))
        if fault is None:
            return None
        assert isinstance(fault.effect, CapacityRefusal)
        return fault.effect

    def copies_of_invocation(self, function: str) -> int:
        """How often an asynchronous invocation that was accepted now is to arrive."""
        fault = self._strike({"invoked": function}, ("duplicate_invocations",))
        return 1 if fault is None else 1 + int(fault.effect)

    def is_stuck(self, status: str, family: str) -> bool:
        """Whether a task that just reached `status` stays there."""
        return self._strike({"status": status, "family": family}, ("stick",)) is not None

    def start_failure(self, family: str) -> str | None:
        """The reason why a task cannot start, if any."""
        fault = self._strike({"status": "START", "family": family}, ("fail_to_start",))
        return None if fault is None else str(fault.effect)

    @property
    def is_anybody_sick(self) -> bool:
        """Whether a task behaves badly towards load balancers."""
        return any(fault.kind == "sicken" for fault in tuple(self._faults.values()))

    def sickness(self, task_id: str, family: str) -> Sickness | None:
        """What ails a task, asked at each check and each request that is for it."""
        fault = self._strike({"task_id": task_id, "family": family}, ("sicken",))
        if fault is None:
            return None
        assert isinstance(fault.effect, Sickness)
        return fault.effect

    def _strike(self, subject: Mapping[str, Any], kinds: tuple[str, ...]) -> _Fault | None:
        if not self._faults:  # the usual case, on every call
            return None
        with self._lock:
            for fault in tuple(self._faults.values()):
                if fault.kind in kinds and fault.left != 0 and fault.matches(subject):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.hits += 1
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None

    def _chance(self, probability: float) -> Callable[[], bool]:
        return lambda: probability >= 1.0 or self._rng.random() < probability

    def _add_event_fault(self, kind: str, settings: Mapping[str, Any], effect: EventFault) -> str:
        return self._add(kind, settings, lambda _: True, effect)

    def _add(
        self,
        kind: str,
        settings: Mapping[str, Any],
        matches: Callable[[Mapping[str, Any]], bool],
        effect: Any,
        *,
        left: int | None = None,
        skip: int = 0,
    ) -> str:
        with self._lock:
            self._next += 1
            fault_id = f"{kind}-{self._next}"
            self._faults[fault_id] = _Fault(
                fault_id=fault_id,
                kind=kind,
                settings=settings,
                matches=matches,
                effect=effect,
                left=left,
                skip=skip,
            )
            return fault_id


def _throttled(service: str) -> ApiError:
    code, status = _THROTTLES.get(signing_name(service), ("Throttling", 400))
    return ApiError(code, "Rate exceeded", status=status)


def _call_filter(
    service: str, operation: str, access_key: str | None, chance: Callable[[], bool]
) -> Callable[[Mapping[str, Any]], bool]:
    def chosen(call: Mapping[str, Any]) -> bool:
        here = signing_name(service) in ("*", call.get("service")) and operation in ("*", call.get("operation"))
        return here and access_key in (None, call.get("access_key")) and chance()

    return chosen


def _task_filter(status: str, family: str | None) -> Callable[[Mapping[str, Any]], bool]:
    return lambda subject: subject.get("status") == status and family in (None, subject.get("family"))
