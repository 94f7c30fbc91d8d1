"""Telling people what looks at scaling came to: structured logs by Powertools."""

from typing import Any

from aws_lambda_powertools import Logger

from headcount.model.instants import iso
from headcount.model.scaling_state import Ask, ScalingDecision
from headcount.ports.scaling import ScalingLooked


class PowertoolsScalingLog:
    """The ``ScalingLog`` of ``decide_scaling``."""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def looked(self, looked: ScalingLooked) -> None:
        """One line a look, by which a decision can be repeated: what each policy measured, asked for and why."""
        log = self.logger.warning if looked.problems else self.logger.info
        log(
            "scaling looked at",
            service_key=looked.service,
            cause=looked.cause,
            decisions=[_decided(decision) for decision in looked.decisions],
            held=looked.held,
            kept=looked.kept,
            problems=looked.problems,
            next_look_at=_time(looked.next_look_at),
            removed=looked.removed,
            kicked=looked.kicked,
        )


def _decided(decision: ScalingDecision) -> dict[str, Any]:
    return {
        "before": decision.before,
        "count": decision.count,
        "reason": decision.reason,
        "policy": decision.policy,
        "limited": decision.limited,
        "not_scaled": decision.not_scaled,
        "asked": [_asked(ask) for ask in decision.asked],
        "next_look_at": _time(decision.next_look_at),
    }


def _asked(ask: Ask) -> dict[str, Any]:
    said = {
        "policy": ask.policy,
        "outcome": ask.outcome,
        "count": ask.count,
        "reason": ask.reason,
        "value": ask.value,
        "measured_at": _time(ask.measured_at),
        "limited": ask.limited,
        "not_scaled": ask.not_scaled,
    }
    return {name: value for name, value in said.items() if value not in (None, ())}


def _time(at: float | None) -> str | None:
    return None if at is None else iso(at)
