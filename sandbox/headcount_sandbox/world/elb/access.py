"""What load balancers did, counted: for metrics of a period, and in total since they began."""

import threading
from collections import Counter
from dataclasses import dataclass, field

Where = tuple[str, str | None]  # the ARN of a load balancer, that of a target group if a target was asked


@dataclass(slots=True, kw_only=True)
class Tally:
    """Requests (or connections), answers by status, and how long targets took (milliseconds: how often)."""

    requests: int = 0
    target_codes: Counter[int] = field(default_factory=Counter)
    balancer_codes: Counter[int] = field(default_factory=Counter)
    milliseconds: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.requests += other.requests
        self.target_codes += other.target_codes
        self.balancer_codes += other.balancer_codes
        self.milliseconds += other.milliseconds


class Access:
    """Counts; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._period: dict[Where, Tally] = {}
        self._total: dict[Where, Tally] = {}

    def count(
        self,
        balancer: str,
        group: str | None,
        *,
        target_code: int | None = None,
        balancer_code: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """One request that was answered, by a target or by the load balancer itself (or one connection)."""
        with self._lock:
            for where in dict.fromkeys(((balancer, group), (balancer, None))):
                tally = self._period.setdefault(where, Tally())
                tally.requests += 1
                if target_code is not None:
                    tally.target_codes[target_code] += 1
                if balancer_code is not None:
                    tally.balancer_codes[balancer_code] += 1
                if seconds is not None:
                    tally.milliseconds[round(seconds * 1000)] += 1

    def take(self) -> dict[Where, Tally]:
        """What was counted since the last time."""
        with self._lock:
            taken, self._period = self._period, {}
            for where, tally in taken.items():
                self._total.setdefault(where, Tally()).add(tally)
            return taken

    def total(self, balancer: str, group: str | None = None) -> Tally:
        """What was counted since the beginning."""
        with self._lock:
            found = Tally()
            for counted in (self._total, self._period):
                found.add(counted.get((balancer, group), Tally()))
            return found
