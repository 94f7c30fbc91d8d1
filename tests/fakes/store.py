"""The whole table in memory, for every function at once: the simulation's table, with a history."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount.model.instants import iso
from headcount.model.service import Decision
from headcount_simulation.partitions import Partition, StatusRecord, TaskRecord
from headcount_simulation.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """What one part of one pass decided."""

    key: str
    decisions: tuple[Decision, ...]
    pass_number: int
    at: float


class InMemoryStore(Table):
    """One table, five views: the stores of reconciling, observing, auditing, waking and control."""

    def __init__(self, clock: Callable[[], float], install: str = "main") -> None:
        super().__init__(clock, install)
        self.histories: dict[str, list[HistoryRecord]] = {}
        self._parts = itertools.count()

    def write_history(
        self, service: str, pass_number: int, part: str, decisions: Sequence[Decision], now: float
    ) -> None:
        if not decisions:
            return
        key = f"event#{now:017.6f}#{pass_number:020d}#{part}-{next(self._parts):08d}"
        record = HistoryRecord(key=key, decisions=tuple(decisions), pass_number=pass_number, at=now)
        self.histories.setdefault(service, []).append(record)

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        entries: list[Mapping[str, Any]] = []
        last: str | None = None
        for record in sorted(self.histories.get(service, ()), key=lambda one: one.key, reverse=True):
            if before is not None and record.key >= before:
                continue
            if len(entries) >= limit:
                return tuple(entries), last
            entries.extend(_entry(decision, record.pass_number, record.at) for decision in reversed(record.decisions))
            last = record.key
        return tuple(entries), None


def _entry(decision: Decision, pass_number: int, at: float) -> Mapping[str, Any]:
    """As in ``docs/contracts.md``."""
    parts = {
        "task": decision.task,
        "launch": decision.launch,
        "deployment": decision.deployment,
        "eventName": decision.event_name,
        "by": decision.by,
    }
    return {
        "at": iso(at),
        "pass": pass_number,
        "kind": decision.kind,
        "level": decision.level,
        "reason": decision.reason,
        **{name: value for name, value in parts.items() if value is not None},
    }


__all__ = ["HistoryRecord", "InMemoryStore", "Partition", "StatusRecord", "TaskRecord"]
