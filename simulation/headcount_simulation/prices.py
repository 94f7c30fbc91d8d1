"""What AWS charges: public prices in dollars for us-east-1 without any free tier, and a month's bill from a ledger.

The prices are those of AWS's pricing pages as quoted in 2026 (``CONFIRMED`` says by whom); its own pages were not read
at that time. Transfer of data inside a Region, events of AWS services and scheduled rules of EventBridge cost nothing.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from headcount.model.values import dataclass
from headcount_simulation.accounting import Ledger

AS_OF: Final = "2026-06"
HOURS_A_MONTH: Final = 730
GIGABYTE: Final = 1024**3
MILLION: Final = 1_000_000

LAMBDA_REQUEST: Final = 0.20 / MILLION
LAMBDA_GIGABYTE_SECOND: Final = 0.0000133334  # arm64
WRITE_REQUEST_UNIT: Final = 0.625 / MILLION
READ_REQUEST_UNIT: Final = 0.125 / MILLION
TABLE_GIGABYTE_MONTH: Final = 0.25
RECOVERY_GIGABYTE_MONTH: Final = 0.20
STANDARD_REQUEST: Final = 0.40 / MILLION
FIFO_REQUEST: Final = 0.50 / MILLION
CUSTOM_EVENT: Final = 1.00 / MILLION
LOG_GIGABYTE: Final = 0.50
LOG_GIGABYTE_MONTH: Final = 0.03
METRIC_MONTH: Final = 0.30
ALARM_METRIC_MONTH: Final = 0.10
DASHBOARD_MONTH: Final = 3.00
TRACE: Final = 5.00 / MILLION
KEY_REQUEST: Final = 0.03 / 10_000

CONFIRMED: Final[Mapping[str, str]] = {
    "AWS Lambda pricing": "quoted by cloudchipr.com, AWS Lambda Pricing Breakdown; requests and arm64 duration",
    "Amazon DynamoDB pricing, on-demand": "quoted by airbyte.com, Amazon DynamoDB Pricing (2025-07); request units",
    "Amazon SQS pricing": "quoted by cloudburn.io, Amazon SQS Pricing (2026-03); standard and FIFO requests",
    "Amazon EventBridge pricing": "quoted by cloudburn.io, Amazon EventBridge Pricing (2026-03); custom events",
    "Amazon CloudWatch pricing": "quoted by factualminds.com, Amazon CloudWatch Pricing (2026-06); logs, dashboards",
}
FROM_MEMORY: Final = (
    "DynamoDB storage and point-in-time recovery",
    "CloudWatch alarms, storage of logs",
    "AWS X-Ray traces",
    "AWS KMS requests",
)

# what is there whether anything happens or not
POLLED_QUEUES: Final = 2  # of kicks (FIFO) and of timers
POLLERS: Final = 5  # of an event source mapping, each waiting up to 20 seconds for a message
POLLS_A_MONTH: Final = POLLERS * 3 * 60 * HOURS_A_MONTH
ALARM_METRICS: Final = 7  # template.yaml: seven alarms on one metric each
LOG_COMPRESSION: Final = 0.15
LOG_DAYS: Final = 30
HISTORY_DAYS: Final = 30
# SSESpecification: a key of KMS; DynamoDB asks for it at most once in five minutes for each caller
KEY_REQUESTS_A_MONTH: Final = 6 * 12 * HOURS_A_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a bill: what it is for, how much of it a month, and dollars."""

    what: str
    amount: float
    unit: str
    dollars: float


def monthly_bill(ledger: Ledger, seconds: float, table_bytes: int, groups: int = 0) -> tuple[Item, ...]:
    """The bill of a month that goes on as the ``seconds`` in which the ledger was kept.

    ``table_bytes``: of records. ``groups``: target groups with an alarm of their own; calls of ELB cost nothing.
    """
    times = HOURS_A_MONTH * 3600.0 / seconds
    return (
        *_lambda(ledger, times),
        *_table(ledger, times, table_bytes),
        *_messages(ledger, times),
        *_watching(ledger, times, groups),
    )


