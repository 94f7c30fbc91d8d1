"""Losses are made good at the limit of the account, and a fleet lives through its days."""

from headcount_simulation.fleet import draw_fleet
from headcount_simulation.losses import Loss, lower_bound, recover
from headcount_simulation.recording import Life
from headcount_simulation.simulating import simulate
from headcount_simulation.stories import verdict

SMALLER = Loss(name="all tasks of one service", services={"prod/web": 300})


def test_all_tasks_lost_at_once_are_healthy_again_near_the_bound_with_hardly_a_call_too_many() -> None:
    recovery = recover(SMALLER)
    assert recovery.violated == ""
    assert recovery.lost == 300
    assert recovery.over_bound <= 1.1
    assert recovery.ecs_calls <= 33, "30 are the least"


def test_all_services_failing_together_are_whole_near_the_bound_and_none_is_starved() -> None:
    recovery = recover(Loss(name="all services", services={f"prod/s{number}": 20 for number in range(20)}))
    assert recovery.violated == ""
    assert len(recovery.whole_after) == 20
    assert recovery.over_bound <= 1.1


def test_what_a_lost_zone_ran_runs_in_the_others() -> None:
    recovery = recover(Loss(name="a zone", services={"prod/a": 3, "prod/b": 30}, zone="eu-west-1a"))
    assert recovery.violated == ""
    assert recovery.lost == 11
    assert recovery.over_bound <= 1.1


def test_the_bound_is_a_hundred_at_once_and_twenty_a_second_and_the_drawn_start() -> None:
    quick = [Life(service="prod/web", created_at=1000.0, running_at=1010.0) for _ in range(140)]
    assert lower_bound(quick) == 40 / 20.0 + 10.0
    slow_first = [Life(service="prod/web", created_at=0.0, running_at=100.0), *quick]
    assert lower_bound(slow_first) == 100.0


def test_a_fleet_is_deployed_scaled_scheduled_and_hit_without_a_violation() -> None:
    day = draw_fleet(4, 0.5, seed=3)
    assert {"create", "scale"} <= {one.kind for one in day.happenings}
    outcome = simulate(day)
    assert outcome.ok, verdict(outcome)


def test_every_day_of_a_fleet_is_told_as_it_passes() -> None:
    told: list[float] = []
    outcome = simulate(draw_fleet(2, 2.0, seed=3), at_midnight=lambda world: told.append(world.second / 86400.0))
    assert outcome.ok, verdict(outcome)
    assert told == [1.0, 2.0]


def test_a_fleet_is_the_same_for_the_same_seed_and_has_small_and_large_services() -> None:
    assert draw_fleet(50, 3.0, seed=1) == draw_fleet(50, 3.0, seed=1)
    sizes = sorted(character.desired for character in draw_fleet(1000, 1.0, seed=1).characters)
    assert sizes[0] == 1
    assert 3 <= sizes[500] <= 5
    assert 400 < sizes[-1] <= 500
