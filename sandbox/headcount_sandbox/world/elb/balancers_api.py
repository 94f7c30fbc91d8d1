"""Load balancers, listeners and rules as AWS checks them; whatever changes one is followed at once."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.elb.configuration import Configuration
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.wire import read, spoken, written

MAX_TAGS, MAX_DESCRIBED = 50, 20
MAX_GROUPS_AN_ACTION = 5
_NAME = re.compile(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_UNCHECKED = (
    "ModifyLoadBalancerAttributes",
    "ModifyListenerAttributes",
    "SetRulePriorities",
    "SetSubnets",
    "SetSecurityGroups",
    "SetIpAddressType",
    "DeleteListener",
)


class BalancersApi:
    """`refresh` is called after every change."""

    def __init__(self, moto: MotoApis, refresh: Callable[[], None]) -> None:
        self._moto = moto
        self._refresh = refresh

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "CreateLoadBalancer": self._create_balancer,
            "DeleteLoadBalancer": self._delete_balancer,
            "CreateListener": self._create_listener,
            "ModifyListener": self._modify_listener,
            "CreateRule": self._create_rule,
            "ModifyRule": self._modify_rule,
            "DeleteRule": self._delete_rule,
            "AddTags": spoken("elbv2", self.add_tags),
            "DescribeTags": spoken("elbv2", self.describe_tags),
            **dict.fromkeys(_UNCHECKED, self._change),
        }

    def _change(self, request: ApiRequest) -> ApiResponse:
        answer = self._moto.answer(request)
        self._refresh()
        return answer

    # --- load balancers ---------------------------------------------------------------------------------------------

    def _create_balancer(self, request: ApiRequest) -> ApiResponse:
        asked = read("elbv2", request)
        kind, name = asked.get("Type", "application"), asked["Name"]
        if not _NAME.fullmatch(name):
            raise ApiError(
                "ValidationError",
                f"Load balancer name '{name}' must have up to 32 letters, digits and hyphens, not begin or end with a "
                "hyphen, and not begin with 'internal-'",
            )
        with self._moto.lock_of("elasticloadbalancing"):
            records = self._moto.elb_records()
            known = next((one for one in records.load_balancers.values() if one.name == name), None)
            if known is not None:
                return self._created_before(request, asked, known)
            self._check_subnets(asked, kind)
            answer = self._moto.answer(request)
            if answer.status != 200:
                return answer
            made = next(one for one in records.load_balancers.values() if one.name == name)
            made.scheme = asked.get("Scheme", "internet-facing")
            if kind == "network":
                _rename(records, made, made.arn.replace(":loadbalancer/app/", ":loadbalancer/net/"))
        self._refresh()
        return written("elbv2", request, {"LoadBalancers": [_balancer_shape(made)]})

    def _created_before(self, request: ApiRequest, asked: Mapping[str, Any], known: Any) -> ApiResponse:
        """The same again succeeds; something else under this name is refused."""
        subnets = asked.get("Subnets") or [one["SubnetId"] for one in asked.get("SubnetMappings", ())]
        same = (
            known.type == asked.get("Type", "application")
            and known.scheme == asked.get("Scheme", "internet-facing")
            and {subnet.id for subnet in known.subnets} == set(subnets)
        )
        if not same:
            raise ApiError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{known.name}' exists, but with different settings",
            )
        return written("elbv2", request, {"LoadBalancers": [_balancer_shape(known)]})

    def _check_subnets(self, asked: Mapping[str, Any], kind: str) -> None:
        subnets = asked.get("Subnets") or [one["SubnetId"] for one in asked.get("SubnetMappings", ())]
        found = [self._moto.subnet(subnet) for subnet in subnets]
        missing = [subnet for subnet, known in zip(subnets, found, strict=True) if known is None]
        if missing:
            raise ApiError("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
        zones = [subnet.availability_zone for subnet in found if subnet]
        if len(zones) != len(set(zones)):
            raise ApiError(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            )
        if kind == "application" and len(zones) < 2:
            raise ApiError(
                "ValidationError", "At least two subnets in two different Availability Zones must be specified"
            )

    def _delete_balancer(self, request: ApiRequest) -> ApiResponse:
        arn = read("elbv2", request)["LoadBalancerArn"]
        found = self._moto.elb_records().load_balancers.get(arn)
        if found is not None and found.attrs.get("deletion_protection.enabled") == "true":
            raise ApiError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        return self._change(request)

    # --- listeners and rules ----------------------------------------------------------------------------------------

    def _create_listener(self, request: ApiRequest) -> ApiResponse:
        asked = read("elbv2", request)
        with self._moto.lock_of("elasticloadbalancing"):
            seen = self._moto.load_balancing()
            balancer = seen.balancers.get(asked["LoadBalancerArn"])
            if balancer is None:
                raise ApiError(
                    "LoadBalancerNotFound", f"One or more load balancers not found: {asked['LoadBalancerArn']}"
                )
            for listener in seen.listeners.values():
                if (listener.balancer, listener.port) == (balancer.arn, asked.get("Port")):
                    raise ApiError(
                        "DuplicateListener",
                        f"A listener already exists on this port for this load balancer '{balancer.arn}'",
                    )
            self._check_actions(seen, balancer.arn, asked["DefaultActions"])
            return self._change(request)

    def _modify_listener(self, request: ApiRequest) -> ApiResponse:
        asked = read("elbv2", request)
        with self._moto.lock_of("elasticloadbalancing"):
            seen = self._moto.load_balancing()
            self._check_actions(seen, self._balancer_of(seen, asked["ListenerArn"]), asked.get("DefaultActions", ()))
            return self._change(request)

    def _create_rule(self, request: ApiRequest) -> ApiResponse:
        asked = read("elbv2", request)
        with self._moto.lock_of("elasticloadbalancing"):
            seen = self._moto.load_balancing()
            balancer = self._balancer_of(seen, asked["ListenerArn"])
            if seen.balancers[balancer].kind != "application":
                raise ApiError("UnsupportedProtocol", "Rules are not supported for listeners of network load balancers")
            self._check_actions(seen, balancer, asked["Actions"])
            return self._change(request)

    def _modify_rule(self, request: ApiRequest) -> ApiResponse:
        asked = read("elbv2", request)
        with self._moto.lock_of("elasticloadbalancing"):
            seen = self._moto.load_balancing()
            found = next(
                (one for one in seen.listeners.values() for rule in one.rules if rule.arn == asked["RuleArn"]), None
            )
            if found is None:
                raise ApiError("RuleNotFound", "One or more rules not found")
            self._check_actions(seen, found.balancer, asked.get("Actions", ()))
            return self._change(request)

    def _delete_rule(self, request: ApiRequest) -> ApiResponse:
        arn = read("elbv2", request)["RuleArn"]
        seen = self._moto.load_balancing()
        rules = {rule.arn: rule for listener in seen.listeners.values() for rule in listener.rules}
        if arn not in rules:
            raise ApiError("RuleNotFound", "One or more rules not found")
        if rules[arn].priority is None:
            raise ApiError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
        return self._change(request)

    def _balancer_of(self, seen: Configuration, listener_arn: str) -> str:
        found = seen.listeners.get(listener_arn)
        if found is None:
            raise ApiError("ListenerNotFound", "One or more listeners not found")
        return found.balancer

    def _check_actions(self, seen: Configuration, balancer_arn: str, actions: Sequence[Mapping[str, Any]]) -> None:
        """A group must be there, fit the load balancer's type, and belong to no other load balancer."""
        balancer = seen.balancers[balancer_arn]
        for action in actions:
            groups = list(_groups_of(action))
            if len(groups) > MAX_GROUPS_AN_ACTION:
                raise ApiError(
                    "TooManyTargetGroups", f"An action can have at most {MAX_GROUPS_AN_ACTION} target groups"
                )
            for arn in groups:
                group = seen.groups.get(arn)
                if group is None:
                    raise ApiError("TargetGroupNotFound", f"Target groups '{arn}' not found")
                if group.is_application != (balancer.kind == "application"):
                    raise ApiError(
                        "IncompatibleProtocols",
                        f"Load balancers of type '{balancer.kind}' cannot be associated with target groups of protocol "
                        f"'{group.protocol or 'lambda'}'",
                    )
                if group.vpc_id not in (None, balancer.vpc_id):
                    raise ApiError(
                        "InvalidConfigurationRequest",
                        f"The following target groups are in another VPC than the load balancer: {arn}",
                    )
                if any(user != balancer_arn for user in seen.users.get(arn, ())):
                    raise ApiError(
                        "TargetGroupAssociationLimit",
                        f"The following target groups cannot be associated with more than one load balancer: {arn}",
                    )

    # --- tags -------------------------------------------------------------------------------------------------------

    def add_tags(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Adds tags to all resources that are named, or to none."""
        records = self._moto.elb_records()
        with self._moto.lock_of("elasticloadbalancing"):
            self._check_resources(parameters["ResourceArns"])
            for arn in parameters["ResourceArns"]:
                known = records.tagging_service.get_tag_dict_for_resource(arn)
                if len({*known, *(tag["Key"] for tag in parameters["Tags"])}) > MAX_TAGS:
                    raise ApiError("TooManyTags", f"A resource can have at most {MAX_TAGS} tags")
            for arn in parameters["ResourceArns"]:
                records.tagging_service.tag_resource(arn, parameters["Tags"])
        return {}

    def describe_tags(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The tags of up to twenty resources."""
        arns: Sequence[str] = parameters["ResourceArns"]
        if len(arns) > MAX_DESCRIBED:
            raise ApiError("ValidationError", f"Up to {MAX_DESCRIBED} resources can be described in one call")
        self._check_resources(arns)
        tags = self._moto.elb_records().tagging_service
        return {
            "TagDescriptions": [
                {
                    "ResourceArn": arn,
                    "Tags": [{"Key": k, "Value": v} for k, v in tags.get_tag_dict_for_resource(arn).items()],
                }
                for arn in arns
            ]
        }

    def _check_resources(self, arns: Sequence[str]) -> None:
        seen = self._moto.load_balancing()
        rules = {rule.arn for listener in seen.listeners.values() for rule in listener.rules}
        kinds: tuple[tuple[str, Collection[str], str], ...] = (
            (":targetgroup/", seen.groups, "TargetGroupNotFound"),
            (":loadbalancer/", seen.balancers, "LoadBalancerNotFound"),
            (":listener-rule/", rules, "RuleNotFound"),
            (":listener/", seen.listeners, "ListenerNotFound"),
        )
        for arn in arns:
            for part, known, code in kinds:
                if part in arn and arn not in known:
                    raise ApiError(code, f"'{arn}' not found")


def _groups_of(action: Mapping[str, Any]) -> Iterator[str]:
    named = {action["TargetGroupArn"]} if "TargetGroupArn" in action else set()
    for group in action.get("ForwardConfig", {}).get("TargetGroups", ()):
        named.add(group["TargetGroupArn"])
    yield from sorted(named)


def _rename(records: Any, balancer: Any, arn: str) -> None:
    """Moto calls every load balancer an application's."""
    tags = records.tagging_service.get_tag_dict_for_resource(balancer.arn)
    records.tagging_service.tag_resource(arn, [{"Key": key, "Value": value} for key, value in tags.items()])
    del records.load_balancers[balancer.arn]
    balancer.arn = arn
    records.load_balancers[arn] = balancer


def _balancer_shape(balancer: Any) -> dict[str, Any]:
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": balancer.canonical_hosted_zone_id,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": balancer.vpc_id,
        "State": balancer.load_balancer_state,
        "Type": balancer.type,
        "AvailabilityZones": [
            {"ZoneName": zone.zone_name, "SubnetId": zone.subnet_id} for zone in balancer.availability_zones
        ],
        "SecurityGroups": balancer.security_groups or [],
        "IpAddressType": balancer.ip_address_type,
    }
