"""What only ``audit_clusters`` reads and writes."""

from dataclasses import replace

from headcount.aws import records
from headcount.aws.dynamodb import ServiceTable
from headcount.aws.records import document, key, number
from headcount.model.task import ContainerHealth, Task
from headcount.ports import Sighting


class AuditTable(ServiceTable):
    """The ``AuditStore`` on DynamoDB."""

    def roster(self, service: str) -> tuple[Task, ...]:
        """The tasks on record of a service."""
        return records.read_state(service, self.install, self.partition(service)).tasks

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
        """ECS no longer knows the task. The version stays: should ECS speak of it again, that is news."""
        observed = replace(
            task.observed,
            last_status="STOPPED",
            desired_status="STOPPED",
            stopping_at=task.observed.stopping_at or now,
            stopped_at=now,
            stop_code=task.observed.stop_code or "Vanished",
            stopped_reason=task.observed.stopped_reason or reason,
        )
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
