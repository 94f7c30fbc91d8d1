"""What those write who hear what AWS says of tasks, and that targets are suspect: of each fact the newest stands."""

from typing import Any

from headcount.aws import records
from headcount.aws.dynamodb import ServiceTable
from headcount.aws.records import Item, document, key, number, text
from headcount.aws.task_records import read_observed
from headcount.errors import TransientError
from headcount.model import notices
from headcount.model.task import ContainerHealth, Notice, NoticeKind
from headcount.ports.tasks import Recorded, Sighting


class ObserveTable(ServiceTable):
    """The ``ObserveStore`` on DynamoDB, and what passes and audits write besides."""

    # -- tasks --------------------------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        """Write what ECS said, unless something newer is on record: None then."""
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
            "ReturnValues": "UPDATED_OLD",
        }
        made, item = self._update(update)
        if made:
            return Recorded(before=read_observed(item))
        records.check_schema(item)
        if "managed" in item:
            return _repeated(item, sighting)
        return self._record_unmanaged(update, sighting)

    def _record_unmanaged(self, update: dict[str, Any], sighting: Sighting) -> Recorded | None:
        """A task whose launch is not on record yet, or an echo of a deleted one: what is written goes by itself."""
        values = {**update["ExpressionAttributeValues"], ":e": number(int(self.clock()) + records.STRANGER_SECONDS)}
        made, item = self._update(
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
        if made:
            return Recorded(before=read_observed(item))
        if "managed" in item and (records.read_integer(item, "version") or 0) < sighting.observed.version:
            raise TransientError("the task was recorded at this moment; try again")
        return _repeated(item, sighting)

    def record_notice(self, service: str, task_id: str, notice: Notice | None) -> bool:
        """Write what AWS announced about the place of a task, unless the record says as much or more already.

        None takes back what was said of its container instance. False if the task is on no record.
        """
        change, condition, values = _taking_back() if notice is None else _giving(notice)
        refused = self._update_if(
            {
                "TableName": self.table,
                "Key": key(service, records.TASK + task_id),
                "UpdateExpression": change,
                "ConditionExpression": f"attribute_exists(observed) AND #s <= :s AND ({condition})",
                "ExpressionAttributeNames": {"#n": "notice", "#s": "schema"},
                "ExpressionAttributeValues": {":s": number(records.SCHEMA), **values},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        )
        if refused is not None:
            records.check_schema(refused)
        return refused is None or "observed" in refused

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """The health of a task that is still on record; one that is gone is not revived."""
        self._update_if(
            {
                "TableName": self.table,
                "Key": key(service, records.TASK + task_id),
                "UpdateExpression": "SET #h = :h",
                "ConditionExpression": "attribute_exists(observed)",
                "ExpressionAttributeNames": {"#h": "health"},
                "ExpressionAttributeValues": {":h": document(health)},
            }
        )

    # -- targets ------------------------------------------------------------------------------------------------------

    def record_suspects(self, service: str, group: str, at: float) -> bool:
        """Write that an alarm said that a group has unhealthy targets; False if the group is on no record."""
        refused = self._update_if(
            {
                **self._targets(service, group),
                "UpdateExpression": "SET #a = :a",
                "ConditionExpression": "attribute_exists(managed) AND (attribute_not_exists(#a) OR #a < :a)",
                "ExpressionAttributeNames": {"#a": "suspectAt"},
                "ExpressionAttributeValues": {":a": number(at)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        )
        return refused is None or "managed" in refused

    def _targets(self, service: str, group: str) -> dict[str, Any]:
        return {"TableName": self.table, "Key": key(service, records.targets_sort(group))}


def _giving(notice: Notice) -> tuple[str, str, Item]:
    """Update, condition and values of a notice that stands where ``model.notices.after`` says so.

    The kind is the first field of the document, so it can be told by how the document begins.
    """
    lighter = {f":k{number}": _document_of(kind) for number, kind in enumerate(notices.lighter_than(notice.kind))}
    same = {":same": _document_of(notice.kind), ":deadline": text(f'"deadline":{document(notice.deadline)["S"]}')}
    conditions = (
        "attribute_not_exists(#n)",
        *(f"begins_with(#n, {name})" for name in lighter),
        "begins_with(#n, :same) AND NOT contains(#n, :deadline)",
    )
    return "SET #n = :n", " OR ".join(conditions), {":n": document(notice), **lighter, **same}


def _taking_back() -> tuple[str, str, Item]:
    """Update, condition and values that remove what was said of a container instance."""
    values = {f":k{number}": _document_of(kind) for number, kind in enumerate(notices.OF_THE_INSTANCE)}
    return "REMOVE #n", " OR ".join(f"begins_with(#n, {name})" for name in values), values


def _document_of(kind: NoticeKind) -> dict[str, str]:
    """How the document of every notice of a kind begins."""
    return text(f'{{"kind":"{kind}"')


def _repeated(on_record: Item, sighting: Sighting) -> Recorded | None:
    """Whether what stands on record is this sighting, told before."""
    return Recorded() if records.read_integer(on_record, "version") == sighting.observed.version else None
