"""Timers that fell due."""

from headcount.messages import DueTimer
from headcount.model.values import dataclass
from headcount.ports import Kicks, ScalingRequests, WakeStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Waker:
    """What ``wake_services`` does with a timer message."""

    store: WakeStore
    kicks: Kicks
    scaling: ScalingRequests

    def wake(self, timer: DueTimer) -> bool:
        """Wake the service, or its scaling, if the timer is still the recorded one; a superseded timer is dropped."""
        return self._scaling(timer) if timer.of_scaling else self._pass(timer)

    def _pass(self, timer: DueTimer) -> bool:
        recorded, number = self.store.next_wake(timer.service)
        if recorded is None or recorded != timer.at:
            return False
        self.kicks.kick(timer.service, number, "timer")
        return True

    def _scaling(self, timer: DueTimer) -> bool:
        if self.store.next_scaling_look(timer.service) != timer.at:
            return False
        self.scaling.ask(timer.service, "timer")
        return True
