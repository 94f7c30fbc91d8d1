"""One check a parser: it raises nothing but what it declares, soon, in few words; and what it accepts, others can use.

A check raises ``AssertionError``, or what the parser should not have raised.
"""

import json
import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from aws_lambda_powertools import Logger

from builders import INSTALL, NOW, SERVICE, a_declared_service, a_service
from fuzzing.tables import AnsweringClient, RememberingClient, a_controller, a_store
from headcount import answers, events, scaling_triggers, stories, triggers
from headcount.aws import history, records, service_records
from headcount.aws.dynamodb_control import ControlTable
from headcount.aws.invoking import InvokedLoadBalancerRequests, InvokedScalingRequests
from headcount.aws.sqs import SqsKicks, SqsScalingTimers, SqsTimers
from headcount.errors import NewerSchema, Poisoned
from headcount.handlers import asked, each_record
from headcount.messages import AlarmChanged, LookRequest, ScalingRequest
from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import canonical_document, parse_manifest
from headcount.model.problem import Problem
from headcount.model.service import ServiceState
from headcount.model.task import ManagedTask
from headcount.model.values import replace, without_defaults
from headcount.observing import Observer, TargetAlarm
from headcount.planning.plan import plan
from headcount.ports.tasks import Sighting
from headcount.settings import WrongSettings, read_settings
from headcount_cli.documents import UnreadableDocument, read_documents
from headcount_cli.durations import LONGEST, format_seconds, parse_duration
from headcount_cli.times import ago, parse_time, when
from headcount_cli.yaml_reading import DEEPEST_NESTING
from unit.planning.promises import broken_promises

SOON_SECONDS = 3.0  # of processor time, on a slow machine; a parser takes milliseconds
LARGEST_ANSWER = 6 * 1024 * 1024  # AWS Lambda quotas: synchronous invocation payload
LARGEST_RECORD = 400 * 1024  # Amazon DynamoDB quotas: item size
LARGEST_OBSERVED = 100 * 1024  # many tasks are read at a time
LONGEST_SORT_KEY = 1024  # bytes; the same quotas
DIGITS = 38  # of a number in Amazon DynamoDB
LONGEST_PROBLEM = 2200
LONGEST_LOG_LINE = 16 * 1024
ERROR_TYPES = frozenset(
    {
        *("InvalidRequest", "InvalidManifest", "UnsupportedVersion", "ServiceNotFound", "ServiceDeleting", "Conflict"),
        "Unavailable",
    }
)


@contextmanager
def _soon() -> Iterator[None]:
    before = time.thread_time()
    yield
    took = time.thread_time() - before
    assert took < SOON_SECONDS, f"took {took:.1f} s of processor time"


def _tried(read: Callable[[], Any], *declared: type[Exception]) -> Any:
    """What was understood, or the error that the parser declares; in either case soon."""
    with _soon():
        try:
            return read()
        except declared as error:
            return error


def _sent(value: object) -> bytes:
    """As Lambda's runtime sends an answer, and as a table or a queue takes text: JSON's numbers, real characters."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _check_words(*errors: object) -> None:
    for error in errors:
        said = str(error)
        said.encode()
        assert said.strip(), "an error says nothing"
        assert len(said) <= LONGEST_PROBLEM, f"an error of {len(said)} characters: {said[:200]}..."


# -- events and messages ----------------------------------------------------------------------------------------------


def check_event(event: object) -> None:
    """An event is poisoned, or a pass can read what is recorded of it and the service's kick; to scaling, too."""
    woken = _tried(lambda: _woken(event), Poisoned, NewerSchema)
    if isinstance(woken, Exception):
        _check_words(woken)
    else:
        assert len(_sent(scaling_triggers.subject(woken))) < LONGEST_LOG_LINE
    sighting = _tried(lambda: events.told(event, INSTALL), Poisoned)
    if isinstance(sighting, Poisoned):
        _check_words(sighting)
        assert "detail" in str(sighting) or "time" in str(sighting), "the place is named"
        return
    assert len(_sent(events.subject(sighting))) < LONGEST_LOG_LINE
    if isinstance(sighting, Sighting):
        _check_recorded(sighting)
    if isinstance(sighting, Sighting | TargetAlarm) and sighting.service is not None:
        _check_told(sighting, sighting.service)


def _check_told(told: Sighting | TargetAlarm, service: str) -> None:
    """The service of a task or of an alarm can be kicked, and the kick says so."""
    client, store = RememberingClient(), a_store()
    kicks = SqsKicks(client, "url", lambda: NOW)
    observer = Observer(store=store, kicks=kicks)
    if isinstance(told, Sighting):
        observer.observe(told)
    else:
        assert observer.suspect(told) in ("kicked", "ignored", "unknown target group")
        assert len(records.number(told.at)["N"]) <= DIGITS
        assert len(records.targets_sort(told.group or "")) < LONGEST_SORT_KEY
    kicks.kick(service, None, "again", told.at)  # whether or not it matters
    for body in client.bodies:
        assert triggers.kick({"messageId": "1", "body": body}).service == service


