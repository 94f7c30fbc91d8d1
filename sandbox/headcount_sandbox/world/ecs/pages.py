"""Lists in pages, with tokens that only their own list understands."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headcount_sandbox.world.api import ApiError

MAX_PAGE = 100


class Numbered(Protocol):
    """Something that has its place in a list."""

    @property
    def arn(self) -> str: ...
    @property
    def number(self) -> int: ...


def page_of(kind: str, items: Sequence[Numbered], parameters: Mapping[str, Any], *, member: str) -> dict[str, Any]:
    """The page that `maxResults` and `nextToken` ask for, as a list of ARNs under `member`; items are in order."""
    size = parameters.get("maxResults", MAX_PAGE)
    if not 1 <= size <= MAX_PAGE:
        raise ApiError("InvalidParameterException", f"maxResults should be between 1 and {MAX_PAGE}.")
    after = _position(kind, parameters.get("nextToken"))
    rest = [item for item in items if item.number > after]
    answer: dict[str, Any] = {member: [item.arn for item in rest[:size]]}
    if len(rest) > size:
        answer["nextToken"] = base64.b64encode(f"{kind}:{rest[size - 1].number}".encode()).decode()
    return answer


def _position(kind: str, token: str | None) -> int:
    if token is None:
        return 0
    try:
        of, _, number = base64.b64decode(token, validate=True).decode().partition(":")
        if of == kind:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ApiError("InvalidParameterException", "Invalid token.")
