"""What ``keep_load_balancers`` needs of the world, apart from what every function needs (``headcount.ports``).

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Sequence
from typing import Protocol

from headcount.balancing.resources import Seen, Sought, Step
from headcount.model.service import Decision, DeclaredService
from headcount.model.target import Balancing
from headcount.model.values import dataclass


class LoadBalancerResources(Protocol):
    """Load balancers, listeners, rules and target groups, the functions behind them, and alarms on them."""

    def look(self, sought: Sought) -> Seen:
        """Describe what is sought, with tags and attributes; what does not exist is missing from the answer."""
        ...

    def carry_out(self, step: Step) -> str | None:
        """Make one call. None: it is done, now or before; else AWS's words why it refuses."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancingRecords:
    """The records of a service that decide about its load balancing; see ``balancing.resources.BalancingView``.

    ``revision``: of the record ``balancing``, which writing it needs; None where there is none.
    """

    declared: DeclaredService
    balancing: Balancing
    revision: int | None
    registered: frozenset[str] = frozenset()
    busy: bool = False
    seen_generation: int | None = None


class BalancingStore(Protocol):
    """What ``keep_load_balancers`` reads and writes: it alone writes the record ``balancing``."""

    def read(self, service: str) -> BalancingRecords | None:
        """The records, read consistently; None if nobody declares the service."""
        ...

    def write(self, records: BalancingRecords, balancing: Balancing, history: Sequence[Decision], now: float) -> int:
        """Write the record and the history: its revision. ``Conflict`` if the record or the manifest has changed."""
        ...

    def pass_number(self, service: str) -> int | None:
        """As in ``ObserveStore``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look came to, for a log line."""

    service: str
    steps: int = 0
    problems: tuple[str, ...] = ()
    removed: bool = False
    kicked: bool = False


class LookLog(Protocol):
    """Where looks are told."""

    def decided(self, service: str, decisions: Sequence[Decision]) -> None:
        """One structured log line a decision."""
        ...

    def looked(self, looked: Looked) -> None:
        """One line a look."""
        ...
