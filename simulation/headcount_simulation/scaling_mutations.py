"""What must be noticed of scaling, as ``mutations.py`` has it of the rest."""

from collections.abc import Sequence

from headcount.model.metrics import MetricSeries
from headcount.model.scaling_resources import MetricsWanted, ScalingAlarm
from headcount.model.scaling_state import ScalingState
from headcount.model.values import replace
from headcount.ports.scaling import ScalingRecords, ScalingWrite
from headcount_simulation.cloudwatch import MINUTE
from headcount_simulation.scaling_clients import AlarmsClient, MetricsClient, ScalingStoreClient
from headcount_simulation.scaling_table import ScalingTable


def _with_state(records: ScalingRecords | None, state: ScalingState) -> ScalingRecords | None:
    return records and replace(records, scaling=replace(records.scaling, state=state))


class NoCooldowns(ScalingStoreClient):
    """What was done last is forgotten."""

    def read(self, service: str) -> ScalingRecords | None:
        records = super().read(service)
        return records and _with_state(records, replace(records.scaling.state, activities=()))


class MissingIsZero(MetricsClient):
    """A minute without a value counts as one in which nobody worked."""

    def series(self, service: str, wanted: MetricsWanted) -> MetricSeries:
        found = dict(super().series(service, wanted).points)
        newest = self.calls.scheduler.now // MINUTE * MINUTE - MINUTE
        minutes = [newest - number * MINUTE for number in range(wanted.periods)][::-1]
        return MetricSeries(points=tuple((at, found.get(at, 0.0)) for at in minutes))


class AnyCount(ScalingTable):
    """A count is written whatever stands there by now."""

    def check(self, before: ScalingRecords, write: ScalingWrite) -> None:
        """Nothing."""


class NoAlarms(AlarmsClient):
    """Alarms are never made."""

    def put(self, alarm: ScalingAlarm) -> str | None:
        del alarm
        return None


class AlarmsStay(AlarmsClient):
    """Alarms are never deleted."""

    def delete(self, names: Sequence[str]) -> str | None:
        del names
        return None


class NoBounds(ScalingStoreClient):
    """The count goes where the load is, bounds or not."""

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        if write.capacity is not None and write.scaling.changed is not None:
            capacity = replace(write.capacity, desired_count=write.capacity.desired_count + 1)
            write = replace(write, capacity=capacity)
        return super().write(before, write, now)
