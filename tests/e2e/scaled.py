"""Services that scale in a sandbox whose minutes last a second, and the metrics, alarms and queues of their user."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from e2e.install import Install
from headcount_sandbox import Clock

MINUTE = 60.0
SCALE = 60.0
SCALED: Mapping[str, Any] = {
    "clock": Clock(scale=SCALE, start=datetime(2026, 9, 21, 6, 0, tzinfo=UTC)),
    "metrics_scale": 1.0,  # CloudWatch goes by the clock, which is fast enough
}
NAMESPACE = "Stories"
OWN_ALARMS = "headcount/main/scaling/"

_CHANGE = re.compile(r"from (\d+) to (\d+)")

Says = Callable[[], float | None]


class Meters:
    """Metrics of the user's own: each says its value every minute, also of minutes in which the machine was busy."""

    def __init__(self, install: Install) -> None:
        self._install = install
        self._cloudwatch = install.sandbox.client("cloudwatch")
        self._lock = threading.Lock()
        self._say: dict[str, Says] = {}
        self._last = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meters", daemon=True)

    @contextmanager
    def running(self) -> Iterator["Meters"]:
        self._last = self.minute
        self._thread.start()
        yield self
        self._stopped.set()
        self._thread.join()

    @property
    def minute(self) -> int:
        """The number of the present minute of the world."""
        return int(self._install.sandbox.world.clock.now() // MINUTE)

    def say(self, name: str, value: float | None, *, for_minutes: int = 0) -> None:
        """From now on it has this value (None: there is no data); as it had for so many minutes before."""
        with self._lock:
            self._say[name] = lambda: value
            if value is not None:
                self._put([(name, value, minute) for minute in range(self._last - for_minutes + 1, self._last + 1)])

    def follow(self, name: str, says: Says) -> None:
        """From now on it has whatever value is said each minute."""
        with self._lock:
            self._say[name] = says

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds_left()):
            with self._lock:
                now = self.minute
                said = [(name, says()) for name, says in self._say.items()]
                minutes = range(self._last + 1, now + 1)
                self._put([(name, value, at) for name, value in said if value is not None for at in minutes])
                self._last = now

    def _seconds_left(self) -> float:
        """Real seconds until the next minute begins."""
        return (MINUTE - self._install.sandbox.world.clock.now() % MINUTE) / SCALE

    def _put(self, values: list[tuple[str, float, int]]) -> None:
        data = [{"MetricName": name, "Value": value, "Timestamp": at * MINUTE} for name, value, at in values]
        for first in range(0, len(data), 1000):
            self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[first : first + 1000])


