"""Valid and nearly valid inputs to begin with: the files of ``events/``, and what the table holds of a service."""

import json
from pathlib import Path
from typing import Any

from builders import (
    LONG_AGO,
    NOW,
    SERVICE,
    ZONES,
    a_backoff,
    a_capacity,
    a_declared_service,
    a_deployment,
    a_dying_task,
    a_failed_task,
    a_launch,
    a_manifest,
    a_status,
    a_task,
    a_throttle,
    a_zone_refusal,
    zones_named,
)
from headcount.aws import records
from headcount.aws.records import Item, document, key, number, text
from headcount.model.fingerprints import scaling_fingerprint
from headcount.model.manifest import LoadBalancer
from headcount.model.scaling_record import KnownAction, LastDecision, ScalingRecord, UnsetCount
from headcount.model.scaling_state import Activity, Ask, RunningCount, ScalingState
from headcount.model.service import Decision, DeclaredService, OperatorWishes, Protection
from headcount.model.target import Balancing, KnownGroup, OwnedResource, Registration, TargetHealth, TargetsSeen
from headcount.model.task import StopIntent, Task
from headcount_cli.documents import read_documents

EVENTS = Path(__file__).parents[2] / "events"
TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09"
EXAMPLES = Path(__file__).parents[2] / "examples"

_BALANCED = ("web-behind-alb.yaml", "behind-nlb.yaml", "declared-alb.yaml")


