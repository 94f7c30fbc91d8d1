"""SQS, as ``Backlog`` policies ask it: how much work waits in a user's queue."""

from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import refusal, translated

_WAITING, _IN_FLIGHT = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


class SqsQueues:
    """The ``Queues`` on SQS. ``client`` is boto3's."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def backlog(self, queue: str) -> tuple[int, int] | str:
        """``GetQueueUrl``, ``GetQueueAttributes``: numbers that SQS itself calls approximate, a minute old at most."""
        try:
            with translated():
                url = self.client.get_queue_url(QueueName=queue)["QueueUrl"]
                answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING, _IN_FLIGHT])
        except ClientError as error:
            return refusal(error)
        return int(answer["Attributes"][_WAITING]), int(answer["Attributes"][_IN_FLIGHT])
