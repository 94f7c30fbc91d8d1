"""`clientToken` of RunTask: the same token and parameters give the original tasks, never more of them.

Scope: a cluster. Lifetime: 24 hours or until one hour after the last of the tasks stopped, whichever ends first (ECS
API Reference, "Ensuring idempotency"). A call that started no task keeps no token: there is nothing to give again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.task import Task

_DAY, _HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a RunTask call with a token did."""

    fingerprint: str
    at: float
    tasks: Sequence[Task]
    failures: Sequence[Mapping[str, Any]]


class ClientTokens:
    """The tokens in use; to be used under the lock of the task store."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], Outcome] = {}

    def earlier(self, cluster: str, parameters: Mapping[str, Any]) -> Outcome | None:
        """What the same call did before; raises ConflictException for another call with its token."""
        outcome = self._outcomes.get((cluster, parameters.get("clientToken", "")))
        if outcome is None or _is_over(outcome):
            return None
        if outcome.fingerprint != _fingerprint(parameters):
            raise ApiError(
                "ConflictException",
                "The specified client token was used before with different parameters.",
                fields={"resourceIds": [task.arn for task in outcome.tasks]},
            )
        return outcome

    def remember(
        self,
        cluster: str,
        parameters: Mapping[str, Any],
        tasks: Sequence[Task],
        failures: Sequence[Mapping[str, Any]],
    ) -> None:
        token = parameters.get("clientToken")
        if token and tasks:
            outcome = Outcome(
                fingerprint=_fingerprint(parameters), at=world_time(), tasks=tuple(tasks), failures=tuple(failures)
            )
            self._outcomes[cluster, token] = outcome


def _is_over(outcome: Outcome) -> bool:
    now = world_time()
    ends = [task.times.get("stoppedAt", now) for task in outcome.tasks]
    return now > min(outcome.at + _DAY, max(ends) + _HOUR)


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, sort_keys=True)
