"""Values that a terminal, a log of a build or a screenshot should not show: those of environment variables.

``--output json`` is for programs and leaves answers as they are.
"""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"
_IN_ENVIRONMENT = re.compile(r"(^|\.)(environment|environmentFiles|secrets)(\.|\[|$)", re.IGNORECASE)


def masked(path: str, value: Any) -> Any:
    """``value`` as it stands at ``path`` in a manifest, with what an environment variable holds replaced."""
    if value is None:
        return None
    if _IN_ENVIRONMENT.search(path) and not path.lower().endswith(".name"):
        return HIDDEN
    return _masked_inside(value)


def _masked_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if _IN_ENVIRONMENT.search(str(key)) else _masked_inside(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked_inside(inner) for inner in value]
    return value