def events(folder: str) -> list[Any]:
    """Every file of ``events/<folder>``."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((EVENTS / folder).glob("*.json"))]


def bodies(folder: str) -> list[Any]:
    """The messages in the events of a queue, those that are JSON."""
    texts = [record["body"] for event in events(folder) for record in event["Records"]]
    return [json.loads(text) for text in texts if text.endswith("}")]


def alarms() -> list[Any]:
    """Alarms that change, as ``decide_scaling`` hears of them."""
    return [event for event in events("decide_scaling") if "detail-type" in event]


def requests_to_look() -> list[Any]:
    """What functions and schedules invoke ``keep_load_balancers`` and ``decide_scaling`` with."""
    asked = [event for event in events("decide_scaling") if "detail-type" not in event]
    return [*events("keep_load_balancers"), *asked]


def manifests() -> list[Any]:
    """Manifests that people might write."""
    applied = [event["manifest"] for event in events("control") if "manifest" in event]
    rich = {
        **applied[0],
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        "deadlines": {"pendingSeconds": 60},
        "scaleIn": {"prefer": ["unhealthy", "newest"]},
        "platformVersion": "1.4.0",
        "enableExecuteCommand": True,
        "propagateTags": "TASK_DEFINITION",
        "tags": [{"key": "team", "value": "shop"}, {"key": "stage"}],
        "overrides": {
            "cpu": "512",
            "taskRoleArn": "arn:aws:iam::123456789012:role/web",
            "containerOverrides": [
                {
                    "name": "web",
                    "command": ["serve", "--fast"],
                    "environment": [{"name": "A", "value": "b"}],
                    "cpu": 128,
                }
            ],
        },
    }
    del rich["launchType"]
    balanced = [document.content for name in _BALANCED for document in read_documents(EXAMPLES / name)]
    return [*applied, rich, *balanced]


def files() -> list[bytes]:
    """Manifests as files: the examples, and JSON."""
    written = [path.read_bytes() for path in sorted(EXAMPLES.rglob("*.yaml"))]
    return [*written, *(json.dumps(manifest, indent=1).encode() for manifest in manifests())]


def requests() -> list[Any]:
    """Requests to ``control``, those of ``events/`` and some that follow them."""
    more = [
        {"version": 1, "operation": "events", "service": "web", "limit": 2, "before": f"event#{NOW:017.6f}#1#plan000"},
        {"version": 1, "operation": "protect", "service": SERVICE, "tasks": ["0" * 32], "expiresInMinutes": 0},
        {"version": 1, "operation": "why", "target": "0" * 32},
        {"version": 1, "operation": "scale", "service": "web", "desiredCount": 0, "by": "alice"},
    ]
    return [*events("control"), *more]


def partition() -> list[Item]:
    """The records of a service in the midst of things: every kind of record, every part of each."""
    busy = a_status(
        decisions=(Decision(kind="hold", reason="full", level="WARN", task="task-1", deployment="dep-1"),),
        deployments=(a_deployment(),),
        backoff=a_backoff(),
        zones=(a_zone_refusal(ZONES[0]),),
        throttle=a_throttle(),
        steady_since=LONG_AGO,
        next_wake=NOW + 5.0,
    )
    wishes = OperatorWishes(protections=(Protection(task="task-1", until=NOW + 60.0, by="alice"),))
    balancer = LoadBalancer(container_name="web", container_port=8080, target_group=TARGET_GROUP)
    scaling = {"minCapacity": 1, "maxCapacity": 9}
    manifest = a_manifest(tags=(("team", "shop"),), load_balancers=(balancer,), scaling=scaling)
    declared = a_declared_service(manifest, zones=zones_named(*ZONES))
    return [
        _single(records.MANIFEST, declared, generation=number(1), cluster=text("prod")),
        _single(records.CAPACITY, a_capacity(3), revision=number(2)),
        _single(records.OPERATOR, wishes, revision=number(1)),
        _single(
            records.STATUS,
            busy,
            nextWake=number(NOW + 5.0),
            generation=number(1),
            **{"pass": number(1_790_000_000_001)},
        ),
        _single(f"{records.LAUNCH}launch-open", a_launch("launch-open")),
        _balancing(),
        _scaling(declared),
        _targets(),
        *(
            _task_item(task)
            for task in (
                a_task("task-1", health="HEALTHY"),
                a_task("task-2", stop=StopIntent(at=NOW - 5.0, reason="scale in")),
                a_dying_task("task-3", confirmed_at=NOW - 60.0),
                a_failed_task("task-4"),
                a_task("task-5", deployment=None),
            )
        ),
    ]


def _balancing() -> Item:
    known = KnownGroup(key=TARGET_GROUP, arn=TARGET_GROUP, load_balancers=("arn:balancer",))
    owned = OwnedResource(kind="alarm", key="web", arn="arn:alarm")
    balancing = Balancing(
        generation=1, checked_at=NOW - 60.0, groups=(known,), owned=(owned,), problems=("listener 80 is another's",)
    )
    return {
        **key(SERVICE, records.BALANCING),
        "schema": number(records.SCHEMA),
        "balancing": document(balancing),
        "revision": number(1),
    }


def _scaling(declared: DeclaredService) -> Item:
    """A service that scaled out a minute ago."""
    activity = Activity(
        policy="cpu", at=NOW - 60.0, baseline=2, before=2, after=3, cooldown=300, measured_at=NOW - 120.0
    )
    asked = Ask(policy="cpu", outcome="out", count=3, reason="80 with 2 tasks", value=80.0, restless=True)
    last = LastDecision(at=NOW - 60.0, before=2, count=3, reason="80 with 2 tasks", policy="cpu", asked=(asked,))
    record = ScalingRecord(
        declared=scaling_fingerprint(declared),
        bounds=(1, 9),
        state=ScalingState(
            activities=(activity,), running=(RunningCount(at=LONG_AGO, count=2),), fired=(("night", 1.0),)
        ),
        actions=(KnownAction(name="night", mark="0123456789abcdef", since=LONG_AGO),),
        alarms=("headcount/main/scaling/web/cpu/high/0123456789ab",),
        schedules=("scaling-0",),
        watched=("mine",),
        problems=("there is no alarm mine",),
        held="paused by alice",
        unset=UnsetCount(before=2, count=3),
        looked_at=NOW - 60.0,
        changed=last,
        latest=last,
        next_look_at=NOW,
    )
    return {
        **key(SERVICE, records.SCALING),
        "schema": number(records.SCHEMA),
        "scaling": document(record),
        "revision": number(1),
        "nextLook": number(NOW),
    }


def _targets() -> Item:
    """The first task is in rotation, the second leaves it, the third is to get in."""
    entries = (
        Registration(task="task-1", target="10.0.0.1", port=8080, at=LONG_AGO, registered_at=LONG_AGO),
        Registration(
            task="task-2",
            target="10.0.0.2",
            port=8080,
            at=LONG_AGO,
            registered_at=LONG_AGO,
            leaving_at=NOW - 5.0,
            because="scale in",
            left_at=NOW - 4.0,
        ),
        Registration(task="task-5", target="10.0.0.5", port=8080, at=NOW - 2.0),
    )
    health = (
        TargetHealth(target="10.0.0.1", port=8080, state="unhealthy", reason="Target.Timeout", since=NOW - 30.0),
        TargetHealth(target="10.0.0.2", port=8080, state="draining", since=NOW - 3.0),
        TargetHealth(target="10.9.9.9", port=80, state="healthy", since=LONG_AGO),
    )
    return {
        **key(SERVICE, records.targets_sort(TARGET_GROUP)),
        "schema": number(records.SCHEMA),
        "group": text(TARGET_GROUP),
        "managed": document(entries),
        "observed": document(TargetsSeen(seen_at=NOW - 3.0, targets=health, foreign=1)),
        "seenAt": number(NOW - 3.0),
        "suspectAt": number(NOW - 60.0),
    }


def _single(sort: str, value: object, **attributes: Any) -> Item:
    return {**key(SERVICE, sort), "schema": number(records.SCHEMA), "doc": document(value), **attributes}


def _task_item(task: Task) -> Item:
    item: Item = {
        **key(SERVICE, records.TASK + task.task_id),
        "schema": number(records.SCHEMA),
        "observed": document(task.observed),
        "version": number(task.observed.version),
    }
    if task.managed:
        item["managed"] = document(task.managed)
    if task.health:
        item["health"] = document(task.health)
    if task.confirmed_at:
        item["confirmedAt"] = number(task.confirmed_at)
    return item


WORDS: tuple[str, ...] = (
    *("90s", "10m", "2h", "1h30m", "7d", "0s", "8d", "1d1d", "999999999d", "1 h", "-1s", "1.5h", "s"),
    *(
        "2026-03-02T10:00:31Z",
        "2026-03-02T10:00:31.208+01:00",
        "2026-03-02",
        "20260302T100031",
        "9999-12-31T23:59:59-23:59",
    ),
    *(
        "0001-01-01T00:00:00+23:59",
        "1790000000",
        "1e308",
        "nan",
        "prod/web",
        "web",
        "a/b/c",
        "main",
        "prod,staging",
        "30",
        "true",
    ),
)
