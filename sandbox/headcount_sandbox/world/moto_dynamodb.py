"""moto's DynamoDB, without what makes it slow once a table holds hundreds of items.

moto answers items in 0.3 ms each, nearly all of it in a general serializer for what is JSON already: answers that hold
items are written with `json.dumps` instead. It copies whole tables before each transaction, to go back to them when a
write fails: here the copy shares every item that the transaction cannot change. It sorts all items of a table to find
those of one partition: here a query of the table sees its partition alone.
"""

import base64
import copy
import inspect
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.core.responses import ActionContext, ActionResult
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoResult

_Write = Mapping[str, Any]
_writes: ContextVar[tuple[_Write, ...] | None] = ContextVar("writes", default=None)
_moto_query = Table.query
_QUERY = inspect.signature(Table.query)
_WITH_ITEMS = frozenset({"Query", "Scan", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"})


def answer_items_quickly() -> None:
    """Replaces the serializer of operations that answer items; the rest stays moto's."""
    DynamoResult.execute_result = _execute_result  # type: ignore[method-assign, assignment] # there is no setting for it


def copy_tables_quickly() -> None:
    """Makes the copies of tables that are taken within `transaction` share what the transaction leaves alone."""
    Table.__deepcopy__ = _copy_of_table  # type: ignore[attr-defined] # moto relies on the general way of copying


def query_partitions_quickly() -> None:
    """Makes a query of a table look at its partition only; queries of an index stay moto's."""
    Table.query = _query  # type: ignore[method-assign] # there is no setting for it


def _query(self: Table, *positional: Any, **named: Any) -> Any:
    asked = _QUERY.bind(self, *positional, **named).arguments
    if asked.get("index_name"):
        return _moto_query(self, *positional, **named)
    hash_key = asked["hash_key"]
    view = copy.copy(self)
    view.items = defaultdict(dict, {hash_key: self.items[hash_key]} if hash_key in self.items else {})
    return _moto_query(view, *positional, **named)


@contextmanager
def transaction(actions: Iterable[Mapping[str, _Write]]) -> Iterator[None]:
    """Says which writes (TransactWriteItems' `TransactItems`) moto makes within."""
    writes = tuple(write for action in actions for write in action.values())
    token = _writes.set(writes)
    try:
        yield
    finally:
        _writes.reset(token)


def _copy_of_table(self: Table, memo: dict[int, Any]) -> Table:
    """Updates change items in place, so those are copied; puts and deletes change only the partition that they are in.

    Anything but a transaction on a table without a stream is copied whole.
    """
    writes = _writes.get()
    snapshot = copy.copy(self)
    if writes is None or self.stream_shard is not None:
        snapshot.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return snapshot
    snapshot.items = defaultdict(dict, self.items)
    for write in writes:
        key = write.get("Key") or write.get("Item") or {}
        if write.get("TableName") == self.name and self.hash_key_attr in key:
            _set_apart(snapshot, self, key)
    return snapshot


def _set_apart(snapshot: Table, table: Table, key: Mapping[str, Any]) -> None:
    """Gives a copy of a table its own partition for a key, and in it its own item, if there is one."""
    hash_key = DynamoType(key[table.hash_key_attr])
    partition = snapshot.items.get(hash_key)
    if partition is None:
        return
    if table.range_key_attr is None:
        snapshot.items[hash_key] = copy.deepcopy(partition)
        return
    if partition is table.items[hash_key]:
        partition = snapshot.items[hash_key] = dict(partition)
    range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr in key else None
    if range_key in partition:
        partition[range_key] = copy.deepcopy(partition[range_key])


def _execute_result(self: DynamoResult, context: ActionContext) -> Any:
    result = self.result
    if context.operation_model.name not in _WITH_ITEMS or not isinstance(result, dict):
        return ActionResult.execute_result(self, context)
    present = {name: value for name, value in result.items() if value is not None}
    body = json.dumps(present, default=_binary, separators=(",", ":"))
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, body


def _binary(value: object) -> str:
    """Binary values travel as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} is no part of a DynamoDB item")