class Change(NamedTuple):
    """A change of the count by scaling, as the history tells it; `at` in epoch seconds of the world."""

    at: float
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """One service with a block `scaling`."""

    install: Install
    name: str

    def declare(
        self,
        count: int | None,
        *policies: Mapping[str, Any],
        bounds: tuple[int, int],
        actions: Sequence[Mapping[str, Any]] = (),
        **more: Any,
    ) -> None:
        """Applies it, with a starting count or without; `more` are further keys of the manifest."""
        block = {
            "minCapacity": bounds[0],
            "maxCapacity": bounds[1],
            "policies": list(policies),
            "scheduledActions": list(actions),
        }
        manifest = self.install.manifest(self.name, self._definition(), count or 0, scaling=block, **more)
        if count is None:
            del manifest["desiredCount"]
        self.install.ask("apply", manifest=manifest)

    def run(self, count: int, *policies: Mapping[str, Any], bounds: tuple[int, int], **more: Any) -> "Scaled":
        """Declares it, and waits until its tasks run."""
        self.declare(count, *policies, bounds=bounds, **more)
        self.install.steady(self.name, count)
        return self

    def _definition(self) -> str:
        known = self.install.ecs.list_task_definitions(familyPrefix=self.name)["taskDefinitionArns"]
        return known[-1].rpartition("/")[2] if known else self.install.define(self.name)

    # ------------------------------------------------------------------------------------------------------- looking

    @property
    def desired(self) -> int:
        return int(self.install.describe(self.name)["desiredCount"])

    @property
    def running(self) -> int:
        """How many tasks run, as ECS knows it at this moment."""
        return self.install.running(self.name)

    @property
    def now(self) -> float:
        """The world's time, in epoch seconds."""
        return self.install.sandbox.world.clock.now()

    @property
    def told(self) -> dict[str, Any]:
        """What `headcount scaling` shows."""
        return self.install.ask("scaling", service=f"demo/{self.name}")

    def policy(self, name: str) -> dict[str, Any]:
        """What is told of one policy."""
        return next(one for one in self.told["policies"] if one["policyName"] == name)

    def reasons(self) -> list[str]:
        """The history of its scaling, oldest first."""
        return [entry["reason"] for entry in self.install.history(self.name, "scaling")]

    def changes(self) -> list[Change]:
        """Every change of the count by scaling, oldest first."""
        found = []
        for entry in self.install.history(self.name, "scaling"):
            counts = _CHANGE.search(entry["reason"])
            if counts and entry.get("eventName") == "SERVICE_DESIRED_COUNT_UPDATED":
                at = datetime.fromisoformat(entry["at"]).timestamp()
                found.append(Change(at=at, before=int(counts[1]), after=int(counts[2]), reason=entry["reason"]))
        return found

    def counts(self) -> list[int]:
        """The counts that scaling has set, in their order."""
        return [change.after for change in self.changes()]

    # ------------------------------------------------------------------------------------------------------- waiting

    def becomes(self, count: int) -> None:
        """Waits until the count is this."""
        self.install.wait(lambda: self.desired == count, f"the count of {self.name} is {count}", self.name)

    def goes(self, before: int, after: int) -> None:
        """Waits until scaling has changed the count so, at any time."""

        def has_gone() -> bool:
            return (before, after) in [(one.before, one.after) for one in self.changes()]

        self.install.wait(has_gone, f"{self.name} goes from {before} to {after}", self.name)

    def says(self, policy: str, *words: str) -> None:
        """Waits until a policy gives a reason with these words."""
        self.install.wait(
            lambda: all(word in str(self.policy(policy)["reason"]) for word in words),
            f"policy {policy} of {self.name} says {words}",
            self.name,
        )

    def says_of_itself(self, words: str) -> None:
        """Waits until the latest decision has a reason with these words."""
        self.install.wait(
            lambda: words in str((self.told["lastDecision"] or {}).get("reason")),
            f"{self.name} says {words}",
            self.name,
        )

    def looks(self) -> None:
        """Waits until it has been looked at once more."""
        before = self.told["lookedAt"]
        self.install.wait(lambda: self.told["lookedAt"] != before, f"{self.name} is looked at again", self.name)

    def minutes_pass(self, minutes: float) -> None:
        """Waits for the world's clock."""
        until = self.install.sandbox.world.clock.now() + minutes * MINUTE
        self.install.wait(lambda: self.install.sandbox.world.clock.now() >= until, f"{minutes} minutes have passed")

    def stays(self, count: int, minutes: float) -> None:
        """For so many minutes the count is this, and scaling has changed nothing."""
        before = self.changes()
        self.minutes_pass(minutes)
        assert (self.desired, self.changes()) == (count, before), self.install.story("nothing changes", [self.name])


def tracking(
    name: str, metric: str, target: float, *, periods: tuple[int, int] = (1, 3), **more: Any
) -> dict[str, Any]:
    """A target tracking policy on a metric of the user's, with alarms of so many periods (out, in)."""
    configuration = {
        "targetValue": target,
        "customizedMetricSpecification": {"namespace": NAMESPACE, "metricName": metric, "statistic": "Average"},
        "scaleOutCooldown": 60,
        "scaleInCooldown": 60,
        "evaluation": {"outPeriods": periods[0], "inPeriods": periods[1]},
        **more,
    }
    return {"policyName": name, "targetTrackingScalingPolicyConfiguration": configuration}


def stepping(name: str, alarms: list[str], steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A step scaling policy that the user's alarms call."""
    configuration = {"adjustmentType": "ChangeInCapacity", "cooldown": 60, "stepAdjustments": steps, **more}
    return {"policyName": name, "stepScalingPolicyConfiguration": configuration, "alarms": alarms}


def an_alarm(install: Install, name: str, metric: str, threshold: float, *, below: bool = False) -> None:
    """An alarm of the user's, on one minute of a metric."""
    install.sandbox.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace=NAMESPACE,
        MetricName=metric,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="LessThanThreshold" if below else "GreaterThanThreshold",
    )


def own_alarms(install: Install, service: str) -> dict[str, dict[str, Any]]:
    """Headcount's alarms of a service's scaling, by their kind: high, low."""
    told = install.sandbox.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{OWN_ALARMS}{service}/")
    return {alarm["AlarmName"].split("/")[-2]: alarm for alarm in told["MetricAlarms"]}
