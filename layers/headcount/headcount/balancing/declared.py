"""What a manifest declares around load balancing, resource by resource, each with its place in the manifest."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import TypeVar

from headcount.balancing.naming import alarm_name, group_name, listener_key, rule_key
from headcount.balancing.resources import Document, Sought
from headcount.model.fingerprints import mark_of
from headcount.model.manifest import FunctionTarget, LoadBalancer, Manifest
from headcount.model.target import KnownGroup, OwnedResource
from headcount.model.values import dataclass

One = TypeVar("One")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredGroup:
    """A target group that Headcount keeps; with ``function``, the Lambda function behind it."""

    name: str
    place: str
    request: Document
    attributes: Mapping[str, str] = field(default_factory=dict)
    function: str | None = None

    @property
    def resource(self) -> OwnedResource:
        """It as a record tells it."""
        mark = mark_of(self.request, self.attributes)
        return OwnedResource(kind="targetGroup", key=self.name, arn="", mark=mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRule:
    """A rule of a listener (ARN, or ``<load balancer's name>:<port>``) that forwards to ``group`` (ARN or name)."""

    listener: str
    priority: str
    place: str
    request: Document
    group: str

    @property
    def key(self) -> str:
        return rule_key(self.listener, self.priority)

    @property
    def resource(self) -> OwnedResource:
        """It as a record tells it."""
        return OwnedResource(kind="rule", key=self.key, arn="", mark=mark_of(self.request, self.group))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredListener:
    """A listener of a declared load balancer."""

    load_balancer: str
    place: str
    request: Document

    @property
    def port(self) -> int:
        return int(self.request["Port"])

    @property
    def key(self) -> str:
        return listener_key(self.load_balancer, self.port)

    @property
    def resource(self) -> OwnedResource:
        """It as a record tells it."""
        return OwnedResource(kind="listener", key=self.key, arn="", mark=mark_of(self.request))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredBalancer:
    """A load balancer that Headcount keeps."""

    name: str
    place: str
    request: Document
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> OwnedResource:
        """It as a record tells it."""
        mark = mark_of(self.request, self.attributes)
        return OwnedResource(kind="loadBalancer", key=self.name, arn="", mark=mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredBalancing:
    """Everything that a manifest declares. ``named``: existing target groups, by ARN, with their places."""

    named: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[DeclaredGroup, ...] = ()
    rules: tuple[DeclaredRule, ...] = ()
    listeners: tuple[DeclaredListener, ...] = ()
    load_balancers: tuple[DeclaredBalancer, ...] = ()

    @property
    def task_groups(self) -> tuple[str, ...]:
        """The names of the target groups that tasks are registered in."""
        return (*(one.name for one in self.groups if not one.function), *(group_name(arn) for arn in self.named))


def declared_balancing(manifest: Manifest) -> DeclaredBalancing:
    """Each resource once, however often it is named."""
    entries = [(f"loadBalancers[{n}]", one) for n, one in enumerate(manifest.load_balancers)]
    functions = [(f"functionTargets[{n}]", one) for n, one in enumerate(manifest.function_targets)]
    every: list[tuple[str, LoadBalancer | FunctionTarget]] = [*entries, *functions]
    groups = [
        DeclaredGroup(
            name=one.target_group,
            place=place,
            request=one.declared,
            attributes=one.attributes,
            function=one.function_arn if isinstance(one, FunctionTarget) else None,
        )
        for place, one in every
        if one.declared is not None
    ]
    named = {one.target_group: place for place, one in reversed(entries) if one.declared is None}
    return DeclaredBalancing(
        named=named,
        groups=_once(groups, lambda one: one.name),
        rules=_once(
            [rule for place, one in every for rule in _rules(place, one.rules, one.target_group)],
            lambda one: one.key,
        ),
        listeners=_once(_listeners(manifest), lambda one: one.key),
        load_balancers=tuple(
            DeclaredBalancer(
                name=one.name, place=f"elasticLoadBalancers[{n}]", request=one.declared, attributes=one.attributes
            )
            for n, one in enumerate(manifest.elastic_load_balancers)
        ),
    )


def _once(resources: Iterable[One], key: Callable[[One], str]) -> tuple[One, ...]:
    found: dict[str, One] = {}
    for one in resources:
        found.setdefault(key(one), one)
    return tuple(found.values())


def _rules(place: str, rules: Iterable[Document], group: str) -> Iterator[DeclaredRule]:
    for number, rule in enumerate(rules):
        yield DeclaredRule(
            listener=str(rule.get("ListenerArn") or rule.get("Listener")),
            priority=str(rule["Priority"]),
            place=f"{place}.rules[{number}]",
            request={name: rule[name] for name in rule if name not in ("ListenerArn", "Listener", "Priority")},
            group=group,
        )


def _listeners(manifest: Manifest) -> Iterator[DeclaredListener]:
    for number, balancer in enumerate(manifest.elastic_load_balancers):
        for place, listener in enumerate(balancer.listeners):
            yield DeclaredListener(
                load_balancer=balancer.name,
                place=f"elasticLoadBalancers[{number}].listeners[{place}]",
                request=listener,
            )


def sought(
    declared: DeclaredBalancing,
    owned: Iterable[OwnedResource],
    service: str,
    install: str,
    registered: Iterable[KnownGroup] = (),
) -> Sought:
    """What to look for: what is declared, what is owned, and the groups that have been known and have targets."""
    mine: dict[str, list[str]] = {}
    for one in owned:
        mine.setdefault(one.kind, []).append(one.key)
    listeners = [*(one.key for one in declared.listeners), *mine.get("listener", ())]
    rules = [
        *((one.listener, one.priority) for one in declared.rules),
        *((listener, priority) for listener, _, priority in (key.rpartition("#") for key in mine.get("rule", ()))),
    ]
    behind = [listener for listener, _ in rules if not listener.startswith("arn:")]
    group_names = _names([*(one.name for one in declared.groups), *mine.get("targetGroup", ())])
    return Sought(
        groups=_names([*declared.named, *(one.arn for one in registered if group_name(one.arn) not in group_names)]),
        group_names=group_names,
        load_balancers=_names(
            [
                *(one.name for one in declared.load_balancers),
                *mine.get("loadBalancer", ()),
                *(listener.rpartition(":")[0] for listener in (*listeners, *behind)),
            ]
        ),
        rules=tuple(dict.fromkeys(rules)),
        functions=_names(
            [
                *(one.function for one in declared.groups if one.function),
                *(key.rpartition("#")[0] for key in mine.get("lambdaPermission", ())),
            ]
        ),
        alarms=_names(
            [*(alarm_name(install, service, group) for group in declared.task_groups), *mine.get("alarm", ())]
        ),
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
