"""Reading what was asked of ``control``: each field by its kind, every problem at once (``docs/contracts.md``)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headcount.errors import Refused
from headcount.model.manifest_parser import MAXIMUM_PROBLEMS
from headcount.model.problem import Problem

LONGEST_BY = 128
LONGEST_REASON = 256
LONGEST_ZONE = 64
LONGEST_WISH_SECONDS = 31_536_000  # a year
_SERVICE = re.compile(r"([A-Za-z0-9_-]{1,255}/)?[A-Za-z0-9_-]{1,255}")  # longer keys than DynamoDB takes match nothing
_CURSOR = re.compile(r"event#[0-9a-z.#-]{1,200}")
# eu-west-1a, us-gov-west-1b, us-west-2-lax-1a, us-east-1-wl1-bos-wlz-1; neither a Region nor a zone id (euw1-az1)
_ZONE = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]([a-z]|(-[a-z0-9]+)+)")


class Fields:
    """The fields of one request. Reading one that is wrong notes the problem; ``check`` refuses with all of them.

    A field that is null counts as not given. ``by`` and ``reason`` say who asks and why, as one line each.
    """

    def __init__(self, request: Mapping[str, Any], clusters: Sequence[str]) -> None:
        self._request = request
        self._clusters = clusters
        self._problems: list[Problem] = []
        self.by = self._line("by")[:LONGEST_BY]
        self.reason = self._line("reason")
        if len(self.reason) > LONGEST_REASON:
            self.note("reason", f"at most {LONGEST_REASON} characters are allowed")

    def raw(self, name: str) -> Any:
        """The value as it came; None where there is none."""
        return self._request.get(name)

    def given(self, name: str) -> bool:
        """Whether the field was given."""
        return self.raw(name) is not None

    def note(self, name: str, message: str) -> None:
        """Note a problem with a field."""
        self._problems.append(Problem(path=name, value=self.raw(name), message=message))

    def check(self) -> None:
        """Refuse the request if anything that was read is wrong."""
        refuse(self._problems)

    # -- kinds --------------------------------------------------------------------------------------------------------

    def service(self, name: str = "service") -> str:
        """A service's name, with or without its cluster."""
        value = self.raw(name)
        if not isinstance(value, str) or not _SERVICE.fullmatch(value):
            self.note(name, "<cluster>/<serviceName> or a service name is allowed")
            return ""
        if "/" in value and value.partition("/")[0] not in self._clusters:
            self.note(name, f"is in a cluster of somebody else: {managed(self._clusters)}")
        return value

    def cluster(self) -> str:
        """One of the install's clusters."""
        value = self.raw("cluster")
        if value not in self._clusters:
            self.note("cluster", managed(self._clusters))
            return ""
        return str(value)

    def zone(self) -> str:
        """The name of an Availability Zone."""
        value = self.raw("zone")
        if not isinstance(value, str) or len(value) > LONGEST_ZONE or not _ZONE.fullmatch(value):
            self.note("zone", "the name of an Availability Zone is allowed, such as eu-west-1a (not its id, euw1-az1)")
            return ""
        return value

    def cursor(self) -> str | None:
        """Where a page of the history ended."""
        value = self.raw("before")
        if value is not None and not (isinstance(value, str) and _CURSOR.fullmatch(value)):
            self.note("before", "the cursor that an earlier answer gave as next is allowed")
            return None
        return value

    def boolean(self, name: str) -> bool:
        """True or false; false where it is not given."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            self.note(name, "true or false is allowed")
        return value is True

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of several words; the first where none is given."""
        value = self.raw(name)
        if value is None:
            return allowed[0]
        if not isinstance(value, str) or value not in allowed:
            self.note(name, f"one of {', '.join(allowed)} is allowed")
            return allowed[0]
        return value

    def integer(self, name: str, least: int, most: int, *, default: int | None = None, also: int | None = None) -> int:
        """A whole number between two bounds, or ``also``. Without a default it must be given."""
        value = self.raw(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool) and isinstance(value, int) and (least <= value <= most or value == also):
            return value
        too = "" if also is None else f" or {also}"
        self.note(name, f"a whole number from {least} to {most}{too} is allowed")
        return least

    def until(self, now: float) -> float | None:
        """The point in time that ``untilSeconds`` from now means; None where it is not given."""
        return now + self.integer("untilSeconds", 1, LONGEST_WISH_SECONDS) if self.given("untilSeconds") else None

    def tasks(self) -> list[Any]:
        """The ids of tasks, each once. Whether they are any is for the service's records to say."""
        value = self.raw("tasks")
        if not isinstance(value, list) or not value:
            self.note("tasks", "a list of at least one task id is allowed")
            return []
        return value

    def _line(self, name: str) -> str:
        value = self.raw(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "text is allowed")
            return ""
        return " ".join(value.encode("utf-8", "replace").decode().split())


def check_known(operation: str, request: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse fields that an operation does not know: one that is misspelt must not be left out silently."""
    unknown = sorted(str(field) for field in request.keys() - known - {"version", "operation", "by"})
    if not unknown:
        return
    message = f"{operation} does not know it; {', '.join(sorted(known))} are"
    problems = tuple(
        Problem(path=field, value=request.get(field), message=message) for field in unknown[:MAXIMUM_PROBLEMS]
    )
    raise Refused("InvalidRequest", f"{operation}: unknown fields: {', '.join(unknown)}", problems)


def refuse(problems: Sequence[Problem]) -> None:
    """Refuse a request with its problems, if there are any."""
    if problems:
        raise Refused("InvalidRequest", "; ".join(str(problem) for problem in problems), tuple(problems))


def managed(clusters: Sequence[str]) -> str:
    """Which clusters an install manages, in words."""
    named = f"cluster{'s' if len(clusters) > 1 else ''} {', '.join(clusters)}" if clusters else "no cluster"
    return f"this install manages {named} (the stack's parameter Clusters)"
