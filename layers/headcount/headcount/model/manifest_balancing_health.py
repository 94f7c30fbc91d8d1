"""The health check table: what a check of one protocol may say of one kind of target group, and what AWS assumes.

Bounds that hold for every target group stand in botocore's model (intervals, timeouts, counts); this table has those
that differ (Elastic Load Balancing: CreateTargetGroup; Health checks for the target groups of Application and Network
Load Balancers). Where AWS's pages name two defaults of a timeout, it is the user guide's: the value is always sent.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown
from headcount.model.values import dataclass

GroupKind = Literal["application", "grpc", "network", "lambda"]

APPLICATION = ("HTTP", "HTTPS")  # protocols of target groups
NETWORK = ("TCP", "TLS", "UDP", "TCP_UDP")
TRAFFIC_PORT = "traffic-port"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """What a matcher may say: which key it has, from which code to which, and the one that AWS assumes."""

    key: str
    least: int
    most: int
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the table: every field that a health check may have, each with AWS's default. ``codes``: its matcher.

    ``may_last``: whether the timeout may be as long as the interval.
    """

    defaults: Mapping[str, Any]
    codes: Codes | None = None
    may_last: bool = False


def _check(*, timeout: int, codes: Codes | None = None, path: str | None = None, may_last: bool = False) -> Check:
    """A row for targets with a port."""
    defaults = {
        "healthCheckPort": TRAFFIC_PORT,
        "healthCheckIntervalSeconds": 30,
        "healthCheckTimeoutSeconds": timeout,
        "healthyThresholdCount": 5,
        "unhealthyThresholdCount": 2,
    }
    if path is not None:
        defaults["healthCheckPath"] = path
    return Check(defaults=MappingProxyType(defaults), codes=codes, may_last=may_last)


_OF_APPLICATION = Codes(key="httpCode", least=200, most=499, default="200")
_OF_GRPC = Codes(key="grpcCode", least=0, most=99, default="12")
_OF_NETWORK = Codes(key="httpCode", least=200, most=599, default="200-399")
_OF_FUNCTIONS = Check(
    defaults=MappingProxyType(
        {
            "healthCheckPath": "/",
            "healthCheckIntervalSeconds": 35,
            "healthCheckTimeoutSeconds": 30,
            "healthyThresholdCount": 5,
            "unhealthyThresholdCount": 5,
        }
    ),
    codes=_OF_APPLICATION,
)
# By kind of target group, then by protocol of the check; the first protocol is AWS's default.
TABLE: Mapping[GroupKind, Mapping[str, Check]] = {
    "application": {
        "HTTP": _check(path="/", timeout=5, codes=_OF_APPLICATION),
        "HTTPS": _check(path="/", timeout=5, codes=_OF_APPLICATION),
    },
    "grpc": {
        "HTTP": _check(path="/AWS.ALB/healthcheck", timeout=5, codes=_OF_GRPC),
        "HTTPS": _check(path="/AWS.ALB/healthcheck", timeout=5, codes=_OF_GRPC),
    },
    "network": {
        "TCP": _check(timeout=10, may_last=True),
        "HTTP": _check(path="/", timeout=6, codes=_OF_NETWORK, may_last=True),
        "HTTPS": _check(path="/", timeout=10, codes=_OF_NETWORK, may_last=True),
    },
    "lambda": {"": _OF_FUNCTIONS},  # the load balancer invokes the function: no protocol, no port
}
_SWITCH, _PROTOCOL = "healthCheckEnabled", "healthCheckProtocol"
_FIELDS = (
    _PROTOCOL,
    "healthCheckPort",
    "healthCheckPath",
    "healthCheckIntervalSeconds",
    "healthCheckTimeoutSeconds",
    "healthyThresholdCount",
    "unhealthyThresholdCount",
    "matcher",
)


def kind_of(group: Mapping[str, Any]) -> GroupKind | None:
    """The kind of a target group; None where its protocol was not understood."""
    protocol = group.get("protocol")
    if protocol in NETWORK:
        return "network"
    if protocol not in APPLICATION:
        return None
    return "grpc" if group.get("protocolVersion") == "GRPC" else "application"


def with_defaults(group: Mapping[str, Any], kind: GroupKind) -> dict[str, Any]:
    """The health check of a target group as AWS would complete it."""
    if not group.get(_SWITCH, kind != "lambda"):
        return {_SWITCH: False}
    protocol = _protocol(group, kind)
    check = TABLE[kind][protocol]
    matcher = {} if check.codes is None else {"matcher": {check.codes.key: check.codes.default}}
    named = {_PROTOCOL: protocol} if protocol else {}
    given = {name: group[name] for name in _FIELDS if name in group}
    return {_SWITCH: True, **named, **check.defaults, **matcher, **given}


