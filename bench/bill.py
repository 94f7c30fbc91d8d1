"""What an install costs a month while nothing happens: everything counted in simulation, at public prices."""

from bench.measurement import Detail, Findings, Measurement
from headcount_simulation.prices import AS_OF, Item, monthly_bill, total
from headcount_simulation.quiet import Quiet, stay_quiet

_TASKS = 20
_GOAL_SERVICES, _GOAL_DOLLARS = 1000, 10.0


def measure(*, quick: bool) -> Findings:
    """Quiet services of 20 tasks, at defaults."""
    bills = {services: _bill(services) for services in ((0, 100, 1000) if quick else (0, 100, 1000, 10_000))}
    return Findings(
        measurements=tuple(
            Measurement(
                what=f"a month of {services:,} quiet services of {_TASKS} tasks",
                value=total(bill),
                unit="USD",
                goal=_GOAL_DOLLARS if services == _GOAL_SERVICES else None,
            )
            for services, (_, bill) in bills.items()
        ),
        details=(_by_item(bills), _amounts(*bills[_GOAL_SERVICES])),
        notes=(
            f"Prices: us-east-1, without any free tier, as of {AS_OF} (simulation/headcount_simulation/prices.py).",
            "Assumed: 14 ms for a call of AWS, 20 ms to read 100 tasks of an answer, 5 pollers a queue, no cold start.",
        ),
    )


def _bill(services: int) -> tuple[Quiet, tuple[Item, ...]]:
    quiet = stay_quiet(services, _TASKS, 1800.0 if services > _GOAL_SERVICES else 3600.0)
    return quiet, monthly_bill(quiet.ledger, quiet.seconds, quiet.table_bytes)


def _by_item(bills: dict[int, tuple[Quiet, tuple[Item, ...]]]) -> Detail:
    dollars = {services: {item.what: item.dollars for item in bill} for services, (_, bill) in bills.items()}
    names = dict.fromkeys(name for one in dollars.values() for name in one)
    rows = [(name, *(f"{one.get(name, 0.0):.2f}" for one in dollars.values())) for name in names]
    rows.append(("all", *(f"{sum(one.values()):.2f}" for one in dollars.values())))
    return Detail(
        title="Dollars a month by item",
        columns=("item", *(f"{services:,} services" for services in bills)),
        rows=tuple(rows),
    )


def _amounts(quiet: Quiet, bill: tuple[Item, ...]) -> Detail:
    rows = tuple((item.what, f"{item.amount:,.1f}", item.unit, f"{item.dollars:.2f}") for item in bill)
    title = f"{quiet.services:,} services: how much of it a month"
    return Detail(title=title, columns=("item", "amount", "unit", "USD"), rows=rows)
