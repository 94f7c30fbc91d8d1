"""Asking CloudWatch, SQS and the users' functions what the policies of one service need to know.

Whatever cannot be asked now makes the policies that need it hold: it is a reading, never an error.
"""

from collections.abc import Callable, Mapping, Sequence

from headcount.errors import TransientError
from headcount.model.scaling import Function, ScalableTarget, Scaling
from headcount.model.scaling_resources import MetricsWanted
from headcount.model.scaling_state import Present, Reading
from headcount.model.values import dataclass, replace
from headcount.ports import Spread
from headcount.ports.scaling import Alarms, FunctionAnswer, Metrics, Queues, UserFunctions
from headcount.scaling.function import question
from headcount.scaling.queries import Measured
from headcount.scaling.readings import Alarms as FoundAlarms
from headcount.scaling.readings import Answers, Backlogs, metrics_wanted, queues_of, reading_of, user_alarms

RESERVE_SECONDS = 8.0  # of the invocation are left when a function's answer is waited for no longer
SHORTEST_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose policies are asked, and what their functions are told. ``target``: the bounds in force."""

    service: str
    scaling: Scaling
    measured: Measured
    target: ScalableTarget
    present: Present
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One reading a policy, and the user's alarms as they are; if they could not be asked for, why."""

    readings: Mapping[str, Reading]
    alarms: FoundAlarms | str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReader:
    """Reads for one service at a time."""

    metrics: Metrics
    alarms: Alarms
    queues: Queues
    functions: UserFunctions
    spread: Spread

    def read(self, asked: Asked, remaining: Callable[[], float]) -> Read:
        """Everything that the policies need."""
        policies = asked.scaling.policies
        alarms = self._alarms(user_alarms(policies))
        wanted = metrics_wanted(policies, {} if isinstance(alarms, str) else alarms, asked.measured)
        answers = self._metrics(wanted, asked.now)
        backlogs: Backlogs = {queue: self._backlog(queue) for queue in queues_of(policies)}
        readings = {one.name: reading_of(one, alarms, answers, backlogs, asked.now) for one in policies}
        functions = [one for one in policies if isinstance(one, Function) and not readings[one.name].failed]
        asking = self.spread(lambda one: self._function(one, readings[one.name], asked, remaining), functions)
        for policy, reading in zip(functions, list(asking), strict=True):
            readings[policy.name] = reading
        return Read(readings=readings, alarms=alarms)

    def _alarms(self, names: Sequence[str]) -> FoundAlarms | str:
        try:
            return self.alarms.describe(names) if names else {}
        except TransientError as error:
            return f"its alarms cannot be read: {error}"

    def _metrics(self, wanted: Sequence[MetricsWanted], now: float) -> Answers:
        try:
            return self.metrics.read(wanted, now) if wanted else {}
        except TransientError as error:
            return {one.policy: f"its metrics cannot be read: {error}" for one in wanted}

    def _backlog(self, queue: str) -> tuple[int, int] | str:
        try:
            answer = self.queues.backlog(queue)
        except TransientError as error:
            return f"queue {queue} cannot be asked: {error}"
        return f"queue {queue} cannot be asked: {answer}" if isinstance(answer, str) else answer

    def _function(self, policy: Function, metrics: Reading, asked: Asked, remaining: Callable[[], float]) -> Reading:
        seconds = min(policy.timeout_seconds, remaining() - RESERVE_SECONDS)
        if seconds < SHORTEST_SECONDS:
            return Reading(failed=f"no time is left to ask {policy.function}")
        told = question(policy, asked.service, asked.target, asked.present, metrics, asked.now)
        try:
            answer = self.functions.ask(policy.function, told, seconds)
        except TransientError as error:
            answer = FunctionAnswer(failed=str(error))
        if answer.failed:
            return Reading(failed=f"function {policy.function} gave no answer: {answer.failed}")
        return replace(metrics, answer=answer.answer)
