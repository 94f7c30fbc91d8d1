"""Load balancing resources under test: in memory, and Elastic Load Balancing, Lambda and CloudWatch over HTTP."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from fakes.load_balancers import InMemoryLoadBalancers
from headcount.aws.elbv2_resources import ElbLoadBalancerResources
from headcount_sandbox.world import World

_numbers = itertools.count(1)
ELSEWHERE = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


@dataclass(slots=True, kw_only=True)
class FakeAccount:
    """The fake."""

    resources: InMemoryLoadBalancers = field(default_factory=InMemoryLoadBalancers)
    vpc: str = "vpc-1"
    subnets: tuple[str, ...] = ("subnet-1", "subnet-2", "subnet-3")
    security_groups: tuple[str, ...] = ("sg-1", "sg-2")
    number: int = field(default_factory=lambda: next(_numbers))

    def make(self, operation: str, **request: Any) -> None:
        """Somebody else makes a call."""
        getattr(self.resources, f"_{xform_name(operation)}")(request)

    def add_function(self, name: str) -> str:
        return self.resources.add_function(name)

    def throttle(self, operation: str) -> None:
        self.resources.throttle("look" if operation.startswith("Describe") else operation)

    def refuse(self, operation: str) -> None:
        self.resources.refusals[operation] = "AccessDenied: not authorized"


@dataclass(slots=True, kw_only=True)
class AwsAccount:
    """The adapter over a local AWS. What one test creates, others do not look for: every name has its number."""

    world: World
    subnets: tuple[str, ...]
    vpc: str
    security_groups: tuple[str, ...]
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def resources(self) -> ElbLoadBalancerResources:
        return ElbLoadBalancerResources(self.world.client)

    def make(self, operation: str, **request: Any) -> None:
        service = "cloudwatch" if "Alarm" in operation else "lambda" if "Permission" in operation else "elbv2"
        getattr(self.world.client(service), xform_name(operation))(**request)

    def add_function(self, name: str) -> str:
        self.world.functions.add(name)
        return f"arn:aws:lambda:{self.world.region}:{self.world.account}:function:{name}"

    def throttle(self, operation: str) -> None:
        # once more than boto3 tries by itself
        self.world.faults.throttle(self._service(operation), operation, times=10)

    def refuse(self, operation: str) -> None:
        self.world.faults.fail(self._service(operation), operation, error_code="AccessDenied", message="not authorized")

    def _service(self, operation: str) -> str:
        return "monitoring" if "Alarm" in operation else "lambda" if "Permission" in operation else "elbv2"


Account = FakeAccount | AwsAccount


def named(account: Account, name: str) -> str:
    """A name of this test's own."""
    return f"{name}-{account.number}"


def tags(**values: str) -> list[Mapping[str, str]]:
    return [{"Key": f"headcount:{name}", "Value": value} for name, value in values.items()]
