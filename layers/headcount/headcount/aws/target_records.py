"""Records of the targets of services."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headcount.aws.records import read_number
from headcount.model.target import GroupTargets, Registration, TargetsSeen

_ledger = msgspec.json.Decoder(tuple[Registration, ...])
_seen = msgspec.json.Decoder(TargetsSeen)


def read_targets(item: Mapping[str, Any]) -> GroupTargets:
    """A service's targets in one target group."""
    return GroupTargets(
        group=item["group"]["S"],
        registrations=_ledger.decode(item["managed"]["S"]) if "managed" in item else (),
        seen=_seen.decode(item["observed"]["S"]) if "observed" in item else None,
        suspect_at=read_number(item, "suspectAt"),
    )
