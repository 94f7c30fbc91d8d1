"""What only ``control`` reads and writes."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws import records
from headcount.aws.dynamodb import CONFLICT_TRIES, ServiceTable, cancellation
from headcount.aws.failures import error_code
from headcount.aws.records import document, key, number, text
from headcount.errors import Conflict, TransientError
from headcount.model.service import Capacity, Decision, DeclaredService, OperatorWishes, ServiceStatus
from headcount.ports import ServiceRecords

GET_AT_ONCE = 100


class ControlTable(ServiceTable):
    """The ``ControlStore`` on DynamoDB."""

    def read(self, service: str) -> ServiceRecords | None:
        """The whole service; None if nobody declares it and nothing is left of it."""
        items = list(self.partition(service))
        if not items:
            return None
        revisions = {item["sk"]["S"]: records.read_integer(item, "revision") for item in items}
        return ServiceRecords(
            state=records.read_state(service, self.install, items),
            capacity_revision=revisions.get(records.CAPACITY),
            operator_revision=revisions.get(records.OPERATOR),
        )

    def overview(
        self, services: Sequence[str]
    ) -> Mapping[str, tuple[ServiceStatus, Capacity | None, DeclaredService | None]]:
        """Status, capacity and manifest of many services, without their tasks."""
        wanted = [
            key(service, sort) for service in services for sort in (records.STATUS, records.CAPACITY, records.MANIFEST)
        ]
        found: dict[str, dict[str, Mapping[str, Any]]] = {service: {} for service in services}
        for first in range(0, len(wanted), GET_AT_ONCE):
            for item in self._get_all(wanted[first : first + GET_AT_ONCE]):
                records.check_schema(item)
                found[item["pk"]["S"]][item["sk"]["S"]] = item
        return {
            service: (
                records.read_status(parts.get(records.STATUS)),
                records.read_capacity(parts.get(records.CAPACITY)),
                records.read_declared(parts.get(records.MANIFEST)),
            )
            for service, parts in found.items()
        }

    def _get_all(self, keys: Sequence[records.Item]) -> list[Mapping[str, Any]]:
        waiting: dict[str, Any] = {self.table: {"Keys": list(keys), "ConsistentRead": True}}
        items: list[Mapping[str, Any]] = []
        for _ in range(CONFLICT_TRIES):
            answer = self.call("batch_get_item", RequestItems=waiting)
            items.extend(answer["Responses"].get(self.table, ()))
            waiting = answer.get("UnprocessedKeys", {})
            if not waiting:
                return items
        raise TransientError("BatchGetItem left keys unprocessed")

    def put_service(
        self, before: ServiceRecords | None, declared: DeclaredService, capacity: Capacity, entry: Decision, now: float
    ) -> None:
        """Manifest, capacity and history together; ``Conflict`` if either record changed since it was read."""
        service = declared.manifest.service
        generation = before.state.declared.generation if before and before.state.declared else None
        manifest = {
            **key(service, records.MANIFEST),
            "schema": number(records.SCHEMA),
            "doc": document(declared),
            "generation": number(declared.generation),
            "cluster": text(declared.manifest.cluster),
        }
        if declared.deleting_at is not None:
            manifest["deleting"] = number(declared.deleting_at)
        self._write(
            [
                self._put_if(manifest, "generation", generation),
                self._capacity_put(service, before, capacity),
                self.history_put(service, 0, f"control-{uuid.uuid4().hex[:8]}", [entry], now),
            ]
        )

    def put_operator(self, before: ServiceRecords, wishes: OperatorWishes, entry: Decision, now: float) -> None:
        """Operators' wishes, as long as the service is not being deleted."""
        service = before.state.service
        revision = before.operator_revision
        item = {
            **key(service, records.OPERATOR),
            "schema": number(records.SCHEMA),
            "doc": document(wishes),
            "revision": number((revision or 0) + 1),
        }
        self._write(
            [
                self._put_if(item, "revision", revision),
                self._still_declared(service, before),
                self.history_put(service, 0, f"control-{uuid.uuid4().hex[:8]}", [entry], now),
            ]
        )

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """Entries newest first. The cursor is the sort key of the last record that was read whole."""
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":p": text(f"{service}#history"),
                ":first": text("event#"),
                ":last": text(before or "event#~"),
            },
            "ScanIndexForward": False,
        }
        entries: list[Mapping[str, Any]] = []
        last: str | None = None
        for item in self.pages(query):
            if item["sk"]["S"] == before:
                continue
            if len(entries) >= limit:
                return tuple(entries), last
            records.check_schema(item)
            entries.extend(reversed(json.loads(item["doc"]["S"])))
            last = item["sk"]["S"]
        return tuple(entries), None

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        """The service that a task belongs or belonged to, and the launch that started it."""
        item = self.call("get_item", TableName=self.table, Key=key(records.TASK + task_id, "where")).get("Item")
        return (item["service"]["S"], item["launch"]["S"]) if item else None

    # -- the parts of a transaction -----------------------------------------------------------------------------------

    def _write(self, writes: list[dict[str, Any]]) -> None:
        try:
            self.call("transact_write_items", TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            if "ConditionalCheckFailed" not in cancellation(error):
                raise TransientError(f"the table did not take it: {error}") from error
            raise Conflict("somebody else changed the service at this moment; try again") from error

    def _capacity_put(self, service: str, before: ServiceRecords | None, capacity: Capacity) -> dict[str, Any]:
        revision = before.capacity_revision if before else None
        item = {
            **key(service, records.CAPACITY),
            "schema": number(records.SCHEMA),
            "doc": document(capacity),
            "revision": number((revision or 0) + 1),
        }
        return self._put_if(item, "revision", revision)

    def _put_if(self, item: Mapping[str, Any], attribute: str, value: int | None) -> dict[str, Any]:
        """Put an item if its attribute still has the value that was read (None: if there is no such item)."""
        put: dict[str, Any] = {"TableName": self.table, "Item": item, "ExpressionAttributeNames": {"#a": attribute}}
        if value is None:
            put["ConditionExpression"] = "attribute_not_exists(#a)"
        else:
            put["ConditionExpression"] = "#a = :a"
            put["ExpressionAttributeValues"] = {":a": number(value)}
        return {"Put": put}

    def _still_declared(self, service: str, before: ServiceRecords) -> dict[str, Any]:
        generation = before.state.declared.generation if before.state.declared else -1
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": key(service, records.MANIFEST),
                "ConditionExpression": "#g = :g AND attribute_not_exists(deleting)",
                "ExpressionAttributeNames": {"#g": "generation"},
                "ExpressionAttributeValues": {":g": number(generation)},
            }
        }
