"""Telling people what looks at load balancing came to: structured logs by Powertools."""

from collections.abc import Sequence

from aws_lambda_powertools import Logger

from headcount.aws.decision_log import log_decisions
from headcount.model.service import Decision
from headcount.ports.keeping import Looked


class PowertoolsLookLog:
    """The ``LookLog`` of ``keep_load_balancers``."""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def decided(self, service: str, decisions: Sequence[Decision]) -> None:
        """One log line a decision: what, why, for whom."""
        log_decisions(self.logger, service, decisions)

    def looked(self, looked: Looked) -> None:
        """What one look came to."""
        self.logger.info(
            "looked",
            service_key=looked.service,
            steps=looked.steps,
            problems=looked.problems,
            removed=looked.removed,
            kicked=looked.kicked,
        )
