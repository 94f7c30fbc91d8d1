"""Creates the tables and queues of a deployment, through the same APIs that CloudFormation would call."""

from typing import TYPE_CHECKING, Any

from headcount_sandbox.platform.deployment import Deployment, Queue, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


def create_resources(deployment: Deployment, *, dynamodb: "DynamoDBClient", sqs: "SQSClient", scheduler: Any) -> None:
    """Dead-letter queues come first: a queue names its own when it is made. `scheduler`: its boto3 client."""
    for table in deployment.tables:
        _create_table(table, dynamodb)
    for queue in sorted(deployment.queues, key=lambda queue: queue.is_redriven):
        _create_queue(queue, sqs)
    for group in deployment.schedule_groups:
        scheduler.create_schedule_group(Name=group)


def _create_table(table: Table, dynamodb: "DynamoDBClient") -> None:
    request: dict[str, Any] = dict(table.request)
    dynamodb.create_table(**request)
    if table.ttl_attribute is not None:
        dynamodb.update_time_to_live(
            TableName=table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
        )


def _create_queue(queue: Queue, sqs: "SQSClient") -> None:
    attributes: dict[Any, str] = dict(queue.attributes)
    sqs.create_queue(QueueName=queue.name, Attributes=attributes)
