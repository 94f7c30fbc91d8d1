"""What really happened to the tasks of a world, kept for reports and pictures."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headcount.noticing import InstanceChange
from headcount.planning.health import SETTLING_SECONDS
from headcount.ports.tasks import Sighting
from headcount_simulation.world import World

Emitted = Sighting | InstanceChange


@dataclass(slots=True)
class Life:
    """One task's times, in seconds of the day; None while it has not come so far."""

    service: str
    created_at: float
    running_at: float | None = None
    ended_at: float | None = None

    def is_live(self, at: float) -> bool:
        """Whether it counted at that time: started, and nobody had told it to stop."""
        return self.created_at <= at and (self.ended_at is None or at < self.ended_at)

    def is_healthy(self, at: float) -> bool:
        """Whether it counted as healthy at that time (ECS: RUNNING for 40 seconds, without any health check)."""
        return self.is_live(at) and self.running_at is not None and self.running_at + SETTLING_SECONDS <= at


@dataclass(slots=True)
class Recording:
    """Every task that ECS told of from now on, by its id, in the order of their start."""

    world: World
    lives: dict[str, Life] = field(default_factory=dict)

    def hears(self, tell: Callable[[Emitted], None]) -> Callable[[Emitted], None]:
        """What ECS tells, heard on its way."""

        def heard(told: Emitted) -> None:
            if isinstance(told, Sighting):
                self._note(told)
            tell(told)

        return heard

    def _note(self, sighting: Sighting) -> None:
        now = self.world.second
        life = self.lives.setdefault(sighting.task_id, Life(service=sighting.service or "", created_at=now))
        if sighting.observed.desired_status == "STOPPED" and life.ended_at is None:
            life.ended_at = now
        if sighting.observed.last_status == "RUNNING" and life.running_at is None:
            life.running_at = now


def record(world: World) -> Recording:
    """Record a world from now on."""
    recording = Recording(world)
    world.ecs.emit = recording.hears(world.ecs.emit)
    return recording
