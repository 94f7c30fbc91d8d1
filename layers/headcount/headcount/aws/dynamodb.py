"""The table: one consistent query is the whole world of a service.

``ServiceTable`` holds what every function shares; what only ``reconcile_service``, ``audit_clusters`` or ``control``
may do stands in a class and module of its own.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from botocore.exceptions import ClientError

from headcount.aws import records
from headcount.aws.failures import error_code, translated
from headcount.aws.records import Item, document, key, number, text
from headcount.errors import TransientError
from headcount.ports import ServiceMark, Sighting

CONFLICT_TRIES = 5
CONFLICT_WAIT_SECONDS = 0.02


class ServiceTable:
    """Reading and writing that more than one function does. ``client`` is boto3's DynamoDB client."""

    def __init__(
        self, client: Any, table: str, install: str, clock: Callable[[], float], history_days: float = 30
    ) -> None:
        self.client = client
        self.table = table
        self.install = install
        self.clock = clock
        self.history_days = history_days

    # -- observing ----------------------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        """Write what ECS said, unless something newer is on record; whether this is what is on record now."""
        update = {
            "TableName": self.table,
            "Key": key(service, records.TASK + sighting.task_id),
            "ExpressionAttributeNames": {"#o": "observed", "#v": "version", "#s": "schema", "#m": "managed"},
            "ExpressionAttributeValues": {
                ":o": document(sighting.observed),
                ":v": number(sighting.observed.version),
                ":s": number(records.SCHEMA),
            },
            "UpdateExpression": "SET #o = :o, #v = :v, #s = :s",
            "ConditionExpression": "attribute_exists(#m) AND #v < :v AND #s <= :s",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        refused = self._update_if(update)
        if refused is None:
            return True
        records.check_schema(refused)
        if "managed" in refused:
            return records.read_integer(refused, "version") == sighting.observed.version
        return self._record_unmanaged(update, sighting)

    def _record_unmanaged(self, update: dict[str, Any], sighting: Sighting) -> bool:
        """A task whose launch is not on record yet, or an echo of a deleted one: what is written goes by itself."""
        values = {**update["ExpressionAttributeValues"], ":e": number(int(self.clock()) + records.STRANGER_SECONDS)}
        refused = self._update_if(
            {
                **update,
                "ExpressionAttributeNames": {**update["ExpressionAttributeNames"], "#e": "expires"},
                "ExpressionAttributeValues": values,
                "UpdateExpression": "SET #o = :o, #v = :v, #s = :s, #e = :e",
                "ConditionExpression": (
                    "attribute_not_exists(#m) AND (attribute_not_exists(#v) OR (#v < :v AND #s <= :s))"
                ),
            }
        )
        if refused is None:
            return True
        if "managed" in refused and (records.read_integer(refused, "version") or 0) < sighting.observed.version:
            raise TransientError("the task was recorded at this moment; try again")
        return records.read_integer(refused, "version") == sighting.observed.version

    def _update_if(self, update: dict[str, Any]) -> Item | None:
        """None if the update was made, else the item that stood against it ({} if there is none)."""
        try:
            self.call("update_item", **update)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return cast("Item", error.response.get("Item", {}))
        return None

    def pass_number(self, service: str) -> int | None:
        """The pass number, read consistently; None before the first pass."""
        return self._status_numbers(service)[1]

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        """The recorded wake time and the pass number."""
        return self._status_numbers(service)

    def _status_numbers(self, service: str) -> tuple[float | None, int | None]:
        answer = self.call(
            "get_item",
            TableName=self.table,
            Key=key(service, records.STATUS),
            ConsistentRead=True,
            ProjectionExpression="#p, #w",
            ExpressionAttributeNames={"#p": "pass", "#w": "nextWake"},
        )
        item = answer.get("Item", {})
        return records.read_number(item, "nextWake"), records.read_integer(item, "pass")

    # -- the index ----------------------------------------------------------------------------------------------------

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """Every service of a cluster, from the index (eventually consistent)."""
        marks: dict[str, dict[str, Any]] = {}
        query = {
            "TableName": self.table,
            "IndexName": "services",
            "KeyConditionExpression": "#c = :c",
            "ExpressionAttributeNames": {"#c": "cluster"},
            "ExpressionAttributeValues": {":c": text(cluster)},
        }
        for item in self.pages(query):
            mark = marks.setdefault(item["pk"]["S"], {})
            if item["sk"]["S"] == records.MANIFEST:
                mark["generation"] = records.read_integer(item, "generation")
                mark["deleting"] = "deleting" in item
            elif item["sk"]["S"] == records.STATUS:
                mark["seen_generation"] = records.read_integer(item, "generation")
                mark["pass_number"] = records.read_integer(item, "pass")
                mark["next_wake"] = records.read_number(item, "nextWake")
        return tuple(ServiceMark(service=service, **mark) for service, mark in marks.items())

    # -- plumbing -----------------------------------------------------------------------------------------------------

    def partition(self, service: str) -> Iterator[Mapping[str, Any]]:
        """Every record of a service, read consistently."""
        return self.pages(
            {
                "TableName": self.table,
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": text(service)},
            }
        )

    def pages(self, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """All items of a query, page after page."""
        start: dict[str, Any] = {}
        while True:
            answer = self.call("query", **query, **start)
            yield from answer.get("Items", ())
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """One call. A conflict with another writer's transaction is tried again; it passes within milliseconds."""
        for attempt in range(CONFLICT_TRIES):
            try:
                with translated():
                    return cast("dict[str, Any]", getattr(self.client, operation)(**request))
            except ClientError as error:
                if not _only_conflicts(error):
                    raise
            except TransientError as error:
                if "TransactionConflictException" not in str(error):
                    raise
            time.sleep(CONFLICT_WAIT_SECONDS * 2**attempt * random.random())  # noqa: S311  # spreading, not secrecy
        raise TransientError(f"{operation}: the records stayed busy with other transactions")

    def delete_keys(self, keys: Sequence[Item]) -> None:
        """Delete records, 25 a call, until DynamoDB has taken all of them."""
        for first in range(0, len(keys), 25):
            waiting: dict[str, Any] = {
                self.table: [{"DeleteRequest": {"Key": one}} for one in keys[first : first + 25]]
            }
            for _ in range(CONFLICT_TRIES):
                waiting = self.call("batch_write_item", RequestItems=waiting).get("UnprocessedItems", {})
                if not waiting:
                    break
            else:
                raise TransientError("BatchWriteItem left items unprocessed")

    def history_put(
        self, service: str, pass_number: int, part: str, decisions: Sequence[Any], now: float
    ) -> dict[str, Any]:
        """A history record as part of a transaction."""
        item = records.history_item(service, pass_number, part, decisions, now, self.history_days)
        return {"Put": {"TableName": self.table, "Item": item}}


def _only_conflicts(error: ClientError) -> bool:
    """Whether a cancelled transaction failed for nothing but other transactions."""
    return error_code(error) == "TransactionCanceledException" and cancellation(error) <= {"TransactionConflict"}


def cancellation(error: ClientError) -> set[str]:
    """The codes for which a transaction was cancelled."""
    reasons = cast("list[dict[str, Any]]", error.response.get("CancellationReasons", []))
    return {str(reason.get("Code")) for reason in reasons if reason.get("Code") not in (None, "None")} or {"Unknown"}
