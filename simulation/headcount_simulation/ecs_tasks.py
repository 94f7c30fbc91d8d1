"""Tasks as ECS keeps them: their states, and how long they stay in each."""

from dataclasses import dataclass
from typing import Final, Literal

from headcount.model.task import Health, ObservedTask
from headcount_simulation.instances import Instance

CAPACITY_REASON: Final = "Capacity is unavailable at this time. Please try again later or in a different zone"
STOPPED_KNOWN_SECONDS: Final = 3600.0
SPOT_NOTICE_SECONDS: Final = 120.0

Fate = Literal["runs", "never starts", "crashes", "gets stuck", "slow", "no room"]

Sickness = Literal["", "errors", "hangs"]

WAY_UP: Final = {"PROVISIONING": "PENDING", "PENDING": "ACTIVATING", "ACTIVATING": "RUNNING"}
WAY_DOWN: Final = {"RUNNING": "DEACTIVATING", "DEACTIVATING": "STOPPING", "STOPPING": "DEPROVISIONING"}
# seconds that a task stays in a state: least, most
STAYS: Final = {
    "PROVISIONING": (2.0, 15.0),
    "PENDING": (3.0, 25.0),
    "ACTIVATING": (0.2, 2.0),
    "DEACTIVATING": (0.1, 1.0),
    "STOPPING": (0.5, 30.0),
    "DEPROVISIONING": (2.0, 10.0),
}


@dataclass(slots=True, eq=False)
class EcsTask:
    """A task as ECS keeps it. ``visible_at``: when reads show it; ``before``: what a stale read shows until then.

    ``on_host``: it is reached at ports of its container instance. ``sickness``: what it does instead of answering.
    """

    task_id: str
    cluster: str
    group: str
    started_by: str
    service: str | None
    observed: ObservedTask
    fate: Fate
    visible_at: float
    health: Health | None = None
    before: ObservedTask | None = None
    fresh_at: float = 0.0
    instance: Instance | None = None
    on_host: bool = False
    sickness: Sickness = ""

    @property
    def answers(self) -> bool:
        """Whether its containers run, well or not."""
        return self.observed.last_status in ("RUNNING", "DEACTIVATING")
