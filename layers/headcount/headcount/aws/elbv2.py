"""Elastic Load Balancing: the calls that Headcount makes on the targets of target groups."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.errors import Throttled, TransientError
from headcount.model.target import Endpoint, TargetHealth
from headcount.ports.targets import TargetsAnswer

TARGETS_PER_CALL = 100
CALLS_WITHOUT_BAD_TARGETS = 3  # how often a request is sent, each time without those that ELB named
TOLD_LENGTH = 1024  # characters of what ELB said that are kept: they stand in records and answers
_GONE = "TargetGroupNotFound"
_BAD = "InvalidTarget"

# Errors that say "not this request": they pass only when somebody has changed something, so they are kept for people.
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        _BAD,
        "TooManyRegistrationsForTargetId",
        "TooManyTargets",
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        "ValidationError",
    }
)


def health_of(description: Mapping[str, Any]) -> TargetHealth:
    """One of ``TargetHealthDescriptions``. The target of a Lambda function has no port."""
    target, health = description["Target"], description.get("TargetHealth", {})
    return TargetHealth(
        target=str(target["Id"]),
        port=int(target.get("Port", 0)),
        state=str(health.get("State", "unavailable")),
        reason=str(health.get("Reason", ""))[:TOLD_LENGTH],
        description=str(health.get("Description", ""))[:TOLD_LENGTH],
    )


class Elbv2TargetGroups:
    """The ``TargetGroups`` on Elastic Load Balancing. ``client`` is boto3's."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def register(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        """``RegisterTargets``, 100 targets a call.

        ELB takes all targets of a call or none: those that it names as invalid, say of an EC2 instance that has just
        ended, are left out, so that they keep no other from its traffic.
        """
        return _in_calls(self.client.register_targets, group, targets)

    def deregister(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        """``DeregisterTargets``, likewise. ELB takes them by address and port, and is silent about unknown ones."""
        return _in_calls(self.client.deregister_targets, group, targets)

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        """``DescribeTargetHealth``: the whole group in one answer. ``HealthUnavailable`` passes by itself."""
        try:
            with translated():
                answer = self.client.describe_target_health(TargetGroupArn=group)
        except ClientError as error:
            if error_code(error) == _GONE:
                return None
            raise TransientError(f"DescribeTargetHealth: {_said(error)}") from error
        return tuple(health_of(one) for one in answer.get("TargetHealthDescriptions", ()))


def _in_calls(call: Callable[..., Any], group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
    refused: list[Endpoint] = []
    words: str | None = None
    for first in range(0, len(targets), TARGETS_PER_CALL):
        asked = targets[first : first + TARGETS_PER_CALL]
        for _ in range(CALLS_WITHOUT_BAD_TARGETS):
            answer = _answer_to(call, group, asked)
            if answer.gone:
                return answer
            if answer.refused is None:
                break
            words = words or answer.refused
            bad = _named(asked, answer.refused)
            refused += bad
            asked = [one for one in asked if one not in bad]
            if not asked:
                break
        else:
            refused += asked
    return TargetsAnswer(refused=words, refused_targets=tuple(refused) if len(refused) < len(targets) else ())


def _answer_to(call: Callable[..., Any], group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
    """What one call came to. An error that nobody knows may be gone by the next time."""
    try:
        with translated():
            call(TargetGroupArn=group, Targets=[{"Id": target, "Port": port} for target, port in targets])
    except ClientError as error:
        if error_code(error) == _GONE:
            return TargetsAnswer(gone=True)
        if error_code(error) in _REFUSALS:
            return TargetsAnswer(refused=_said(error))
        raise Throttled(f"{error.operation_name}: {_said(error)}") from error
    return TargetsAnswer()


def _named(targets: Sequence[Endpoint], words: str) -> Sequence[Endpoint]:
    """The targets that ELB's words are about: those that it quotes, ``'i-0f3a...'``; all, if it quotes none."""
    bad = [one for one in targets if words.startswith(_BAD) and f"'{one[0]}'" in words]
    return bad or targets


def _said(error: ClientError) -> str:
    return f"{error_code(error)}: {error_message(error)}"[:TOLD_LENGTH]
