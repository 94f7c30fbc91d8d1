"""What one description of a service says that the other cannot: named, with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A field at ``path`` that is not carried over. ``is_state``: it tells what is, not what should be."""

    path: str
    value: Any
    reason: str
    is_state: bool = False

    def as_document(self) -> dict[str, Any]:
        return {"path": self.path, "value": self.value, "reason": self.reason}

    def as_row(self) -> Mapping[str, Any]:
        """The form of ``views.problems``."""
        return {"path": self.path, "value": self.value, "message": self.reason}
