"""Launching at the account's limit: what Fargate's bucket holds, in full calls, and not more."""

from builders import NOW, a_declared_service, a_launch, a_service, a_status, a_throttle, zones_named
from headcount.model.plan import ResumeLaunch
from headcount.model.service import Launch
from headcount.planning.pace import affordable, paid_at, ready
from unit.planning.plans import actions_of, launches, planned, started

EMPTY = NOW + 100 / 20.0
ZONES = zones_named("zone-a", "zone-b", "zone-c")


def on_fargate(launch_id: str, count: int = 10) -> Launch:
    return a_launch(launch_id, count=count, request={"launchType": "FARGATE", "count": count})


def test_what_was_taken_comes_back_at_twenty_a_second() -> None:
    status = a_status(launches_paid_at=EMPTY)
    assert [ready(status, NOW + second) for second in (0.0, 0.5, 3.0, 5.0, 50.0)] == [0, 10, 60, 100, 100]


def test_only_launches_on_fargate_are_counted() -> None:
    elsewhere = a_launch("elsewhere", count=10, request={"launchType": "EC2"})
    spot = a_launch("spot", count=10, request={"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]})
    status = a_status()
    assert paid_at(status, [elsewhere], throttled=False, now=NOW) == status.launches_paid_at
    assert paid_at(status, [spot, on_fargate("ours")], throttled=False, now=NOW) == NOW + 1.0
    assert affordable([elsewhere, spot], a_status(launches_paid_at=EMPTY), NOW) == (elsewhere,)


def test_a_launch_that_is_not_afforded_is_not_overtaken_by_a_smaller_one() -> None:
    waiting = [on_fargate("first"), on_fargate("second", 2)]
    assert affordable(waiting, a_status(launches_paid_at=EMPTY), NOW + 0.2) == ()


def test_full_calls_go_first_and_the_emptiest_zone_before_the_others() -> None:
    state = a_service(
        desired=66, declared=a_declared_service(zones=ZONES), status=a_status(launches_paid_at=EMPTY - 3.0)
    )
    chosen = launches(planned(state))
    assert [(launch.zone, launch.count) for launch in chosen] == [
        ("zone-a", 10),
        ("zone-b", 10),
        ("zone-c", 10),
        ("zone-a", 10),
        ("zone-b", 10),
        ("zone-c", 10),
    ]


def test_what_is_not_its_turn_waits_and_says_so() -> None:
    decided = planned(a_service(desired=10, status=a_status(launches_paid_at=EMPTY)))
    assert started(decided) == 0
    assert decided.wake_at == NOW + 10 / 20.0
    assert [one.reason for one in decided.decisions if one.kind == "hold"] == [
        "the rest waits for its turn: Fargate starts 20 tasks a second in an account"
    ]


def test_after_being_throttled_one_call_asks_whether_ecs_answers_again() -> None:
    open_launches = tuple(on_fargate(f"launch-{number}") for number in range(4))
    status = a_status(throttle=a_throttle(until=NOW - 1.0))
    decided = planned(a_service(desired=100, launches=open_launches, status=status))
    assert len(actions_of(decided, ResumeLaunch)) == 1
    assert started(decided) == 0
    assert decided.again


def test_open_launches_that_must_wait_are_come_back_for() -> None:
    status = a_status(launches_paid_at=EMPTY)
    decided = planned(a_service(desired=10, launches=(on_fargate("launch-1"),), status=status))
    assert decided.actions == ()
    assert decided.wake_at == NOW + 10 / 20.0


def test_a_smaller_launch_behind_an_open_one_asks_for_no_pass_before_its_turn() -> None:
    nearly_empty = a_status(launches_paid_at=NOW + 99 / 20.0)  # one task is ready, the open launch needs more
    decided = planned(a_service(desired=11, launches=(on_fargate("launch-1"),), status=nearly_empty))
    assert decided.actions == ()
    assert not decided.again
    assert decided.wake_at is not None
