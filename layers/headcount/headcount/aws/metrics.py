"""Numbers as EMF metrics, by Powertools."""

from collections.abc import Mapping

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider


def count_metrics(install: str, counts: Mapping[str, float]) -> None:
    """Plain counts of a function as metrics of the install."""
    send_counts(metrics_of(install), counts)


def metrics_of(install: str) -> AmazonCloudWatchEMFProvider:
    """Metrics with the install as their dimension."""
    metrics = AmazonCloudWatchEMFProvider(namespace="Headcount")
    metrics.add_dimension(name="install", value=install)
    return metrics


def send_counts(metrics: AmazonCloudWatchEMFProvider, counts: Mapping[str, float]) -> None:
    """A count of zero is not sent: each metric costs 0.30 USD a month, by the hours in which it is sent at all."""
    for name, value in counts.items():
        if value:
            metrics.add_metric(name, MetricUnit.Count, value)
    if metrics.metric_set:
        metrics.flush_metrics()
