"""Events as AWS services send them: EventBridge's envelope around what happened."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


class Announcer:
    """Wraps what happened into events of one account and Region; `send` gets them in order."""

    def __init__(self, *, region: str, account: str, send: Callable[[dict[str, Any]], None]) -> None:
        self._region = region
        self._account = account
        self._send = send

    def tell(
        self, source: str, detail_type: str, *, resources: Sequence[str], detail: Mapping[str, Any], at: float
    ) -> None:
        """Sends one event of something that happened `at` (epoch seconds)."""
        self._send(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": detail_type,
                "source": source,
                "account": self._account,
                "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": self._region,
                "resources": list(resources),
                "detail": dict(detail),
            }
        )


def iso(at: float) -> str:
    """Epoch seconds as ECS writes times in events: UTC, milliseconds, Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
