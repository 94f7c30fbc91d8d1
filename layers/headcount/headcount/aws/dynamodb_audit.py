"""What only ``audit_clusters`` reads and writes."""

from headcount.aws import records
from headcount.aws.dynamodb_targets import TargetTable
from headcount.aws.records import document, key, number
from headcount.aws.target_records import read_targets
from headcount.aws.task_records import read_task
from headcount.model.target import GroupTargets
from headcount.model.task import Task, vanished
from headcount.ports.auditing import Roster
from headcount.ports.tasks import Sighting


class AuditTable(TargetTable):
    """The ``AuditStore`` on DynamoDB."""

    def roster(self, service: str) -> Roster:
        """The tasks and target groups on record of a service; no other record is decoded."""
        tasks: list[Task | None] = []
        targets: list[GroupTargets] = []
        with records.readable(f"a record of service {service}"):
            for item in self.partition(service):
                records.check_schema(item)
                sort = item["sk"]["S"]
                if sort.startswith(records.TASK):
                    tasks.append(read_task(item))
                elif sort.startswith(records.TARGETS):
                    targets.append(read_targets(item))
        return Roster(tasks=tuple(task for task in tasks if task is not None), targets=tuple(targets))

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        """What ECS says of a task that nobody has written down, and that it was seen alive."""
        self.record_sighting(service, sighting)
        self._update_if(
            {
                "TableName": self.table,
                "Key": key(service, records.TASK + sighting.task_id),
                "UpdateExpression": "SET #c = :now",
                "ConditionExpression": "attribute_exists(observed) AND attribute_not_exists(managed)",
                "ExpressionAttributeNames": {"#c": "confirmedAt"},
                "ExpressionAttributeValues": {":now": number(now)},
            }
        )

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        """ECS no longer knows the task."""
        observed = vanished(task.observed, reason, now)
        return (
            self._update_if(
                {
                    "TableName": self.table,
                    "Key": key(service, records.TASK + task.task_id),
                    "UpdateExpression": "SET #o = :o",
                    "ConditionExpression": "#v = :v",
                    "ExpressionAttributeNames": {"#o": "observed", "#v": "version"},
                    "ExpressionAttributeValues": {":o": document(observed), ":v": number(task.observed.version)},
                }
            )
            is None
        )
