"""Decisions as structured logs, by Powertools."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger

from headcount.model.service import Decision

_LEVELS = {"INFO": "info", "WARN": "warning", "ERROR": "error"}


def log_decisions(logger: Logger, service: str, decisions: Sequence[Decision], **more: Any) -> None:
    """One line a decision: what, why, for whom, and ``more``."""
    for decision in decisions:
        parts = {"task": decision.task, "launch": decision.launch, "deployment": decision.deployment}
        known = {name: value for name, value in parts.items() if value is not None}
        log = getattr(logger, _LEVELS[decision.level])
        log(decision.reason, decision=decision.kind, service_key=service, **more, **known)
