"""The platform as a whole: runs a `Deployment` on a world, and says who calls whom.

event of a service, PutEvents ──► EventBus ──┐
Schedules ───────────────────────────────────┼──► Invocations (asynchronous) ──► FunctionPool ──► processes
Invoke API ──────────────────────────────────┘                                        ▲
SQS queues ──► EventSource ───────────────────────────────────────────────────────────┘
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.platform.deploy import create_resources
from headcount_sandbox.platform.deployment import Deployment, Function, Place, Target
from headcount_sandbox.platform.event_bus import EventBus, EventFaults, at_path
from headcount_sandbox.platform.event_sources import EventSource
from headcount_sandbox.platform.function_logs import read_log
from headcount_sandbox.platform.function_pool import Callers, FunctionPool, Host, Statistics
from headcount_sandbox.platform.invocations import RETRY_DELAYS, Invocations, InvokeAnswer
from headcount_sandbox.platform.lambda_runtime import Spawner
from headcount_sandbox.platform.moto_queues import Queues
from headcount_sandbox.platform.schedules import Schedules
from headcount_sandbox.platform.user_functions import UserFunctionsApi
from headcount_sandbox.world.api import Answer
from headcount_sandbox.world.functions import Invoke
from headcount_sandbox.world.scheduler import Firing
from headcount_sandbox.world.timers import Timers

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_EXIT_SECONDS = 10.0


class Surroundings(Protocol):
    """What the platform needs of the world that answers the AWS APIs."""

    invoke: Invoke
    stack_outputs: dict[str, dict[str, str]]
    functions: set[str]

    @property
    def faults(self) -> EventFaults: ...

    def on_event(self, callback: Callable[[dict[str, Any]], None], /) -> None: ...

    def on_message(self, callback: Callable[[str], None], /) -> None: ...

    def on_put_events(self, callback: Callable[[dict[str, Any]], None], /) -> None: ...

    def on_schedule(self, callback: Callable[[Firing], None], /) -> None: ...

    def answer(self, service: str, operation: str, answer: Answer, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """`schedule_scale` 60 turns a minute of a schedule into a second; `retry_delays` (seconds) stand for Lambda's one
    and two minutes between attempts of an asynchronous invocation.
    """

    state_dir: Path
    processes_per_function: int = 3
    retry_delays: tuple[float, ...] = RETRY_DELAYS
    schedule_scale: float = 1.0


class Platform:
    """Runs the functions of a deployment, and delivers to them what their triggers say."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        world: Surroundings,
        queues: Queues,
        callers: Callers,
        settings: PlatformSettings,
    ) -> None:
        self.deployment = deployment
        self._world = world
        self._sqs: SQSClient = boto3.client("sqs", **client_settings(deployment.place))
        self._timers = Timers()
        self._spawner = Spawner()
        logs = settings.state_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        host = Host(
            place=deployment.place,
            logs=logs,
            spawner=self._spawner,
            timers=self._timers,
            callers=callers,
            processes_per_function=settings.processes_per_function,
        )
        self._pools = {function.name: FunctionPool(function, host) for function in deployment.functions}
        self._user_functions = UserFunctionsApi(
            self._pools, host=host, folder=settings.state_dir / "functions", known=world.functions
        )
        self._invocations = Invocations(
            self._pools,
            send=self._send,
            timers=self._timers,
            copies=world.faults.copies_of_invocation,
            retry_delays=settings.retry_delays,
        )
        self._bus = EventBus(deployment.rules, faults=world.faults, deliver=self._deliver, timers=self._timers)
        self._schedules = Schedules(
            deployment.schedules,
            place=deployment.place,
            deliver=self._deliver,
            timers=self._timers,
            scale=settings.schedule_scale,
        )
        self._sources = [
            EventSource(mapping, queues=queues, pool=self._pools[mapping.function_name])
            for mapping in deployment.mappings
        ]

    def start(self) -> None:
        """Creates tables and queues, and begins to listen; functions start when they are first needed."""
        self._timers.start()
        self._spawner.start()
        arguments = client_settings(self.deployment.place)
        create_resources(
            self.deployment,
            dynamodb=boto3.client("dynamodb", **arguments),
            sqs=self._sqs,
            scheduler=boto3.client("scheduler", **arguments),
        )
        self._world.invoke = self._invocations.invoke
        self._world.functions.update(self._pools)
        for operation, answer in self._user_functions.operations().items():
            self._world.answer("lambda", operation, answer)
        self._world.stack_outputs[self.deployment.stack_name] = dict(self.deployment.outputs)
        self._world.on_event(self._bus.route)
        self._world.on_put_events(self._bus.publish)
        self._world.on_message(self._message_arrived)
        self._world.on_schedule(self._fire)
        for source in self._sources:
            source.start()
        self._schedules.start()

    def stop(self) -> None:
        """Ends everything that it started; safe to call when `start` failed."""
        for source in self._sources:
            source.stop()
        for pool in tuple(self._pools.values()):
            pool.close()
        self._timers.stop()
        self._spawner.stop()
        deadline = time.monotonic() + _EXIT_SECONDS
        for pool in self._pools.values():
            pool.wait_for_exits(max(0.0, deadline - time.monotonic()))

    # ------------------------------------------------------------------------------------------ for users and tests

    def function(self, name: str) -> Function:
        """A function by its logical id, name or ARN; one that was created over the API by its name or ARN."""
        functions = [pool.function for pool in tuple(self._pools.values())]
        for function in functions:
            if name in (function.logical_id, function.name, function.arn):
                return function
        known = ", ".join(function.logical_id for function in functions)
        raise HeadcountSandboxError(f"There is no function {name}; there are {known}.")

    def invoke(self, name: str, payload: bytes, invocation_type: str = "RequestResponse") -> InvokeAnswer:
        """Invokes a function: status, headers and body as the Invoke API answers them."""
        return self._invocations.invoke(self.function(name).name, payload, invocation_type)

    def kill_function(self, name: str) -> int:
        """SIGKILL to all processes of a function; how many there were."""
        return self._pools[self.function(name).name].kill()

    def pids(self, name: str) -> tuple[int, ...]:
        """The processes of a function."""
        return self._pools[self.function(name).name].pids()

    def statistics(self, name: str) -> Statistics:
        return self._pools[self.function(name).name].statistics

    def logs(self, name: str) -> list[dict[str, Any]]:
        """Everything that a function and its platform logged, oldest first."""
        return read_log(self._pools[self.function(name).name].log)

    def fire_schedule(self, name: str) -> int:
        """Fires the schedules of a function now; how many it has."""
        return self._schedules.fire_for(self.function(name).arn)

    def published_events(self) -> list[dict[str, Any]]:
        """The newest events that came by PutEvents, oldest first."""
        return self._bus.published_events()

    # ---------------------------------------------------------------------------------------------------- inside

    def _message_arrived(self, queue_name: str) -> None:
        for source in self._sources:
            if source.queue_name == queue_name:
                source.look()

    def _deliver(self, target: Target, text: str, event: dict[str, Any]) -> None:
        if ":sqs:" not in target.arn:
            self._invocations.invoke_asynchronously(self.function(target.arn), text.encode())
            return
        group = target.message_group_id
        if group is not None and group.startswith("$."):
            group = str(at_path(event, group))
        self._send(target.arn, text, {}, group)

    def _fire(self, firing: Firing) -> None:
        """What EventBridge Scheduler cannot deliver goes to the schedule's own queue, with the reason."""
        try:
            self._deliver(Target(arn=firing.target_arn), firing.text, {})
        except HeadcountSandboxError as error:
            if firing.dead_letter_queue is not None:
                reason = {
                    "ERROR_CODE": "ResourceNotFoundException",
                    "ERROR_MESSAGE": str(error),
                    "SCHEDULE_ARN": firing.schedule_arn,
                    "TARGET_ARN": firing.target_arn,
                }
                self._send(firing.dead_letter_queue, firing.text, reason, None)

    def _send(self, queue_arn: str, body: str, attributes: Mapping[str, str], group: str | None) -> None:
        place = self.deployment.place
        url = f"{place.endpoint_url}/{place.account}/{queue_arn.rpartition(':')[2]}"
        arguments: dict[str, Any] = {} if group is None else {"MessageGroupId": group}
        self._sqs.send_message(
            QueueUrl=url,
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
            **arguments,
        )


def client_settings(place: Place) -> dict[str, Any]:
    """Arguments for boto3 clients that talk to the world, whatever the user's own configuration says."""
    return {
        "endpoint_url": place.endpoint_url,
        "region_name": place.region,
        "aws_access_key_id": "sandbox",
        "aws_secret_access_key": "sandbox",
    }
