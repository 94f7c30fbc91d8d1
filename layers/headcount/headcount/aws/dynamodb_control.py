"""What only ``control`` reads and writes."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headcount.aws import records
from headcount.aws.dynamodb import CONFLICT_TRIES, ServiceTable
from headcount.aws.history import history_put, read_entries
from headcount.aws.records import document, key, number, text
from headcount.aws.service_records import (
    read_capacity,
    read_cluster,
    read_declared,
    read_scaling,
    read_state,
    read_status,
)
from headcount.errors import TransientError
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, ClusterWishes, Decision, DeclaredService, OperatorWishes, ServiceStatus
from headcount.ports.controlling import ServiceRecords

GET_AT_ONCE = 100
_CHANGED = "somebody else changed it at this moment; try again"


class ControlTable(ServiceTable):
    """The ``ControlStore`` on DynamoDB."""

    def read(self, service: str) -> ServiceRecords | None:
        """The whole service; None if nobody declares it and nothing is left of it."""
        items = list(self.partition(service))
        if not items:
            return None
        revisions = {item["sk"]["S"]: records.read_integer(item, "revision") for item in items}
        return ServiceRecords(
            state=read_state(service, self.install, items, self.cluster_wishes(service.partition("/")[0])[0].cordons),
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
        for item in self._items(wanted):
            found[item["pk"]["S"]][item["sk"]["S"]] = item
        return {service: _overview(service, parts) for service, parts in found.items()}

    def scaling(self, services: Sequence[str]) -> Mapping[str, ScalingRecord]:
        """What ``decide_scaling`` keeps of services; those that it has not looked at are missing."""
        found: dict[str, ScalingRecord] = {}
        for item in self._items([key(service, records.SCALING) for service in services]):
            service = item["pk"]["S"]
            with records.readable(f"the scaling of service {service}"):
                record = read_scaling(item)
            if record is not None:
                found[service] = record
        return found

    def _items(self, keys: Sequence[records.Item]) -> Iterator[Mapping[str, Any]]:
        for first in range(0, len(keys), GET_AT_ONCE):
            for item in self._get_all(keys[first : first + GET_AT_ONCE]):
                with records.readable(f"a record of service {item['pk']['S']}"):
                    records.check_schema(item)
                yield item

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
        self,
        before: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        now: float,
        wishes: OperatorWishes | None = None,
    ) -> None:
        """Manifest, capacity, wishes and history together; ``Conflict`` if any changed since it was read."""
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
        writes = [
            self._put_if(manifest, "generation", generation),
            self._revised(key(service, records.CAPACITY), capacity, before.capacity_revision if before else None),
            self._asked(service, entry, now),
        ]
        if wishes is not None:
            revision = before.operator_revision if before else None
            writes.append(self._revised(key(service, records.OPERATOR), wishes, revision))
        self.write_together(writes, _CHANGED)

    def cluster_wishes(self, cluster: str) -> tuple[ClusterWishes, int | None]:
        """What operators wish of all services of a cluster, read consistently, and its revision."""
        item = self.record(records.cluster_key(cluster), records.OPERATOR)
        return read_cluster(item), records.read_integer(item, "revision") if item else None

    def put_cluster_wishes(
        self, cluster: str, revision: int | None, wishes: ClusterWishes, entry: Decision, now: float
    ) -> None:
        """What operators wish of a cluster; ``Conflict`` if it changed since it was read."""
        partition = records.cluster_key(cluster)
        put = self._revised(key(partition, records.OPERATOR), wishes, revision)
        self.write_together([put, self._asked(partition, entry, now)], _CHANGED)

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
            with records.readable(f"the history of service {service}, {item['sk']['S']}"):
                records.check_schema(item)
                entries.extend(read_entries(item))
            last = item["sk"]["S"]
        return tuple(entries), None

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        """The service that a task belongs or belonged to, and the launch that started it."""
        item = self.call("get_item", TableName=self.table, Key=key(records.TASK + task_id, "where")).get("Item")
        with records.readable(f"the whereabouts of task {task_id}"):
            return (item["service"]["S"], item["launch"]["S"]) if item else None

    # -- the parts of a transaction -----------------------------------------------------------------------------------

    def _revised(self, where: records.Item, value: object, revision: int | None) -> dict[str, Any]:
        """Put a value whose record counts its changes, if it still has the revision that was read."""
        raised = number((revision or 0) + 1)
        item = {**where, "schema": number(records.SCHEMA), "doc": document(value), "revision": raised}
        return self._put_if(item, "revision", revision)

    def _asked(self, partition: str, entry: Decision, now: float) -> dict[str, Any]:
        return history_put(self, partition, 0, f"control-{uuid.uuid4().hex[:8]}", [entry], now)

    def _put_if(self, item: Mapping[str, Any], attribute: str, value: int | None) -> dict[str, Any]:
        """Put an item if its attribute still has the value that was read (None: if there is no such item)."""
        put: dict[str, Any] = {"TableName": self.table, "Item": item, "ExpressionAttributeNames": {"#a": attribute}}
        if value is None:
            put["ConditionExpression"] = "attribute_not_exists(#a)"
        else:
            put["ConditionExpression"] = "#a = :a"
            put["ExpressionAttributeValues"] = {":a": number(value)}
        return {"Put": put}


def _overview(
    service: str, parts: Mapping[str, Mapping[str, Any]]
) -> tuple[ServiceStatus, Capacity | None, DeclaredService | None]:
    with records.readable(f"a record of service {service}"):
        return (
            read_status(parts.get(records.STATUS)),
            read_capacity(parts.get(records.CAPACITY)),
            read_declared(parts.get(records.MANIFEST)),
        )
