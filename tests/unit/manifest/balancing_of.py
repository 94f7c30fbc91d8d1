"""Builders: what a manifest says of load balancing, with one thing changed."""

from typing import Any

from unit.manifest.documents_of import LEFT_OUT, a_document

ELB = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
GROUP_ARN = f"{ELB}:targetgroup/web/0123456789abcdef"
LISTENER_ARN = f"{ELB}:listener/app/shop/0123456789abcdef/fedcba9876543210"
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:sorry"
CERTIFICATE = {"certificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234"}


def without_left_out(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not LEFT_OUT}


def a_group(**changes: Any) -> dict[str, Any]:
    """A target group of an application load balancer."""
    group = {"name": "web", "protocol": "HTTP", "port": 8080, "vpcId": "vpc-1", "targetType": "ip"}
    return without_left_out(group | changes)


def a_function_group(**changes: Any) -> dict[str, Any]:
    return without_left_out({"name": "sorry"} | changes)


def balanced(**changes: Any) -> dict[str, Any]:
    """One entry of loadBalancers, with a declared target group unless the changes name one."""
    group = {} if "targetGroupArn" in changes else {"targetGroup": a_group()}
    return without_left_out({"containerName": "web", "containerPort": 8080, **group} | changes)


def behind(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document whose service takes traffic from these."""
    return a_document(loadBalancers=list(entries), **changes)


def with_group(**changes: Any) -> dict[str, Any]:
    """A document with one declared target group."""
    return behind(balanced(targetGroup=a_group(**changes)))


def with_function(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document with a function's target group."""
    target = {"functionArn": FUNCTION_ARN, "targetGroup": a_function_group(**changes), "rules": list(rules)}
    return a_document(functionTargets=[target])


def a_rule(**changes: Any) -> dict[str, Any]:
    rule = {
        "listenerArn": LISTENER_ARN,
        "priority": 10,
        "conditions": [{"field": "path-pattern", "values": ["/api/*"]}],
    }
    return without_left_out(rule | changes)


def with_rules(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document with one declared target group behind these rules."""
    return behind(balanced(rules=list(rules)), **changes)


def a_listener(**changes: Any) -> dict[str, Any]:
    listener = {"port": 80, "protocol": "HTTP", "defaultActions": [{"type": "forward", "targetGroup": "web"}]}
    return without_left_out(listener | changes)


def a_balancer(*listeners: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An application load balancer."""
    balancer = {"name": "shop", "subnets": ["subnet-a", "subnet-b"], "listeners": list(listeners)}
    return without_left_out(balancer | changes)


def a_network_balancer(*listeners: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return a_balancer(*listeners, **{"type": "network"} | changes)


def with_balancers(*balancers: dict[str, Any], **group: Any) -> dict[str, Any]:
    """A document with load balancers, and one declared target group for them."""
    return behind(balanced(targetGroup=a_group(**group)), elasticLoadBalancers=list(balancers))


def attributes(**values: str) -> list[dict[str, str]]:
    """As a list of AWS's, dots for double underscores."""
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]
