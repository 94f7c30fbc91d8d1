"""What only ``keep_load_balancers`` reads and writes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from headcount.aws import records
from headcount.aws.dynamodb import ServiceTable
from headcount.aws.history import history_put
from headcount.aws.records import document, key, number
from headcount.aws.service_records import read_balancing, read_declared
from headcount.aws.target_records import read_targets
from headcount.aws.task_records import read_task
from headcount.errors import Conflict
from headcount.model.service import Decision
from headcount.model.target import Balancing
from headcount.model.values import replace
from headcount.ports.keeping import BalancingRecords


class BalancingTable(ServiceTable):
    """The ``BalancingStore`` on DynamoDB.

    The record's JSON stands in an attribute of its own, so that the function's role can be kept from all plans.
    """

    def read(self, service: str) -> BalancingRecords | None:
        """The records but the tasks, in one query; whether there are tasks is asked only of a service that ends."""
        single: dict[str, Mapping[str, Any]] = {}
        launches = 0
        registered: set[str] = set()
        with records.readable(f"a record of service {service}"):
            for item in self.between(service, records.BALANCING, f"{records.TARGETS}~"):
                records.check_schema(item)
                sort = item["sk"]["S"]
                if sort.startswith(records.TARGETS):
                    targets = read_targets(item)
                    registered.update({targets.group} if targets.registrations else ())
                elif sort.startswith(records.LAUNCH):
                    launches += 1
                else:
                    single[sort] = item
            declared = read_declared(single.get(records.MANIFEST))
            if declared is None:
                return None
            found = single.get(records.BALANCING, {})
            return BalancingRecords(
                declared=declared,
                balancing=read_balancing(found) or Balancing(),
                revision=records.read_integer(found, "revision"),
                registered=frozenset(registered),
                busy=declared.deleting_at is not None and (launches > 0 or self._has_tasks(service)),
                seen_generation=records.read_integer(single.get(records.STATUS, {}), "generation"),
            )

    def _has_tasks(self, service: str) -> bool:
        tasks = (read_task(item) for item in self.between(service, records.TASK, f"{records.TASK}~"))
        return any(task is not None and task.observed.last_status != "STOPPED" for task in tasks)

    def write(self, before: BalancingRecords, balancing: Balancing, history: Sequence[Decision], now: float) -> int:
        """The record and the history in one transaction, if neither the record nor the manifest changed.

        That nothing else is new is written by itself, at a fourth of the price: services are looked at all day.
        """
        service = before.declared.manifest.service
        revision = (before.revision or 0) + 1
        record = self._record_update(service, balancing, before.revision, revision)
        if not history and replace(balancing, checked_at=0.0) == replace(before.balancing, checked_at=0.0):
            if self._update_if(record["Update"]) is not None:
                raise Conflict("the record changed at this moment")
            return revision
        writes = [record, self._same_manifest(service, before.declared.generation)]
        if history:
            writes.append(history_put(self, service, 0, f"balancing-{uuid.uuid4().hex[:8]}", history, now))
        self.write_together(writes, "the record or the manifest changed at this moment")
        return revision

    def _record_update(self, service: str, balancing: Balancing, before: int | None, revision: int) -> dict[str, Any]:
        values = {":b": document(balancing), ":r": number(revision), ":s": number(records.SCHEMA)}
        condition = "attribute_not_exists(#r)"
        if before is not None:
            condition, values[":before"] = "#r = :before", number(before)
        return {
            "Update": {
                "TableName": self.table,
                "Key": key(service, records.BALANCING),
                "UpdateExpression": "SET #b = :b, #r = :r, #s = :s",
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#b": "balancing", "#r": "revision", "#s": "schema"},
                "ExpressionAttributeValues": values,
            }
        }

    def _same_manifest(self, service: str, generation: int) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": key(service, records.MANIFEST),
                "ConditionExpression": "generation = :g",
                "ExpressionAttributeValues": {":g": number(generation)},
            }
        }
