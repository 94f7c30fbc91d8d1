"""The world around a parser: a small service in memory, and clients that answer with given items or remember."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from builders import (
    INSTALL,
    NOW,
    TASK_DEFINITION,
    a_capacity,
    a_declared_service,
    a_manifest,
    a_status,
    a_task,
    zones_named,
)
from fakes.native import InMemorySurroundings
from fakes.registry import InMemoryRegistry
from fakes.scaling import InMemoryNativeServices
from fakes.store import InMemoryStore, Partition, StatusRecord, TaskRecord
from fuzzing.samples import TARGET_GROUP
from headcount.aws.sqs import SqsKicks
from headcount.controlling import Controller
from headcount.model.service import Decision, OperatorWishes
from headcount_simulation.partitions import TargetsRecord

ZONE_OF_SUBNET = {"subnet-0a1b2c3d4e5f60718": "zone-a", "subnet-0b2c3d4e5f6071829": "zone-b"}
TASK_IDS = tuple(f"{number:032x}" for number in range(3))


class RememberingClient:
    """An SQS and a Lambda that take everything; ``bodies`` are the messages that were sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message(self, *, MessageBody: str, **_: Any) -> dict[str, Any]:  # noqa: N803  boto3's own name
        MessageBody.encode()
        self.bodies.append(MessageBody)
        return {}

    def invoke(self, *, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803  boto3's own name
        self.bodies.append(Payload.decode())
        return {}


class AnsweringClient:
    """A DynamoDB that answers every question with the same items."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        self.items = list(items)

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": self.items}

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.items[0]} if self.items else {}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {"table": self.items}}


@cache
def _declared() -> Any:
    return a_declared_service(a_manifest(subnets=tuple(ZONE_OF_SUBNET)), zones=zones_named("zone-a"))


def a_store() -> InMemoryStore:
    """A table with one service, ``prod/web``, of three tasks, and a little history."""
    store = InMemoryStore(lambda: NOW, INSTALL)
    tasks = {one: TaskRecord(observed=a_task(one).observed, version=3, managed=a_task(one).managed) for one in TASK_IDS}
    store.partitions["prod/web"] = Partition(
        manifest=_declared(),
        capacity=(a_capacity(3), 1),
        operator=(OperatorWishes(), 1),
        status=StatusRecord(pass_number=1, document=a_status()),
        tasks=tasks,
        targets={TARGET_GROUP: TargetsRecord(managed=())},
    )
    for number in range(3):
        store.write_history("prod/web", number, "plan000", (Decision(kind="hold", reason="full"),), NOW - number)
    store.where.update(dict.fromkeys(TASK_IDS, ("prod/web", "launch-closed")))
    return store


def a_controller() -> tuple[Controller, InMemoryStore, RememberingClient]:
    """``control`` over such a table, and the queue that its kicks go to."""
    store, client = a_store(), RememberingClient()
    controller = Controller(
        store=store,
        kicks=SqsKicks(client, "url", lambda: NOW),
        registry=InMemoryRegistry({"web:12": TASK_DEFINITION}, ZONE_OF_SUBNET),
        native=InMemoryNativeServices(),
        surroundings=InMemorySurroundings(),
        clock=lambda: NOW,
        new_id=lambda: "identity",
        clusters=("prod", "staging"),
    )
    return controller, store, client
