"""Rules of listeners and what they do: conditions by field, actions by type, and AWS's limits of one rule."""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest_balancing_bounds import IN_SHORT, MAXIMUM_VALUES
from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown

CONFIGS = {  # of a condition, by its field
    "http-header": "httpHeaderConfig",
    "http-request-method": "httpRequestMethodConfig",
    "host-header": "hostHeaderConfig",
    "path-pattern": "pathPatternConfig",
    "query-string": "queryStringConfig",
    "source-ip": "sourceIpConfig",
}
SHORT = ("values", "regexValues")  # what a condition may say without a config
_WITH_PATTERNS = ("host-header", "path-pattern", "http-header")
_OFTEN = ("http-header", "query-string")  # a rule may have several; of the others one
_TRANSFORMS = {"host-header-rewrite": "hostHeaderRewriteConfig", "url-rewrite": "urlRewriteConfig"}
ROUTING = ("forward", "redirect", "fixed-response")
_UNCHANGED = {"protocol": "#{protocol}", "host": "#{host}", "port": "#{port}", "path": "/#{path}"}
_ACTIONS = {
    "forward": ("targetGroup", "targetGroupArn", "forwardConfig"),
    "redirect": ("redirectConfig",),
    "fixed-response": ("fixedResponseConfig",),
    "authenticate-cognito": ("authenticateCognitoConfig",),
    "jwt-validation": ("jwtValidationConfig",),
}


