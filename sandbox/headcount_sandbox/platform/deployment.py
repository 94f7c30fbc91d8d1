"""What a template asks the platform to run, as values. Times are in seconds, names and ARNs as AWS writes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the stack lives: an account and a Region, and the address at which their APIs answer."""

    account: str
    region: str
    endpoint_url: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A DynamoDB table: `request` is what CreateTable is called with, `ttl_attribute` None without time to live."""

    name: str
    request: Mapping[str, Any]
    ttl_attribute: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue: `attributes` are those of CreateQueue."""

    name: str
    arn: str
    attributes: Mapping[str, str]

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def is_redriven(self) -> bool:
        """Another queue must exist before this one."""
        return "RedrivePolicy" in self.attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class AsynchronousInvocation:
    """How failed asynchronous invocations are retried, and the queues (ARNs) that hear of it when all failed.

    `on_failure` gets an invocation record, `dead_letter_queue` the event itself; AWS allows both.
    """

    maximum_retry_attempts: int = 2
    maximum_event_age: int = 21_600
    on_failure: str | None = None
    dead_letter_queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function: code and layers are folders on this machine. `memory` is in MB.

    `allows_loops`: its RecursiveLoop is `Allow` and not `Terminate`.
    """

    logical_id: str
    name: str
    arn: str
    code: Path
    handler: str
    layers: tuple[Path, ...] = ()
    timeout: int = 3
    memory: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    allows_loops: bool = False
    asynchronous: AsynchronousInvocation = AsynchronousInvocation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a rule or schedule delivers to (a function's or queue's ARN) and what it makes of the event."""

    arn: str
    input: str | None = None
    input_path: str | None = None
    input_transformer: Mapping[str, Any] | None = None
    message_group_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An EventBridge rule on the default event bus."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A scheduled rule (`source` aws.events) or a schedule of EventBridge Scheduler (`source` aws.scheduler)."""

    arn: str
    source: str
    expression: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourceMapping:
    """An SQS queue whose messages invoke a function. `maximum_concurrency` None: as many as the function may run."""

    queue_arn: str
    function_name: str
    batch_size: int = 10
    reports_item_failures: bool = False
    maximum_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A whole stack."""

    stack_name: str
    place: Place
    parameters: Mapping[str, str]
    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    rules: tuple[Rule, ...]
    schedule_groups: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    mappings: tuple[EventSourceMapping, ...]
    outputs: Mapping[str, str]
