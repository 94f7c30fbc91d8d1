"""Headcount's control protocol, version 1, from the asking side (docs/contracts.md)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headcount_cli.failures import Failure, Refused

PROTOCOL_VERSION = 1
RETRY_DELAYS = (0.5, 1.5)  # seconds; every operation may be repeated, so a short patience costs nothing

Document = dict[str, Any]


class ControlClient:
    """Asks the control function. Every method returns the answer's ``result`` as it came, or raises ``Failure``.

    ``invoke`` takes a request and returns an answer. ``by`` tells who asks, and is called for requests that change
    something only: it may cost a call of its own.
    """

    def __init__(
        self,
        invoke: Callable[[Document], Any],
        *,
        by: Callable[[], str | None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._invoke = invoke
        self._by = by
        self._sleep = sleep

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool) -> Document:
        return self._ask("apply", {"manifest": dict(manifest), "dryRun": dry_run}, changes=not dry_run)

    def list_services(self, cluster: str | None = None) -> Document:
        return self._ask("list", {"cluster": cluster} if cluster else {})

    def describe(self, service: str) -> Document:
        return self._ask("describe", {"service": service})

    def events(self, service: str, *, limit: int, before: str | None = None) -> Document:
        cursor = {"before": before} if before else {}
        return self._ask("events", {"service": service, "limit": limit, **cursor})

    def why(self, target: str) -> Document:
        return self._ask("why", {"target": target})

    def scale(self, service: str, desired_count: int) -> Document:
        return self._ask("scale", {"service": service, "desiredCount": desired_count}, changes=True)

    def delete(self, service: str) -> Document:
        return self._ask("delete", {"service": service}, changes=True)

    def protect(self, service: str, tasks: Sequence[str], *, minutes: int) -> Document:
        """Protects tasks from scale-in for ``minutes`` (1-2880), or no longer when 0."""
        fields = {"service": service, "tasks": list(tasks), "expiresInMinutes": minutes}
        return self._ask("protect", fields, changes=True)

    def _ask(self, operation: str, fields: Document, *, changes: bool = False) -> Document:
        request = {"version": PROTOCOL_VERSION, "operation": operation, **fields}
        if changes and (by := self._by()):
            request["by"] = by
        for delay in RETRY_DELAYS:
            try:
                return _result(self._invoke(request))
            except Refused as refused:
                if not refused.is_passing:
                    raise
            self._sleep(delay)
        return _result(self._invoke(request))


def _result(answer: Any) -> Document:
    """The ``result`` of a well-formed answer of a version that this client knows."""
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, int):
        raise Failure(
            "The function answered something that is not Headcount's protocol.",
            hint="Is HEADCOUNT_CONTROL_FUNCTION (or --stack) the right one?",
        )
    if version > PROTOCOL_VERSION:
        raise Failure(
            f"The deployed Headcount answers in version {version}; this command knows version {PROTOCOL_VERSION}.",
            hint="Upgrade the headcount command to the version that is deployed.",
        )
    if answer.get("ok") is True and isinstance(answer.get("result"), dict):
        result: Document = answer["result"]
        return result
    error = answer.get("error")
    raise Refused(error if isinstance(error, dict) else {"type": "Failed", "message": "Refused without a reason."})
