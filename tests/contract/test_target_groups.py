"""What the loop may rely on of Elastic Load Balancing: targets by address and port, draining, patience, foreigners."""

from collections.abc import Iterator

import pytest

from headcount.errors import Throttled, TransientError
from headcount.ports.targets import TargetsAnswer

from .groups import DELAY, ElbGroups, FakeGroups, groups_in

FIRST, SECOND, FOREIGN = ("10.0.1.17", 8080), ("10.0.2.18", 8080), ("10.0.3.19", 9090)
DONE = TargetsAnswer()


@pytest.fixture(scope="module")
def subnets(world) -> list[str]:
    return list(world.default_network().values())


@pytest.fixture(params=["fake", "adapter"])
def elb(request: pytest.FixtureRequest) -> Iterator[FakeGroups | ElbGroups]:
    if request.param == "fake":
        yield FakeGroups()
        return
    with groups_in(request.getfixturevalue("world"), request.getfixturevalue("subnets")) as groups:
        yield groups


def _states(elb, group=None):
    return {one.endpoint: one.state for one in elb.groups.health(group or elb.group)}


def test_a_registered_target_is_initial_until_it_was_checked(elb):
    assert elb.groups.register(elb.group, [FIRST, SECOND]) == DONE
    assert _states(elb) == {FIRST: "initial", SECOND: "initial"}
    for one in elb.groups.health(elb.group):
        assert one.reason.startswith("Elb.")
        assert one.description
        assert one.since == 0.0, "only a record knows since when"


def test_a_target_that_answers_its_first_check_is_healthy(elb):
    target = elb.a_target_that_answers()
    elb.groups.register(elb.group, [target])
    elb.wait_for(lambda: _states(elb) == {target: "healthy"})


def test_registering_twice_is_registering_once(elb):
    for _ in range(2):
        assert elb.groups.register(elb.group, [FIRST]) == DONE
    assert _states(elb) == {FIRST: "initial"}


def test_one_address_is_as_many_targets_as_it_has_ports(elb):
    address, _ = FIRST
    elb.groups.register(elb.group, [(address, 8080), (address, 8081)])
    assert _states(elb).keys() == {(address, 8080), (address, 8081)}
    elb.groups.deregister(elb.group, [(address, 8080)])
    assert _states(elb) == {(address, 8080): "draining", (address, 8081): "initial"}


def test_a_deregistered_target_drains_for_the_whole_delay_and_is_gone_then(elb):
    elb.groups.register(elb.group, [FIRST, SECOND])
    assert elb.groups.deregister(elb.group, [FIRST]) == DONE
    (draining,) = (one for one in elb.groups.health(elb.group) if one.endpoint == FIRST)
    assert (draining.state, draining.reason) == ("draining", "Target.DeregistrationInProgress")
    elb.wait_for(lambda: FIRST not in _states(elb))
    assert _states(elb).keys() == {SECOND}


def test_deregistering_again_does_not_begin_the_delay_anew(elb):
    elb.groups.register(elb.group, [FIRST])

    def is_gone_however_often_it_is_taken_out():
        assert elb.groups.deregister(elb.group, [FIRST]) == DONE
        return FIRST not in _states(elb)

    elb.wait_for(is_gone_however_often_it_is_taken_out, seconds=2.5 * DELAY)


def test_a_draining_target_that_is_registered_is_in_rotation_again_and_stays(elb):
    elb.groups.register(elb.group, [FIRST, SECOND])
    elb.groups.deregister(elb.group, [FIRST, SECOND])
    elb.groups.register(elb.group, [FIRST])
    assert _states(elb) == {FIRST: "initial", SECOND: "draining"}
    elb.wait_for(lambda: SECOND not in _states(elb))
    assert FIRST in _states(elb), "its draining was over, not its registration"


