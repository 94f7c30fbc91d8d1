"""What every door of the console needs: requests as JSON documents, names in Python's spelling."""

import json
import re
from collections.abc import Callable
from typing import Any

from headcount_sandbox.world.api import ApiError, ApiRequest

Door = tuple[str, str, Callable[..., dict[str, Any]]]  # method, path as a pattern, answer with the pattern's groups


def document(request: ApiRequest) -> dict[str, Any]:
    """The body as JSON, whatever its content type says: curl calls everything a form."""
    try:
        found = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ApiError("InvalidRequest", f"The body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ApiError("InvalidRequest", "The body is not a JSON object.")
    return found


def snake(name: str) -> str:
    """`ec2InstanceId` as `ec2_instance_id`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)
