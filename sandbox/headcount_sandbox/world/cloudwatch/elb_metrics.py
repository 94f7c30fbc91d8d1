"""What load balancers tell CloudWatch of each minute: hosts, requests, answers, response times."""

from collections import Counter
from collections.abc import Mapping

from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics, sample
from headcount_sandbox.world.elb.access import Tally
from headcount_sandbox.world.elb.balancing import LoadBalancing
from headcount_sandbox.world.elb.configuration import LoadBalancer, TargetGroup

_NAMESPACES = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB"}
_Use = tuple[str, str]  # the ARNs of a target group and of a load balancer that forwards to it


class ElbMetrics:
    """Counts hosts whenever it is told to `look`, and publishes a minute when that is over."""

    def __init__(self, balancing: LoadBalancing, metrics: Metrics) -> None:
        self._balancing = balancing
        self._metrics = metrics
        self._healthy: dict[_Use, Counter[float]] = {}
        self._unhealthy: dict[_Use, Counter[float]] = {}

    def look(self, now: float) -> None:  # noqa: ARG002 - hosts are counted over a whole minute
        """How many targets are healthy and unhealthy now, in groups that have any."""
        seen = self._balancing.configuration
        for arn, users in seen.users.items():
            states = Counter(target.state for target in self._balancing.registry.of(arn) if not target.is_draining)
            if states:
                for user in users:
                    self._healthy.setdefault((arn, user), Counter())[float(states["healthy"])] += 1
                    self._unhealthy.setdefault((arn, user), Counter())[float(states["unhealthy"])] += 1

    def publish(self, at: float) -> None:
        """The minute that began `at` is over."""
        healthy, self._healthy = self._healthy, {}
        unhealthy, self._unhealthy = self._unhealthy, {}
        counted = self._balancing.access.take()
        seen = self._balancing.configuration
        for arn, users in seen.users.items():
            for user in users:
                group, balancer = seen.groups.get(arn), seen.balancers.get(user)
                if group is None or balancer is None or balancer.kind not in _NAMESPACES:
                    continue
                page = _Page(self._metrics, at, balancer, group)
                page.add("HealthyHostCount", healthy.get((arn, user), {}))
                page.add("UnHealthyHostCount", unhealthy.get((arn, user), {}))
                tally = counted.get((user, arn), Tally())
                _tell(page, tally)
                if balancer.kind == "application":
                    page.add("RequestCountPerTarget", {_per_target(tally, healthy.get((arn, user), {})): 1})
        for (user, group_arn), tally in counted.items():
            balancer = seen.balancers.get(user)
            if group_arn is None and balancer is not None and balancer.kind in _NAMESPACES:
                page = _Page(self._metrics, at, balancer, None)
                _tell(page, tally)
                page.add("HTTPCode_ELB_5XX_Count", _ones(tally.balancer_codes.total()))
                for code, count in tally.balancer_codes.items():
                    page.add(f"HTTPCode_ELB_{code}_Count", _ones(count))


class _Page:
    """Where the metrics of one load balancer (and one of its groups) of one minute go."""

    def __init__(self, metrics: Metrics, at: float, balancer: LoadBalancer, group: TargetGroup | None) -> None:
        self._metrics = metrics
        self._at = at
        self._namespace = _NAMESPACES[balancer.kind]
        self.is_network = balancer.kind == "network"
        pairs = {("LoadBalancer", balancer.metric_name)}
        self._dimensions = frozenset(pairs if group is None else {*pairs, ("TargetGroup", group.metric_name)})
        self._group = None if group is None else frozenset({("TargetGroup", group.metric_name)})

    def add(self, name: str, values: Mapping[float, float], unit: str = "Count") -> None:
        """Values with how often each came; without any there is no data."""
        if not values:
            return
        taken = sample(self._at, values, unit)
        self._metrics.add(Metric(namespace=self._namespace, name=name, dimensions=self._dimensions), taken)
        if name == "RequestCountPerTarget" and self._group is not None:
            self._metrics.add(Metric(namespace=self._namespace, name=name, dimensions=self._group), taken)


def _tell(page: _Page, tally: Tally) -> None:
    page.add("NewFlowCount" if page.is_network else "RequestCount", _ones(tally.requests))
    for hundred in range(2, 6):
        count = sum(times for code, times in tally.target_codes.items() if code // 100 == hundred)
        page.add(f"HTTPCode_Target_{hundred}XX_Count", _ones(count))
    page.add("TargetResponseTime", {ms / 1000: times for ms, times in tally.milliseconds.items()}, "Seconds")


def _ones(count: int) -> dict[float, float]:
    """Each request is a datum of its own; none is no data."""
    return {1.0: float(count)} if count else {}


def _per_target(tally: Tally, healthy: Mapping[float, float]) -> float:
    """Requests by the number of healthy targets, on average over the time in which there were any."""
    looks = sum(times for value, times in healthy.items() if value)
    present = sum(value * times for value, times in healthy.items())
    return tally.requests * looks / present if looks else float(tally.requests)
