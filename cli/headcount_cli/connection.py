"""The way to the control function: a Lambda invocation, by a name that the CloudFormation stack tells.

The only module of the command line that knows boto3. It is imported late: ``headcount validate`` needs no AWS.
"""

import getpass
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from headcount_cli.aws_failures import explained
from headcount_cli.control_client import RETRY_DELAYS, ControlClient
from headcount_cli.failures import Failure, Unanswered

STACK = "headcount"
FUNCTION_OUTPUT = "ControlFunction"
FUNCTION_VARIABLE = "HEADCOUNT_CONTROL_FUNCTION"
MOTOS_CALLER = "arn:aws:sts::123456789012:user/moto"  # in the sandbox everybody is called so
LONGEST_CALLER = 128  # characters (docs/contracts.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which Headcount to talk to. What is ``None`` is left to the AWS SDK's own environment and configuration."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    stack: str = STACK
    patient: bool = True  # whether an answer is worth waiting for


def connect(connection: Connection) -> ControlClient:
    """A client for the installed Headcount. Reads configuration at once; calls AWS only when asked something."""
    with explained(connection.endpoint_url):
        clients = aws_clients(connection)
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

    retry_delays = RETRY_DELAYS if connection.patient else ()
    return ControlClient(invoke, by=cache(lambda: _caller(clients)), retry_delays=retry_delays)


def aws_clients(connection: Connection) -> Callable[[str], Any]:
    """Makes boto3 clients by the service's name."""
    import boto3  # noqa: PLC0415  # a fifth of a second that offline commands need not pay
    from botocore.config import Config  # noqa: PLC0415  # the same

    # AWS's other SDKs and its command read AWS_REGION; boto3 alone knows only AWS_DEFAULT_REGION.
    region = connection.region or os.environ.get("AWS_REGION") or None
    session = boto3.Session(profile_name=connection.profile, region_name=region)
    # The control function answers within 25 s or is stopped.
    connect_timeout, read_timeout, attempts = (5, 30, 2) if connection.patient else (1, 3, 1)
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )

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
        arn = str(clients("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return _local_user()
    name = None if arn == MOTOS_CALLER else arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return (name or _local_user() or "")[:LONGEST_CALLER] or None


def _local_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return None


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
