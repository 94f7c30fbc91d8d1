"""What tells one declaration from another, part by part: who looks after a part looks again when it is another one."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from headcount.model.service import DeclaredService

_SCALING = 1  # to be raised when other alarms or schedules are made of the same declaration


def scaling_fingerprint(declared: DeclaredService) -> str:
    """Of what ``decide_scaling`` keeps: the block, and whose metrics its alarms look at. Empty without a block."""
    manifest = declared.manifest
    if manifest.scaling is None:
        return ""
    return mark_of(_SCALING, manifest.scaling, manifest.native, family_of(declared.task_definition_arn))


def balancing_fingerprint(declared: DeclaredService) -> str:
    """Of what ``keep_load_balancers`` keeps. Every pass asks for it: how values are written tells them apart."""
    manifest = declared.manifest
    return mark_of(str(manifest.load_balancers), str(manifest.function_targets), str(manifest.elastic_load_balancers))


def family_of(task_definition: str) -> str:
    """``web`` of ``arn:...:task-definition/web:12``."""
    return task_definition.rpartition("/")[2].partition(":")[0]


def mark_of(*declared: Any) -> str:
    """Sixteen characters that are others where a declaration is another one."""
    return hashlib.sha256(json.dumps(declared, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
