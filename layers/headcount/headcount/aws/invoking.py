"""Asynchronous invocations of Headcount's own functions: Lambda keeps them, and repeats those that fail."""

import json
from collections.abc import Mapping
from typing import Any

from headcount.aws.failures import translated

SCHEMA = 1


class InvokedScalingRequests:
    """The ``ScalingRequests``. ``function``: name or ARN of ``decide_scaling``; ``client`` is boto3's."""

    def __init__(self, client: Any, function: str) -> None:
        self.client = client
        self.function = function

    def ask(self, service: str, cause: str) -> None:
        """One asynchronous invocation: Lambda keeps it and repeats it."""
        _invoke(self.client, self.function, {"schema": SCHEMA, "service": service, "cause": cause})


class InvokedLoadBalancerRequests:
    """The ``LoadBalancerRequests``. ``function``: name or ARN of ``keep_load_balancers``; ``client`` is boto3's."""

    def __init__(self, client: Any, function: str) -> None:
        self.client = client
        self.function = function

    def ask(self, service: str) -> None:
        """Likewise: looking twice changes nothing."""
        _invoke(self.client, self.function, {"schema": SCHEMA, "service": service})


def _invoke(client: Any, function: str, message: Mapping[str, Any]) -> None:
    with translated():
        client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(message).encode())