def check_health_check(path: str, group: Mapping[str, Any], kind: GroupKind) -> Iterator[Problem]:
    """Everything that the table does not allow in the health check of a target group at ``path``."""
    if kind == "lambda" and not group.get(_SWITCH, False):
        yield from _check_switched_off(path, group)
        return
    if group.get(_SWITCH, True) is False:
        message = "must be true: Elastic Load Balancing checks the targets of every target group but those of functions"
        yield problem(joined(path, _SWITCH), False, message)
    protocol = _protocol(group, kind)
    if protocol is INVALID:
        return
    check = TABLE[kind].get(protocol)
    if check is None:
        allowed = " or ".join(TABLE[kind])
        message = f"must be {allowed}, not {shown(protocol)}: {_whose(group, kind)}"
        yield problem(joined(path, _PROTOCOL), protocol, message)
        return
    yield from _check_fields(path, group, kind, check)
    yield from _check_matcher(path, group, kind, check)
    yield from _check_timeout(path, group, check)


def _check_switched_off(path: str, group: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _FIELDS:
        if name in group:
            message = "has no effect: the health checks of a function are off unless healthCheckEnabled is true"
            yield problem(joined(path, name), _value(group[name]), message)


def _check_fields(path: str, group: Mapping[str, Any], kind: GroupKind, check: Check) -> Iterator[Problem]:
    for name in _FIELDS:
        judged_apart = name == "matcher" or (name == _PROTOCOL and kind != "lambda")
        if name in group and name not in check.defaults and not judged_apart:
            yield problem(joined(path, name), _value(group[name]), _left_out(group, kind, name))


def _check_matcher(path: str, group: Mapping[str, Any], kind: GroupKind, check: Check) -> Iterator[Problem]:
    matcher = group.get("matcher")
    if not isinstance(matcher, dict):
        return
    path = joined(path, "matcher")
    if check.codes is None:
        yield problem(path, matcher, _left_out(group, kind, "matcher"))
        return
    key, bounds = check.codes.key, f"from {check.codes.least} to {check.codes.most}"
    for name, codes in matcher.items():
        if name != key:
            message = f"must be left out: {_whose(group, kind)}, and its matcher is {key}, codes {bounds}"
            yield problem(joined(path, name), _value(codes), message)
        elif codes is not INVALID and not _within(codes, check.codes):
            message = f"must be codes {bounds}, not {shown(codes)}: {_whose(group, kind)}"
            yield problem(joined(path, name), codes, message)
    if not matcher:
        yield problem(joined(path, key), None, f"is required in a matcher: codes {bounds}")


def _check_timeout(path: str, group: Mapping[str, Any], check: Check) -> Iterator[Problem]:
    interval_field, timeout_field = "healthCheckIntervalSeconds", "healthCheckTimeoutSeconds"
    interval, timeout = (group.get(name, check.defaults[name]) for name in (interval_field, timeout_field))
    if INVALID in (interval, timeout) or timeout < interval or (check.may_last and timeout == interval):
        return
    assumed = "" if timeout_field in group else " (AWS's default)"
    allowed = "at most" if check.may_last else "less than"
    whole = f"must be {allowed} {interval_field} ({interval}), not {timeout}{assumed}"
    yield problem(joined(path, timeout_field), timeout, whole)


def _within(codes: str, allowed: Codes) -> bool:
    """Whether codes such as ``200,300-399`` are all within the bounds, and each range goes upwards."""
    for part in codes.split(","):
        first, _, last = part.partition("-")
        if not allowed.least <= int(first) <= int(last or first) <= allowed.most:
            return False
    return True


def _protocol(group: Mapping[str, Any], kind: GroupKind) -> Any:
    """That of the check; AWS's default is the first of the table."""
    assumed = next(iter(TABLE[kind]))
    return group.get(_PROTOCOL, assumed) if kind != "lambda" else assumed


def _whose(group: Mapping[str, Any], kind: GroupKind) -> str:
    if kind == "lambda":
        return "the target is a function"
    version = " and its protocolVersion GRPC" if kind == "grpc" else ""
    return f"the target group's protocol is {group['protocol']}{version}"


def _left_out(group: Mapping[str, Any], kind: GroupKind, name: str) -> str:
    if kind == "lambda":
        return "must be left out: the load balancer invokes the function, it has neither protocol nor port"
    protocol = _protocol(group, kind)
    having = [
        one for one, check in TABLE[kind].items() if name in check.defaults or (name == "matcher" and check.codes)
    ]
    return (
        f"must be left out with healthCheckProtocol {protocol}"
        f"{'' if _PROTOCOL in group else ' (AWS assumes it)'}: only {' and '.join(having)} checks have it"
    )


def _value(value: object) -> object:
    return None if has_invalid(value) else value
