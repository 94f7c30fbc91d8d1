"""Headcount in a sandbox, as its users, its operators and the AWS account see it; failures read like stories."""

import json
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from headcount_sandbox import Sandbox
from headcount_sandbox.world.ecs.task import Task

ROOT = Path(__file__).parents[2]
CLUSTER = "demo"
STARTED_BY = "hc/main/"
DEADLINE = 60.0  # seconds: generous, for a busy machine; every wait ends as soon as it can
_LOG_LINES = 20
_SHOWN_FUNCTIONS = (
    "ReconcileService",
    "KeepLoadBalancers",
    "DecideScaling",
    "ObserveTasks",
    "AuditClusters",
    "WakeServices",
)
_SHOWN_FIELDS = ("level", "message", "service_key", "decision", "outcome", "error", "reason", "type", "record")
DEAD_LETTER_QUEUES = (
    "ReconcileDeadLettersUrl",
    "TimerDeadLettersUrl",
    "EventDeadLettersUrl",
)


def runs_for_ever(service: str) -> list[str]:
    """A command that runs until it is killed, and that the operating system shows with the service's name."""
    return ["sh", "-c", "while :; do sleep 1000; done", service]


def exits_at_once(code: int = 1) -> list[str]:
    """A command, for simulated tasks, that ends as soon as it runs."""
    return ["simulate", "exit", str(code), "after", "0"]


