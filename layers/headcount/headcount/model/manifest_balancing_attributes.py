"""The attributes of target groups and load balancers: which there are, for what, and what each may be.

Elastic Load Balancing: ``TargetGroupAttribute`` and ``LoadBalancerAttribute``; a test compares the keys with botocore's
text. What a manifest does not name is left as it is.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from headcount.model.manifest_kinds import INVALID, Kind, OneOf, Reading, Text, Whole, joined, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown
from headcount.model.values import dataclass

MOST_TARGETS = 1000  # of a target group
LONGEST_DELAY = 3600
WEEK = 7 * 86400

_FLAG = OneOf(values=("true", "false"))
_OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOr:
    """A number within bounds, or a word that stands for none."""

    word: str
    number: Whole

    @property
    def allowed(self) -> str:
        return f"{self.word} or {self.number.allowed}"

    def read(self, path: str, value: object) -> Reading:
        if value == self.word:
            return Reading(value=value)
        reading = self.number.read(path, value)
        if not reading.problems:
            return reading
        message = f"must be {self.allowed}, not {shown(value)}"
        return Reading(value=INVALID, problems=(problem(path, value, message),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """What an attribute may be, and for what it is: ``application``, ``network`` or ``lambda``."""

    value: Kind
    owners: frozenset[str]


def _number(least: int, most: int, why: str = "") -> Whole:
    return Whole(minimum=least, maximum=most, why=why)


def _of(owners: tuple[str, ...], attributes: Mapping[str, Kind]) -> dict[str, Attribute]:
    return {key: Attribute(value=value, owners=frozenset(owners)) for key, value in attributes.items()}


def _text(allowed: str, pattern: str) -> Text:
    return Text(allowed=allowed, pattern=re.compile(pattern, re.ASCII))


_BUCKET = _text("the name of an S3 bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = _text("a prefix in the bucket, at most 512 characters, without AWSLogs", r"(?!.*AWSLogs)[ -~]{0,512}")
_COUNT = _number(1, MOST_TARGETS, "targets")
_PERCENT = NumberOr(word=_OFF, number=_number(1, 100, "percent"))
_COOKIE_SECONDS = _number(1, WEEK, "seconds")

OF_TARGET_GROUPS: Mapping[str, Attribute] = {
    **_of(
        ("application", "network"),
        {
            "deregistration_delay.timeout_seconds": _number(0, LONGEST_DELAY, "seconds"),
            "stickiness.enabled": _FLAG,
            "stickiness.type": OneOf(values=("lb_cookie", "app_cookie", "source_ip")),
            "load_balancing.cross_zone.enabled": OneOf(values=("true", "false", "use_load_balancer_configuration")),
            "target_group_health.dns_failover.minimum_healthy_targets.count": NumberOr(word=_OFF, number=_COUNT),
            "target_group_health.dns_failover.minimum_healthy_targets.percentage": _PERCENT,
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": _COUNT,
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": _PERCENT,
        },
    ),
    **_of(
        ("application",),
        {
            "load_balancing.algorithm.type": OneOf(
                values=("round_robin", "least_outstanding_requests", "weighted_random")
            ),
            "load_balancing.algorithm.anomaly_mitigation": OneOf(values=("on", _OFF)),
            "slow_start.duration_seconds": NumberOr(word="0", number=_number(30, 900, "seconds")),
            "stickiness.app_cookie.cookie_name": _text(
                "a cookie's name, not beginning with AWSALB", r"(?!AWSALB)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}"
            ),
            "stickiness.app_cookie.duration_seconds": _COOKIE_SECONDS,
            "stickiness.lb_cookie.duration_seconds": _COOKIE_SECONDS,
        },
    ),
    **_of(("lambda",), {"lambda.multi_value_headers.enabled": _FLAG}),
    **_of(
        ("network",),
        {
            "deregistration_delay.connection_termination.enabled": _FLAG,
            "preserve_client_ip.enabled": _FLAG,
            "proxy_protocol_v2.enabled": _FLAG,
            "target_health_state.unhealthy.connection_termination.enabled": _FLAG,
            "target_health_state.unhealthy.draining_interval_seconds": _number(0, 360_000, "seconds"),
        },
    ),
}
OF_LOAD_BALANCERS: Mapping[str, Attribute] = {
    **_of(
        ("application", "network"),
        {
            "deletion_protection.enabled": _FLAG,
            "load_balancing.cross_zone.enabled": _FLAG,
            "access_logs.s3.enabled": _FLAG,
            "access_logs.s3.bucket": _BUCKET,
            "access_logs.s3.prefix": _PREFIX,
            "ipv6.deny_all_igw_traffic": _FLAG,
            "zonal_shift.config.enabled": _FLAG,
        },
    ),
    **_of(
        ("application",),
        {
            "idle_timeout.timeout_seconds": _number(1, 4000, "seconds"),
            "client_keep_alive.seconds": _number(60, 604_800, "seconds"),
            "connection_logs.s3.enabled": _FLAG,
            "connection_logs.s3.bucket": _BUCKET,
            "connection_logs.s3.prefix": _PREFIX,
            "health_check_logs.s3.enabled": _FLAG,
            "health_check_logs.s3.bucket": _BUCKET,
            "health_check_logs.s3.prefix": _PREFIX,
            "routing.http.desync_mitigation_mode": OneOf(values=("monitor", "defensive", "strictest")),
            "routing.http.drop_invalid_header_fields.enabled": _FLAG,
            "routing.http.preserve_host_header.enabled": _FLAG,
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _FLAG,
            "routing.http.xff_client_port.enabled": _FLAG,
            "routing.http.xff_header_processing.mode": OneOf(values=("append", "preserve", "remove")),
            "routing.http2.enabled": _FLAG,
            "waf.fail_open.enabled": _FLAG,
        },
    ),
    **_of(
        ("network",),
        {
            "dns_record.client_routing_policy": OneOf(
                values=(
                    "availability_zone_affinity",
                    "partial_availability_zone_affinity",
                    "any_availability_zone",
                )
            ),
            "secondary_ips.auto_assigned.per_subnet": _number(0, 7),
        },
    ),
}


def check_group_attributes(path: str, group: Mapping[str, Any], owner: str) -> Iterator[Problem]:
    """Everything wrong with the attributes of a target group. ``owner``: ``application``, ``network``, ``lambda``."""
    path = joined(path, "targetGroupAttributes")
    given = _given(path, group.get("targetGroupAttributes", []))
    yield from _check_keys(given, OF_TARGET_GROUPS, owner, "target group")
    values = {key: value for key, (_, value) in given.items()}
    for key, needed in _against(values, owner, group.get("protocol")):
        yield problem(joined(given[key][0], "value"), values[key], needed)


def check_balancer_attributes(path: str, balancer: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with the attributes of a load balancer."""
    owner = balancer.get("type", "application")
    if owner is INVALID:
        return
    path = joined(path, "loadBalancerAttributes")
    given = _given(path, balancer.get("loadBalancerAttributes", []))
    yield from _check_keys(given, OF_LOAD_BALANCERS, owner, "load balancer")
    for logs in ("access_logs", "connection_logs", "health_check_logs"):
        switch, bucket = f"{logs}.s3.enabled", f"{logs}.s3.bucket"
        if switch in given and given[switch][1] == "true" and bucket not in given:
            yield problem(joined(given[switch][0], "value"), "true", f"needs {bucket}: where the logs go")
    cross = given.get("load_balancing.cross_zone.enabled")
    if owner == "application" and cross is not None and cross[1] == "false":
        message = "must be true: an application load balancer always balances across zones (its target groups need not)"
        yield problem(joined(cross[0], "value"), "false", message)


