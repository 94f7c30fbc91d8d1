"""Timers that fell due."""

from dataclasses import dataclass

from headcount.ports import Kicks, WakeStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Waker:
    """What ``wake_services`` does with a timer message."""

    store: WakeStore
    kicks: Kicks

    def wake(self, service: str, at: float) -> bool:
        """Kick the service if the timer is still the recorded one; a superseded timer is dropped."""
        recorded, number = self.store.next_wake(service)
        if recorded is None or recorded != at:
            return False
        self.kicks.kick(service, number, "timer")
        return True
