"""The environment, parsed once into a frozen value. Every problem with it is named at once."""

import os
import re
from collections.abc import Mapping

from headcount.errors import TerminalError
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a function is told. Only what it asked for is filled in; see ``docs/contracts.md``."""

    table: str = ""
    install: str = "main"
    clusters: tuple[str, ...] = ()
    reconcile_queue_url: str = ""
    timer_queue_url: str = ""
    balancer_function: str = ""
    scaling_function: str = ""
    schedule_group: str = ""
    schedule_role: str = ""
    event_dead_letters: str = ""
    own_function: str = ""
    event_bus: str = "default"
    history_days: float = 30.0
    metrics_per_service: bool = False
    manage_load_balancers: bool = False
    scaling_functions: tuple[str, ...] = ()


class WrongSettings(TerminalError):
    """The environment of a function is incomplete or wrong: the template and the layer do not fit."""


def read_settings(*required: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Read ``HEADCOUNT_*``; ``required`` names those that this function cannot do without."""
    values = os.environ if environment is None else environment
    problems = [f"{name} is not set" for name in required if not values.get(name)]
    install = values.get("HEADCOUNT_INSTALL", "main")
    if not re.fullmatch(r"[a-z0-9]{1,8}", install):
        problems.append(f"HEADCOUNT_INSTALL is {install!r}: 1 to 8 of a-z and 0-9 are allowed")
    days = values.get("HEADCOUNT_HISTORY_DAYS") or "30"
    if not re.fullmatch(r"[0-9]{1,5}", days) or int(days) < 1:
        problems.append(f"HEADCOUNT_HISTORY_DAYS is {days!r}: a whole number of days from 1 is allowed")
    per_service = _switch(values, "HEADCOUNT_METRICS_PER_SERVICE", problems)
    manage_load_balancers = _switch(values, "HEADCOUNT_MANAGE_LOAD_BALANCERS", problems)
    if problems:
        raise WrongSettings("; ".join(problems))
    return Settings(
        table=values.get("HEADCOUNT_TABLE", ""),
        install=install,
        clusters=_names(values, "HEADCOUNT_CLUSTERS"),
        reconcile_queue_url=values.get("HEADCOUNT_RECONCILE_QUEUE_URL", ""),
        timer_queue_url=values.get("HEADCOUNT_TIMER_QUEUE_URL", ""),
        balancer_function=values.get("HEADCOUNT_BALANCER_FUNCTION", ""),
        scaling_function=values.get("HEADCOUNT_SCALING_FUNCTION", ""),
        schedule_group=values.get("HEADCOUNT_SCHEDULE_GROUP", ""),
        schedule_role=values.get("HEADCOUNT_SCHEDULE_ROLE_ARN", ""),
        event_dead_letters=values.get("HEADCOUNT_EVENT_DEAD_LETTERS_ARN", ""),
        own_function=values.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        event_bus=values.get("HEADCOUNT_EVENT_BUS") or "default",
        history_days=float(days),
        metrics_per_service=per_service,
        manage_load_balancers=manage_load_balancers,
        scaling_functions=_names(values, "HEADCOUNT_SCALING_FUNCTIONS"),
    )


def _names(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in values.get(name, "").split(",") if one.strip())


def _switch(values: Mapping[str, str], name: str, problems: list[str]) -> bool:
    said = values.get(name, "false").lower()
    if said not in ("true", "false"):
        problems.append(f"{name} is {said!r}: true and false are allowed")
    return said == "true"