def _given(path: str, attributes: Any) -> dict[str, tuple[str, str]]:
    """Path and value by key, of what was understood."""
    if not isinstance(attributes, list):
        return {}
    understood = ((f"{path}[{index}]", one) for index, one in enumerate(attributes) if isinstance(one, dict))
    return {
        one["key"]: (place, one["value"])
        for place, one in understood
        if INVALID not in (one.get("key", INVALID), one.get("value", INVALID))
    }


def _check_keys(
    given: Mapping[str, tuple[str, str]], known: Mapping[str, Attribute], owner: str, what: str
) -> Iterator[Problem]:
    whose = f"a {what} {_OWNERS[owner]}"
    own = [key for key, attribute in known.items() if owner in attribute.owners]
    for key, (path, value) in given.items():
        attribute = known.get(key)
        if attribute is not None and owner in attribute.owners:
            yield from attribute.value.read(joined(path, "value"), value).problems
            continue
        near = get_close_matches(key, own, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(own[:8])}{', ...' if len(own) > 8 else ''}"
        of_others = "" if attribute is None else f" (only those {_listed(attribute)} have it)"
        yield problem(joined(path, "key"), key, f"is no attribute of {whose}{of_others}: {hint}")


_OWNERS = {
    "application": "for an application load balancer",
    "network": "for a network load balancer",
    "lambda": "of a function",
}


def _listed(attribute: Attribute) -> str:
    return " and ".join(_OWNERS[owner] for owner in sorted(attribute.owners))


def _against(values: Mapping[str, str], owner: str, protocol: Any) -> Iterator[tuple[str, str]]:
    """Each attribute that does not go with the others or with the group's protocol, and what is needed."""
    kinds = {"application": ("lb_cookie", "app_cookie"), "network": ("source_ip",)}.get(owner, ())
    stickiness = values.get("stickiness.type")
    if stickiness in ("lb_cookie", "app_cookie", "source_ip") and kinds and stickiness not in kinds:
        yield "stickiness.type", f"must be {' or '.join(kinds)} {_OWNERS[owner]}, not {shown(stickiness)}"
    if stickiness == "app_cookie" and "stickiness.app_cookie.cookie_name" not in values:
        yield "stickiness.type", "needs stickiness.app_cookie.cookie_name: which cookie of the application"
    algorithm = values.get("load_balancing.algorithm.type", "round_robin")
    if values.get("slow_start.duration_seconds", "0") != "0" and algorithm != "round_robin":
        yield "slow_start.duration_seconds", f"must be 0 with load_balancing.algorithm.type {algorithm}"
    if values.get("load_balancing.algorithm.anomaly_mitigation") == "on" and algorithm != "weighted_random":
        yield (
            "load_balancing.algorithm.anomaly_mitigation",
            f"must be off: load_balancing.algorithm.type is {algorithm}, and only weighted_random has it",
        )
    yield from _against_of_network(values, protocol)


def _against_of_network(values: Mapping[str, str], protocol: Any) -> Iterator[tuple[str, str]]:
    termination = "target_health_state.unhealthy.connection_termination.enabled"
    interval = "target_health_state.unhealthy.draining_interval_seconds"
    if values.get(interval, "0") != "0" and values.get(termination) != "false":
        yield interval, f"must be 0 unless {termination} is false"
    if protocol in ("UDP", "TCP_UDP"):
        if values.get("preserve_client_ip.enabled") == "false":
            yield "preserve_client_ip.enabled", f"must be true: the target group's protocol is {protocol}"
        if values.get(termination) == "true":
            yield termination, f"must be false: the target group's protocol is {protocol}"
    if protocol == "TLS" and values.get("stickiness.enabled") == "true":
        yield "stickiness.enabled", "must be false: the target group's protocol is TLS, which is never sticky"
