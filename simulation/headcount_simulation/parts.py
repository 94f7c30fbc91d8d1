"""The parts that a world is made of. A mutation replaces one of them by a subclass that leaves something out."""

from headcount.model.values import dataclass
from headcount_simulation.clients import KicksClient, RuntimeClient, StoreClient, TargetGroupsClient
from headcount_simulation.functions import Functions
from headcount_simulation.scaling_clients import AlarmsClient, MetricsClient, ScalingStoreClient
from headcount_simulation.scaling_table import ScalingTable
from headcount_simulation.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Classes that a world is built from, and whether the audit runs."""

    table: type[Table] = Table
    store: type[StoreClient] = StoreClient
    runtime: type[RuntimeClient] = RuntimeClient
    kicks: type[KicksClient] = KicksClient
    target_groups: type[TargetGroupsClient] = TargetGroupsClient
    functions: type[Functions] = Functions
    scaling_table: type[ScalingTable] = ScalingTable
    scaling_store: type[ScalingStoreClient] = ScalingStoreClient
    metrics: type[MetricsClient] = MetricsClient
    alarms: type[AlarmsClient] = AlarmsClient
    audits: bool = True


REAL = Parts()
