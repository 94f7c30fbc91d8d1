"""PutEvents: entries become events in EventBridge's envelope. Rules and targets are the platform's affair."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.clock import world_time

MAX_ENTRIES = 10
MAX_ENTRY_BYTES = 1_048_576
_REQUIRED = ("Source", "DetailType", "Detail")


class EventsApi:
    """EventBridge's PutEvents; `publish` gets each accepted event."""

    def __init__(self, *, region: str, account: str, publish: Callable[[dict[str, Any]], None]) -> None:
        self._region = region
        self._account = account
        self._publish = publish

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {"PutEvents": self._put_events}

    def _put_events(self, request: ApiRequest) -> ApiResponse:
        entries: list[dict[str, Any]] = request.parameters.get("Entries", [])
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise ApiError(
                "ValidationException",
                f"1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have "
                f"length between 1 and {MAX_ENTRIES}",
            )
        results = [self._put(entry) for entry in entries]
        return json_answer(
            {"Entries": results, "FailedEntryCount": sum(1 for result in results if "ErrorCode" in result)}
        )

    def _put(self, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in _REQUIRED:
            if not entry.get(name):
                return _refused(
                    "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
                )
        if str(entry["Source"]).startswith("aws."):
            return _refused("NotAuthorizedForSourceException", "Not authorized for the source.")
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _refused("MalformedDetail", "Detail is malformed.")
        if len(entry["Detail"].encode()) > MAX_ENTRY_BYTES:
            return _refused("InvalidArgument", "Total size of the entries in the request is over the limit.")
        event = self._envelope(entry, detail)
        self._publish(event)
        return {"EventId": event["id"]}

    def _envelope(self, entry: Mapping[str, Any], detail: dict[str, Any]) -> dict[str, Any]:
        at = float(entry.get("Time") or world_time())
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": self._account,
            "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": list(entry.get("Resources", [])),
            "detail": detail,
        }


def _refused(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}