def check_rule(path: str, rule: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong within one rule."""
    if ("listenerArn" in rule) == ("listener" in rule):
        found = "both" if "listener" in rule else "none"
        message = (
            "exactly one of listenerArn (a listener that exists) and listener (<load balancer>:<port>, declared in "
            f"elasticLoadBalancers) is needed; this has {found}"
        )
        yield problem(path, None, message)
    conditions = list(_listed(path, rule, "conditions"))
    for place, condition in conditions:
        yield from _check_condition(place, condition)
    yield from _check_limits(path, [condition for _, condition in conditions])
    for place, transform in _listed(path, rule, "transforms"):
        yield from _check_config(place, transform, "type", {kind: (key,) for kind, key in _TRANSFORMS.items()})


def check_actions(path: str, actions: Any, protocol: str) -> Iterator[Problem]:
    """Everything wrong with the actions at ``path`` of a listener of a protocol, but for the groups that they name."""
    if not isinstance(actions, list):
        return
    for index, action in enumerate(actions):
        if isinstance(action, dict):
            place = f"{path}[{index}]"
            yield from _check_config(place, action, "type", _ACTIONS)
            yield from _check_action(place, action, protocol)
    yield from _check_order(path, actions)


def groups_of(path: str, action: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and value of everything in an action that names a target group."""
    if "targetGroup" in action or "targetGroupArn" in action:
        yield path, action
    config = action.get("forwardConfig")
    if isinstance(config, dict):
        yield from _listed(joined(path, "forwardConfig"), config, "targetGroups")


# -- conditions -------------------------------------------------------------------------------------------------------


def _check_condition(path: str, condition: Mapping[str, Any]) -> Iterator[Problem]:
    field = condition.get("field", INVALID)
    if field is INVALID:
        return
    own = CONFIGS[field]
    for key in condition.keys() - {"field", own}:
        if key not in SHORT:
            yield problem(
                joined(path, key), None, f"must be left out: the condition's field is {field}, which has {own}"
            )
        elif field not in IN_SHORT:
            yield problem(joined(path, key), None, f"must stand in {own}: the condition's field is {field}")
        elif own in condition:
            yield problem(joined(path, key), None, f"must be left out where {own} is given: it says the same")
    if field in IN_SHORT and isinstance(condition.get("values"), list):
        for index, value in enumerate(condition["values"]):
            if value is not INVALID:
                yield from IN_SHORT[field].read(f"{joined(path, 'values')}[{index}]", value).problems
    short = any(key in condition for key in SHORT)
    if own not in condition and not short:
        others = "values or " if field in IN_SHORT else ""
        yield problem(path, None, f"needs {others}{own}: the condition's field is {field}")
    config = condition.get(own)
    if isinstance(config, dict) and field in _WITH_PATTERNS and not any(key in config for key in SHORT):
        yield problem(joined(path, own), None, f"needs values or regexValues: what {field} is compared with")


def _check_limits(path: str, conditions: list[Mapping[str, Any]]) -> Iterator[Problem]:
    """ELB's quotas of a rule: values of all its conditions, and wildcards in them."""
    values = [value for condition in conditions for value in _values_of(condition)]
    if len(values) > MAXIMUM_VALUES:
        message = f"must have at most {MAXIMUM_VALUES} values in all (AWS's limit of a rule), not {len(values)}"
        yield problem(joined(path, "conditions"), None, message)
    wildcards = sum(value.count("*") + value.count("?") for value in values)
    if wildcards > MAXIMUM_VALUES:
        message = f"must have at most {MAXIMUM_VALUES} wildcards in all (AWS's limit of a rule), not {wildcards}"
        yield problem(joined(path, "conditions"), None, message)
    fields = [condition.get("field", INVALID) for condition in conditions]
    for field in CONFIGS:
        if field not in _OFTEN and fields.count(field) > 1:
            message = f"must have one condition on {field}, with several values if need be, not {fields.count(field)}"
            yield problem(joined(path, "conditions"), field, message)


def _values_of(condition: Mapping[str, Any]) -> Iterator[str]:
    """The values that a condition compares with, as text; regular expressions count as values without wildcards."""
    configs = [condition.get(key) for key in CONFIGS.values()]
    for config in (condition, *(config for config in configs if isinstance(config, dict))):
        values = config.get("values", [])
        for value in values if isinstance(values, list) else []:
            if isinstance(value, dict):
                yield f"{_text(value.get('key'))}{_text(value.get('value'))}"
            elif value is not INVALID:
                yield value
        patterns = config.get("regexValues", [])
        yield from ("" for _ in (patterns if isinstance(patterns, list) else []))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# -- actions ----------------------------------------------------------------------------------------------------------


def _check_config(
    path: str, one: Mapping[str, Any], switch: str, configs: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Exactly the config that belongs to the type is given."""
    kind = one.get(switch, INVALID)
    if kind is INVALID:
        return
    own = configs[kind]
    for key in sorted({key for keys in configs.values() for key in keys} & one.keys()):
        if key not in own:
            yield problem(
                joined(path, key), None, f"must be left out: the type is {kind}, which has {' or '.join(own)}"
            )
    given = [key for key in own if key in one]
    if len(given) != 1:
        needed = f"exactly one of {', '.join(own)}" if len(own) > 1 else own[0]
        yield problem(path, None, f"needs {needed}: the type is {kind}{f'; this has {len(given)}' if given else ''}")


def _check_action(path: str, action: Mapping[str, Any], protocol: str) -> Iterator[Problem]:
    kind = action.get("type", INVALID)
    if kind is INVALID:
        return
    if protocol not in ("HTTP", "HTTPS"):
        if kind != "forward":
            yield problem(joined(path, "type"), kind, f"must be forward: the listener's protocol is {protocol}")
    elif kind not in ROUTING and protocol != "HTTPS":
        yield problem(joined(path, "type"), kind, f"needs a listener with protocol HTTPS, not {protocol}")
    redirect = action.get("redirectConfig")
    if isinstance(redirect, dict):
        yield from _check_redirect(joined(path, "redirectConfig"), redirect, protocol)
    forward = action.get("forwardConfig")
    if isinstance(forward, dict):
        yield from _check_forward(joined(path, "forwardConfig"), forward, protocol)


def _check_redirect(path: str, redirect: Mapping[str, Any], protocol: str) -> Iterator[Problem]:
    if all(redirect.get(key, same) == same for key, same in _UNCHANGED.items()):
        message = "must change protocol, host, port or path: clients would be sent round and round"
        yield problem(path, None, message)
    if protocol == "HTTPS" and redirect.get("protocol") == "HTTP":
        yield problem(joined(path, "protocol"), "HTTP", "must be HTTPS: AWS does not redirect from HTTPS to HTTP")
    port = redirect.get("port", "1")
    if port is not INVALID and port.isdecimal() and int(port) > 65535:
        yield problem(joined(path, "port"), port, f"must be a port from 1 to 65535, not {shown(port)}")


def _check_forward(path: str, forward: Mapping[str, Any], protocol: str) -> Iterator[Problem]:
    if "targetGroups" not in forward:
        yield problem(joined(path, "targetGroups"), None, "is required: the target groups that share the requests")
    seen: dict[Any, str] = {}
    for place, one in _listed(path, forward, "targetGroups"):
        if ("targetGroup" in one) == ("targetGroupArn" in one):
            message = "exactly one of targetGroup (a declared one's name) and targetGroupArn is needed"
            yield problem(place, None, message)
            continue
        name = one.get("targetGroup", one.get("targetGroupArn"))
        if name is not INVALID and (first := seen.setdefault(name, place)) != place:
            yield problem(place, name, f"{shown(name)} must not be repeated: it already stands at {first}")
    stickiness = forward.get("targetGroupStickinessConfig")
    if not isinstance(stickiness, dict) or has_invalid(stickiness):
        return
    path = joined(path, "targetGroupStickinessConfig")
    if protocol not in ("HTTP", "HTTPS"):
        yield problem(path, stickiness, f"must be left out: the listener's protocol is {protocol}")
    elif stickiness.get("enabled") and "durationSeconds" not in stickiness:
        yield problem(joined(path, "durationSeconds"), None, "is required where enabled is true: 1 to 604800 seconds")


def _check_order(path: str, actions: list[Any]) -> Iterator[Problem]:
    if not actions or has_invalid(actions) or not all("type" in action for action in actions):
        return
    routing = [action for action in actions if action["type"] in ROUTING]
    if len(routing) != 1:
        message = f"must have exactly one action of type {', '.join(ROUTING)}, not {len(routing)}"
        yield problem(path, None, message)
    if len(actions) == 1:
        return
    orders = [action.get("order") for action in actions]
    if None in orders or len(set(orders)) != len(orders):
        yield problem(path, None, "must each have an order of its own, the lowest first: there are several")
    elif routing and max(actions, key=lambda action: action["order"]) not in routing:
        yield problem(path, None, f"must end with the {routing[0]['type']} action: it has the highest order")


def _listed(path: str, one: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    value = one.get(name, [])
    if isinstance(value, list):
        yield from ((f"{joined(path, name)}[{i}]", item) for i, item in enumerate(value) if isinstance(item, dict))
