"""Lambda functions as targets of an application load balancer."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.elb.configuration import TargetGroup
from headcount_sandbox.world.functions import Invoke

_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAnswer:
    """What a function answers; status 502 where it fails or says nothing that makes sense."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


BAD_ANSWER = FunctionAnswer(status=502)


class FunctionTargets:
    """Invokes functions; `invoke` is looked up at each call, so that the platform may set it at any time."""

    def __init__(self, invoke: Callable[[], Invoke]) -> None:
        self._invoke = invoke
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="function-targets")

    async def ask(self, group: TargetGroup, function_arn: str, request: Mapping[str, Any]) -> FunctionAnswer:
        """Invokes a function with a request in the shape of an application load balancer."""
        event = {"requestContext": {"elb": {"targetGroupArn": group.arn}}, **request}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, function_arn, json.dumps(event).encode())

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, function_arn: str, event: bytes) -> FunctionAnswer:
        name = function_arn.partition(":function:")[2].partition(":")[0]
        try:
            status, headers, body = self._invoke()(name, event, "RequestResponse")
        except ApiError:
            return BAD_ANSWER
        if status != 200 or any(key.lower() == "x-amz-function-error" for key in headers):
            return BAD_ANSWER
        return _read(body)


def _read(body: bytes) -> FunctionAnswer:
    try:
        answer = json.loads(body)
        text = answer.get("body") or ""
        content = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
        single = [(str(name), str(value)) for name, value in (answer.get("headers") or {}).items()]
        several = (answer.get("multiValueHeaders") or {}).items()
        many = [(str(name), str(value)) for name, values in several for value in values]
        return FunctionAnswer(status=int(answer["statusCode"]), headers=(*single, *many), body=content)
    except (ValueError, KeyError, AttributeError, TypeError, binascii.Error):
        return BAD_ANSWER