def test_deregistering_what_nobody_registered_is_no_error(elb):
    assert elb.groups.deregister(elb.group, [FIRST]) == DONE
    elb.groups.register(elb.group, [FIRST])
    assert elb.groups.deregister(elb.group, [(FIRST[0], 9999)]) == DONE
    assert _states(elb) == {FIRST: "initial"}


def test_targets_of_others_are_seen_and_left(elb):
    elb.add_foreign(FOREIGN)
    elb.groups.register(elb.group, [FIRST])
    elb.groups.deregister(elb.group, [FIRST])
    states = _states(elb)
    assert states.keys() == {FIRST, FOREIGN}
    assert states[FOREIGN] != "draining"


def test_without_a_listener_targets_are_unused(elb):
    elb.groups.register(elb.unused, [FIRST])
    (seen,) = elb.groups.health(elb.unused)
    assert (seen.state, seen.reason) == ("unused", "Target.NotInUse")


def test_a_group_that_elb_does_not_know_is_gone(elb):
    elb.delete(elb.unused)
    gone = TargetsAnswer(gone=True)
    assert elb.groups.register(elb.unused, [FIRST]) == gone
    assert elb.groups.deregister(elb.unused, [FIRST]) == gone
    assert elb.groups.health(elb.unused) is None


def test_what_elb_will_not_take_is_refused_in_its_own_words(elb):
    elb.refuse("TooManyTargets", "You have exceeded the number of targets")
    answer = elb.groups.register(elb.group, [FIRST])
    assert answer == TargetsAnswer(refused="TooManyTargets: You have exceeded the number of targets")
    assert _states(elb) == {}


def test_one_bad_target_keeps_no_other_from_its_traffic(elb):
    elb.refuse_only(SECOND)
    before = elb.calls("register")
    answer = elb.groups.register(elb.group, [FIRST, SECOND, FOREIGN])
    assert answer.refused.startswith("InvalidTarget: ")
    assert answer.refused_targets == (SECOND,)
    assert _states(elb).keys() == {FIRST, FOREIGN}
    assert elb.calls("register") - before == 2


def test_a_bad_target_alone_is_refused_like_any_other(elb):
    elb.refuse_only(FIRST)
    answer = elb.groups.register(elb.group, [FIRST])
    assert answer.refused.startswith("InvalidTarget: ")
    assert answer.refused_targets == ()
    assert _states(elb) == {}


def test_two_hundred_and_fifty_targets_go_in_three_calls(elb):
    targets = [(f"10.0.1.{number % 250 + 1}", 8000 + number) for number in range(250)]
    before = elb.calls("register")
    assert elb.groups.register(elb.group, targets) == DONE
    assert elb.calls("register") - before == 3
    assert _states(elb).keys() == set(targets)
    assert elb.groups.deregister(elb.group, targets) == DONE
    assert set(_states(elb).values()) == {"draining"}


def test_nothing_to_do_is_no_call(elb):
    before = elb.calls("register"), elb.calls("deregister")
    assert elb.groups.register(elb.group, []) == elb.groups.deregister(elb.group, []) == DONE
    assert (elb.calls("register"), elb.calls("deregister")) == before


@pytest.mark.parametrize("operation", ["register", "deregister", "health"])
def test_throttling_has_no_effect(elb, operation):
    elb.groups.register(elb.group, [FIRST])
    calls = {
        "register": lambda: elb.groups.register(elb.group, [SECOND]),
        "deregister": lambda: elb.groups.deregister(elb.group, [FIRST]),
        "health": lambda: elb.groups.health(elb.group),
    }
    elb.throttle(operation)
    with pytest.raises(Throttled):
        calls[operation]()
    assert _states(elb) == {FIRST: "initial"}


def test_what_took_effect_without_an_answer_is_done_again_to_the_same_end(elb):
    elb.lose_answer("register")
    with pytest.raises(TransientError):
        elb.groups.register(elb.group, [FIRST])
    assert _states(elb) == {FIRST: "initial"}
    assert elb.groups.register(elb.group, [FIRST]) == DONE
    assert _states(elb) == {FIRST: "initial"}
