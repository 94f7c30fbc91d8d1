"""What only ``reconcile_service`` writes: passes, plans, launches, and the end of a service."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws import records
from headcount.aws.dynamodb import cancellation
from headcount.aws.dynamodb_targets import TargetTable
from headcount.aws.failures import error_code
from headcount.aws.history import history_put
from headcount.aws.records import document, key, number, text
from headcount.aws.service_records import read_cluster, read_state
from headcount.errors import Superseded, TransientError
from headcount.model.plan import AdoptTask, DrainTask, Plan, StartTasks, StopTask
from headcount.model.service import Decision, Launch, ServiceState, ServiceStatus
from headcount.model.target import GroupTargets
from headcount.model.task import ManagedTask
from headcount.model.values import without_defaults
from headcount.planning.launching import managed_by
from headcount.ports.tasks import Sighting

ENTRIES_A_RECORD = 200


class ReconcileTable(TargetTable):
    """The ``ReconcileStore`` on DynamoDB."""

    def begin_pass(self, service: str) -> int:
        """Raise the pass number and take it. Numbers begin at the clock: a name used again never repeats one."""
        answer = self.call(
            "update_item",
            TableName=self.table,
            Key=key(service, records.STATUS),
            UpdateExpression="SET #p = if_not_exists(#p, :first) + :one, #s = if_not_exists(#s, :schema), #c = :c",
            ExpressionAttributeNames={"#p": "pass", "#s": "schema", "#c": "cluster"},
            ExpressionAttributeValues={
                ":first": number(int(self.clock() * 1000)),
                ":one": number(1),
                ":schema": number(records.SCHEMA),
                ":c": text(service.partition("/")[0]),
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["pass"]["N"])

    def gather(self, service: str, pass_number: int) -> ServiceState:
        """Read everything, and make sure that this is still the newest pass."""
        wishes = read_cluster(self.record(records.cluster_key(service.partition("/")[0]), records.OPERATOR))
        state = read_state(service, self.install, self.partition(service), wishes.cordons)
        if state.pass_number != pass_number:
            raise Superseded(f"pass {pass_number} of {service} gave way to {state.pass_number}")
        return state

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        """Status, launches, stops, adoptions, ledgers and history in one transaction, fenced by the pass number."""
        writes: list[dict[str, Any]] = [self._status_update(state, plan.status)]
        for action in plan.actions:
            if isinstance(action, StartTasks):
                writes.append(self._launch_put(state.service, action.launch))
            elif isinstance(action, AdoptTask | DrainTask) or (isinstance(action, StopTask) and not action.recorded):
                writes.append(self._managed_update(state.service, action.task_id, action.managed))
        writes += [self._ledger_update(state.service, ledger) for ledger in plan.ledgers]
        writes += self._history_puts(state, "plan", history, now)
        self._fenced(state, writes)

    def finish(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        """The status for the next pass and the ledgers with ELB's answers, fenced."""
        writes = [self._status_update(state, status)]
        writes += [self._ledger_update(state.service, ledger) for ledger in ledgers]
        writes += self._history_puts(state, "outcome", history, now)
        self._fenced(state, writes)

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        """Close the launch and write its tasks in one transaction. One that is closed already stays so."""
        managed = managed_by(launch)
        close = {
            "Delete": {
                "TableName": self.table,
                "Key": key(service, records.LAUNCH + launch.launch_id),
                "ConditionExpression": "attribute_exists(pk)",
            }
        }
        tasks = [
            write
            for sighting in sightings
            for write in (self._first_record(service, sighting, managed), self._whereabouts_put(service, sighting))
        ]
        try:
            self.call("transact_write_items", TransactItems=[close, *tasks])
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            if cancellation(error) != {"ConditionalCheckFailed"}:
                raise TransientError(f"the table did not take it: {error}") from error

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        """Delete the records of stopped tasks."""
        self.delete_keys([key(service, records.TASK + task_id) for task_id in task_ids])

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        """Status, capacity, wishes and manifest at once, as the newest pass. Its tasks' records are gone before."""
        del history, now  # the decision stands in the history since the plan was committed
        service = state.service
        ends = [self._delete_if(service, records.STATUS, "#a = :a", "pass", state.pass_number)]
        if state.declared is not None:
            same = "#a = :a AND attribute_exists(deleting)"
            ends += [
                self._delete_if(service, records.MANIFEST, same, "generation", state.declared.generation),
                {"Delete": {"TableName": self.table, "Key": key(service, records.CAPACITY)}},
                {"Delete": {"TableName": self.table, "Key": key(service, records.OPERATOR)}},
                {"Delete": {"TableName": self.table, "Key": key(service, records.BALANCING)}},
                {"Delete": {"TableName": self.table, "Key": key(service, records.SCALING)}},
            ]
        ends += [{"Delete": self._targets(service, ledger.group)} for ledger in state.targets]
        self._fenced(state, ends)

    # -- the parts of a transaction -----------------------------------------------------------------------------------

    def _fenced(self, state: ServiceState, writes: list[dict[str, Any]]) -> None:
        """The status first: it is the fence. Its update alone needs no transaction, which costs twice as much."""
        superseded = Superseded(f"pass {state.pass_number} of {state.service} is not the newest")
        try:
            if len(writes) == 1 and "Update" in writes[0]:
                self.call("update_item", **writes[0]["Update"])
            else:
                self.call("transact_write_items", TransactItems=writes)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise superseded from error
            if error_code(error) != "TransactionCanceledException":
                raise
            if _first_reason(error) == "ConditionalCheckFailed":
                raise superseded from error
            raise TransientError(f"the records of {state.service} changed under the plan: {error}") from error

    def _delete_if(self, service: str, sort: str, condition: str, attribute: str, value: int) -> dict[str, Any]:
        return {
            "Delete": {
                "TableName": self.table,
                "Key": key(service, sort),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#a": attribute},
                "ExpressionAttributeValues": {":a": number(value)},
            }
        }

    def _history_puts(
        self, state: ServiceState, part: str, history: Sequence[Decision], now: float
    ) -> list[dict[str, Any]]:
        """The history in records that stay far below DynamoDB's 400 KB."""
        pages = [history[first : first + ENTRIES_A_RECORD] for first in range(0, len(history), ENTRIES_A_RECORD)]
        return [
            history_put(self, state.service, state.pass_number, f"{part}{page:03}", entries, now)
            for page, entries in enumerate(pages)
        ]

    def _status_update(self, state: ServiceState, status: ServiceStatus) -> dict[str, Any]:
        values = {
            ":d": document(without_defaults(status)),  # no record is written so often
            ":g": number(status.generation),
            ":p": number(state.pass_number),
        }
        names = {"#d": "doc", "#g": "generation", "#p": "pass", "#w": "nextWake"}
        expression = "SET #d = :d, #g = :g"
        if status.next_wake is None:
            expression += " REMOVE #w"
        else:
            expression += ", #w = :w"
            values[":w"] = number(status.next_wake)
        return {
            "Update": {
                "TableName": self.table,
                "Key": key(state.service, records.STATUS),
                "UpdateExpression": expression,
                "ConditionExpression": "#p = :p",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def _launch_put(self, service: str, launch: Launch) -> dict[str, Any]:
        item = {
            **key(service, records.LAUNCH + launch.launch_id),
            "schema": number(records.SCHEMA),
            "doc": document(launch),
        }
        return {"Put": {"TableName": self.table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _managed_update(self, service: str, task_id: str, managed: ManagedTask) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self.table,
                "Key": key(service, records.TASK + task_id),
                "UpdateExpression": "SET #m = :m REMOVE #e",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeNames": {"#m": "managed", "#e": "expires"},
                "ExpressionAttributeValues": {":m": document(managed)},
            }
        }

    def _ledger_update(self, service: str, ledger: GroupTargets) -> dict[str, Any]:
        """What is registered in a target group."""
        return {
            "Update": {
                **self._targets(service, ledger.group),
                "UpdateExpression": "SET #m = :m, #g = :g, #s = :s",
                "ExpressionAttributeNames": {"#m": "managed", "#g": "group", "#s": "schema"},
                "ExpressionAttributeValues": {
                    ":m": document(ledger.registrations),
                    ":g": text(ledger.group),
                    ":s": number(records.SCHEMA),
                },
            }
        }

    def _first_record(self, service: str, sighting: Sighting, managed: ManagedTask) -> dict[str, Any]:
        """What ``RunTask`` answered, without disturbing what an event has told since."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": key(service, records.TASK + sighting.task_id),
                "UpdateExpression": (
                    "SET #m = if_not_exists(#m, :m), #o = if_not_exists(#o, :o), #v = if_not_exists(#v, :v), #s = :s "
                    "REMOVE #e"
                ),
                "ExpressionAttributeNames": {
                    "#m": "managed",
                    "#o": "observed",
                    "#v": "version",
                    "#s": "schema",
                    "#e": "expires",
                },
                "ExpressionAttributeValues": {
                    ":m": document(managed),
                    ":o": document(sighting.observed),
                    ":v": number(sighting.observed.version),
                    ":s": number(records.SCHEMA),
                },
            }
        }

    def _whereabouts_put(self, service: str, sighting: Sighting) -> dict[str, Any]:
        item = {
            **key(records.TASK + sighting.task_id, "where"),
            "schema": number(records.SCHEMA),
            "service": text(service),
            "launch": text(sighting.observed.launch),
            "expires": number(int(self.clock() + self.history_days * records.DAY_SECONDS)),
        }
        return {"Put": {"TableName": self.table, "Item": item}}


def _first_reason(error: ClientError) -> str:
    reasons: Any = error.response.get("CancellationReasons") or [{}]
    return str(reasons[0].get("Code"))
