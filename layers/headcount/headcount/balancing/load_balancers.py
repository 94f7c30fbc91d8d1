"""Load balancers and their listeners, where the stack may manage them."""

from collections.abc import Iterator
from typing import Any

from headcount.balancing.comparing import differing, told
from headcount.balancing.declared import DeclaredBalancer, DeclaredListener
from headcount.balancing.groups import as_attributes
from headcount.balancing.resources import Document, Found, Operation, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.target import OwnedResource

FIXED = ("Scheme", "Type", "CustomerOwnedIpv4Pool")
ADDRESSES = ("AllocationId", "PrivateIPv4Address", "IPv6Address")
SETTERS: tuple[tuple[Operation, str], ...] = (
    ("SetSecurityGroups", "SecurityGroups"),
    ("SetIpAddressType", "IpAddressType"),
)
MAY_NOT = "the stack's parameter ManageLoadBalancers is false"


def keep_load_balancers(now: Situation) -> Said:
    """Create the declared load balancers that are not there, and correct the others."""
    for wanted in now.declared.load_balancers:
        found = now.view.seen.load_balancers.get(wanted.name)
        if not now.view.may_manage:
            yield f"load balancer {wanted.name} is not kept as {wanted.place} declares it: {MAY_NOT}"
        elif found is None:
            yield Step(
                operation="CreateLoadBalancer",
                request=now.tagged({"Name": wanted.name, **wanted.request}),
                what=_what(wanted),
                reason=f"creating load balancer {wanted.name}: {wanted.place} declares it and there is none",
                owned=OwnedResource(kind="loadBalancer", key=wanted.name, arn=""),
            )
        elif not now.is_ours(found):
            yield (
                f"load balancer {wanted.name} exists and is not Headcount's for this service: choose another name, "
                "or name its listeners by ARN in rules"
            )
        else:
            yield from now.kept(wanted.resource, _corrections(now, wanted, found))


def _what(wanted: DeclaredBalancer) -> str:
    return f"load balancer {wanted.name}"


def _corrections(now: Situation, wanted: DeclaredBalancer, found: Found) -> Iterator[Step | str]:
    seen = _as_requested(found.document)
    request = _as_requested(wanted.request)
    fixed = differing(request, seen, FIXED)
    if fixed:
        yield (
            f"load balancer {wanted.name}: {told(fixed, seen)}: "
            "AWS cannot change that in a load balancer that exists: declare one of another name"
        )
        return
    yield from _fixed_addresses(wanted, found)
    if changes := differing(request, seen, ("SubnetIds",)):
        subnets = {name: wanted.request[name] for name in ("Subnets", "SubnetMappings") if name in wanted.request}
        yield _change(now, wanted, found, "SetSubnets", subnets, told(changes, seen))
    for operation, name in SETTERS:
        if changes := differing(request, seen, (name,)):
            yield _change(now, wanted, found, operation, changes, told(changes, seen))
    if attributes := differing(wanted.attributes, found.attributes):
        change = {"Attributes": as_attributes(attributes)}
        said = told(attributes, found.attributes)
        yield _change(now, wanted, found, "ModifyLoadBalancerAttributes", change, said)


def _change(
    now: Situation, wanted: DeclaredBalancer, found: Found, operation: Operation, change: Document, said: str
) -> Step:
    return Step(
        operation=operation,
        request={"LoadBalancerArn": found.arn, **change},
        what=_what(wanted),
        reason=now.correction(_what(wanted), wanted.resource, said),
        level=now.correction_level(wanted.resource),
    )


def _fixed_addresses(wanted: DeclaredBalancer, found: Found) -> Iterator[str]:
    """Addresses that are otherwise in a subnet that stays: AWS gives them when the subnet is added, for good."""
    zones = {zone["SubnetId"]: zone for zone in found.document.get("AvailabilityZones", ()) if "SubnetId" in zone}
    for mapping in wanted.request.get("SubnetMappings", ()):
        addresses = zones.get(mapping["SubnetId"], {}).get("LoadBalancerAddresses")
        if addresses is None or any(not differing(mapping, one, ADDRESSES) for one in addresses):
            continue
        seen = addresses[0] if addresses else {}
        if fixed := differing(mapping, seen, ADDRESSES):
            yield (
                f"load balancer {wanted.name}: subnet {mapping['SubnetId']}: {told(fixed, seen)}: AWS cannot change "
                "that in place: take the subnet out and add it again, or declare a load balancer of another name"
            )


def _as_requested(document: Document) -> dict[str, Any]:
    """A load balancer, or a request for one, its subnets in one list: AWS has three ways to say them."""
    places = [*document.get("SubnetMappings", ()), *document.get("AvailabilityZones", ())]
    subnets = [*document.get("Subnets", ()), *(one["SubnetId"] for one in places if "SubnetId" in one)]
    return {**document, **({"SubnetIds": sorted(subnets)} if subnets else {})}


def keep_listeners(now: Situation) -> Said:
    """Create and correct the listeners of declared load balancers, once what they forward to exists."""
    for wanted in now.declared.listeners if now.view.may_manage else ():
        balancer = now.view.seen.load_balancers.get(wanted.load_balancer)
        actions = now.resolved(wanted.request["DefaultActions"])
        if balancer is None or not now.is_ours(balancer) or actions is None:
            continue
        yield from _keep_listener(now, wanted, balancer, {**wanted.request, "DefaultActions": actions})


def _keep_listener(now: Situation, wanted: DeclaredListener, balancer: Found, request: Document) -> Said:
    found = now.view.seen.listeners.get(wanted.key)
    what = f"listener {wanted.key}"
    if found is None:
        yield Step(
            operation="CreateListener",
            request=now.tagged({"LoadBalancerArn": balancer.arn, **request}),
            what=what,
            reason=f"creating listener {wanted.key}: {wanted.place} declares it and there is none",
            owned=OwnedResource(kind="listener", key=wanted.key, arn=""),
        )
    elif not now.is_ours(found):
        yield f"listener {wanted.key} exists and is not Headcount's: remove it, or choose another port"
    elif changes := differing(_without_tags(request), found.document):
        yield Step(
            operation="ModifyListener",
            request={"ListenerArn": found.arn, **_without_tags(request)},
            what=what,
            reason=now.correction(what, wanted.resource, told(changes, found.document)),
            level=now.correction_level(wanted.resource),
        )
    else:
        yield wanted.resource


def _without_tags(request: Document) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "Tags"}
