"""What a test asks of a plan."""

from collections import Counter
from typing import Any

from builders import NOW
from headcount.model.plan import ForgetTask, Plan, StartTasks, StopTask
from headcount.model.service import Launch, ServiceState
from headcount.planning.plan import plan


def planned(state: ServiceState, now: float = NOW, jitter: float = 0.0) -> Plan:
    return plan(state, now, jitter)


def launches(decided: Plan) -> list[Launch]:
    return [action.launch for action in decided.actions if isinstance(action, StartTasks)]


def started(decided: Plan) -> int:
    return sum(launch.count for launch in launches(decided))


def started_by_zone(decided: Plan) -> dict[str, int]:
    zones: Counter[str] = Counter()
    for launch in launches(decided):
        zones[launch.zone] += launch.count
    return dict(zones)


def stopped(decided: Plan) -> list[str]:
    return [action.task_id for action in decided.actions if isinstance(action, StopTask)]


def forgotten(decided: Plan) -> list[str]:
    return [action.task_id for action in decided.actions if isinstance(action, ForgetTask)]


def actions_of(decided: Plan, kind: Any) -> list[Any]:
    return [action for action in decided.actions if isinstance(action, kind)]


def holds(decided: Plan) -> list[str]:
    return [decision.reason for decision in decided.decisions if decision.kind == "hold"]


def event_names(decided: Plan) -> list[str]:
    return [decision.event_name for decision in decided.decisions if decision.event_name is not None]
