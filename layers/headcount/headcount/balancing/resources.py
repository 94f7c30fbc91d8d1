"""The values that this part works on: what AWS has, what to look for, and the calls to make.

Documents and requests are AWS's own, in AWS's spelling, so that they can be compared field by field with a manifest.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from headcount.model.service import DeclaredService, Level
from headcount.model.target import Balancing, KnownGroup, OwnedResource
from headcount.model.values import dataclass

Document = Mapping[str, Any]
Operation = Literal[
    "CreateLoadBalancer",
    "SetSubnets",
    "SetSecurityGroups",
    "SetIpAddressType",
    "ModifyLoadBalancerAttributes",
    "DeleteLoadBalancer",
    "CreateTargetGroup",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "DeleteTargetGroup",
    "CreateListener",
    "ModifyListener",
    "DeleteListener",
    "CreateRule",
    "ModifyRule",
    "DeleteRule",
    "RegisterTargets",
    "DeregisterTargets",
    "AddPermission",
    "RemovePermission",
    "PutMetricAlarm",
    "DeleteAlarms",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A resource as AWS describes it. ``attributes`` and ``tags``: where it has any and they were asked for."""

    arn: str
    document: Document
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What to look for. ``rules``: (listener, priority); a listener is an ARN or ``<load balancer's name>:<port>``.

    ``groups`` and ``functions`` are ARNs.
    """

    groups: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()
    load_balancers: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    functions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What AWS has of what was sought; what is missing does not exist.

    ``load_balancers`` and ``alarms`` by name, ``listeners`` by ``<load balancer's name>:<port>``, ``rules`` by
    ``<listener>#<priority>`` as they were sought, ``groups`` by ARN. ``permissions``: the ids of the statements in the
    policy of each function that exists. ``registered``: what is in each target group of type ``lambda`` (by ARN).
    ``known_listeners``: ARNs of the listeners, of those whose rules were sought, that exist.
    """

    load_balancers: Mapping[str, Found] = field(default_factory=dict)
    listeners: Mapping[str, Found] = field(default_factory=dict)
    known_listeners: tuple[str, ...] = ()
    rules: Mapping[str, Found] = field(default_factory=dict)
    groups: Mapping[str, Found] = field(default_factory=dict)
    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    registered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alarms: Mapping[str, Found] = field(default_factory=dict)

    def group_named(self, name: str) -> Found | None:
        """The target group of this name."""
        return next((one for one in self.groups.values() if one.document["TargetGroupName"] == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call to AWS, with the reason that people read. ``what``: the resource in people's words.

    ``owned``: what is owned once the call is made, where it creates something; recorded before.
    """

    operation: Operation
    request: Document
    what: str
    reason: str
    level: Level = "INFO"
    owned: OwnedResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancingView:
    """Everything that is decided on.

    ``before``: the record as it stands. ``registered``: ARNs of the target groups in which passes have registered
    something. ``busy``: there are tasks or launches on record. ``seen_generation``: of the manifest that the last pass
    saw. ``may_manage``: whether the stack may create and change load balancers and listeners.
    """

    declared: DeclaredService
    install: str
    before: Balancing
    seen: Seen
    registered: frozenset[str] = frozenset()
    busy: bool = False
    seen_generation: int | None = None
    may_manage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancingPlan:
    """What can be done now, and how things stand if nothing of it is done."""

    steps: tuple[Step, ...] = ()
    groups: tuple[KnownGroup, ...] = ()
    owned: tuple[OwnedResource, ...] = ()
    problems: tuple[str, ...] = ()
