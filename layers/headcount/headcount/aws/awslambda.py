"""Lambda: the users' own functions, which are asked how many tasks there should be."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ReadTimeoutError

from headcount.aws.failures import error_code, refusal
from headcount.ports.scaling import FunctionAnswer

LARGEST_ANSWER = 64 * 1024  # bytes; a count needs a few
TOLD_LENGTH = 400
_NOT_ALLOWED = "AccessDeniedException"


class LambdaUserFunctions:
    """The ``UserFunctions``. ``client``: boto3's, by the seconds that an answer is waited for, without retries."""

    def __init__(self, client: Callable[[float], Any]) -> None:
        self.client = client

    def ask(self, function: str, question: Mapping[str, Any], timeout_seconds: float) -> FunctionAnswer:
        """``Invoke`` and wait. Whatever comes of it concerns one policy only, so that it is an answer, too."""
        payload = json.dumps(question, separators=(",", ":")).encode()
        try:
            said = self.client(timeout_seconds).invoke(
                FunctionName=function, InvocationType="RequestResponse", Payload=payload
            )
            body = said["Payload"].read(LARGEST_ANSWER + 1)
        except ReadTimeoutError:
            return FunctionAnswer(failed=f"it did not answer within {timeout_seconds:g} s")
        except ClientError as error:
            return FunctionAnswer(failed=_refused(error))
        except (BotoCoreError, HTTPClientError) as error:
            return FunctionAnswer(failed=f"it cannot be reached: {error}"[:TOLD_LENGTH])
        if "FunctionError" in said:
            return FunctionAnswer(failed=_error_of(body))
        return _answer(body)


def _refused(error: ClientError) -> str:
    hint = " (does the stack's parameter ScalingFunctions name it?)" if error_code(error) == _NOT_ALLOWED else ""
    return f"Lambda refuses to invoke it: {refusal(error)}{hint}"


def _error_of(body: bytes) -> str:
    """What a function that failed tells: an object with the type and the message of its error."""
    try:
        told = json.loads(body)
        said = f"{told['errorType']}: {told['errorMessage']}" if "errorType" in told else str(told["errorMessage"])
    except (ValueError, KeyError, TypeError, RecursionError):
        said = body.decode("utf-8", "replace")
    return f"it failed: {said}"[:TOLD_LENGTH]


def _answer(body: bytes) -> FunctionAnswer:
    if len(body) > LARGEST_ANSWER:
        return FunctionAnswer(failed=f"its answer has more than {LARGEST_ANSWER} bytes")
    try:
        return FunctionAnswer(answer=json.loads(body))
    except (ValueError, RecursionError):
        said = body[:100].decode("utf-8", "replace")
        return FunctionAnswer(failed=f"its answer is no JSON: {said!r}")
