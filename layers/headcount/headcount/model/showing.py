"""Values in a few words, for sentences and answers. Apart from what reads manifests: events are spoken of as well."""

import math
from typing import Any

SHOWN_CHARACTERS = 120
_LARGEST = 10**18


def shown(value: object) -> str:
    """The value in one short line, for a sentence. Unprintable characters are escaped."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}...")
        case int():
            return str(value) if abs(value) < _LARGEST else "a number of more than 18 digits"
        case float():
            return repr(value)
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"a mapping with {len(value)} {'key' if len(value) == 1 else 'keys'}"
        case _:
            return f"a {type(value).__name__}"


def small(value: object) -> Any:
    """The value itself if JSON carries it in one short line, else its description."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}..."
        return cut.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int) and abs(value) < _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return shown(value)
