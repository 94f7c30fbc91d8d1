"""Target groups as AWS checks them: defaults and bounds by protocol, attributes by kind, calls that may be repeated."""

from collections.abc import Callable, Mapping
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.elb.configuration import APPLICATION_PROTOCOLS
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.wire import read, spoken, written

_CHECK_FIELDS = {
    "HealthCheckProtocol": "health_check_protocol",
    "HealthCheckPort": "health_check_port",
    "HealthCheckPath": "health_check_path",
    "HealthCheckEnabled": "health_check_enabled",
    "HealthCheckIntervalSeconds": "health_check_interval_seconds",
    "HealthCheckTimeoutSeconds": "health_check_timeout_seconds",
    "HealthyThresholdCount": "healthy_threshold_count",
    "UnhealthyThresholdCount": "unhealthy_threshold_count",
    "Matcher": "matcher",
}
_HTTP_CHECKS = frozenset({"HTTP", "HTTPS"})
_EVERYWHERE = {
    "load_balancing.cross_zone.enabled": None,
    "target_group_health.dns_failover.minimum_healthy_targets.count": None,
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": None,
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": None,
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": None,
    "stickiness.enabled": None,
    "stickiness.type": None,
}
_APPLICATION = {
    **_EVERYWHERE,
    "deregistration_delay.timeout_seconds": (0, 3600),
    "load_balancing.algorithm.type": None,
    "load_balancing.algorithm.anomaly_mitigation": None,
    "slow_start.duration_seconds": (0, 900),
    "stickiness.app_cookie.cookie_name": None,
    "stickiness.app_cookie.duration_seconds": (1, 604_800),
    "stickiness.lb_cookie.duration_seconds": (1, 604_800),
    "waf.fail_open.enabled": None,
}
_NETWORK = {
    **_EVERYWHERE,
    "deregistration_delay.timeout_seconds": (0, 3600),
    "deregistration_delay.connection_termination.enabled": None,
    "preserve_client_ip.enabled": None,
    "proxy_protocol_v2.enabled": None,
    "target_health_state.unhealthy.connection_termination.enabled": None,
    "target_health_state.unhealthy.draining_interval_seconds": (0, 360_000),
}
_FUNCTION = {**_EVERYWHERE, "lambda.multi_value_headers.enabled": None}
_KNOWN = {*_APPLICATION, *_NETWORK, *_FUNCTION}


