"""A service behind target groups, as the records tell: what is registered, and what Elastic Load Balancing said."""

import builders
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.manifest import LoadBalancer
from headcount.model.target import Balancing, GroupTargets, KnownGroup, Registration, TargetHealth, TargetsSeen
from headcount.model.values import replace

NOW = builders.NOW
ADDRESS = "10.0.1.17"
WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ADMIN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/admin/fedcba9876543210"
LOAD_BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web-alb/50dc6c495c0c9188"
DELAY = 5.0
SICK = {"reason": "Target.ResponseCodeMismatch", "description": "Health checks failed with these codes: [500]"}
LEAVING = {"leaving_at": NOW - 4.0, "because": "scale in to 2"}
LEFT = {**LEAVING, "left_at": NOW - 3.0}


def an_entry(target_group=WEB, **changes):
    return LoadBalancer(**{"container_name": "web", "container_port": 8080, "target_group": target_group} | changes)


def a_known_group(arn=WEB, **changes):
    fields = {"key": arn, "arn": arn, "delay_seconds": DELAY, "load_balancers": (LOAD_BALANCER,)}
    return KnownGroup(**fields | changes)


def a_registration(task="task-1", **changes):
    """Registered for a minute."""
    fields = {"target": ADDRESS, "port": 8080, "at": NOW - 61.0, "registered_at": NOW - 60.0}
    return Registration(task=task, **fields | changes)


def a_health(state="healthy", **changes):
    return TargetHealth(**{"target": ADDRESS, "port": 8080, "state": state, "since": NOW - 30.0} | changes)


def some_targets(*registrations, seen=(), group=WEB, **changes):
    """A ledger, and what ELB said of it ten seconds ago. ``seen=None``: nobody has looked."""
    told = None if seen is None else TargetsSeen(**{"seen_at": NOW - 10.0, "targets": tuple(seen)} | changes)
    return GroupTargets(group=group, registrations=registrations, seen=told)


ENTRIES, GROUPS = (an_entry(),), (a_known_group(),)


def a_balanced_service(*tasks, targets=(), entries=ENTRIES, groups=GROUPS, **changes):
    """A service whose tasks are registered as ``targets`` tell."""
    declared = builders.a_declared_service(builders.a_manifest(load_balancers=tuple(entries)))
    mark = balancing_fingerprint(declared)
    balancing = Balancing(generation=1, fingerprint=mark, checked_at=NOW - 60.0, groups=tuple(groups))
    fields = {"declared": declared, "balancing": balancing, "targets": tuple(targets)}
    return builders.a_service(*tasks, **fields | changes)


def with_problems(state, *problems):
    return replace(state, balancing=replace(state.balancing, problems=problems))
