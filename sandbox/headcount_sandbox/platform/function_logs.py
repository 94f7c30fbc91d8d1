"""What functions wrote: one file a function, most of its lines JSON."""

import json
from pathlib import Path
from typing import Any


def read_log(path: Path) -> list[dict[str, Any]]:
    """Every line of a function's log, oldest first; a line that is not a JSON object stands under `message`."""
    if not path.exists():
        return []
    return [_entry(line) for line in path.read_text(errors="replace").splitlines() if line.strip()]


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"message": line}
    return entry if isinstance(entry, dict) else {"message": line}
