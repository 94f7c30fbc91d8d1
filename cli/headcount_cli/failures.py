"""How a command ends when it does not end well.

Failure             exit code 1: failed, refused, not reached
├── BadInput        exit code 2: what the user wrote cannot be meant
├── Refused         Headcount's control function said no; keeps its error as it came
├── NotReached      AWS let nothing through: no credentials, no permission
│   └── Unanswered  throttled, timed out, not reachable, crashed: the same call may work in a moment
├── NotSteady       waited for as long as was asked
├── Interrupted     Ctrl-C
└── Declined        asked, and answered with no
"""

from collections.abc import Mapping, Sequence
from typing import Any

FAILED = 1
BAD_INPUT = 2


class Failure(Exception):  # how a command ends, refusals and Ctrl-C included; few are errors
    """Ends a command with one message for the user: what happened, and in ``hint`` what to do about it."""

    kind = "Failed"
    exit_code = FAILED
    label = "Error: "
    is_passing = False  # whether whoever waits for something else anyway may just ask again

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)

    def as_document(self) -> dict[str, Any]:
        """The JSON form: ``{"error": {"type", "message", "problems"}}``, as the control function writes it."""
        end = "" if self.message.endswith((".", "!", "?")) or not self.hint else "."
        message = f"{self.message}{end} {self.hint}".strip()
        return {"error": {"type": self.kind, "message": message, "problems": list(self.problems)}}


class BadInput(Failure):
    """A file, an option or an argument that cannot be meant."""

    kind = "InvalidRequest"
    exit_code = BAD_INPUT


class InvalidManifests(BadInput):
    """Manifests with problems, found before anything was sent."""

    kind = "InvalidManifest"


class NotReached(Failure):
    """The request did not get as far as Headcount; nothing has changed."""

    kind = "NotReached"


class Unanswered(NotReached):
    """No answer came, so nothing is known about whether the request took effect."""

    is_passing = True


class NotSteady(Failure):
    """The service was not steady (or not gone) in the time given."""

    kind = "NotSteady"


class Interrupted(Failure):
    """The user pressed Ctrl-C."""

    kind = "Interrupted"
    label = ""


class Declined(Failure):
    """The user was asked and said no."""

    kind = "Declined"
    label = ""


BAD_INPUT_TYPES = frozenset({"InvalidRequest", "InvalidManifest"})

PASSING_TYPES = frozenset({"Conflict", "Unavailable"})

HINTS = {
    "ServiceNotFound": "See the services with 'headcount list'.",
    "ServiceDeleting": "Wait until it is gone: 'headcount delete SERVICE --wait'.",
    "Conflict": "Somebody changed it at the same moment: try again.",
    "Unavailable": "AWS throttled or failed: try again in a minute.",
    "UnsupportedVersion": "The deployed Headcount is older than this command: deploy the newer one with 'sam deploy'.",
}


class Refused(Failure):
    """``{"type", "message", "problems"}`` from the control function."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.error = dict(error)
        self.kind = str(error.get("type", "Failed"))
        problems = [problem for problem in error.get("problems") or () if isinstance(problem, Mapping)]
        super().__init__(_message(error, self.kind, problems), hint=HINTS.get(self.kind, ""), problems=problems)
        self.is_passing = self.kind in PASSING_TYPES
        self.exit_code = BAD_INPUT if self.kind in BAD_INPUT_TYPES else FAILED

    def as_document(self) -> dict[str, Any]:
        return {"error": self.error}


def _message(error: Mapping[str, Any], kind: str, problems: Sequence[Mapping[str, Any]]) -> str:
    """The error's message, unless it only repeats the problems, which are shown anyway: nothing is said twice."""
    message = str(error.get("message") or kind)
    alone = "; ".join(str(problem.get("message")) for problem in problems)
    with_paths = "; ".join(f"{problem.get('path')}: {problem.get('message')}" for problem in problems)
    return "The request was refused." if message in (alone, with_paths) else message
