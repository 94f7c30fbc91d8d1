"""A pass without AWS: ``plan`` on a state that ``headcount export`` wrote."""

import json
import sys
from datetime import datetime
from pathlib import Path

from headcount_cli.control_client import Document
from headcount_cli.documents import STANDARD_INPUT
from headcount_cli.failures import BadInput
from headcount_cli.times import parse_time

SCHEMA = 1
HOW_TO_EXPORT = "Write one with 'headcount export SERVICE --to FILE'."


def read_export(file: Path) -> Document:
    """What ``export`` wrote. Raises ``BadInput``."""
    try:
        text = sys.stdin.read() if str(file) == STANDARD_INPUT else file.read_text()
        document = json.loads(text)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", hint=HOW_TO_EXPORT) from None
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise BadInput(f"{file} is not JSON: {error}.", hint=HOW_TO_EXPORT) from None
    if not isinstance(document, dict) or not isinstance(document.get("state"), dict):
        raise BadInput(f"{file} is not an export: 'state' is missing.", hint=HOW_TO_EXPORT)
    if document.get("schema") != SCHEMA:
        schema = document.get("schema")
        raise BadInput(
            f"{file} has schema {schema!r}; this command reads {SCHEMA}.", hint="Use the version that wrote it."
        )
    return document


def plan_offline(document: Document, at: datetime | None) -> Document:
    """The answer of control's ``plan`` for an exported state, at ``at`` or when it was exported."""
    # what no other command needs
    import msgspec  # noqa: PLC0415  see above

    from headcount.model.service import ServiceState  # noqa: PLC0415  see above
    from headcount.previews import preview  # noqa: PLC0415  see above

    moment = at or parse_time(document.get("exportedAt"))
    if moment is None:
        raise BadInput(f"exportedAt is {document.get('exportedAt')!r}: not a time.", hint="Give a time with --at.")
    try:
        state = msgspec.convert(document["state"], ServiceState)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadInput(f"state cannot be read: {error}.", hint=HOW_TO_EXPORT) from None
    return preview(state, moment.timestamp())
