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
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._invoke = invoke
        self._by = by
        self._sleep = sleep
        self._retry_delays = retry_delays

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_services(self, cluster: str | None = None) -> Document:
        return self._ask("list", {"cluster": cluster} if cluster else {})

    def describe(self, service: str) -> Document:
        return self._ask("describe", {"service": service})

    def events(
        self, service: str | None = None, *, cluster: str | None = None, limit: int, before: str | None = None
    ) -> Document:
        """Of a service, or of a cluster: who cordoned what."""
        fields = {"service": service, "cluster": cluster, "before": before}
        given = {name: value for name, value in fields.items() if value}
        return self._ask("events", {**given, "limit": limit})

    def scaling(self, service: str) -> Document:
        return self._ask("scaling", {"service": service})

    def why(self, target: str) -> Document:
        return self._ask("why", {"target": target})

    def plan(self, service: str) -> Document:
        return self._ask("plan", {"service": service})

    def export(self, service: str) -> Document:
        return self._ask("export", {"service": service})

    def cordons(self, cluster: str | None = None) -> Document:
        return self._ask("cordons", {"cluster": cluster} if cluster else {})

    # -- changing -----------------------------------------------------------------------------------------------------

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool, reason: str | None = None) -> Document:
        fields = {"manifest": dict(manifest), "dryRun": dry_run}
        return self._ask("apply", fields) if dry_run else self._change("apply", fields, reason)

    def scale(self, service: str, desired_count: int, *, reason: str | None = None) -> Document:
        return self._change("scale", {"service": service, "desiredCount": desired_count}, reason)

    def delete(self, service: str, *, reason: str | None = None) -> Document:
        return self._change("delete", {"service": service}, reason)

    def redeploy(self, service: str, *, reason: str | None = None) -> Document:
        return self._change("redeploy", {"service": service}, reason)

    def rollback(self, service: str, *, reason: str | None = None) -> Document:
        return self._change("rollback", {"service": service}, reason)

    # -- wishes -------------------------------------------------------------------------------------------------------

    def protect(self, service: str, tasks: Sequence[str], *, minutes: int, reason: str | None = None) -> Document:
        """Protects tasks from scale-in for ``minutes`` (1-2880), or no longer when 0."""
        fields = {"service": service, "tasks": list(tasks), "expiresInMinutes": minutes}
        return self._change("protect", fields, reason)

    def pause(self, service: str, *, mode: str, seconds: int | None, reason: str | None = None) -> Document:
        """``mode`` is ``stop`` or ``freeze``; for so many seconds, or until resumed."""
        until = {} if seconds is None else {"untilSeconds": seconds}
        return self._change("pause", {"service": service, "mode": mode, **until}, reason)

    def resume(self, service: str, *, reason: str | None = None) -> Document:
        return self._change("resume", {"service": service}, reason)

    def override(self, service: str, count: int, *, seconds: int, reason: str | None = None) -> Document:
        """Another count for so many seconds; 0 ends it."""
        return self._change("override", {"service": service, "count": count, "forSeconds": seconds}, reason)

    def standby(self, service: str, tasks: Sequence[str], *, end: bool, reason: str | None = None) -> Document:
        return self._change("standby", {"service": service, "tasks": list(tasks), "end": end}, reason)

    def stop_task(self, service: str, tasks: Sequence[str], *, lower: bool, reason: str | None = None) -> Document:
        """``lower``: the desired count falls with them, so that they are not replaced."""
        return self._change("stopTask", {"service": service, "tasks": list(tasks), "lowerCount": lower}, reason)

    def cordon(
        self, cluster: str, zone: str, *, evacuate: bool, seconds: int | None, reason: str | None = None
    ) -> Document:
        until = {} if seconds is None else {"untilSeconds": seconds}
        return self._change("cordon", {"cluster": cluster, "zone": zone, "evacuate": evacuate, **until}, reason)

    def uncordon(self, cluster: str, zone: str, *, reason: str | None = None) -> Document:
        return self._change("uncordon", {"cluster": cluster, "zone": zone}, reason)

    def _change(self, operation: str, fields: Document, reason: str | None) -> Document:
        """A request that changes something says who asks, and why if a reason was given."""
        by = self._by()
        return self._ask(operation, {**fields, **({"reason": reason} if reason else {}), **({"by": by} if by else {})})

    def _ask(self, operation: str, fields: Document) -> Document:
        request = {"version": PROTOCOL_VERSION, "operation": operation, **fields}
        for delay in self._retry_delays:
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
