"""What functions wrote: a folder a function, and in it a file ("log stream") a process, as in CloudWatch Logs.

Processes do not share a file, because their lines would run into each other.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PLATFORM = "platform"


def new_stream(folder: Path, name: str) -> Path:
    """The file for a process that starts now."""
    return folder / f"{int(time.time() * 1000)}-{name}.log"


def write_platform_line(folder: Path, kind: str, record: dict[str, Any]) -> None:
    """A line of the platform itself, in the shape of Lambda's JSON system logs; for one thread at a time."""
    line = {"time": datetime.now(UTC).isoformat(), "type": kind, "record": record}
    with (folder / f"0-{_PLATFORM}.log").open("a") as log:
        log.write(json.dumps(line) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Every line of a function's processes, oldest first; a line that is not a JSON object stands under `message`."""
    entries: list[tuple[float, dict[str, Any]]] = []
    for stream in sorted(folder.glob("*.log")):
        at = int(stream.name.partition("-")[0]) / 1000
        for line in stream.read_text(errors="replace").splitlines():
            if line.strip():
                entry = _entry(line)
                at = _time(entry) or at  # a line without a time is as old as the one before
                entries.append((at, entry))
    entries.sort(key=lambda timed: timed[0])
    return [entry for _, entry in entries]


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"message": line}
    return entry if isinstance(entry, dict) else {"message": line}


def _time(entry: dict[str, Any]) -> float | None:
    """When a line was written, in epoch seconds: as Powertools (logs, metrics), Lambda and the platform say it."""
    match entry:
        case {"_aws": {"Timestamp": int(milliseconds)}}:
            return milliseconds / 1000
        case {"timestamp": str(text)} | {"time": str(text)}:
            try:
                return datetime.fromisoformat(text.replace(",", ".")).timestamp()
            except ValueError:
                return None
        case _:
            return None