def _check_recorded(sighting: Sighting) -> None:
    managed = ManagedTask(deployment="dep-1", launched_at=NOW - 60.0, zone="zone-a")
    item = {
        **records.key(SERVICE, records.TASK + sighting.task_id),
        "observed": records.document(sighting.observed),
        "version": records.number(sighting.observed.version),
        "managed": records.document(managed),
    }
    assert len(item["observed"]["S"].encode()) < LARGEST_OBSERVED
    assert len(item["version"]["N"]) <= DIGITS
    state = service_records.read_state(SERVICE, INSTALL, [item])
    assert [task.observed for task in state.tasks] == [sighting.observed], "what was recorded is what is read"
    _check_usable(a_service(*state.tasks))


def check_messages(texts: Sequence[str]) -> None:
    """In a batch exactly the messages that cannot be read fail, whatever stands in the others."""
    for read in (triggers.kick, triggers.timer):
        expected, seen = {str(number) for number, text in enumerate(texts) if not _check_message(read, text)}, []
        batch = {"Records": [{"messageId": str(number), "body": text} for number, text in enumerate(texts)]}
        with _soon():
            answer = each_record(batch, _LOGGER, lambda record, read=read, seen=seen: seen.append(read(record)))
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert sorted(failed) == sorted(expected), f"{failed} failed, {expected} should"
        assert len(seen) + len(failed) == len(texts)
    for text in texts:
        _check_invocation(text)


def _check_invocation(text: str) -> None:
    """The same of what functions are invoked with."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return  # Lambda hands JSON on, and nothing else
    for read in (triggers.load_balancer_request, _woken):
        understood = _tried(lambda read=read: read(event), Poisoned, NewerSchema)
        if isinstance(understood, Exception):
            _check_words(understood)
            continue
        client = RememberingClient()
        if isinstance(understood, LookRequest):
            InvokedLoadBalancerRequests(client, "function").ask(understood.service)
            assert read(json.loads(client.bodies[0])) == understood
        elif isinstance(understood, ScalingRequest) and understood.action is None:
            InvokedScalingRequests(client, "function").ask(understood.service, understood.cause or "again")
            again = read(json.loads(client.bodies[0]))
            assert again == replace(understood, cause=understood.cause or "again")


def _woken(event: object) -> ScalingRequest | AlarmChanged:
    return scaling_triggers.woken(event, INSTALL)


def _check_message(read: Any, text: str) -> bool:
    """Whether the message can be read; if so, a message made of what was understood says the same."""
    understood = _tried(lambda: read({"messageId": "1", "body": text}), Poisoned, NewerSchema)
    if isinstance(understood, Exception):
        _check_words(understood)
        return False
    client = RememberingClient()
    if isinstance(understood, triggers.Request):
        assert all(at is None or math.isfinite(at) for at in (understood.event_at, understood.sent_at))
        sent_at = NOW if understood.sent_at is None else understood.sent_at
        SqsKicks(client, "url", lambda: sent_at).kick(understood.service, None, "again", understood.event_at)
        understood = replace(understood, sent_at=sent_at)
    else:
        timers = SqsScalingTimers(client, "url") if understood.of_scaling else SqsTimers(client, "url")
        timers.wake(understood.service, understood.at, understood.at)
    assert read({"messageId": "1", "body": client.bodies[0]}) == understood
    return True


class _Lines(logging.Handler):
    """Takes log lines as Lambda would, and keeps none."""

    def emit(self, record: logging.LogRecord) -> None:
        assert len(self.format(record).encode()) < LONGEST_LOG_LINE


_LOGGER = Logger(service="fuzzing", logger_handler=_Lines())


# -- manifests --------------------------------------------------------------------------------------------------------


def check_manifest(document: object) -> None:
    """A document is refused with problems that can be sent, or its service can be recorded, read, planned, launched."""
    with _soon():
        parsed = parse_manifest(document)
    if not isinstance(parsed, Manifest):
        _check_problems(parsed)
        return
    canonical = canonical_document(parsed)
    assert parse_manifest(json.loads(_sent(canonical))) == parsed, "the canonical document declares the same"
    declared = a_declared_service(parsed)
    item = {**records.key(parsed.service, records.MANIFEST), "doc": records.document(declared)}
    assert len(item["doc"]["S"].encode()) < LARGEST_RECORD
    state = service_records.read_state(parsed.service, INSTALL, [item])
    assert state.declared == declared, "what was recorded is what is read"
    _check_usable(a_service(declared=declared, desired=parsed.starting_count, service=parsed.service))


def _check_problems(problems: Sequence[Problem]) -> None:
    assert problems, "a refusal has at least one problem"
    _check_words(*problems, *(problem.message for problem in problems))
    assert all(problem.path for problem in problems), "every problem names its place"
    assert len(_sent([problem.as_document() for problem in problems])) < LARGEST_ANSWER


def check_file(content: bytes, name: str) -> None:
    """A file is unreadable for reasons with a place each, or its documents are bounded JSON values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        documents = _tried(lambda: read_documents(path), UnreadableDocument)
        if isinstance(documents, UnreadableDocument):
            _check_problems(documents.problems)
            assert all(problem.path.startswith(str(path)) for problem in documents.problems)
            return
    for document in documents:
        assert _depth(document.content) <= DEEPEST_NESTING + 1
        json.dumps(document.content)
        check_manifest(document.content)


