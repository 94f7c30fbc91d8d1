"""The environment, parsed once into a frozen value. Every problem with it is named at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from headcount.errors import TerminalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a function is told. Only what it asked for is filled in; see ``docs/contracts.md``."""

    table: str = ""
    install: str = "main"
    clusters: tuple[str, ...] = ()
    reconcile_queue_url: str = ""
    timer_queue_url: str = ""
    event_bus: str = "default"
    history_days: float = 30.0
    metrics_per_service: bool = False


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
    per_service = values.get("HEADCOUNT_METRICS_PER_SERVICE", "false").lower()
    if per_service not in ("true", "false"):
        problems.append(f"HEADCOUNT_METRICS_PER_SERVICE is {per_service!r}: true and false are allowed")
    if problems:
        raise WrongSettings("; ".join(problems))
    return Settings(
        table=values.get("HEADCOUNT_TABLE", ""),
        install=install,
        clusters=tuple(name.strip() for name in values.get("HEADCOUNT_CLUSTERS", "").split(",") if name.strip()),
        reconcile_queue_url=values.get("HEADCOUNT_RECONCILE_QUEUE_URL", ""),
        timer_queue_url=values.get("HEADCOUNT_TIMER_QUEUE_URL", ""),
        event_bus=values.get("HEADCOUNT_EVENT_BUS") or "default",
        history_days=float(days),
        metrics_per_service=per_service == "true",
    )