class Install:
    """One install of Headcount in one sandbox. Services are named without their cluster, which is always `demo`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.faults = sandbox.faults
        self.ecs = sandbox.client("ecs")
        self._dynamodb = sandbox.client("dynamodb")
        self._sqs = sandbox.client("sqs")
        self._outputs = sandbox.platform.deployment.outputs

    # ---------------------------------------------------------------------------------------------- what users do

    def control(self, operation: str, **fields: Any) -> dict[str, Any]:
        """The whole answer of the control function."""
        return self.sandbox.invoke_control({"version": 1, "operation": operation, "by": "e2e", **fields})

    def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        """The result of an operation that must succeed."""
        answer = self.control(operation, **fields)
        assert answer["ok"], json.dumps(answer["error"], indent=1)
        result: dict[str, Any] = answer["result"]
        return result

    def refused(self, operation: str, **fields: Any) -> dict[str, Any]:
        """The error of an operation that must be refused."""
        answer = self.control(operation, **fields)
        assert not answer["ok"], f"{operation} was accepted: {json.dumps(answer['result'])}"
        error: dict[str, Any] = answer["error"]
        return error

    def define(self, service: str, command: Sequence[str] | None = None) -> str:
        """A new revision of the service's task definition; `family:revision`."""
        arn = self.sandbox.register_task_definition(service, runs_for_ever(service) if command is None else command)
        return arn.rpartition("/")[2]

    def manifest(self, service: str, task_definition: str, count: int, **changes: Any) -> dict[str, Any]:
        """A service over three zones that restarts failed tasks without delay, unless `changes` say otherwise."""
        return {
            "kind": "Service",
            "cluster": CLUSTER,
            "serviceName": service,
            "taskDefinition": task_definition,
            "desiredCount": count,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(self.sandbox.subnets.values())}},
            "restarts": {"initialSeconds": 0},
            **changes,
        }

    def run(self, service: str, count: int, *, command: Sequence[str] | None = None, **changes: Any) -> dict[str, Any]:
        """Declares a service with a task definition of its own; what apply answered."""
        return self.ask("apply", manifest=self.manifest(service, self.define(service, command), count, **changes))

    def describe(self, service: str) -> dict[str, Any]:
        return self.ask("describe", service=f"{CLUSTER}/{service}")

    def why(self, target: str) -> str:
        """All that Headcount says about a service or task, as one text."""
        told = self.ask("why", target=target)
        return "\n".join(
            [*told["now"], *(f"{entry['at']} {entry['kind']}: {entry['reason']}" for entry in told["events"])]
        )

    def history(self, service: str, *kinds: str) -> list[dict[str, Any]]:
        """Everything that happened to a service, oldest first, of these kinds only if there are any."""
        entries = self.ask("events", service=f"{CLUSTER}/{service}", limit=1000)["events"]
        return [entry for entry in reversed(entries) if not kinds or entry["kind"] in kinds]

    def removed(self, service: str) -> None:
        """Returns when a deleted service is gone: no task, no record, and its removal told.

        The pass that forgets an echo says so: `forget` may be the last word of a history, and not `remove`.
        """
        self.gone(service)
        assert self.ids(service) == []
        kinds = [entry["kind"] for entry in self.history(service) if entry["kind"] != "forget"]
        assert kinds[-1] == "remove", "the history outlives the service, and ends with its removal"

    def gone(self, service: str) -> None:
        """Returns when no record is left of a deleted service.

        An event that is late leaves an echo of a task, whenever it comes, and the next audit finds it out.
        """

        def gone() -> bool:
            if self.records(service) == [] and not self.control("describe", service=f"{CLUSTER}/{service}")["ok"]:
                return True
            self.audit()
            return False

        self.wait(gone, "it is gone and no record is left", service)

    def audit(self) -> None:
        """What the schedule does every minute, now; returns when the audit has run."""
        before = self.sandbox.platform.statistics("AuditClusters").invocations
        assert self.sandbox.platform.fire_schedule("AuditClusters") == 1
        self.wait(lambda: self.sandbox.platform.statistics("AuditClusters").invocations > before, "the audit has run")

    # ------------------------------------------------------------------------------------------- what the account sees

    def ever(self, service: str) -> list[dict[str, Any]]:
        """Every task that Headcount ever started for the service, dead ones included, oldest first."""
        ours = [task for task in self.sandbox.world.describe_tasks() if _is_ours(task, service)]
        return sorted(ours, key=lambda task: task["createdAt"])

    def running(self, service: str) -> int:
        """How many of the service's tasks run and are to run on, as ECS knows it at this moment."""

        def runs(task: Task) -> bool:
            is_ours = task.group == f"headcount:{service}" and str(task.started_by).startswith(STARTED_BY)
            return is_ours and task.last_status == task.desired_status == "RUNNING"

        return self.sandbox.world.count_tasks(runs)

    def alive(self, service: str) -> list[dict[str, Any]]:
        """The service's tasks that ECS lists as meant to run, as DescribeTasks shows them."""
        pages = self.ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, family=service)
        arns = [arn for page in pages for arn in page["taskArns"]]
        tasks = [
            task for some in _hundreds(arns) for task in self.ecs.describe_tasks(cluster=CLUSTER, tasks=some)["tasks"]
        ]
        return [task for task in tasks if _is_ours(task, service) and task["desiredStatus"] == "RUNNING"]

    def ids(self, service: str) -> list[str]:
        """The ids of the tasks that ECS lists as meant to run."""
        return [id_of(task) for task in self.alive(service)]

    def records(self, service: str) -> list[dict[str, Any]]:
        """The table's items of a service, in plain values; JSON attributes decoded."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._outputs["TableName"],
            ConsistentRead=True,
            KeyConditionExpression="pk = :s",
            ExpressionAttributeValues={":s": {"S": f"{CLUSTER}/{service}"}},
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def processes(self, service: str) -> list[psutil.Process]:
        """Live processes of the operating system that run the service's command, whoever knows of them."""
        return [process for process in psutil.Process().children(recursive=True) if _runs(process, service)]

    def queue_url(self, output: str) -> str:
        """The URL of a queue by the template's output."""
        return str(self._outputs[output])

    def dead_letters(self, output: str) -> list[str]:
        """The bodies in a dead-letter queue, which stay there."""
        return [message["Body"] for message in self._receive(output)]

    def take_dead_letters(self, output: str) -> list[str]:
        """The bodies in a dead-letter queue, sorted; they are gone then."""
        bodies = []
        while messages := self._receive(output):  # ten at most
            for message in messages:
                self._sqs.delete_message(QueueUrl=self.queue_url(output), ReceiptHandle=message["ReceiptHandle"])
                bodies.append(message["Body"])
        return sorted(bodies)

    def _receive(self, output: str) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self.queue_url(output), MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        return list(answer.get("Messages", ()))

    # ---------------------------------------------------------------------------------------------------- waiting

    def wait(self, condition: Callable[[], bool], what: str, *services: str, within: float = DEADLINE) -> float:
        """Waits for a condition; the seconds that took. Fails with the story of the services."""
        try:
            return self.sandbox.wait_until(_patiently(condition), within, what=what)
        except TimeoutError as error:
            raise AssertionError(self.story(str(error), services)) from None

    def exactly(self, service: str, count: int, within: float = DEADLINE) -> float:
        """Waits until ECS, the table and the operating system all show `count` tasks; the seconds that took."""
        differences: list[str] = ["nobody has looked yet"]

        def same() -> bool:
            differences[:] = self._differences(service, count)
            return not differences

        try:
            return self.sandbox.wait_until(_patiently(same), within)
        except TimeoutError:
            headline = f"{service} should have exactly {count} tasks after {within:g} s, but " + "; ".join(differences)
            raise AssertionError(self.story(headline, (service,))) from None

    def steady(self, service: str, count: int, within: float = DEADLINE) -> None:
        """Waits for exactly `count` tasks and for Headcount itself to say STEADY."""
        self.exactly(service, count, within)
        self.wait(lambda: self.describe(service)["state"] == "STEADY", f"{service} is STEADY", service, within=within)

    def says(self, service: str, *words: str, within: float = DEADLINE) -> str:
        """Waits until `why` has all the words; the text."""
        text = [""]

        def said() -> bool:
            text[0] = self.why(f"{CLUSTER}/{service}")
            return all(word in text[0] for word in words)

        try:
            self.wait(said, f"why says {words}", service, within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n== why, at last\n{text[0]}") from None
        return text[0]

    def _differences(self, service: str, count: int) -> list[str]:
        """In what the views differ from `count` tasks, cheapest view first; nothing if they do not."""
        return next((found for found in self._views(service, count) if found), [])

    def _views(self, service: str, count: int) -> Iterator[list[str]]:
        plausible = self.running(service)
        yield [] if plausible == count else [f"{plausible} tasks run"]  # costs nothing; the real look comes next
        alive = self.alive(service)
        running = sorted(id_of(task) for task in alive if task["lastStatus"] == "RUNNING")
        yield (
            []
            if len(running) == len(alive) == count
            else [f"ECS has {len(running)} RUNNING of {len(alive)} that should run"]
        )
        records = self.records(service)
        present = sorted(record["sk"].removeprefix("task#") for record in records if _is_present(record))
        open_launches = [record["sk"] for record in records if record["sk"].startswith("launch#")]
        yield [] if present == running else [f"the table has {present}, ECS has {running}"]
        yield [f"launches are still open: {open_launches}"] if open_launches else []
        yield self._process_differences(service, running)

    def _process_differences(self, service: str, running: Sequence[str]) -> list[str]:
        world = self.sandbox.world
        known = {pid for task_id in running if (pid := world.task_pid(task_id)) is not None}
        if not known and not self.processes(service):
            return []  # simulated tasks have none, and a service without tasks must have none
        leaders = {process.pid for process in self.processes(service)}
        return [] if leaders == known else [f"processes {sorted(leaders)} are alive, ECS knows {sorted(known)}"]

    # ------------------------------------------------------------------------------------------------------ telling

    def story(self, headline: str, services: Iterable[str] = ()) -> str:
        """What somebody needs to know who reads of a failure and was not there."""
        parts = [headline, ""]
        for service in services:
            parts += [f"== {service}, as Headcount sees it", *self._described(service)]
            parts += [f"== {service}, as ECS sees it", *(_task_line(task) for task in self.ever(service)[-15:])]
        parts += ["== faults", *(json.dumps(fault) for fault in self.faults.describe())]
        for output in DEAD_LETTER_QUEUES:
            parts += [f"== dead letter in {output}: {body[:300]}" for body in self.dead_letters(output)]
        for function in _SHOWN_FUNCTIONS:
            parts += [f"== last lines of {function}", *self._log_lines(function)]
        return "\n".join(parts)

    def _described(self, service: str) -> Iterator[str]:
        answer = self.control("describe", service=f"{CLUSTER}/{service}")
        if not answer["ok"]:
            yield json.dumps(answer["error"])
            return
        known = answer["result"]
        for name in (
            "desiredCount",
            "runningCount",
            "pendingCount",
            "stoppingCount",
            "state",
            "stateReason",
            "deployment",
        ):
            yield f"{name}: {known[name]}"
        for name in ("backoff", "zones", "launches", "nextWake", "decisions", "orphans"):
            yield f"{name}: {json.dumps(known[name])}"
        for task in known["tasks"][:15]:
            yield f"task {task['taskId']} {task['lastStatus']}/{task['desiredStatus']} {task['stopping'] or ''}"

    def _log_lines(self, function: str) -> list[str]:
        lines = [line for line in self.sandbox.logs(function) if line.get("message") or line.get("type")]
        return [_log_line(line) for line in lines[-_LOG_LINES:]]


def _patiently(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Looks, and not again before four times as long as it took: looking must not slow down what is looked at."""
    next_look = 0.0

    def look() -> bool:
        nonlocal next_look
        began = time.monotonic()
        if began < next_look:
            return False
        holds = condition()
        ended = time.monotonic()
        next_look = ended + 4 * (ended - began)
        return holds

    return look


def id_of(task: Mapping[str, Any]) -> str:
    """The id of a task that ECS describes."""
    return str(task["taskArn"]).rpartition("/")[2]


def zones_of(tasks: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tasks' Availability Zones, sorted."""
    return sorted(str(task["availabilityZone"]) for task in tasks)


def _is_ours(task: Mapping[str, Any], service: str) -> bool:
    return task.get("group") == f"headcount:{service}" and str(task.get("startedBy", "")).startswith(STARTED_BY)


def _is_present(record: Mapping[str, Any]) -> bool:
    """Whether it counts: what no pass has recorded is a late event's echo, or its launch is still open."""
    observed = record.get("observed") or {}
    return (
        record["sk"].startswith("task#")
        and "managed" in record
        and observed.get("last_status") == "RUNNING"
        and observed.get("desired_status") == "RUNNING"
        and not record["managed"].get("stop")
    )


def _runs(process: psutil.Process, service: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.cmdline() == runs_for_ever(service)
    except psutil.NoSuchProcess:
        return False


def _plain(item: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {name: _value(value) for name, value in item.items()}


def _value(value: Mapping[str, str]) -> Any:
    text = next(iter(value.values()))
    if "N" in value:
        return float(text)
    return json.loads(text) if text[:1] in ("{", "[") else text


def _hundreds(arns: Sequence[str]) -> Iterator[Sequence[str]]:
    return (arns[first : first + 100] for first in range(0, len(arns), 100))


def _task_line(task: Mapping[str, Any]) -> str:
    reason = shlex.quote(str(task.get("stoppedReason", "")))
    states = f"{task['lastStatus']}/{task['desiredStatus']} v{task['version']}"
    return f"{id_of(task)} {states} {task.get('availabilityZone')} {reason}"


def _log_line(line: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={str(line[name])[:400]}" for name in _SHOWN_FIELDS if line.get(name) is not None)
