"""Backlog: as many tasks as there is work for, none of them taken away while its work is in hand."""

import math

from headcount.model.metrics import MetricSeries
from headcount.model.scaling import Backlog
from headcount.model.scaling_state import IN_FLIGHT, VISIBLE, Ask, Reading
from headcount.scaling.absolute import asks_for, holds
from headcount.scaling.counts import Counts
from headcount.scaling.series import current
from headcount.scaling.words import number

MOST_TASKS = 1_000_000  # beyond any bound: keeps absurd figures finite


def ask_backlog(policy: Backlog, reading: Reading, counts: Counts, now: float) -> Ask:
    """What a backlog policy asks for: ceil((visible + in flight) / per task).

    A queue tells both; a metric of another kind may have nothing in flight, and then there is no such series.
    """
    visible = current(reading.series.get(VISIBLE, MetricSeries()), now)
    in_flight = current(reading.series[IN_FLIGHT], now) if IN_FLIGHT in reading.series else (now, 0.0)
    if visible is None or in_flight is None:
        return holds(policy.name, f"no recent data of what is {'waiting' if visible is None else 'in flight'}")
    waiting, in_hand = max(0.0, visible[1]), max(0.0, in_flight[1])
    if counts.desired == 0 and waiting + in_hand < policy.activation:
        words = f"{number(waiting + in_hand)} waiting, fewer than the {number(policy.activation)} that wake it"
        return asks_for(policy.name, 0, counts, words)
    needed = _tasks((waiting + in_hand) / policy.per_task)
    words = f"({number(waiting)} visible + {number(in_hand)} in flight) / {number(policy.per_task)} a task: {needed}"
    busy = min(counts.desired, _tasks(in_hand / policy.at_once))
    if needed < busy:
        return asks_for(policy.name, busy, counts, f"{words}, but {busy} have work in hand")
    return asks_for(policy.name, needed, counts, words)


def _tasks(exact: float) -> int:
    return math.ceil(round(min(exact, MOST_TASKS), 9))
