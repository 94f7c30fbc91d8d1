"""Whatever is declared, whatever others have, whatever AWS refuses: nothing of others is touched, nothing is left."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from builders import SERVICE
from fakes.load_balancers import Resource
from headcount.errors import TransientError
from unit.loop.keeping import Keeping, a_balancer, a_function_behind, a_listener, a_rule, behind

NAMES = ("web", "api")
PRIORITIES = (10, 20)
PORTS = (80, 81)
TAGS_OF_OTHERS: tuple[dict[str, str], ...] = (
    {},
    {"team": "shop"},
    {"headcount:service": "prod/other", "headcount:install": "main"},
    {"headcount:service": SERVICE, "headcount:install": "staging"},
)
OPERATIONS = (
    "CreateTargetGroup",
    "CreateLoadBalancer",
    "CreateListener",
    "CreateRule",
    "PutMetricAlarm",
    "DeleteRule",
    "DeleteTargetGroup",
    "look",
)


@some.composite
def declarations(draw: Any, listener: str, function: str) -> dict[str, Any]:
    """Target groups, rules on somebody's listener or on a declared one, perhaps a load balancer and a function."""
    with_balancer = draw(some.booleans())
    ports = draw(some.sets(some.sampled_from(PORTS))) if with_balancer else set()
    names = sorted(draw(some.sets(some.sampled_from(NAMES))))
    where = [listener, *(f"web-alb:{port}" for port in sorted(ports))]
    places = draw(
        some.lists(
            some.tuples(some.sampled_from(where), some.sampled_from(PRIORITIES)), unique=True, max_size=len(names)
        )
    )
    rules: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name, (listens, priority) in zip(names, places, strict=False):
        rules[name].append(a_rule(listens, priority, draw(some.sampled_from(("/a", "/b")))))
    path = draw(some.sampled_from(("/", "/health")))
    listeners = [a_listener(port, draw(some.sampled_from(names))) for port in sorted(ports) if names]
    return {
        "load_balancers": tuple(behind(name, *rules[name], HealthCheckPath=path) for name in names),
        "function_targets": (a_function_behind(function),) if draw(some.booleans()) else (),
        "elastic_load_balancers": (a_balancer(*listeners),) if with_balancer else (),
    }


class Others:
    """What somebody else has, with the names and priorities that are declared too."""

    def __init__(self, keeping: Keeping, function: str, draw: Any) -> None:
        self.keeping = keeping
        account = keeping.account
        self.listener = account.add_listener("theirs", 80)
        group = account.add_group("others")
        for name in draw(some.sets(some.sampled_from((*NAMES, "sorry")))):
            kind = "lambda" if name == "sorry" else "ip"
            account.add_group(name, Port=8080, TargetType=kind, HealthCheckPath="/theirs")
        for priority in draw(some.sets(some.sampled_from(PRIORITIES))):
            account.add_rule(self.listener, priority, group)
        if draw(some.booleans()):
            account.add_listener("web-alb", 80)
        account.functions[function]["headcount-main-of-another-service"] = {"SourceArn": group}
        for resource in self.resources():
            resource.tags |= draw(some.sampled_from(TAGS_OF_OTHERS))
        self.before = copy.deepcopy(list(self.resources()))

    def resources(self) -> Iterator[Resource]:
        account = self.keeping.account
        for resources in (account.load_balancers, account.listeners, account.rules, account.groups):
            yield from (one for one in resources.values() if one.tags in TAGS_OF_OTHERS)

    def assert_untouched(self) -> None:
        assert list(self.resources()) == self.before
        statements = [sid for some_of_them in self.keeping.account.functions.values() for sid in some_of_them]
        assert "headcount-main-of-another-service" in statements


def _ours(keeping: Keeping) -> list[str]:
    account = keeping.account
    resources = (account.load_balancers, account.listeners, account.rules, account.groups, account.alarms)
    tagged = [one.arn for some_of_them in resources for one in some_of_them.values() if one.tags not in TAGS_OF_OTHERS]
    statements = (sid for statements in account.functions.values() for sid in statements)
    return [*tagged, *(sid for sid in statements if not sid.endswith("of-another-service"))]


def _look(keeping: Keeping) -> None:
    try:
        keeping.look()
    except TransientError:
        keeping.look()


@given(some.data())
def test_others_are_left_alone_what_is_declared_comes_to_be_and_everything_goes_in_the_end(data):
    keeping = Keeping()
    function = keeping.account.add_function("sorry-page")
    others = Others(keeping, function, data.draw)
    for _ in range(data.draw(some.integers(1, 3))):
        keeping.declare(**data.draw(declarations(others.listener, function)))
        operation = data.draw(some.sampled_from(OPERATIONS))
        if data.draw(some.booleans()):
            keeping.account.refusals[operation] = "AccessDenied: not now"
        elif data.draw(some.booleans()):
            keeping.account.throttle(operation)
        _look(keeping)
        others.assert_untouched()
        keeping.account.refusals.clear()
        keeping.account._throttled.clear()
    keeping.look()
    others.assert_untouched()
    looked = keeping.look()
    assert looked.steps == 0, keeping.told
    assert {one.arn for one in keeping.balancing.owned} >= set(_ours(keeping)), "whatever is ours is on record"
    _assert_is_as_declared_or_told(keeping)
    keeping.delete()
    assert keeping.look().removed, keeping.balancing.problems
    assert _ours(keeping) == []
    others.assert_untouched()


def _assert_is_as_declared_or_told(keeping: Keeping) -> None:
    """Each declared target group is known to the passes, unless its name is somebody else's."""
    groups = keeping.account.groups.values()
    taken = {one.document["TargetGroupName"] for one in groups if one.tags in TAGS_OF_OTHERS}
    known = {group.key for group in keeping.balancing.groups}
    for one in keeping.declared.manifest.load_balancers:
        assert (one.target_group in known) == (one.target_group not in taken)
        assert one.target_group in known or any(one.target_group in said for said in keeping.balancing.problems)
    assert keeping.declared.manifest.service == SERVICE
