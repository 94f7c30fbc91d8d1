"""What those write who ask Elastic Load Balancing about targets: the newest stands."""

from headcount.aws import records
from headcount.aws.dynamodb_observe import ObserveTable
from headcount.aws.records import document, number, text
from headcount.model.target import TargetsSeen


class TargetTable(ObserveTable):
    """What passes and audits write of tasks and targets alike."""

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        """Write what ELB said of a target group, unless something newer is on record."""
        refused = self._update_if(
            {
                **self._targets(service, group),
                "UpdateExpression": "SET #o = :o, #at = :at, #g = :g, #s = :s",
                "ConditionExpression": "(attribute_not_exists(#at) OR #at < :at) AND "
                "(attribute_not_exists(#s) OR #s <= :s)",
                "ExpressionAttributeNames": {"#o": "observed", "#at": "seenAt", "#g": "group", "#s": "schema"},
                "ExpressionAttributeValues": {
                    ":o": document(seen),
                    ":at": number(seen.seen_at),
                    ":g": text(group),
                    ":s": number(records.SCHEMA),
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        )
        if refused is not None:
            records.check_schema(refused)
