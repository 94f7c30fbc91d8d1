"""What a world uses of what AWS bills: counted as it happens, at the calls that the adapters make.

Lambda bills the time that an invocation takes. Here that is the virtual time, in which a call of AWS takes 14 ms on
average, and what the function computes: the ``CPU_*`` seconds, measured on one CPU (docs/measurements.md), on the share
of a CPU that Lambda gives to its memory. Cold starts are left out.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

MEMORY_MB: Final = {  # template.yaml
    "observe": 256,
    "reconcile": 512,
    "audit": 512,
    "wake": 256,
    "control": 256,
    "balance": 256,
    "scale": 512,
}
MEMORY_OF_A_CPU_MB: Final = 1769  # Lambda developer guide, "Configure Lambda function memory"
CPU_AN_INVOCATION: Final = 0.002
CPU_A_CALL: Final = 0.0015
CPU_A_TASK_READ: Final = 0.00003
# bytes of one log event, CloudWatch's 26 for each included; tests/unit/simulation/test_log_sizes.py
PLATFORM_LOG_BYTES: Final = 480  # START, END and REPORT: estimated
DECISION_LOG_BYTES: Final = 700
INVOCATION_LOG_BYTES: Final = {
    "observe": 563,
    "reconcile": 1000,
    "audit": 587,
    "wake": 0,
    "control": 700,
    "balance": 600,
    "scale": 1400,
}
METRICS: Final = {"reconcile": "PassDuration"}  # aws/telling.py: sent whenever the function runs
SAMPLED: Final = 0.05  # X-Ray records the first request of a second, and this share of the others
WRITE_UNIT: Final = 1024
READ_UNIT: Final = 4096
PAGE_BYTES: Final = 1024 * 1024


@dataclass(slots=True)
class Ledger:
    """Counted since it was cleared last. ``calls``: by function and operation. ``metric_hours``: a metric an hour."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    tasks_read: Counter[str] = field(default_factory=Counter)
    write_units: float = 0.0
    read_units: float = 0.0
    history_bytes: int = 0
    where_bytes: int = 0
    events: int = 0
    decisions: int = 0
    traces: float = 0.0
    metric_hours: set[tuple[str, int]] = field(default_factory=set)
    _traced: dict[str, int] = field(default_factory=dict)

    def clear(self) -> None:
        """Begin anew."""
        fresh = Ledger()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    # -- what happens -------------------------------------------------------------------------------------------------

    def invoked(self, function: str, began: float, ended: float) -> None:
        """An invocation from its first to its last moment (epoch seconds)."""
        self.invocations[function] += 1
        self.waited[function] += ended - began  # type: ignore[assignment]  # a Counter counts seconds as well
        if function in METRICS:
            self.metric_hours.add((METRICS[function], int(began // 3600)))
        second = int(began)
        self.traces += SAMPLED if self._traced.get(function) == second else 1.0
        self._traced[function] = second

    def measured(self, metric: str, at: float) -> None:
        """A metric was sent: it is billed by the hour."""
        self.metric_hours.add((metric, int(at // 3600)))

    def wrote(self, *sizes: int, transaction: bool = False) -> None:
        """Records written, each as large as it was or became, whichever is more."""
        units = sum(max(1, math.ceil(size / WRITE_UNIT)) for size in sizes)
        self.write_units += 2 * units if transaction else units

    def read(self, size: int, *, consistent: bool) -> None:
        """Records read by one ``Query`` or ``GetItem``, together."""
        units = max(1, math.ceil(size / READ_UNIT))
        self.read_units += units if consistent else units / 2

    # -- what it comes to ---------------------------------------------------------------------------------------------

    def gigabyte_seconds(self, function: str) -> float:
        """What Lambda bills for the time of a function."""
        calls = sum(count for (caller, _), count in self.calls.items() if caller == function)
        computed = (
            self.invocations[function] * CPU_AN_INVOCATION
            + calls * CPU_A_CALL
            + self.tasks_read[function] * CPU_A_TASK_READ
        )
        memory = MEMORY_MB[function]
        seconds = self.waited[function] + computed * MEMORY_OF_A_CPU_MB / memory
        return seconds * memory / 1024

    def messages(self, operation: str, function: str) -> int:
        """Requests of a queue that its messages make: sent, received and deleted."""
        sent = sum(count for (_, name), count in self.calls.items() if name == operation)
        return sent + 2 * self.invocations[function]

    @property
    def log_bytes(self) -> int:
        """What CloudWatch takes in."""
        each = (
            count * (PLATFORM_LOG_BYTES + INVOCATION_LOG_BYTES[function])
            for function, count in self.invocations.items()
        )
        return sum(each) + self.decisions * DECISION_LOG_BYTES
