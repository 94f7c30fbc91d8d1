"""The sizes that the simulation counts are those of the records that the adapters really write."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import (
    NOW,
    SERVICE,
    a_capacity,
    a_declared_service,
    a_launch,
    a_lost_task,
    a_service,
    a_status,
    a_task,
)
from headcount.aws import history, records
from headcount.aws.dynamodb_reconcile import ReconcileTable
from headcount.model.service import Decision
from headcount.model.task import Task
from headcount.planning.plan import plan
from headcount.ports.tasks import Sighting
from headcount_simulation.partitions import StatusRecord, TaskRecord
from headcount_simulation.sizes import (
    capacity_bytes,
    history_bytes,
    launch_bytes,
    manifest_bytes,
    status_bytes,
    task_bytes,
    where_bytes,
)

CLOSE = 12  # bytes: numbers are counted by their digits


class Taking:
    """A client that takes what is written and keeps it as items."""

    def __init__(self) -> None:
        self.items: list[Mapping[str, Any]] = []

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        for one in TransactItems:
            if "Put" in one:
                self.items.append(one["Put"]["Item"])
            elif "Update" in one:
                self.items.append(_set_by(one["Update"]))
        return {}


def _set_by(update: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item that an update leaves behind, where there was none before."""
    names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
    assigned = update["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")[0]
    item = dict(update["Key"])
    for clause in assigned.replace("if_not_exists(", "").replace(")", "").split(", #"):
        name, _, value = clause.partition(" = ")
        item[names["#" + name.removeprefix("#")]] = values[":" + value.rpartition(":")[2]]
    return item


def size_of(item: Mapping[str, Any]) -> int:
    """DynamoDB's own count: names and values in UTF-8; a number is a byte for two digits, and one."""
    size = 0
    for name, value in item.items():
        ((kind, text),) = value.items()
        digits = len(text.replace(".", "").replace("-", "").strip("0"))
        size += len(name) + (len(text.encode()) if kind == "S" else (digits + 1) // 2 + 1)
    return size


@pytest.fixture
def client() -> Taking:
    return Taking()


@pytest.fixture
def table(client: Taking) -> ReconcileTable:
    return ReconcileTable(client, "table", "main", lambda: NOW)


def _record(task: Task) -> TaskRecord:
    return TaskRecord(observed=task.observed, version=task.observed.version, managed=task.managed)


def test_a_plan_s_status_and_launches_and_history(client: Taking, table: ReconcileTable) -> None:
    state = a_service(desired=3)
    decided = plan(state, NOW, 0.5)
    table.commit(state, decided, decided.decisions, NOW)
    status, launch, history = client.items
    told = StatusRecord(pass_number=state.pass_number, document=decided.status)
    missing = size_of({"pass": records.number(state.pass_number), "cluster": records.text("prod")})
    assert abs(size_of(status) + missing - status_bytes(SERVICE, told)) <= CLOSE
    started = decided.actions[0].launch
    assert abs(size_of(launch) - launch_bytes(SERVICE, started)) <= CLOSE
    assert abs(size_of(history) - history_bytes(SERVICE, "plan000", decided.decisions)) <= CLOSE


def test_a_task_and_where_it_belongs(client: Taking, table: ReconcileTable) -> None:
    task = a_task("0123456789abcdef0123456789abcdef")
    launch = a_launch()
    table.record_launch(SERVICE, launch, [Sighting(task_id=task.task_id, observed=task.observed, service=SERVICE)])
    written, where = client.items
    counted = task_bytes(SERVICE, task.task_id, _record(task))
    assert abs(size_of(written) - counted) <= 60, "the launch's own words on its tasks differ from the builder's"
    assert abs(size_of(where) - where_bytes(SERVICE, task.task_id, task.observed.launch)) <= CLOSE


def test_a_lost_task_is_larger_by_what_ecs_said() -> None:
    alive, lost = a_task("a"), a_lost_task("a")
    assert task_bytes(SERVICE, "a", _record(lost)) > task_bytes(SERVICE, "a", _record(alive))


def test_manifest_and_capacity() -> None:
    declared, capacity = a_declared_service(), a_capacity(3)
    item = {
        **records.key(SERVICE, records.MANIFEST),
        "schema": records.number(1),
        "doc": records.document(declared),
        "generation": records.number(1),
        "cluster": records.text("prod"),
    }
    assert abs(size_of(item) - manifest_bytes(SERVICE, declared)) <= CLOSE
    item = {
        **records.key(SERVICE, records.CAPACITY),
        "schema": records.number(1),
        "doc": records.document(capacity),
        "revision": records.number(1),
    }
    assert abs(size_of(item) - capacity_bytes(SERVICE, capacity, 1)) <= CLOSE


def test_a_long_reason_counts_as_much_of_it_as_is_kept() -> None:
    said = Decision(kind="hold", reason="x" * 5_000)
    item = history.history_item(SERVICE, 1_790_000_000_000, "plan000", [said], NOW, 30)
    assert abs(size_of(item) - history_bytes(SERVICE, "plan000", [said])) <= CLOSE


def test_the_status_of_a_service_is_a_kilobyte_or_two() -> None:
    assert 200 < status_bytes(SERVICE, StatusRecord(pass_number=1_790_000_000_000, document=a_status())) < 2048