def total(items: tuple[Item, ...]) -> float:
    """Dollars a month."""
    return sum(item.dollars for item in items)


def _lambda(ledger: Ledger, times: float) -> tuple[Item, ...]:
    requests = sum(ledger.invocations.values()) * times
    items = [Item(what="Lambda: invocations", amount=requests, unit="", dollars=requests * LAMBDA_REQUEST)]
    for function in sorted(ledger.invocations):
        duration = ledger.gigabyte_seconds(function) * times
        items.append(
            Item(
                what=f"Lambda: time of {function}",
                amount=duration,
                unit="GB s",
                dollars=duration * LAMBDA_GIGABYTE_SECOND,
            )
        )
    return tuple(items)


def _table(ledger: Ledger, times: float, table_bytes: int) -> tuple[Item, ...]:
    writes, reads = ledger.write_units * times, ledger.read_units * times
    kept = (ledger.history_bytes + ledger.where_bytes) * times * HISTORY_DAYS * 24 / HOURS_A_MONTH
    gigabytes = (table_bytes + kept) / GIGABYTE
    return (
        Item(what="DynamoDB: writes", amount=writes, unit="units", dollars=writes * WRITE_REQUEST_UNIT),
        Item(what="DynamoDB: reads", amount=reads, unit="units", dollars=reads * READ_REQUEST_UNIT),
        Item(
            what="DynamoDB: storage and recovery",
            amount=gigabytes,
            unit="GB",
            dollars=gigabytes * (TABLE_GIGABYTE_MONTH + RECOVERY_GIGABYTE_MONTH),
        ),
        Item(
            what="KMS: the table's key",
            amount=KEY_REQUESTS_A_MONTH,
            unit="requests",
            dollars=KEY_REQUESTS_A_MONTH * KEY_REQUEST,
        ),
    )


def _messages(ledger: Ledger, times: float) -> tuple[Item, ...]:
    fifo = ledger.messages("SendMessage kick", "reconcile") * times
    standard = ledger.messages("SendMessage timer", "wake") * times
    idle = POLLS_A_MONTH * (FIFO_REQUEST + STANDARD_REQUEST)
    events = ledger.events * times
    return (
        Item(
            what="SQS: polling of the queues",
            amount=float(POLLED_QUEUES * POLLS_A_MONTH),
            unit="requests",
            dollars=idle,
        ),
        Item(
            what="SQS: messages",
            amount=fifo + standard,
            unit="requests",
            dollars=fifo * FIFO_REQUEST + standard * STANDARD_REQUEST,
        ),
        Item(what="EventBridge: own events", amount=events, unit="events", dollars=events * CUSTOM_EVENT),
    )


def _watching(ledger: Ledger, times: float, groups: int) -> tuple[Item, ...]:
    hours = Counter(name for name, _ in ledger.metric_hours)
    metrics = sum(min(1.0, count * times / HOURS_A_MONTH) for count in hours.values())
    logs = ledger.log_bytes * times / GIGABYTE
    kept = logs * LOG_COMPRESSION * LOG_DAYS * 24 / HOURS_A_MONTH
    traces = ledger.traces * times
    return (
        Item(
            what="CloudWatch: logs",
            amount=logs,
            unit="GB",
            dollars=logs * LOG_GIGABYTE + kept * LOG_GIGABYTE_MONTH,
        ),
        Item(what="CloudWatch: metrics", amount=metrics, unit="metrics", dollars=metrics * METRIC_MONTH),
        Item(
            what="CloudWatch: alarms",
            amount=ALARM_METRICS,
            unit="metrics",
            dollars=ALARM_METRICS * ALARM_METRIC_MONTH,
        ),
        Item(
            what="CloudWatch: alarms of target groups",
            amount=groups,
            unit="metrics",
            dollars=groups * ALARM_METRIC_MONTH,
        ),
        Item(what="CloudWatch: dashboard", amount=1, unit="", dollars=DASHBOARD_MONTH),
        Item(what="X-Ray: traces", amount=traces, unit="traces", dollars=traces * TRACE),
    )
