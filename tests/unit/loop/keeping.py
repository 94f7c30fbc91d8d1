"""Keeping the load balancing of one service over the fakes: what is declared, a look, and what there is then."""

from collections.abc import Callable
from typing import Any

from builders import INSTALL, SERVICE, a_declared_service, a_manifest
from fakes.clock import SettableClock
from fakes.crashing import Tripwire
from fakes.load_balancers import InMemoryBalancingStore, InMemoryLoadBalancers, RecordingLookLog
from fakes.messages import InMemoryKicks
from fakes.store import InMemoryStore, StatusRecord
from headcount.keeping_load_balancers import LoadBalancerKeeper
from headcount.messages import LookRequest
from headcount.model.manifest import ElasticLoadBalancer, FunctionTarget, LoadBalancer
from headcount.model.service import DeclaredService, ServiceStatus
from headcount.model.target import Balancing, Registration
from headcount.model.values import replace
from headcount.ports.keeping import Looked
from headcount_simulation.partitions import TargetsRecord

PLENTY_SECONDS = 60.0


def a_group(name: str = "web", **changes: Any) -> dict[str, Any]:
    """A ``CreateTargetGroup`` request as manifests are read, with AWS's defaults written in."""
    return {
        "Name": name,
        "Protocol": "HTTP",
        "Port": 8080,
        "VpcId": "vpc-1",
        "TargetType": "ip",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 30,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    } | changes


def a_rule(listener: str, priority: int = 10, path: str = "/*", **changes: Any) -> dict[str, Any]:
    """A ``CreateRule`` request without actions, as manifests are read."""
    named = {"ListenerArn" if listener.startswith("arn:") else "Listener": listener}
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}]
    return {**named, "Priority": priority, "Conditions": conditions, **changes}


def behind(name: str = "web", *rules: dict[str, Any], attributes: Any = None, **changes: Any) -> LoadBalancer:
    """An entry of ``loadBalancers`` with a target group that Headcount keeps."""
    return LoadBalancer(
        container_name="web",
        container_port=8080,
        target_group=name,
        declared=a_group(name, **changes),
        attributes=attributes or {},
        rules=rules,
    )


def behind_existing(arn: str, *rules: dict[str, Any]) -> LoadBalancer:
    return LoadBalancer(container_name="web", container_port=8080, target_group=arn, rules=rules)


def a_function_behind(function: str, *rules: dict[str, Any], name: str = "sorry") -> FunctionTarget:
    declared = {"Name": name, "TargetType": "lambda", "HealthCheckEnabled": False}
    return FunctionTarget(function_arn=function, target_group=name, declared=declared, rules=rules)


def a_balancer(*listeners: dict[str, Any], name: str = "web-alb", **changes: Any) -> ElasticLoadBalancer:
    attributes = changes.pop("attributes", {})
    request = {
        "Name": name,
        "Type": "application",
        "Scheme": "internal",
        "IpAddressType": "ipv4",
        "Subnets": ["subnet-1", "subnet-2"],
        **changes,
    }
    return ElasticLoadBalancer(name=name, declared=request, attributes=attributes, listeners=listeners)


def a_listener(port: int = 80, group: str = "web") -> dict[str, Any]:
    actions = [{"Type": "forward", "TargetGroup": group}]
    return {"Port": port, "Protocol": "HTTP", "DefaultActions": actions}


class Keeping:
    """One service, its records, and the account."""

    def __init__(self, *, may_manage: bool = True, account: Any = None) -> None:
        self.clock = SettableClock()
        self.account = InMemoryLoadBalancers() if account is None else account
        self.table = InMemoryStore(self.clock, INSTALL)
        self.store = InMemoryBalancingStore(self.table)
        self.kicks = InMemoryKicks(self.clock)
        self.log = RecordingLookLog()
        self.may_manage = may_manage

    def declare(self, **manifest: Any) -> "Keeping":
        """What people declare; a pass has seen it."""
        partition = self.table.partition(SERVICE)
        generation = partition.manifest.generation + 1 if partition.manifest else 1
        partition.manifest = a_declared_service(a_manifest(**manifest), generation=generation)
        self.see()
        return self

    def delete(self) -> None:
        declared = self.declared
        self.table.partition(SERVICE).manifest = replace(
            declared, generation=declared.generation + 1, deleting_at=self.clock()
        )
        self.see()

    def see(self) -> None:
        """A pass sees the manifest."""
        number = self.table.begin_pass(SERVICE)
        status = ServiceStatus(generation=self.declared.generation)
        self.table.partition(SERVICE).status = StatusRecord(pass_number=number, document=status)

    def register(self, group: str, *tasks: str) -> None:
        """A pass has these tasks in a target group."""
        ledger = tuple(Registration(task=task, target="10.0.0.1", port=8080, at=1.0) for task in tasks)
        self.table.partition(SERVICE).targets[group] = TargetsRecord(managed=ledger)

    def keeper(self, wire: Tripwire | None = None) -> LoadBalancerKeeper:
        wire = wire or Tripwire()
        return LoadBalancerKeeper(
            resources=wire.guard(self.account, "account"),
            store=wire.guard(self.store, "store"),
            kicks=wire.guard(self.kicks, "kicks"),
            log=self.log,
            clock=self.clock,
            install=INSTALL,
            may_manage=self.may_manage,
        )

    def look(self, wire: Tripwire | None = None, *, remaining: Callable[[], float] | None = None) -> Looked:
        self.clock.advance(1)
        return self.keeper(wire).keep(LookRequest(service=SERVICE), remaining or (lambda: PLENTY_SECONDS))

    @property
    def declared(self) -> DeclaredService:
        declared = self.table.partition(SERVICE).manifest
        assert declared is not None
        return declared

    @property
    def balancing(self) -> Balancing:
        balancing = self.table.partition(SERVICE).balancing
        assert balancing is not None
        return balancing

    @property
    def owned(self) -> list[tuple[str, str]]:
        """Kind and key of each resource that the service has made."""
        return [(one.kind, one.key) for one in self.balancing.owned]

    @property
    def told(self) -> list[str]:
        """What the history says, oldest first."""
        records = self.table.histories.get(SERVICE, ())
        return [decision.reason for record in records for decision in record.decisions if decision.kind == "balancing"]

    def steps(self) -> list[str]:
        """The calls since this was asked last."""
        calls = [step.operation for step in self.account.steps]
        self.account.steps.clear()
        return calls
