"""A look may die between any two calls: the next delivery of its message ends where an undisturbed look would have."""

from collections.abc import Callable

import pytest

from builders import SERVICE
from fakes.crashing import Killed, Tripwire
from headcount.errors import TransientError
from headcount.model.values import replace

from .keeping import Keeping, a_balancer, a_function_behind, a_listener, a_rule, behind, behind_existing

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:sorry-page"


def _everything(**changes):
    return {
        "load_balancers": (behind("web", a_rule("web-alb:80", 10), **changes),),
        "function_targets": (a_function_behind(FUNCTION, a_rule("web-alb:80", 50000)),),
        "elastic_load_balancers": (a_balancer(a_listener(80, "web")),),
    }


def _begin() -> Keeping:
    keeping = Keeping()
    keeping.account.add_function("sorry-page")
    return keeping


def created() -> Keeping:
    return _begin().declare(**_everything())


def named() -> Keeping:
    keeping = _begin()
    group = keeping.account.add_group("theirs", TargetType="ip")
    keeping.account.add_rule(keeping.account.add_listener(), 1, group)
    return keeping.declare(load_balancers=(behind_existing(group),))


def changed() -> Keeping:
    keeping = created()
    keeping.look()
    return keeping.declare(**_everything(HealthCheckPath="/new"))


def replaced() -> Keeping:
    keeping = created()
    keeping.look()
    return keeping.declare(load_balancers=(behind("other", a_rule(keeping.account.add_listener(), 3)),))


def drifted() -> Keeping:
    keeping = created()
    keeping.look()
    for rule in keeping.account.rules.values():
        rule.document["Conditions"] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/by-hand"]}}]
    return keeping


def deleted() -> Keeping:
    keeping = created()
    keeping.look()
    keeping.delete()
    return keeping


STORIES = (created, named, changed, replaced, drifted, deleted)
EVERY_STORY = pytest.mark.parametrize("begin", STORIES, ids=lambda story: story.__name__)
WHEN = pytest.mark.parametrize("when", ["before", "after"])


def _calls(begin: Callable[[], Keeping]) -> list[str]:
    wire = Tripwire()
    begin().look(wire)
    return wire.calls


def _ending(keeping: Keeping) -> object:
    """How things stand, but for the ids that AWS gives."""
    balancing = keeping.balancing
    return (
        keeping.account.names,
        [(one.kind, one.key) for one in balancing.owned],
        [one.key for one in balancing.groups],
        balancing.problems,
        balancing.removed,
        balancing.generation,
    )


def _kicks(keeping: Keeping) -> int:
    """Those too that were dropped: one for the same pass number is on its way already."""
    return len(keeping.kicks.sent) + len(keeping.kicks.dropped)


@WHEN
@EVERY_STORY
@pytest.mark.parametrize("lost", [Killed, TransientError], ids=["killed", "unanswered"])
def test_a_look_cut_short_at_any_call_is_finished_by_the_next_delivery(begin, when, lost):
    undisturbed = begin()
    undisturbed.look()

    def cut_short() -> None:
        raise lost

    for number, name in enumerate(_calls(begin)):
        keeping = begin()
        before = _kicks(keeping)
        with pytest.raises(lost):
            keeping.look(Tripwire(number, when, cut_short))
        stands = keeping.table.partition(SERVICE).balancing is not None and _ending(keeping)
        keeping.clock.advance(90)
        keeping.look()
        assert _ending(keeping) == _ending(undisturbed), f"{lost.__name__} {when} call {number}, {name}"
        # where nothing was left but to kick, the pass that asked finds it: it looks again by itself (ASKED_SECONDS)
        hear = _kicks(keeping) > before or stands == _ending(undisturbed)
        assert hear, f"{when} call {number}, {name}: its passes hear of it"
        assert keeping.look().steps == 0, f"{when} call {number}, {name}: nothing is left to do"


@EVERY_STORY
def test_a_whole_look_between_any_two_calls_of_another_doubles_nothing(begin):
    """A message may be delivered twice, to two functions at once."""
    undisturbed = begin()
    undisturbed.look()
    for number, name in enumerate(_calls(begin)):
        keeping = begin()
        keeping.look(Tripwire(number, "before", keeping.look))
        assert _ending(keeping) == _ending(undisturbed), f"another look before call {number}, {name}"
        assert keeping.look().steps == 0


@EVERY_STORY
def test_a_manifest_that_changes_between_any_two_calls_leaves_nothing_behind(begin):
    """Whatever the look under way has created for the old manifest is found and deleted by the next ones."""
    for number, name in enumerate(_calls(begin)):
        keeping = begin()

        def withdraw(keeping: Keeping = keeping) -> None:
            partition = keeping.table.partition(SERVICE)
            emptied = replace(
                keeping.declared.manifest, load_balancers=(), function_targets=(), elastic_load_balancers=()
            )
            partition.manifest = replace(
                keeping.declared, manifest=emptied, generation=keeping.declared.generation + 1, deleting_at=None
            )
            keeping.see()

        keeping.look(Tripwire(number, "after", withdraw))
        keeping.look()
        assert keeping.balancing.owned == (), f"withdrawn after call {number}, {name}"
        assert not any("headcount:service" in one.tags for one in _resources(keeping)), f"after call {number}, {name}"


def _resources(keeping: Keeping):
    account = keeping.account
    for some in (account.load_balancers, account.listeners, account.rules, account.groups, account.alarms):
        yield from some.values()
