"""The way to the control function: a Lambda invocation, by a name that the CloudFormation stack tells.

The only module of the command line that knows boto3. It is imported late: ``headcount validate`` needs no AWS.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from headcount_cli.aws_failures import explained
from headcount_cli.control_client import ControlClient
from headcount_cli.failures import Failure, Unanswered

STACK = "headcount"
FUNCTION_OUTPUT = "ControlFunction"
FUNCTION_VARIABLE = "HEADCOUNT_CONTROL_FUNCTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which Headcount to talk to. What is ``None`` is left to the AWS SDK's own environment and configuration."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    stack: str = STACK


def connect(connection: Connection) -> ControlClient:
    """A client for the installed Headcount. Reads configuration at once; calls AWS only when asked something."""
    with explained(connection.endpoint_url):
        clients = _clients(connection)
        lambda_client = clients("lambda")
    function_name = cache(lambda: os.environ.get(FUNCTION_VARIABLE) or _function_of_stack(clients, connection.stack))

    def invoke(request: dict[str, Any]) -> Any:
        with explained(connection.endpoint_url):
            name = function_name()
            answer = lambda_client.invoke(FunctionName=name, Payload=json.dumps(request).encode())
            payload = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise function_failure(name, payload)
        return _decoded(name, payload)

    return ControlClient(invoke, by=cache(lambda: _caller(clients)))


def _clients(connection: Connection) -> Callable[[str], Any]:
    import boto3  # noqa: PLC0415  # a fifth of a second that offline commands need not pay
    from botocore.config import Config  # noqa: PLC0415  # the same

    session = boto3.Session(profile_name=connection.profile, region_name=connection.region)
    # The control function answers within 25 s or is stopped.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2})

    def client(service: str) -> Any:
        make: Any = session.client  # boto3-stubs want a literal name
        return make(service, endpoint_url=connection.endpoint_url, config=config)

    return client


def _function_of_stack(clients: Callable[[str], Any], stack: str) -> str:
    stacks = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for found in stacks for output in found.get("Outputs", [])}
    if FUNCTION_OUTPUT not in outputs:
        raise Failure(
            f"The CloudFormation stack '{stack}' has no output {FUNCTION_OUTPUT}: it is not a Headcount (or not yet).",
            hint="Name the stack with --stack or HEADCOUNT_STACK.",
        )
    return str(outputs[FUNCTION_OUTPUT])


def _caller(clients: Callable[[str], Any]) -> str | None:
    """Who asks, for the history: the last part of the caller's ARN, else the local user. Never stops a command."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as above

    try:
        return str(clients("sts").get_caller_identity()["Arn"]).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    except (BotoCoreError, ClientError):
        return os.environ.get("USER")


def function_failure(name: str, payload: bytes) -> Failure:
    """``FunctionError``: the function crashed or timed out; its log tells more than its payload."""
    try:
        error = json.loads(payload)
        cause = f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}".splitlines()[0][:300]
    except (ValueError, AttributeError, UnicodeDecodeError):
        cause = "no reason given"
    short_name = name.rsplit(":", 1)[-1]
    return Unanswered(
        f"The control function failed ({cause}).", hint=f"Its log: aws logs tail /aws/lambda/{short_name}"
    )


def _decoded(name: str, payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        raise Failure(
            f"The function '{name}' did not answer in JSON.",
            hint="Is HEADCOUNT_CONTROL_FUNCTION (or --stack) the right one?",
        ) from None
