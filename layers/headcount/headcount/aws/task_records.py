"""Records of tasks."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headcount.aws.records import TASK, read_number
from headcount.model.task import ContainerHealth, ManagedTask, Notice, ObservedTask, Task

_observed = msgspec.json.Decoder(ObservedTask)
_managed = msgspec.json.Decoder(ManagedTask)
_health = msgspec.json.Decoder(ContainerHealth)
_notice = msgspec.json.Decoder(Notice)


def read_observed(item: Mapping[str, Any]) -> ObservedTask | None:
    """What ECS said, None if the record does not say or cannot be read: it is about to be replaced anyway."""
    try:
        return _observed.decode(item["observed"]["S"]) if "observed" in item else None
    except (msgspec.DecodeError, TypeError, ValueError):
        return None


def read_task(item: Mapping[str, Any]) -> Task | None:
    """A task's record; None if ECS has not spoken of it yet."""
    if "observed" not in item:
        return None
    return Task(
        task_id=item["sk"]["S"].removeprefix(TASK),
        observed=_observed.decode(item["observed"]["S"]),
        managed=_managed.decode(item["managed"]["S"]) if "managed" in item else None,
        health=_health.decode(item["health"]["S"]) if "health" in item else None,
        notice=_notice.decode(item["notice"]["S"]) if "notice" in item else None,
        confirmed_at=read_number(item, "confirmedAt"),
    )
