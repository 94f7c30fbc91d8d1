"""Where a policy's metric is found in CloudWatch.

ECS publishes the utilisation of services for native ones only. For tasks of their own it is metric math over Container
Insights by task definition family: what the family's tasks use, of what they reserve. Services that share a family
share these figures.
"""

from headcount.model.metrics import MetricQuery, MetricStat
from headcount.model.scaling import PredefinedMetric, TargetTracking
from headcount.model.values import dataclass

CPU, MEMORY = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
CONTAINER_INSIGHTS = "ECS/ContainerInsights"
HIGH_RESOLUTION = "HighResolution"  # ends a predefined metric's name: the same, every 20 s, of native services

MEASURED_BY_FAMILY = (CPU, MEMORY)
"""The predefined metrics that are a task definition family's, unless ECS itself keeps the service."""

_USED_AND_RESERVED = {CPU: ("CpuUtilized", "CpuReserved"), MEMORY: ("MemoryUtilized", "MemoryReserved")}
_NATIVE = {CPU: "CPUUtilization", MEMORY: "MemoryUtilization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Whose tasks are measured: a task definition family in a cluster, or a native ECS ``service``."""

    cluster: str
    family: str = ""
    service: str = ""


def tracked_queries(policy: TargetTracking, measured: Measured) -> tuple[MetricQuery, ...]:
    """The queries that give a target tracking policy's metric, of which exactly one is returned."""
    metric, period = policy.metric, policy.evaluation.period
    if not isinstance(metric, PredefinedMetric):
        return metric
    if metric.resource_label:
        return (MetricQuery(query_id="m1", stat=_requests_per_target(metric.resource_label, period)),)
    if measured.service:
        dimensions = (("ClusterName", measured.cluster), ("ServiceName", measured.service))
        name = _NATIVE[metric.metric_type.removesuffix(HIGH_RESOLUTION)]
        stat = MetricStat(namespace="AWS/ECS", name=name, dimensions=dimensions, period=period)
        return (MetricQuery(query_id="m1", stat=stat),)
    return _used_of_reserved(metric.metric_type, measured, period)


def _requests_per_target(label: str, period: int) -> MetricStat:
    """``Sum`` is its only valid statistic, though it is an average already. The label names both dimensions."""
    load_balancer, _, group = label.partition("/targetgroup/")
    return MetricStat(
        namespace="AWS/ApplicationELB",
        name="RequestCountPerTarget",
        dimensions=(("LoadBalancer", load_balancer), ("TargetGroup", f"targetgroup/{group}")),
        statistic="Sum",
        period=period,
    )


def _used_of_reserved(metric_type: str, measured: Measured, period: int) -> tuple[MetricQuery, ...]:
    dimensions = (("ClusterName", measured.cluster), ("TaskDefinitionFamily", measured.family))
    stats = [
        MetricStat(namespace=CONTAINER_INSIGHTS, name=name, dimensions=dimensions, statistic="Sum", period=period)
        for name in _USED_AND_RESERVED[metric_type]
    ]
    return (
        MetricQuery(query_id="used", stat=stats[0], returned=False),
        MetricQuery(query_id="reserved", stat=stats[1], returned=False),
        MetricQuery(query_id="utilisation", expression="100 * used / reserved"),
    )
