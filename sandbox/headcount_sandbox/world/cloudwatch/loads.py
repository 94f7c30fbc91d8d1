"""What tasks use, where a test says so: simulated tasks use nothing by themselves, processes what is measured."""

import threading
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Of a task definition family: percent of what each task reserves, or CPU units that its running tasks share.

    `silent`: nothing is published of the family, as when Container Insights has a gap.
    """

    cpu_percent: float | None = None
    cpu_units: float | None = None
    memory_percent: float | None = None
    silent: bool = False

    def cpu(self, reserved: float, tasks: int) -> float | None:
        """CPU units that one of so many tasks uses; None where it is measured. Nobody gets more than it reserves."""
        if self.cpu_percent is not None:
            return min(reserved, reserved * self.cpu_percent / 100)
        return None if self.cpu_units is None else min(reserved, self.cpu_units / max(1, tasks))

    def memory(self, reserved: float) -> float | None:
        """MiB that a task uses; None where it is measured."""
        return None if self.memory_percent is None else reserved * self.memory_percent / 100


class Loads:
    """The loads of families. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loads: dict[str, Load] = {}

    def set(
        self,
        family: str,
        *,
        cpu_percent: float | None = None,
        cpu_units: float | None = None,
        memory_percent: float | None = None,
        silent: bool = False,
    ) -> None:
        """Tasks of the family use so much from now on; raises ValueError for two kinds of CPU and less than 0."""
        if cpu_percent is not None and cpu_units is not None:
            raise ValueError("A load has either cpu_percent (of each task) or cpu_units (of all), not both.")
        for name, value in (("cpu_percent", cpu_percent), ("cpu_units", cpu_units), ("memory_percent", memory_percent)):
            if value is not None and not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 or more, not {value!r}.")
        load = Load(cpu_percent=cpu_percent, cpu_units=cpu_units, memory_percent=memory_percent, silent=silent)
        with self._lock:
            self._loads[family] = load

    def clear(self, family: str | None = None) -> None:
        """Tasks of the family, or of all of them, use what they use."""
        with self._lock:
            if family is None:
                self._loads.clear()
            else:
                self._loads.pop(family, None)

    def of(self, family: str) -> Load:
        with self._lock:
            return self._loads.get(family, _AS_MEASURED)

    def describe(self) -> list[dict[str, Any]]:
        """Every load that is set."""
        with self._lock:
            return [{"family": family, **asdict(load)} for family, load in sorted(self._loads.items())]


_AS_MEASURED = Load()
