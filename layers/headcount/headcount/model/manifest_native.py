"""The keys of ``kind: NativeService``: which ECS service, and how it scales. Everything else is said to ECS itself."""

import re
from collections.abc import Mapping
from typing import Any, Final

from headcount.model.manifest import Manifest
from headcount.model.manifest_fields import CLUSTER, NATIVE_SERVICE, SERVICE
from headcount.model.manifest_kinds import Block, Kind, LeftOut, OneOf, Text
from headcount.model.manifest_scaling import SCALING
from headcount.model.manifest_scaling_values import scaling_of, written_scaling

_NAMES: Final = {"cluster": "cluster", "serviceName": "service_name"}
_WHY: Final = {
    "desiredCount": "the ECS service has its own: policies move it, `headcount scale` sets it",
    "scaleIn": "ECS itself chooses the tasks that go",
    "unhealthyTasks": "ECS itself replaces unhealthy tasks",
}


_HONOURED: Final[dict[str, Kind]] = {
    "kind": OneOf(values=(NATIVE_SERVICE,)),
    "cluster": CLUSTER,
    "serviceName": Text(allowed="1 to 255 of A-Z a-z 0-9 _ -", pattern=re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)),
    "scaling": SCALING,
}
NATIVE: Final = Block(
    required={"cluster": "", "serviceName": "", "scaling": ""},
    fields={
        **_HONOURED,
        **{
            key: LeftOut(of=f"kind {NATIVE_SERVICE}", reason=_WHY.get(key, "the ECS service has it"))
            for key in SERVICE.fields
            if key not in _HONOURED
        },
    },
)


def is_native(document: object) -> bool:
    """Whether a document means an ECS service that is only to be scaled."""
    return isinstance(document, dict) and NATIVE_SERVICE in (document.get("kind"), document.get("Kind"))


def native_of(fields: Mapping[str, Any]) -> Manifest:
    """What fields that were read and checked declare."""
    named = {name: fields[key] for key, name in _NAMES.items()}
    scaling = written_scaling(scaling_of(fields["scaling"]))
    return Manifest(**named, task_definition="", desired_count=None, sources=(), scaling=scaling, native=True)


def written_native(manifest: Manifest) -> dict[str, Any]:
    """The same as a document."""
    named = {key: getattr(manifest, name) for key, name in _NAMES.items()}
    return {"kind": NATIVE_SERVICE, **named, "scaling": manifest.scaling}
