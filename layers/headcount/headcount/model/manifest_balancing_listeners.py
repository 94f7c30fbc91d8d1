"""Load balancers and their listeners: what each type has, and which target groups a listener may forward to."""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest_balancing_attributes import check_balancer_attributes
from headcount.model.manifest_balancing_health import APPLICATION, NETWORK
from headcount.model.manifest_balancing_rules import check_actions
from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.problem import Problem

ENCRYPTED = ("HTTPS", "TLS")  # listeners with a certificate
PROTOCOLS: Mapping[str, tuple[str, ...]] = {"application": APPLICATION, "network": NETWORK}  # of listeners, by type
# Protocols of target groups, by the listener's (Elastic Load Balancing: routing configuration of target groups).
FORWARDS_TO: Mapping[str, tuple[str, ...]] = {
    "HTTP": APPLICATION,
    "HTTPS": APPLICATION,
    "TCP": ("TCP", "TCP_UDP"),
    "TLS": ("TCP", "TLS"),
    "UDP": ("UDP", "TCP_UDP"),
    "TCP_UDP": ("TCP_UDP",),
}
_OF_TYPE = {
    "customerOwnedIpv4Pool": "application",
    "ipamPools": "application",
    "enablePrefixForIpv6SourceNat": "network",
}
_LEAST_SUBNETS = {"application": 2, "network": 1}


def check_load_balancer(path: str, balancer: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong within one load balancer, but for the target groups that it names."""
    yield from check_balancer_attributes(path, balancer)
    kind = balancer.get("type", "application")
    if kind is INVALID:
        return
    yield from _check_subnets(path, balancer, kind)
    yield from _check_addresses(path, balancer, kind)
    for key, owner in _OF_TYPE.items():
        if key in balancer and owner != kind:
            message = f"must be left out: only {owner} load balancers have it, and this is type {kind}"
            yield problem(joined(path, key), _value(balancer[key]), message)
    ports: dict[int, str] = {}
    for place, listener in listeners_of(path, balancer):
        yield from _check_listener(place, listener, kind, balancer)
        port = listener.get("port", INVALID)
        if port is not INVALID and (first := ports.setdefault(port, place)) != place:
            message = f"{port} must not be repeated: {first} listens there already"
            yield problem(joined(place, "port"), port, message)


def listeners_of(path: str, balancer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and fields of every listener of a load balancer, as far as they were understood."""
    listeners = balancer.get("listeners", [])
    if isinstance(listeners, list):
        path = joined(path, "listeners")
        yield from ((f"{path}[{index}]", one) for index, one in enumerate(listeners) if isinstance(one, dict))


def protocol_of(listener: Mapping[str, Any], kind: Any) -> Any:
    """The protocol of a listener of a type of load balancer; ``INVALID`` where it has not that protocol."""
    protocol = listener.get("protocol", INVALID)
    return protocol if protocol in PROTOCOLS.get(kind, ()) else INVALID


def _check_subnets(path: str, balancer: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    if ("subnets" in balancer) == ("subnetMappings" in balancer):
        found = "both" if "subnets" in balancer else "none"
        yield problem(path, None, f"exactly one of subnets and subnetMappings is needed; this has {found}")
        return
    name = "subnets" if "subnets" in balancer else "subnetMappings"
    subnets, least = balancer[name], _LEAST_SUBNETS[kind]
    if isinstance(subnets, list) and 0 < len(subnets) < least:
        message = f"must be at least {least}, in different Availability Zones, for type {kind}, not {len(subnets)}"
        yield problem(joined(path, name), _value(subnets), message)


def _check_addresses(path: str, balancer: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    scheme, addresses = balancer.get("scheme", "internet-facing"), balancer.get("ipAddressType", "ipv4")
    if addresses == "dualstack-without-public-ipv4" and scheme == "internal":
        message = "must be ipv4 or dualstack: the scheme is internal, there are no public addresses to do without"
        yield problem(joined(path, "ipAddressType"), addresses, message)
    if addresses == "dualstack-without-public-ipv4" and kind == "network":
        message = "must be ipv4 or dualstack for a network load balancer"
        yield problem(joined(path, "ipAddressType"), addresses, message)
    if balancer.get("enablePrefixForIpv6SourceNat") == "on" and kind == "network" and addresses == "ipv4":
        message = "needs ipAddressType dualstack, not ipv4"
        yield problem(joined(path, "enablePrefixForIpv6SourceNat"), "on", message)
    mappings = balancer.get("subnetMappings", [])
    for index, mapping in enumerate(mappings if isinstance(mappings, list) else []):
        place = f"{joined(path, 'subnetMappings')}[{index}]"
        for key, value in mapping.items() if isinstance(mapping, dict) else ():
            if key != "subnetId" and kind == "application":
                message = "must be left out: only network load balancers have addresses of their own"
                yield problem(joined(place, key), _value(value), message)
            elif (key, scheme) in (("allocationId", "internal"), ("privateIPv4Address", "internet-facing")):
                yield problem(joined(place, key), _value(value), f"must be left out: the scheme is {scheme}")


def _check_listener(
    path: str, listener: Mapping[str, Any], kind: str, balancer: Mapping[str, Any]
) -> Iterator[Problem]:
    protocol = listener.get("protocol", INVALID)
    if protocol is INVALID:
        return
    if protocol not in PROTOCOLS[kind]:
        message = f"must be one of {', '.join(PROTOCOLS[kind])}, not {protocol!r}: the load balancer's type is {kind}"
        yield problem(joined(path, "protocol"), protocol, message)
        return
    if protocol in ("UDP", "TCP_UDP") and balancer.get("ipAddressType") == "dualstack":
        message = f"must be TCP or TLS, not {protocol!r}: the load balancer's ipAddressType is dualstack"
        yield problem(joined(path, "protocol"), protocol, message)
    yield from _check_encryption(path, listener, protocol)
    yield from check_actions(joined(path, "defaultActions"), listener.get("defaultActions"), protocol)


def _check_encryption(path: str, listener: Mapping[str, Any], protocol: str) -> Iterator[Problem]:
    if protocol in ENCRYPTED and "certificates" not in listener:
        message = f"is required: a listener with protocol {protocol} needs a certificate"
        yield problem(joined(path, "certificates"), None, message)
    for key, having in (
        ("certificates", ENCRYPTED),
        ("sslPolicy", ENCRYPTED),
        ("alpnPolicy", ("TLS",)),
        ("mutualAuthentication", ("HTTPS",)),
    ):
        if key in listener and protocol not in having:
            message = f"must be left out: the listener's protocol is {protocol}, and only {' and '.join(having)} has it"
            yield problem(joined(path, key), _value(listener[key]), message)
    mutual = listener.get("mutualAuthentication")
    if isinstance(mutual, dict) and not has_invalid(mutual):
        yield from _check_mutual(joined(path, "mutualAuthentication"), mutual)


def _check_mutual(path: str, mutual: Mapping[str, Any]) -> Iterator[Problem]:
    mode = mutual.get("mode", "off")
    if mode == "verify" and "trustStoreArn" not in mutual:
        yield problem(joined(path, "trustStoreArn"), None, "is required: mode verify needs a trust store")
    for key in mutual.keys() - {"mode"}:
        if mode != "verify":
            message = f"must be left out: the mode is {mode}, and only verify has it"
            yield problem(joined(path, key), _value(mutual[key]), message)


def _value(value: object) -> object:
    return None if has_invalid(value) else value