class TargetGroupsApi:
    """`refresh` is called after every change."""

    def __init__(self, moto: MotoApis, refresh: Callable[[], None]) -> None:
        self._moto = moto
        self._refresh = refresh
        self._asked: dict[str, Mapping[str, Any]] = {}  # what a group was created with, by its ARN

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "CreateTargetGroup": self._create,
            "ModifyTargetGroup": spoken("elbv2", self.modify),
            "ModifyTargetGroupAttributes": spoken("elbv2", self.modify_attributes),
            "DeleteTargetGroup": self._delete,
        }

    def _create(self, request: ApiRequest) -> ApiResponse:
        parameters = read("elbv2", request)
        settings = {name: value for name, value in parameters.items() if name != "Tags"}
        _check_health(settings, settings.get("Protocol"), settings.get("TargetType", "instance"))
        with self._moto.lock_of("elasticloadbalancing"):
            records = self._moto.elb_records().target_groups
            same_name = next((one for one in records.values() if one.name == parameters["Name"]), None)
            if same_name is not None and self._asked.get(same_name.arn) == settings:
                return written("elbv2", request, {"TargetGroups": [_shape(same_name)]})
            answer = self._moto.answer(request)
            if answer.status != 200:
                return answer
            record = next(one for one in records.values() if one.name == parameters["Name"])
            _complete(record, settings)
            self._asked[record.arn] = settings
        self._refresh()
        return written("elbv2", request, {"TargetGroups": [_shape(record)]})

    def modify(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Changes health checks; everything else of a target group is fixed."""
        with self._moto.lock_of("elasticloadbalancing"):
            record = self._record(parameters["TargetGroupArn"])
            now = {name: getattr(record, field, None) for name, field in _CHECK_FIELDS.items()}
            after = {**{name: value for name, value in now.items() if value is not None}, **parameters}
            after.setdefault("ProtocolVersion", record.protocol_version or "HTTP1")
            _check_health(after, record.protocol, record.target_type)
            for name, field in _CHECK_FIELDS.items():
                if name in parameters:
                    setattr(record, field, parameters[name])
        self._refresh()
        return {"TargetGroups": [_shape(record)]}

    def modify_attributes(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Changes attributes; all of them, or none where one is wrong."""
        given = {one["Key"]: one.get("Value", "") for one in parameters["Attributes"]}
        with self._moto.lock_of("elasticloadbalancing"):
            record = self._record(parameters["TargetGroupArn"])
            for key, value in given.items():
                _check_attribute(key, value, record)
            record.attributes.update(given)
            attributes = [{"Key": key, "Value": str(value)} for key, value in record.attributes.items()]
        self._refresh()
        return {"Attributes": attributes}

    def _delete(self, request: ApiRequest) -> ApiResponse:
        """AWS has no error for a group that is not there."""
        arn = read("elbv2", request)["TargetGroupArn"]
        if arn not in self._moto.elb_records().target_groups:
            return written("elbv2", request, {})
        answer = self._moto.answer(request)
        self._asked.pop(arn, None)
        self._refresh()
        return answer

    def _record(self, arn: str) -> Any:
        found = self._moto.elb_records().target_groups.get(arn)
        if found is None:
            raise ApiError("TargetGroupNotFound", "One or more target groups not found")
        return found


def _complete(record: Any, settings: Mapping[str, Any]) -> None:
    """AWS's defaults where moto has others."""
    is_grpc = record.protocol_version == "GRPC"
    if settings.get("HealthCheckEnabled") is False:
        record.health_check_enabled = False
    if record.target_type == "lambda":
        record.unhealthy_threshold_count = settings.get("UnhealthyThresholdCount", 5)
    if is_grpc and "HealthCheckPath" not in settings:
        record.health_check_path = "/AWS.ALB/healthcheck"
    if is_grpc and "Matcher" not in settings:
        record.matcher = {"GrpcCode": "12"}
    if record.protocol not in (None, *APPLICATION_PROTOCOLS) and record.health_check_protocol in _HTTP_CHECKS:
        record.health_check_path = settings.get("HealthCheckPath", "/")
        record.matcher = settings.get("Matcher", {"HttpCode": "200-399"})
        usual = 6 if record.health_check_protocol == "HTTP" else 10
        record.health_check_timeout_seconds = settings.get("HealthCheckTimeoutSeconds", usual)
    for key in ("waf.fail_open.enabled", "slow_start.duration_seconds", "load_balancing.algorithm.type"):
        if key not in _attributes_of(record):
            record.attributes.pop(key, None)


def _shape(record: Any) -> dict[str, Any]:
    """The group as DescribeTargetGroups answers it."""
    names = {
        "TargetGroupArn": record.arn,
        "TargetGroupName": record.name,
        "Protocol": record.protocol,
        "ProtocolVersion": record.protocol_version,
        "Port": record.port,
        "VpcId": record.vpc_id,
        "TargetType": record.target_type,
        "IpAddressType": record.ip_address_type,
        "LoadBalancerArns": record.load_balancer_arns,
        **{name: getattr(record, field, None) for name, field in _CHECK_FIELDS.items()},
    }
    return {name: value for name, value in names.items() if value is not None}


def _check_health(settings: Mapping[str, Any], protocol: str | None, target_type: str) -> None:
    """What depends on the protocol of the group."""
    checked = settings.get("HealthCheckProtocol")
    if protocol in APPLICATION_PROTOCOLS and checked not in (None, *_HTTP_CHECKS):
        raise _unfit(
            f"Health check protocol '{checked}' is not supported for target groups with the {protocol} protocol"
        )
    if checked not in (None, "HTTP", "HTTPS", "TCP"):
        raise _unfit(f"Health check protocol '{checked}' is not supported")
    if protocol not in (None, *APPLICATION_PROTOCOLS) and settings.get("ProtocolVersion", "HTTP1") != "HTTP1":
        raise _unfit(f"Protocol version cannot be specified for target groups with the {protocol} protocol")
    if settings.get("HealthCheckEnabled") is False and target_type != "lambda":
        raise _unfit(f"Health checks must be enabled for target groups with target type '{target_type}'")
    _check_matcher(settings, protocol)


def _check_matcher(settings: Mapping[str, Any], protocol: str | None) -> None:
    matcher = settings.get("Matcher") or {}
    is_grpc = settings.get("ProtocolVersion") == "GRPC"
    if "GrpcCode" in matcher and not is_grpc:
        raise _unfit("GrpcCode can only be specified for target groups with the GRPC protocol version")
    if "HttpCode" in matcher and is_grpc:
        raise _unfit("HttpCode cannot be specified for target groups with the GRPC protocol version")
    if not matcher:
        return
    name, (low, high) = ("GrpcCode", (0, 99)) if is_grpc else ("HttpCode", (200, 499))
    if protocol not in (None, *APPLICATION_PROTOCOLS):
        high = 599
    for part in str(matcher.get(name, low)).split(","):
        ends = part.strip().split("-")
        if len(ends) > 2 or not all(end.isdigit() and low <= int(end) <= high for end in ends):
            raise ApiError("ValidationError", f"{name} '{matcher[name]}' must be within {low}-{high}")


def _attributes_of(record: Any) -> Mapping[str, tuple[int, int] | None]:
    if record.target_type == "lambda":
        return _FUNCTION
    return _APPLICATION if record.protocol in APPLICATION_PROTOCOLS else _NETWORK


def _check_attribute(key: str, value: str, record: Any) -> None:
    if key not in _KNOWN:
        raise ApiError("ValidationError", f"Target group attribute key '{key}' is not recognized")
    fitting = _attributes_of(record)
    if key not in fitting:
        kind = record.protocol or "lambda"
        raise _unfit(f"Target group attribute key '{key}' is not supported for target groups of {kind}")
    bounds = fitting[key]
    if bounds is None:
        return
    low, high = bounds
    if not (value.isdigit() and low <= int(value) <= high):
        raise ApiError("ValidationError", f"'{key}' value '{value}' must be between '{low}-{high}' inclusive")
    if key == "slow_start.duration_seconds" and 0 < int(value) < 30:
        raise ApiError("ValidationError", f"'{key}' value '{value}' must be 0 or between '30-900' inclusive")


def _unfit(message: str) -> ApiError:
    return ApiError("InvalidConfigurationRequest", message)
