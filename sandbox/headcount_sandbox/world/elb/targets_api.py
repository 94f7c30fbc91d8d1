"""RegisterTargets, DeregisterTargets and DescribeTargetHealth: refusals, states and reasons of AWS."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError
from headcount_sandbox.world.elb.balancing import LoadBalancing
from headcount_sandbox.world.elb.configuration import TargetGroup
from headcount_sandbox.world.elb.targets import MAX_TARGETS, NOT_REGISTERED, Key
from headcount_sandbox.world.functions import FunctionPolicies
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.wire import spoken

_PRINCIPAL = "elasticloadbalancing.amazonaws.com"
_OUTSIDE = tuple(ip_network(cidr) for cidr in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))


class TargetsApi:
    """`has_instance` says whether an EC2 instance is there and runs."""

    def __init__(
        self,
        balancing: LoadBalancing,
        *,
        moto: MotoApis,
        policies: FunctionPolicies,
        has_instance: Callable[[str], bool],
    ) -> None:
        self._balancing = balancing
        self._moto = moto
        self._policies = policies
        self._has_instance = has_instance

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "RegisterTargets": spoken("elbv2", self.register),
            "DeregisterTargets": spoken("elbv2", self.deregister),
            "DescribeTargetHealth": spoken("elbv2", self.describe_health),
        }

    def register(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Registers all targets of a request, or none."""
        group = self._group(parameters)
        wanted = {_key(group, target): target.get("AvailabilityZone") for target in parameters["Targets"]}
        self._check(group, wanted)
        with self._balancing.registry.lock:
            self._check_number(group, wanted)
            self._balancing.register(group, list(wanted.items()))
        return {}

    def deregister(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Takes targets out; those that are not registered are passed over in silence."""
        group = self._group(parameters)
        self._balancing.deregister(group, [_key(group, target) for target in parameters["Targets"]])
        return {}

    def describe_health(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The health of the targets that are named, or of all that are registered or draining."""
        group = self._group(parameters)
        named = parameters.get("Targets")
        if named:
            keys = [_key(group, target) for target in named]
        else:
            keys = [target.key for target in self._balancing.registry.of(group.arn)]
        return {"TargetHealthDescriptions": [self._described(group, key) for key in keys]}

    def _described(self, group: TargetGroup, key: Key) -> dict[str, Any]:
        target = self._balancing.registry.get(group.arn, key)
        if target is None:
            health: tuple[str, str | None, str | None] = ("unused", *NOT_REGISTERED)
        else:
            health = self._balancing.health(group, target)
        names = {"State": health[0], "Reason": health[1], "Description": health[2]}
        target_id, port = key
        checked_at = group.check.port or port
        zone = target.zone if target else None
        return {
            "Target": _given({"Id": target_id, "Port": port, "AvailabilityZone": zone}),
            **({} if checked_at is None else {"HealthCheckPort": str(checked_at)}),
            "TargetHealth": _given(names),
        }

    def _group(self, parameters: Mapping[str, Any]) -> TargetGroup:
        found = self._balancing.configuration.groups.get(parameters["TargetGroupArn"])
        if found is None:
            raise ApiError("TargetGroupNotFound", "One or more target groups not found")
        return found

    # --- what may be registered -------------------------------------------------------------------------------------

    def _check(self, group: TargetGroup, wanted: Mapping[Key, str | None]) -> None:
        ids = [target_id for target_id, _ in wanted]
        match group.target_type:
            case "instance":
                self._check_instances(ids)
            case "ip":
                self._check_addresses(group, wanted)
            case "lambda":
                self._check_functions(group, ids)
            case "alb":
                self._check_balancers(ids)

    def _check_number(self, group: TargetGroup, wanted: Mapping[Key, str | None]) -> None:
        known = self._balancing.registry
        new = [key for key in wanted if (found := known.get(group.arn, key)) is None or found.is_draining]
        most = 1 if group.target_type in ("lambda", "alb") else MAX_TARGETS
        if known.count(group.arn) + len(new) > most:
            raise ApiError(
                "TooManyTargets", f"The following target group can have at most {most} target(s): '{group.arn}'"
            )

    def _check_instances(self, ids: Sequence[str]) -> None:
        malformed = [target_id for target_id in ids if not target_id.startswith("i-")]
        if malformed:
            raise ApiError("ValidationError", f"Instance ID '{malformed[0]}' is not valid")
        missing = [target_id for target_id in ids if not self._has_instance(target_id)]
        if missing:
            listed = ", ".join(f"'{target_id}'" for target_id in missing)
            raise ApiError(
                "InvalidTarget", f"The following targets are not in a running state and cannot be registered: {listed}"
            )

    def _check_addresses(self, group: TargetGroup, wanted: Mapping[Key, str | None]) -> None:
        inside = [ip_network(cidr) for cidr in self._moto.vpc_cidrs(group.vpc_id or "") or ()]
        for (target_id, _), zone in wanted.items():
            try:
                address = ip_address(target_id)
            except ValueError:
                raise ApiError("ValidationError", f"The IP address '{target_id}' is not a valid IPv4 address") from None
            if not isinstance(address, IPv4Address):
                raise ApiError("ValidationError", f"The IP address '{target_id}' is not a valid IPv4 address")
            if address.is_loopback or any(address in network for network in inside):
                continue  # on the loopback interface are the processes of the sandbox
            if not any(address in network for network in _OUTSIDE):
                raise ApiError("InvalidTarget", f"The IP address '{target_id}' is not within a supported CIDR block")
            if zone != "all":
                raise ApiError(
                    "InvalidTarget",
                    f"The IP address '{target_id}' is outside the VPC of the target group; the Availability Zone must "
                    "be 'all'",
                )

    def _check_functions(self, group: TargetGroup, ids: Sequence[str]) -> None:
        for target_id in ids:
            _, is_function, name = target_id.partition(":function:")
            if not is_function:
                raise ApiError("ValidationError", f"The target '{target_id}' is not a valid Lambda function ARN")
            if not self._policies.allows(name, _PRINCIPAL, group.arn):
                raise ApiError(
                    "AccessDenied",
                    f"elasticloadbalancing principal does not have permission to invoke {target_id} from target group "
                    f"{group.arn}",
                )

    def _check_balancers(self, ids: Sequence[str]) -> None:
        for target_id in ids:
            if target_id not in self._balancing.configuration.balancers:
                raise ApiError("InvalidTarget", f"The following target is not a load balancer: '{target_id}'")


def _key(group: TargetGroup, target: Mapping[str, Any]) -> Key:
    if group.target_type == "lambda":
        return target["Id"], None
    return target["Id"], target.get("Port", group.port)


def _given(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if value is not None}
