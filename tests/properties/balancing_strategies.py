"""Manifests that say something of load balancing, all of it allowed."""

from typing import Any

from hypothesis import strategies as st

ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:sorry"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678"
APPLICATION, NETWORK = ("HTTP", "HTTPS"), ("TCP", "TLS", "UDP", "TCP_UDP")

CODES = {"application": (200, 499), "grpc": (0, 99), "network": (200, 599)}
PORTS = st.integers(1, 65535)
NAMES = st.text("abcXYZ019", min_size=1, max_size=12)
TEXT = st.text("abc XYZ019_.:/=+@-", min_size=1, max_size=12)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _matchers(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most)
    ranges = st.tuples(one, one).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    return st.lists(one.map(str) | ranges, min_size=1, max_size=4).map(",".join)


@st.composite
def health_checks(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Of a target group: ``application``, ``grpc`` or ``network``."""
    protocols = ["HTTP", "HTTPS"] if kind != "network" else ["TCP", "HTTP", "HTTPS"]
    check: dict[str, Any] = draw(
        _optional(
            healthCheckEnabled=st.just(True),
            healthCheckPort=st.just("traffic-port") | PORTS.map(str),
            healthyThresholdCount=st.integers(2, 10),
            unhealthyThresholdCount=st.integers(2, 10),
        )
    )
    if draw(st.booleans()):
        check["healthCheckProtocol"] = draw(st.sampled_from(protocols))
    if check.get("healthCheckProtocol", protocols[0]) != "TCP":
        least, most = CODES[kind]
        key = "grpcCode" if kind == "grpc" else "httpCode"
        check |= draw(
            _optional(
                healthCheckPath=NAMES.map("/{}".format),
                matcher=_matchers(least, most).map(lambda codes: {key: codes}),
            )
        )
    if draw(st.booleans()):
        timeout = draw(st.integers(2, 120))
        check["healthCheckTimeoutSeconds"] = timeout
        check["healthCheckIntervalSeconds"] = draw(st.integers(max(5, timeout + 1), 300))
    return check


def _attributes(kind: str) -> st.SearchStrategy[list[dict[str, str]]]:
    known = {"deregistration_delay.timeout_seconds": st.integers(0, 3600).map(str)}
    if kind == "network":
        known["proxy_protocol_v2.enabled"] = st.sampled_from(["true", "false"])
    else:
        known["slow_start.duration_seconds"] = st.just("0") | st.integers(30, 900).map(str)
    return st.fixed_dictionaries({}, optional=known).map(
        lambda values: [{"key": key, "value": value} for key, value in values.items()]
    )


TAGS = st.dictionaries(TEXT.map("key{}".format), TEXT, min_size=1, max_size=3).map(
    lambda tags: [{"key": key, "value": value} for key, value in tags.items()]
)


@st.composite
def groups(draw: st.DrawFn, name: str, target_type: str) -> dict[str, Any]:
    """A declared target group."""
    protocol = draw(st.sampled_from([*APPLICATION, *NETWORK]))
    group: dict[str, Any] = {"name": name, "protocol": protocol, "port": draw(PORTS), "vpcId": "vpc-1"}
    kind = "network" if protocol in NETWORK else "application"
    if kind == "application" and draw(st.booleans()):
        group["protocolVersion"] = draw(st.sampled_from(["HTTP1", "HTTP2", "GRPC"]))
    kind = "grpc" if group.get("protocolVersion") == "GRPC" else kind
    if target_type == "ip" or draw(st.booleans()):
        group["targetType"] = target_type
    group |= draw(health_checks(kind))
    if kind == "network" and group.get("healthCheckTimeoutSeconds") is None:
        group.pop("healthCheckIntervalSeconds", None)
    return group | draw(_optional(targetGroupAttributes=_attributes(kind), tags=TAGS))


CONDITIONS = st.sampled_from(
    [
        {"field": "path-pattern", "values": ["/api/*"]},
        {"field": "path-pattern", "pathPatternConfig": {"regexValues": ["^/a+$"]}},
        {"field": "host-header", "hostHeaderConfig": {"values": ["*.example.com", "b.example.com"]}},
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-A", "values": ["on"]}},
        {"field": "query-string", "queryStringConfig": {"values": [{"key": "a", "value": "1"}, {"value": "b"}]}},
        {"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}},
        {"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}},
    ]
)


def _rules(priorities: list[int], **listener: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.tuples(*[CONDITIONS for _ in priorities]).map(
        lambda conditions: [
            {**listener, "priority": priority, "conditions": [condition]}
            for priority, condition in zip(priorities, conditions, strict=True)
        ]
    )


@st.composite
def balancing(draw: st.DrawFn, target_type: str) -> dict[str, Any]:
    """Keys of a manifest: groups that exist and declared ones, rules, functions, a load balancer for each group."""
    entries: list[dict[str, Any]] = []
    balancers: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 3))):
        place = {"containerName": draw(NAMES), "containerPort": draw(PORTS)}
        if draw(st.booleans()):
            entries.append({**place, "targetGroupArn": f"{ELB}:targetgroup/g{number}/0123456789abcdef"})
            continue
        group = draw(groups(f"web-{number}", target_type))
        entry = {**place, "targetGroup": group}
        if draw(st.booleans()):
            balancers.append(draw(_balancer_of(group, f"lb-{number}")))
        elif group["protocol"] in APPLICATION:
            listener = f"{ELB}:listener/app/other-{number}/0123456789abcdef/fedcba9876543210"
            entry["rules"] = draw(_rules([number + 1, number + 100], listenerArn=listener))
        entries.append(entry)
    functions = draw(
        st.lists(
            st.fixed_dictionaries(
                {"functionArn": st.just(FUNCTION), "targetGroup": st.just({"name": "sorry"})}
                | {"rules": _rules([50000], listenerArn=f"{ELB}:listener/app/x/0123456789abcdef/fedcba9876543210")},
            ),
            max_size=1,
        )
    )
    unhealthy = _optional(
        action=st.sampled_from(["replace", "stopRouting", "ignore"]),
        targetAction=st.sampled_from(["replace", "stopRouting", "ignore"]),
        afterSeconds=st.integers(0, 86400) | st.floats(0, 86400),
        atOncePercent=st.integers(1, 100),
        freezeAbovePercent=st.integers(0, 100),
    )
    rest = draw(_optional(healthCheckGracePeriodSeconds=st.integers(0, 2**31 - 1), unhealthyTasks=unhealthy))
    return {"loadBalancers": entries, "functionTargets": functions, "elasticLoadBalancers": balancers, **rest}


@st.composite
def _balancer_of(draw: st.DrawFn, group: dict[str, Any], name: str) -> dict[str, Any]:
    """A load balancer with a listener that forwards to the group."""
    protocol = group["protocol"]
    application = protocol in APPLICATION
    balancer: dict[str, Any] = {"name": name, "type": "application" if application else "network"}
    balancer["subnets"] = ["subnet-1", "subnet-2"]
    listening = protocol
    if group.get("protocolVersion", "HTTP1") != "HTTP1":
        listening = "HTTPS"
    listener: dict[str, Any] = {"port": draw(PORTS), "protocol": listening}
    if listening in ("HTTPS", "TLS"):
        listener["certificates"] = [{"certificateArn": CERTIFICATE}]
    several = {"forwardConfig": {"targetGroups": [{"targetGroup": group["name"], "weight": draw(st.integers(0, 999))}]}}
    listener["defaultActions"] = [
        {"type": "forward", **draw(st.sampled_from([{"targetGroup": group["name"]}, several]))}
    ]
    return {**balancer, "listeners": [listener], **draw(_optional(scheme=st.just("internal"), tags=TAGS))}
