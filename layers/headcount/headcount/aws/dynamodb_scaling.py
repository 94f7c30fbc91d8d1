"""What only ``decide_scaling`` reads and writes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from headcount.aws import records
from headcount.aws.dynamodb import ServiceTable
from headcount.aws.history import history_put
from headcount.aws.records import document, key, number, text
from headcount.aws.service_records import read_capacity, read_declared, read_operator, read_scaling, read_status
from headcount.errors import Conflict
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, DeclaredService
from headcount.model.values import replace
from headcount.ports.scaling import ScalingRecords, ScalingWrite


class ScalingTable(ServiceTable):
    """The ``ScalingStore`` on DynamoDB.

    The record's JSON stands in an attribute of its own, so that the function's role can be kept from all plans.
    """

    def read(self, service: str) -> ScalingRecords | None:
        """The records but tasks and targets, in one query: how many tasks run is what the last pass counted."""
        single: dict[str, Mapping[str, Any]] = {}
        with records.readable(f"a record of service {service}"):
            for item in self.between(service, records.CAPACITY, records.STATUS):
                records.check_schema(item)
                single[item["sk"]["S"]] = item
            declared = read_declared(single.get(records.MANIFEST))
            if declared is None:
                return None
            status, counted = read_status(single.get(records.STATUS)), single.get(records.STATUS, {})
            capacity, scaling = single.get(records.CAPACITY), single.get(records.SCALING, {})
            return ScalingRecords(
                declared=declared,
                capacity=read_capacity(capacity) or _lost(declared),
                operator=read_operator(single.get(records.OPERATOR)),
                scaling=read_scaling(scaling) or ScalingRecord(),
                running=status.counts.running,
                leaving=status.counts.stopping,
                settled_at=status.steady_since,
                deploying=status.is_deploying(declared.deployment),
                seen_count=status.counts.desired if status.generation else None,
                next_wake=records.read_number(counted, "nextWake"),
                revision=records.read_integer(scaling, "revision"),
                capacity_revision=records.read_integer(capacity or {}, "revision"),
            )

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        """The record alone, at a fourth of the price, where nothing else is new: services are looked at all day."""
        service = before.declared.manifest.service
        revision = (before.revision or 0) + 1
        record = self._record_update(service, write.scaling, before.revision, revision)
        after = replace(before, scaling=write.scaling, revision=revision)
        if not write.depends_on_manifest(before):
            if self._update_if(record) is not None:
                raise Conflict("the record changed at this moment")
            return after
        writes = [{"Update": record}, self._same_manifest(service, before.declared.generation)]
        if write.capacity is not None:
            raised = (before.capacity_revision or 0) + 1
            writes.append({"Update": self._capacity_update(service, write.capacity, before.capacity_revision, raised)})
            after = replace(after, capacity=write.capacity, capacity_revision=raised)
        if write.history:
            writes.append(history_put(self, service, 0, f"scaling-{uuid.uuid4().hex[:8]}", write.history, now))
        self.write_together(writes, "the record, the count or the manifest changed at this moment")
        return after

    def watchers(self, alarm: str) -> tuple[str, ...]:
        """The services that a user's alarm wakes."""
        query = {
            "TableName": self.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": text(records.ALARM + alarm)},
        }
        return tuple(item["sk"]["S"].removeprefix(records.WATCH) for item in self.pages(query))

    def watch(self, service: str, alarms: Sequence[str], before: Sequence[str]) -> None:
        """One record an alarm and service."""
        for alarm in alarms:
            item = {**key(records.ALARM + alarm, records.WATCH + service), "schema": number(records.SCHEMA)}
            self.call("put_item", TableName=self.table, Item=item)
        for alarm in before:
            if alarm not in alarms:
                self.call("delete_item", TableName=self.table, Key=key(records.ALARM + alarm, records.WATCH + service))

    # -- the parts of a transaction -----------------------------------------------------------------------------------

    def _record_update(self, service: str, scaling: ScalingRecord, before: int | None, revision: int) -> dict[str, Any]:
        values = {":d": document(scaling), ":r": number(revision), ":s": number(records.SCHEMA)}
        expression = "SET #d = :d, #r = :r, #s = :s"
        if scaling.next_look_at is None:
            expression += " REMOVE #n"
        else:
            expression += ", #n = :n"
            values[":n"] = number(scaling.next_look_at)
        names = {"#d": "scaling", "#r": "revision", "#s": "schema", "#n": "nextLook"}
        return self._update_of(service, records.SCALING, expression, names, values, before)

    def _capacity_update(self, service: str, capacity: Capacity, before: int | None, revision: int) -> dict[str, Any]:
        values = {":d": document(capacity), ":r": number(revision), ":s": number(records.SCHEMA)}
        names = {"#d": "doc", "#r": "revision", "#s": "schema"}
        return self._update_of(service, records.CAPACITY, "SET #d = :d, #r = :r, #s = :s", names, values, before)

    def _update_of(
        self,
        service: str,
        sort: str,
        expression: str,
        names: dict[str, str],
        values: dict[str, dict[str, str]],
        before: int | None,
    ) -> dict[str, Any]:
        """An update of a record that counts its changes, if it still has the revision that was read."""
        known = {} if before is None else {":before": number(before)}
        return {
            "TableName": self.table,
            "Key": key(service, sort),
            "UpdateExpression": expression,
            "ConditionExpression": "attribute_not_exists(#r)" if before is None else "#r = :before",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**values, **known},
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


def _lost(declared: DeclaredService) -> Capacity:
    """A count that was lost from the table is the declared one."""
    manifest = declared.manifest
    return Capacity(desired_count=manifest.starting_count, declared_count=manifest.desired_count)
