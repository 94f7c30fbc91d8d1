"""The records that ``keep_load_balancers`` reads and writes, and what it tells."""

from collections.abc import Callable, Sequence

from headcount.model.service import Decision
from headcount.model.target import Balancing
from headcount.ports.keeping import BalancingRecords, Looked
from headcount_simulation.calls import Calls
from headcount_simulation.clients import TABLE
from headcount_simulation.table import Table


class BalancingStoreClient:
    """``BalancingStore`` on the simulated table."""

    def __init__(self, table: Table, calls: Calls) -> None:
        self.table = table
        self.calls = calls

    def read(self, service: str) -> BalancingRecords | None:
        return self.calls.make(TABLE, "Query balancing", lambda: self.table.read_balancing(service))

    def write(self, records: BalancingRecords, balancing: Balancing, history: Sequence[Decision], now: float) -> int:
        def effect() -> int:
            return self.table.write_balancing(records, balancing, history, now)

        return self.calls.make(TABLE, "TransactWriteItems balancing", effect)

    def pass_number(self, service: str) -> int | None:
        return self.calls.make(TABLE, "GetItem status", lambda: self.table.pass_number(service))


class LookLogClient:
    """``LookLog``: into the story."""

    def __init__(self, calls: Calls, tell: Callable[[str], None]) -> None:
        self.calls = calls
        self.tell = tell

    def decided(self, service: str, decisions: Sequence[Decision]) -> None:
        self.calls.ledger.decisions += len(decisions)
        for decision in decisions:
            self.tell(f"{service}: {decision.kind}: {decision.reason}")

    def looked(self, looked: Looked) -> None:
        for problem in looked.problems:
            self.tell(f"{looked.service}: load balancing: {problem}")
