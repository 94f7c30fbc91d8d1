"""What must hold between the keys of a manifest for load balancing.

Every check looks only at what was understood; what is wrong with a field by itself has been said already.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest import is_fargate
from headcount.model.manifest_balancing_attributes import check_group_attributes
from headcount.model.manifest_balancing_health import NETWORK, check_health_check, kind_of
from headcount.model.manifest_balancing_listeners import FORWARDS_TO, check_load_balancer, listeners_of, protocol_of
from headcount.model.manifest_balancing_rules import check_rule, groups_of
from headcount.model.manifest_capacity_checks import capacities_of
from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown
from headcount.model.values import dataclass

_OF_PORTS = ("protocol", "protocolVersion", "port", "vpcId", "ipAddressType", "targetControlPort")
_ONLY_HTTPS = ("HTTP2", "GRPC")  # versions of a group's protocol that only HTTPS listeners forward to


def check_balancing(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems with load balancing in the fields of a document."""
    return tuple(found for check in _CHECKS for found in check(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listener:
    """A declared listener, by what rules call it: ``<load balancer>:<port>``."""

    protocol: Any
    balancer_type: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A declared target group that a rule or a listener forwards to. ``balancer``: the load balancer's name."""

    path: str
    name: str
    protocol: Any
    balancer: Any


# -- target groups ----------------------------------------------------------------------------------------------------


def _check_load_balancers(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for path, one in _items(fields, "loadBalancers"):
        if ("targetGroupArn" in one) == ("targetGroup" in one):
            found = "both" if "targetGroup" in one else "none"
            message = (
                "exactly one of targetGroupArn (a target group that exists) and targetGroup (one that Headcount keeps) "
                f"is needed; this has {found}"
            )
            yield problem(path, None, message)
        if one.get("rules") and "targetGroup" not in one:
            message = "must be left out: whoever made the target group that targetGroupArn names makes its rules"
            yield problem(joined(path, "rules"), _value(one["rules"]), message)


def _check_groups(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for path, group in _declared_groups(fields, "loadBalancers"):
        kind = kind_of(group)
        if kind is None:
            continue
        yield from check_health_check(path, group, kind)
        yield from check_group_attributes(path, group, "network" if kind == "network" else "application")
        for key in ("protocolVersion", "targetControlPort"):
            if key in group and kind == "network":
                message = (
                    f"must be left out: only HTTP and HTTPS have it, and the group's protocol is {group['protocol']}"
                )
                yield problem(joined(path, key), _value(group[key]), message)


def _check_function_groups(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for path, group in _declared_groups(fields, "functionTargets"):
        yield from check_health_check(path, group, "lambda")
        yield from check_group_attributes(path, group, "lambda")
        for key in _OF_PORTS:
            if key in group:
                message = "must be left out: the load balancer invokes the function, it has neither protocol nor port"
                yield problem(joined(path, key), _value(group[key]), message)


def _check_repeats(fields: Mapping[str, Any]) -> Iterator[Problem]:
    """Every container and port once in a target group, and every name of a target group once."""
    triples: dict[tuple[Any, ...], str] = {}
    for path, one in _items(fields, "loadBalancers"):
        triple = tuple(one.get(name, INVALID) for name in ("targetGroupArn", "containerName", "containerPort"))
        if INVALID not in triple and (first := triples.setdefault(triple, path)) != path:
            message = (
                f"port {triple[2]} of container {shown(triple[1])} must not be in the target group twice: it already "
                f"stands at {first}"
            )
            yield problem(path, triple[0], message)
    names: dict[str, str] = {}
    for path, group in _all_declared_groups(fields):
        name = group.get("name", INVALID)
        if name is not INVALID and (first := names.setdefault(name, path)) != path:
            message = f"{shown(name)} must not be repeated: it already stands at {joined(first, 'name')}"
            yield problem(joined(path, "name"), name, message)


def _check_target_types(fields: Mapping[str, Any]) -> Iterator[Problem]:
    """``ip`` is for tasks with an address of their own, ``instance`` for those that share their instance's.

    Whether a task has one is told by ``networkConfiguration``, which must be there with ``awsvpc`` and only then.
    """
    network = fields.get("networkConfiguration")
    on_fargate = any(is_fargate(one.name) for one in capacities_of(fields))
    if network is INVALID or (network is None and on_fargate):
        return
    for path, group in _declared_groups(fields, "loadBalancers"):
        kind = group.get("targetType", "instance")
        assumed = "" if "targetType" in group else " (AWS's default)"
        if kind == "instance" and network is not None:
            message = f"must be ip, not instance{assumed}: with network mode awsvpc tasks have addresses of their own"
            yield problem(joined(path, "targetType"), kind, message)
        if kind == "ip" and network is None:
            message = (
                "must be instance, not ip: without networkConfiguration (network mode bridge or host) tasks are "
                "reached through their container instances"
            )
            yield problem(joined(path, "targetType"), kind, message)


# -- rules, listeners, load balancers --------------------------------------------------------------------------------


def _check_rules(fields: Mapping[str, Any]) -> Iterator[Problem]:
    listeners, partial = _listeners(fields), has_invalid(fields.get("elasticLoadBalancers", []))
    priorities: dict[tuple[Any, Any], str] = {}
    for path, group, rule in _rules(fields):
        yield from check_rule(path, rule)
        if group.get("protocol") in NETWORK:
            message = (
                f"must be left out: the target group's protocol is {group['protocol']}, and listeners of network load "
                "balancers have no rules; a listener's defaultActions forward to the group"
            )
            yield problem(path, None, message)
        yield from _check_listener_of(path, rule, listeners, partial=partial)
        place = (rule.get("listenerArn", rule.get("listener", INVALID)), rule.get("priority", INVALID))
        if INVALID not in place and (first := priorities.setdefault(place, path)) != path:
            message = f"{place[1]} must not be repeated on a listener: it already stands at {first}"
            yield problem(joined(path, "priority"), place[1], message)


def _check_listener_of(
    path: str, rule: Mapping[str, Any], listeners: Mapping[str, _Listener], *, partial: bool
) -> Iterator[Problem]:
    """``partial``: not every declared listener was understood."""
    name: Any = rule.get("listener", INVALID) if "listenerArn" not in rule else INVALID  # one of the two, as was said
    listener = None if name is INVALID else listeners.get(name)
    if listener is None:
        if name is not INVALID and not partial:
            known = ", ".join(listeners) or "none"
            message = f"{shown(name)} is no listener under elasticLoadBalancers (declared there: {known})"
            yield problem(joined(path, "listener"), name, message)
    elif listener.balancer_type != "application":
        message = f"{shown(name)} must be a listener of an application load balancer: only those have rules"
        yield problem(joined(path, "listener"), name, message)


def _check_elastic_load_balancers(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for path, balancer in _items(fields, "elasticLoadBalancers"):
        yield from check_load_balancer(path, balancer)


def _check_uses(fields: Mapping[str, Any]) -> Iterator[Problem]:
    """Whatever is forwarded to is declared, speaks what the listener speaks, and belongs to one load balancer."""
    groups = {group.get("name", INVALID): group for _, group in _all_declared_groups(fields)}
    balancers: dict[str, _Use] = {}
    for use in _uses(fields):
        group = groups.get(use.name)
        if group is not None:
            yield from _check_protocols(use, group)
        elif INVALID not in groups:  # as far as all names were understood
            known = ", ".join(sorted(groups)) or "none"
            message = f"{shown(use.name)} is no target group that this manifest declares (declared: {known})"
            yield problem(joined(use.path, "targetGroup"), use.name, message)
        first = balancers.setdefault(use.name, use)
        if INVALID not in (first.balancer, use.balancer) and first.balancer != use.balancer:
            message = (
                f"target group {shown(use.name)} must belong to one load balancer: {first.path} makes it one of "
                f"{first.balancer}'s, and this one of {use.balancer}'s"
            )
            yield problem(use.path, use.name, message)


def _check_protocols(use: _Use, group: Mapping[str, Any]) -> Iterator[Problem]:
    protocol = group.get("protocol", "HTTP")  # a function's group has none, and takes what an application listener has
    if INVALID in (protocol, use.protocol):
        return
    allowed = FORWARDS_TO.get(use.protocol, ())
    if protocol not in allowed:
        message = (
            f"target group {shown(use.name)} must have protocol {' or '.join(allowed)}, not {protocol}: the listener's "
            f"protocol is {use.protocol}"
        )
        yield problem(use.path, use.name, message)
    if group.get("protocolVersion") in _ONLY_HTTPS and use.protocol == "HTTP":
        message = (
            f"target group {shown(use.name)} has protocolVersion {group['protocolVersion']}: only a listener with "
            "protocol HTTPS forwards to it, not HTTP"
        )
        yield problem(use.path, use.name, message)


def _uses(fields: Mapping[str, Any]) -> Iterator[_Use]:
    """Every forward to a declared group: by the default actions of declared listeners, and by rules."""
    for path, balancer in _items(fields, "elasticLoadBalancers"):
        for place, listener in listeners_of(path, balancer):
            for where, name in _named_groups(place, listener):
                yield _Use(
                    path=where,
                    name=name,
                    protocol=protocol_of(listener, balancer.get("type", "application")),
                    balancer=balancer.get("name", INVALID),
                )
    listeners = _listeners(fields)
    for path, group, rule in _rules(fields):
        name, called, arn = group.get("name", INVALID), rule.get("listener"), rule.get("listenerArn")
        if name is INVALID or group.get("protocol") in NETWORK:  # said already: those have no rules
            continue
        if isinstance(called, str) and called in listeners and listeners[called].balancer_type == "application":
            protocol = listeners[called].protocol
            yield _Use(path=path, name=name, protocol=protocol, balancer=called.partition(":")[0])
        if isinstance(arn, str):
            yield _Use(path=path, name=name, protocol=INVALID, balancer=arn.split("/")[2])


def _named_groups(path: str, listener: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The path and name of every group that the default actions of a listener forward to by name."""
    actions = listener.get("defaultActions", [])
    for index, action in enumerate(actions if isinstance(actions, list) else []):
        if isinstance(action, dict):
            for where, named in groups_of(f"{joined(path, 'defaultActions')}[{index}]", action):
                if isinstance(name := named.get("targetGroup"), str):
                    yield where, name


_CHECKS = (
    _check_load_balancers,
    _check_groups,
    _check_function_groups,
    _check_repeats,
    _check_target_types,
    _check_rules,
    _check_elastic_load_balancers,
    _check_uses,
)


# -- what was understood ----------------------------------------------------------------------------------------------


def _items(fields: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and fields of every item of a list."""
    value = fields.get(name, [])
    if isinstance(value, list):
        yield from ((f"{name}[{index}]", item) for index, item in enumerate(value) if isinstance(item, dict))


def _declared_groups(fields: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and fields of every target group that is declared under a key."""
    for path, one in _items(fields, key):
        if isinstance(group := one.get("targetGroup"), dict):
            yield joined(path, "targetGroup"), group


def _all_declared_groups(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key in ("loadBalancers", "functionTargets"):
        yield from _declared_groups(fields, key)


def _rules(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The path and fields of every rule, and the group that it forwards to."""
    for key in ("loadBalancers", "functionTargets"):
        for path, one in _items(fields, key):
            group, rules = one.get("targetGroup"), one.get("rules", [])
            for index, rule in enumerate(rules if isinstance(rules, list) else []):
                if isinstance(rule, dict):
                    yield f"{joined(path, 'rules')}[{index}]", group if isinstance(group, dict) else {}, rule


def _listeners(fields: Mapping[str, Any]) -> dict[str, _Listener]:
    """Every declared listener, by what rules call it."""
    return {
        f"{balancer['name']}:{listener['port']}": _Listener(
            protocol=protocol_of(listener, kind := balancer.get("type", "application")), balancer_type=kind
        )
        for path, balancer in _items(fields, "elasticLoadBalancers")
        for _, listener in listeners_of(path, balancer)
        if INVALID not in (balancer.get("name", INVALID), listener.get("port", INVALID))
    }


def _value(value: object) -> object:
    return None if has_invalid(value) else value
