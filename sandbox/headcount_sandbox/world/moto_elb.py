"""moto's records of load balancers: a picture of them, and what moto gets wrong in its own books."""

from collections.abc import Mapping, Sequence
from typing import Any

from headcount_sandbox.world.elb.configuration import (
    Action,
    Condition,
    Configuration,
    FixedResponse,
    Forward,
    HealthCheck,
    Listener,
    LoadBalancer,
    Redirect,
    Rule,
    TargetGroup,
)


def picture(backend: Any) -> Configuration:
    """What is configured now; puts right which groups are used by whom, and the order of rules."""
    balancers = tuple(backend.load_balancers.values())
    listeners = [listener for balancer in balancers for listener in tuple(balancer.listeners.values())]
    for listener in listeners:
        _sort_rules(listener)
    taken = Configuration(
        balancers={balancer.arn: _balancer(balancer) for balancer in balancers},
        listeners={listener.arn: _listener(listener) for listener in listeners},
        groups={group.arn: _group(group) for group in tuple(backend.target_groups.values())},
    )
    for group in backend.target_groups.values():
        group.load_balancer_arns = list(taken.users.get(group.arn, ()))
    return taken


def _sort_rules(listener: Any) -> None:
    by_priority = sorted(listener._non_default_rules.items(), key=lambda item: int(item[1].priority))  # noqa: SLF001 - moto keeps them in the order of their creation
    listener._non_default_rules.clear()  # noqa: SLF001 - see above
    listener._non_default_rules.update(by_priority)  # noqa: SLF001 - see above


def _balancer(found: Any) -> LoadBalancer:
    return LoadBalancer(
        arn=found.arn, name=found.name, kind=found.type, vpc_id=found.vpc_id, attributes=_texts(found.attrs)
    )


def _listener(found: Any) -> Listener:
    return Listener(
        arn=found.arn,
        balancer=found.load_balancer_arn,
        port=int(found.port),
        protocol=found.protocol,
        certificate=found.certificate,
        rules=tuple(_rule(rule) for rule in found.rules.values()),
    )


def _rule(found: Any) -> Rule:
    return Rule(
        arn=found.arn,
        priority=None if found.is_default else int(found.priority),
        conditions=tuple(_condition(condition) for condition in found.conditions),
        action=_action([action.data for action in found.actions]),
    )


def _action(actions: Sequence[Mapping[str, Any]]) -> Action | None:
    """The one that answers; those that authenticate come before it and have no effect here."""
    for action in actions:
        match action["Type"]:
            case "forward":
                config = action.get("ForwardConfig") or {"TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"]}]}
                groups = config.get("TargetGroups", ())
                return Forward(weights={group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups})
            case "redirect":
                return _redirect(action["RedirectConfig"])
            case "fixed-response":
                config = action["FixedResponseConfig"]
                return FixedResponse(
                    status=int(config["StatusCode"]),
                    content_type=config.get("ContentType") or "text/plain",
                    body=config.get("MessageBody", ""),
                )
    return None


def _redirect(config: Mapping[str, Any]) -> Redirect:
    return Redirect(
        status=int(str(config["StatusCode"]).removeprefix("HTTP_")),
        protocol=config.get("Protocol", "#{protocol}"),
        host=config.get("Host", "#{host}"),
        port=config.get("Port", "#{port}"),
        path=config.get("Path", "/#{path}"),
        query=config.get("Query", "#{query}"),
    )


def _condition(found: Mapping[str, Any]) -> Condition:
    config: Mapping[str, Any] = next((value for key, value in found.items() if key.endswith("Config")), {})
    values = config.get("Values") or found.get("Values") or ()
    if found["Field"] == "query-string":
        return Condition(field="query-string", pairs=tuple((pair.get("Key"), pair["Value"]) for pair in values))
    return Condition(field=found["Field"], values=tuple(values), name=config.get("HttpHeaderName", ""))


def _group(found: Any) -> TargetGroup:
    matcher = getattr(found, "matcher", None) or {}
    port = found.health_check_port
    return TargetGroup(
        arn=found.arn,
        name=found.name,
        protocol=found.protocol,
        protocol_version=found.protocol_version,
        port=None if found.port is None else int(found.port),
        vpc_id=found.vpc_id,
        target_type=found.target_type,
        check=HealthCheck(
            enabled=str(found.health_check_enabled).lower() == "true",
            protocol=found.health_check_protocol or "HTTP",
            port=None if port in (None, "traffic-port") else int(port),
            path=found.health_check_path or "/",
            interval=float(found.health_check_interval_seconds),
            timeout=float(found.health_check_timeout_seconds),
            healthy_threshold=int(found.healthy_threshold_count),
            unhealthy_threshold=int(found.unhealthy_threshold_count),
            matcher=str(matcher.get("GrpcCode") or matcher.get("HttpCode") or "200"),
        ),
        attributes=_texts(found.attributes),
    )


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in attributes.items()}
