"""Does what its event asks for, and answers with what it saw."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from shared_words import GREETING


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    print(json.dumps({"message": "got", "event": event, "requestId": context.aws_request_id}))  # noqa: T201  its log
    match event.get("do"):
        case "raise":
            raise ValueError("as asked")
        case "sleep":
            time.sleep(event["seconds"])
        case "exit":
            os._exit(event["code"])
        case "large":
            return {"text": "x" * event["size"]}
    return {
        "event": event,
        "pid": os.getpid(),
        "cwd": str(Path.cwd()),
        "path": sys.path[:2],
        "layer": GREETING,
        "left": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "environment": dict(os.environ),
    }
