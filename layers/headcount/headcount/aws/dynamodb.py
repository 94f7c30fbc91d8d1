"""The table: one consistent query is the whole world of a service.

``ServiceTable`` holds what every function shares; what only some may do stands in classes and modules of their own.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from botocore.exceptions import ClientError

from headcount.aws import records
from headcount.aws.failures import error_code, translated
from headcount.aws.records import Item, key, text
from headcount.errors import Conflict, Poisoned, TransientError
from headcount.ports import ServiceMark

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

    # -- numbers ------------------------------------------------------------------------------------------------------

    def pass_number(self, service: str) -> int | None:
        """The pass number, read consistently; None before the first pass."""
        return self._status_numbers(service)[1]

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        """The recorded wake time and the pass number."""
        return self._status_numbers(service)

    def next_scaling_look(self, service: str) -> float | None:
        """When ``decide_scaling`` wants to look again, as it is recorded."""
        answer = self.call(
            "get_item",
            TableName=self.table,
            Key=key(service, records.SCALING),
            ConsistentRead=True,
            ProjectionExpression="#n",
            ExpressionAttributeNames={"#n": "nextLook"},
        )
        with records.readable(f"the scaling of service {service}"):
            return records.read_number(answer.get("Item", {}), "nextLook")

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
        with records.readable(f"the status of service {service}"):
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
            with (
                suppress(Poisoned),
                records.readable("a mark"),
            ):  # its roster tells, and the others are not kept waiting
                mark.update(_mark(item))
        return tuple(ServiceMark(service=service, **mark) for service, mark in marks.items())

    # -- plumbing -----------------------------------------------------------------------------------------------------

    def record(self, partition: str, sort: str) -> Item | None:
        """One record, read consistently; None if there is none."""
        answer = self.call("get_item", TableName=self.table, Key=key(partition, sort), ConsistentRead=True)
        return cast("Item | None", answer.get("Item"))

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

    def between(self, service: str, first: str, last: str) -> Iterator[Mapping[str, Any]]:
        """The records of a service from one sort key to another, read consistently."""
        return self.pages(
            {
                "TableName": self.table,
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :p AND sk BETWEEN :first AND :last",
                "ExpressionAttributeValues": {":p": text(service), ":first": text(first), ":last": text(last)},
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

    def _update_if(self, update: dict[str, Any]) -> Item | None:
        """None if the update was made, else the item that stood against it ({} if there is none)."""
        made, item = self._update(update)
        return None if made else item

    def _update(self, update: dict[str, Any]) -> tuple[bool, Item]:
        """Whether the update was made, and the attributes that it was asked to return, or what stood against it."""
        try:
            answer = self.call("update_item", **update)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False, cast("Item", error.response.get("Item", {}))
        return True, cast("Item", answer.get("Attributes", {}))

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

    def write_together(self, writes: Sequence[Mapping[str, Any]], conflict: str) -> None:
        """One transaction; a ``Conflict`` in these words if what one of them depends on is not so any more."""
        try:
            self.call("transact_write_items", TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            if "ConditionalCheckFailed" not in cancellation(error):
                raise TransientError(f"the table did not take it: {error}") from error
            raise Conflict(conflict) from error

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


def _mark(item: Mapping[str, Any]) -> dict[str, Any]:
    """What one record in the index says of its service."""
    if item["sk"]["S"] == records.MANIFEST:
        return {"generation": records.read_integer(item, "generation"), "deleting": "deleting" in item}
    if item["sk"]["S"] == records.STATUS:
        return {
            "seen_generation": records.read_integer(item, "generation"),
            "pass_number": records.read_integer(item, "pass"),
            "next_wake": records.read_number(item, "nextWake"),
        }
    return {}


def _only_conflicts(error: ClientError) -> bool:
    """Whether a cancelled transaction failed for nothing but other transactions."""
    return error_code(error) == "TransactionCanceledException" and cancellation(error) <= {"TransactionConflict"}


def cancellation(error: ClientError) -> set[str]:
    """The codes for which a transaction was cancelled."""
    reasons = cast("list[dict[str, Any]]", error.response.get("CancellationReasons", []))
    return {str(reason.get("Code")) for reason in reasons if reason.get("Code") not in (None, "None")} or {"Unknown"}
