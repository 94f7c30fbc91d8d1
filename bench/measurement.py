"""What a part of the benchmark finds, as values: printed by ``report.py``, written as JSON as they are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OUT = Path(__file__).parent / "out"
Verdict = Literal["met", "missed", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number. ``goal`` is the most that it may be; None where nothing is promised."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def of_goal(self) -> float | None:
        """The value as a share of its goal."""
        return None if self.goal is None else self.value / self.goal

    @property
    def verdict(self) -> Verdict:
        """Whether the promise holds on this machine, in this run."""
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A table that explains the numbers. The first column is text, the others are printed as given."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one part found. ``pictures``: names of files in ``OUT``."""

    measurements: tuple[Measurement, ...]
    details: tuple[Detail, ...] = ()
    notes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the benchmark, done. ``load_*``: the machine's load average over one minute, before and after.

    ``began_at``: UTC, ISO 8601. ``not_measured`` says why there are no findings; with ``skipped`` nothing is wrong.
    """

    name: str
    title: str
    began_at: str
    seconds: float
    load_before: float
    load_after: float
    findings: Findings
    not_measured: str | None = None
    skipped: bool = False


class NotMeasured(Exception):
    """A measurement could not be made, for a reason that is no matter of speed."""


class Skipped(NotMeasured):
    """The machine has not got what a measurement needs: nothing is wrong."""


def milliseconds(seconds: float) -> str:
    """A duration as text in milliseconds, as precise as it deserves."""
    value = seconds * 1000.0
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
