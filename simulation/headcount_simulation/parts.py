"""The parts that a world is made of. A mutation replaces one of them by a subclass that leaves something out."""

from dataclasses import dataclass

from headcount_simulation.clients import KicksClient, RuntimeClient, StoreClient
from headcount_simulation.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Classes that a world is built from, and whether the audit runs."""

    table: type[Table] = Table
    store: type[StoreClient] = StoreClient
    runtime: type[RuntimeClient] = RuntimeClient
    kicks: type[KicksClient] = KicksClient
    audits: bool = True


REAL = Parts()
