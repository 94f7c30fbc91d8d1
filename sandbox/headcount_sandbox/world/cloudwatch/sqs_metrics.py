"""What SQS tells CloudWatch of its queues, once a minute. (On AWS a queue that nobody uses falls silent.)"""

from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics, sample
from headcount_sandbox.world.moto_apis import MotoApis


class SqsMetrics:
    """Counts messages at the end of each minute."""

    def __init__(self, metrics: Metrics, *, moto: MotoApis) -> None:
        self._metrics = metrics
        self._moto = moto

    def look(self, now: float) -> None:
        """Queues are looked at once a minute only."""

    def publish(self, at: float) -> None:
        """The minute that began `at` is over."""
        for queue, depth in self._moto.queue_depths().items():
            dimensions = frozenset({("QueueName", queue)})
            for name, value in (
                ("ApproximateNumberOfMessagesVisible", depth.visible),
                ("ApproximateNumberOfMessagesNotVisible", depth.in_flight),
                ("ApproximateNumberOfMessagesDelayed", depth.delayed),
            ):
                metric = Metric(namespace="AWS/SQS", name=name, dimensions=dimensions)
                self._metrics.add(metric, sample(at, {float(value): 1}, "Count"))