def _depth(value: object) -> int:
    deep, level = 0, [value]
    while level:
        deep += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deep


# -- requests ---------------------------------------------------------------------------------------------------------


def check_request(request: object) -> None:
    """Control answers everything, in the shape of the contract, in less than Lambda returns; its records are usable."""
    controller, store, client = a_controller()
    with _soon():
        answer = controller.answer(request)
    _check_answer(answer)
    assert all(len(said) <= 128 for said in asked(request).values())
    for body in client.bodies:
        triggers.kick({"messageId": "1", "body": body})
    for service in tuple(store.partitions):
        state = store.state(service)
        for value in (state.declared, state.capacity, state.operator):
            assert len(records.document(value)["S"].encode()) < LARGEST_RECORD
        _check_usable(state)


def _check_answer(answer: Mapping[str, Any]) -> None:
    assert len(_sent(answer)) < LARGEST_ANSWER
    assert answer["version"] == 1
    if answer["ok"]:
        assert answer.keys() == {"version", "ok", "result"}
        return
    assert answer.keys() == {"version", "ok", "error"}
    error = answer["error"]
    assert error["type"] in ERROR_TYPES, error["type"]
    _check_words(error["message"], *(problem["message"] for problem in error["problems"]))
    assert all(problem.keys() == {"path", "value", "message"} for problem in error["problems"])


# -- records ----------------------------------------------------------------------------------------------------------


def check_records(items: Sequence[Mapping[str, Any]]) -> None:
    """Records are poisoned or newer wherever they are read, or a pass can decide on them and people look at them."""
    table = ControlTable(AnsweringClient(items), "table", INSTALL, lambda: NOW)
    for read in (
        lambda: table.overview([SERVICE]),
        lambda: table.history(SERVICE, 10, None),
        lambda: table.services("prod"),
        lambda: table.next_wake(SERVICE),
        lambda: table.whereabouts("0" * 32),
    ):
        _readable(read)
    state = _readable(lambda: service_records.read_state(SERVICE, INSTALL, items))
    if state is not None:
        _check_usable(state, trustworthy=False)


def _readable(read: Any) -> Any:
    understood = _tried(read, Poisoned, NewerSchema)
    if isinstance(understood, Exception):
        said = str(understood)
        assert "prod" in said or "0" * 32 in said, f"the record is named: {said}"
        return None
    return understood


def _check_usable(state: ServiceState, *, trustworthy: bool = True) -> None:
    """A pass can decide on the state, record what it decided and show it. Promises hold for states that make sense."""
    with _soon():
        decided = plan(state, NOW, 0.5)
    document = records.document(without_defaults(decided.status))
    assert len(document["S"].encode()) < LARGEST_RECORD
    assert service_records.read_status({"doc": document}) == decided.status
    _sent([history.entry(decision, 1, NOW) for decision in decided.decisions])
    if trustworthy:
        broken = broken_promises(state, decided, NOW)
        assert not broken, "; ".join(broken)
    summary = answers.summary(state.service, state.status, state.capacity, state.declared)
    _sent([summary, answers.details(state, NOW), stories.of_service(state, NOW)])
    _sent([stories.of_task(task.task_id, state, NOW) for task in state.tasks])


# -- words on the command line, in answers and in the environment -----------------------------------------------------


def check_words(text: str) -> None:
    """Durations, times and settings are understood or refused; what is shown of them is text."""
    with _soon():
        _check_duration(text)
        _check_time(text)
        _check_settings(text)


def _check_duration(text: str) -> None:
    try:
        duration = parse_duration(text)
    except typer.BadParameter:
        return
    assert 1 <= duration.total_seconds() <= LONGEST.total_seconds()
    again = parse_duration(format_seconds(duration.total_seconds(), units=4).replace(" ", ""))
    assert again <= duration, "what is shown is never more than what was said"


def _check_time(text: str) -> None:
    now = parse_time(NOW)
    assert now is not None
    for value in (text, _number(text)):
        at = parse_time(value)
        assert at is None or at.tzinfo is not None
        assert when(value, now)
        assert ago(value, now)


def _number(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _check_settings(text: str) -> None:
    for name in ("INSTALL", "HISTORY_DAYS", "CLUSTERS", "METRICS_PER_SERVICE"):
        settings = _tried(lambda name=name: read_settings(environment={f"HEADCOUNT_{name}": text}), WrongSettings)
        if isinstance(settings, WrongSettings):
            assert f"HEADCOUNT_{name}" in str(settings)
        else:
            assert settings.history_days >= 1
            assert all(cluster.strip() == cluster != "" for cluster in settings.clusters)
