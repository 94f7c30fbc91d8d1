"""What moves the count whatever is measured (declarations, scheduled actions), and what keeps it where it is."""

from datetime import UTC, datetime

import pytest

from builders import SERVICE
from headcount.messages import ScalingRequest
from headcount.model.scaling import ScheduledAction, Suspended
from headcount.model.scaling_record import UnsetCount
from headcount.model.service import Override, Pause
from headcount.model.values import replace
from unit.scaling.policies import a_scaling, a_tracking

from .scaled import ScaledWorld

HOURLY = ScheduledAction(name="hourly", schedule="rate(1 hour)", minimum=6)
MORNING = ScheduledAction(
    name="morning", schedule="cron(30 2 * * ? *)", timezone="Europe/Berlin", minimum=8, maximum=12
)
EVENING = ScheduledAction(name="evening", schedule="cron(0 20 * * ? *)", timezone="Europe/Berlin", minimum=1, maximum=3)


@pytest.fixture
def world() -> ScaledWorld:
    return ScaledWorld()


def at(when: str) -> float:
    return datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()


def looked(world: ScaledWorld, minutes: int, step: float = 60.0) -> list[int]:
    """The counts over so many minutes, looked at whenever it is due."""
    counts = []
    for _ in range(minutes):
        world.after(step)
        due = world.record.next_look_at
        if due is not None and due <= world.clock():
            world.look("timer")
        counts.append(world.desired)
    return counts


# -- declarations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("desired", "count"), [(1, 2), (2, 2), (4, 4), (6, 5)])
def test_a_declaration_moves_the_count_into_its_bounds(world: ScaledWorld, desired: int, count: int) -> None:
    world.declare(a_scaling(minimum=2, maximum=5), desired)
    world.look()
    assert world.desired == count


def test_a_count_that_people_set_outside_is_theirs(world: ScaledWorld) -> None:
    world.declare(a_scaling(minimum=2, maximum=5), 3)
    world.look()
    world.scale(0)
    world.after(60)
    world.look()
    assert world.desired == 0


def test_other_bounds_end_what_a_schedule_has_set(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=4)
    world.look()
    world.after(3600)
    world.look()
    assert (world.desired, world.record.state.minimum) == (6, 6)
    world.declare_actions(HOURLY, desired=6, maximum=5)
    world.look()
    assert (world.desired, world.record.state.minimum, world.record.bounds) == (5, None, (1, 5))


def test_another_policy_leaves_the_bounds_of_a_schedule(world: ScaledWorld) -> None:
    world.declare(replace(a_scaling(minimum=1, maximum=20), scheduled_actions=(HOURLY,)), 4)
    world.look()
    world.after(3600)
    world.look()
    scaling = replace(a_scaling(a_tracking(), minimum=1, maximum=20), scheduled_actions=(HOURLY,))
    world.declare(scaling, 2)
    world.look()
    assert (world.record.state.minimum, world.desired) == (6, 2)


# -- scheduled actions ------------------------------------------------------------------------------------------------


def test_an_occurrence_moves_the_count_once_however_often_it_is_told(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=4)
    world.look()
    world.after(3600)
    woken = ScalingRequest(service=SERVICE, action="hourly", at=world.clock())
    assert world.wake(woken).cause == "scheduled action hourly"
    assert world.desired == 6
    world.scale(5)
    for _ in range(3):
        world.wake(woken)
        world.look("timer")
    assert world.desired == 5
    reason = "hourly scales out from 4 to 6: hourly sets minimum 6 and maximum 20: 4 is below the minimum"
    assert world.told().count(reason) == 1


def test_an_occurrence_that_moves_nothing_is_told_as_well(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=10)
    world.look()
    world.after(3600)
    world.look()
    assert world.told()[-1] == "hourly sets minimum 6 and maximum 20: 10 is within"


def test_it_looks_when_an_action_falls_due(world: ScaledWorld) -> None:
    world.declare_actions(replace(HOURLY, schedule="rate(10 minutes)"), desired=4)
    world.look()
    assert world.record.next_look_at == world.clock() + 600
    assert looked(world, 3, 300.0) == [4, 6, 6]


def test_what_was_due_before_it_was_declared_is_not_made_up_for(world: ScaledWorld) -> None:
    passed = datetime.fromtimestamp(world.clock() - 60, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")
    world.declare_actions(ScheduledAction(name="past", schedule=passed, minimum=9), desired=4)
    world.look()
    assert (world.desired, world.record.state.fired) == (4, ())


def test_what_fell_due_while_nobody_looked_is_made_up_for_in_its_order(world: ScaledWorld) -> None:
    world.clock.now = at("2026-06-01T10:00:00")
    world.declare_actions(MORNING, EVENING, desired=4)
    world.look()
    world.clock.now = at("2026-06-03T12:00:00")
    world.look()
    assert (world.record.state.minimum, world.record.state.maximum, world.desired) == (8, 12, 8)
    told = [one for one in world.told() if " sets " in one]
    assert [one.split()[0] for one in told] == ["evening", "morning"]


def test_an_action_that_is_declared_anew_begins_anew(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=4)
    world.look()
    world.after(3000)
    world.declare_actions(replace(HOURLY, minimum=7), desired=4)
    world.look()
    assert looked(world, 3, 1200.0) == [4, 4, 7], "an hour counts from the new declaration"


def test_the_hour_that_is_skipped_in_spring_does_not_occur(world: ScaledWorld) -> None:
    """2026-03-29: 02:00 in Berlin is 03:00."""
    world.clock.now = at("2026-03-28T12:00:00")
    world.declare_actions(MORNING, desired=4)
    world.look()
    assert world.record.next_look_at is not None
    world.clock.now = at("2026-03-29T12:00:00")
    world.look()
    assert world.desired == 4
    world.clock.now = at("2026-03-30T00:30:00")
    world.look()
    assert world.desired == 8


def test_the_hour_that_comes_twice_in_autumn_occurs_once(world: ScaledWorld) -> None:
    """2026-10-25: 03:00 in Berlin is 02:00 again, so that 02:30 is at 00:30 and at 01:30 UTC."""
    world.clock.now = at("2026-10-24T12:00:00")
    world.declare_actions(MORNING, desired=4)
    world.look()
    world.clock.now = at("2026-10-25T00:30:00")
    world.look()
    assert world.desired == 8
    world.scale(9)
    world.clock.now = at("2026-10-25T01:30:00")
    world.look()
    assert (world.desired, len([one for one in world.told() if " sets " in one])) == (9, 1)


def test_suspended_schedules_set_nothing(world: ScaledWorld) -> None:
    suspended = replace(a_scaling(minimum=1, maximum=20), scheduled_actions=(HOURLY,))
    suspended = replace(suspended, target=replace(suspended.target, suspended=Suspended(scheduled=True)))
    world.declare(suspended, 4)
    world.look()
    world.after(3600)
    world.look()
    assert (world.desired, world.told()[-1]) == (4, "scheduled scaling is suspended: it is not made up for")


def test_a_schedule_and_a_policy_of_the_same_look_both_count(world: ScaledWorld) -> None:
    world.declare(replace(a_scaling(a_tracking(), minimum=1, maximum=20), scheduled_actions=(HOURLY,)), 4)
    world.measure(50.0)
    world.look()
    world.after(3600, running=4).measure(80.0)
    world.look()
    assert [(one.before, one.count) for one in world.log.looks[-1].decisions] == [(4, 6), (6, 7)]
    assert world.desired == 7
    assert world.capacity.reason.startswith("hourly scales out from 4 to 6")


# -- people hold the count --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"pause": Pause(mode="stop", at=0.0, by="alice")}, "paused by alice"),
        ({"pause": Pause(mode="freeze", at=0.0, reason="audit")}, "frozen: audit"),
        ({"override": Override(count=12, at=0.0, until=1_790_007_240.0)}, "override of 12 until 16:14:00Z"),
    ],
)
def test_whatever_policies_ask_for_the_count_underneath_stays(world: ScaledWorld, wish, said: str) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.wish(**wish)
    world.measure(80.0)
    looked_at = world.look()
    assert (world.desired, world.record.held, looked_at.held) == (4, said, said)
    assert (world.metrics.calls, len(world.record.alarms)) == ([], 2), "alarms are kept all the same"
    assert [one.cause for one in world.kicks.sent] == [], "what a pass sees is not the count on record"


def test_it_looks_when_the_hold_ends(world: ScaledWorld) -> None:
    world.declare_policies(a_tracking(), desired=4)
    world.wish(pause=Pause(mode="stop", at=0.0, until=world.clock() + 600))
    world.measure(80.0)
    world.look()
    assert world.record.next_look_at == world.clock() + 600
    world.after(600).measure(80.0)
    world.look("timer")
    assert (world.desired, world.record.held) == (7, "")


def test_bounds_set_while_people_hold_the_count_move_it_afterwards(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=4)
    world.wish(pause=Pause(mode="stop", at=0.0))
    world.look()
    world.after(3600)
    world.look()
    assert (world.desired, world.record.state.minimum, world.record.unmoved) == (4, 6, True)
    world.wish()
    world.after(60)
    world.look()
    assert (world.desired, world.record.unmoved) == (6, False)


def test_a_count_outside_that_people_set_while_they_held_it_is_theirs(world: ScaledWorld) -> None:
    world.declare_actions(HOURLY, desired=4)
    world.look()
    world.wish(pause=Pause(mode="stop", at=0.0))
    world.scale(0)
    world.look()
    world.wish()
    world.after(60)
    world.look()
    assert world.desired == 0


# -- native services --------------------------------------------------------------------------------------------------


def test_the_count_of_a_native_service_is_set_in_ecs(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=4)
    world.measure(80.0, name="m1")
    looked_at = world.look()
    (asked,) = world.metrics.asked
    assert (world.native_desired, world.desired, world.record.unset) == (7, 0, None)
    assert asked.queries[0].stat.dimensions == (("ClusterName", "prod"), ("ServiceName", "web"))
    assert (asked.queries[0].stat.namespace, looked_at.kicked) == ("AWS/ECS", False)


def test_a_native_service_that_somebody_else_scales_is_left_alone_and_told_once(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=4)
    rival = "Application Auto Scaling has a scalable target for it: deregister it first"
    world.native.services["prod/web"] = replace(world.native.services["prod/web"], rival=rival)
    world.measure(80.0, name="m1")
    for _ in range(3):
        world.look()
        world.after(60)
    assert (world.native_desired, world.record.problems, world.told().count(rival)) == (4, (rival,), 1)
    assert world.record.next_look_at == world.record.looked_at + 300, "nobody tells when the rival lets go"
    world.native.services["prod/web"] = replace(world.native.services["prod/web"], rival="")
    world.measure(80.0, name="m1")
    world.look()
    assert (world.native_desired, world.record.problems) == (7, ())


def test_a_native_service_that_is_not_there_is_a_problem(world: ScaledWorld) -> None:
    world.declare_native(a_tracking())
    world.native.services.clear()
    world.look()
    assert world.record.problems == ("ECS has no service web in cluster prod",)


def test_what_ecs_refuses_is_told_and_tried_again_on_newer_data(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=4)
    world.native.refusals["UpdateService"] = "InvalidParameterException: no"
    world.measure(80.0, name="m1")
    world.look()
    problem = "7 tasks: AWS refuses: InvalidParameterException: no"
    assert (world.native_desired, world.record.problems, world.record.unset) == (4, (problem,), None)
    world.native.refusals.clear()
    world.after(60).measure(80.0, name="m1")
    world.look()
    assert (world.native_desired, world.record.problems) == (7, ())


def test_a_count_that_was_decided_and_never_set_is_set_by_the_next_look(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=4)
    world.measure(50.0, name="m1")
    world.look()
    partition = world.table.partition(SERVICE)
    for now_there, count in ((4, 7), (7, 7), (5, 5)):
        partition.scaling = replace(world.record, unset=UnsetCount(before=4, count=7))
        world.native.services["prod/web"] = replace(world.native.services["prod/web"], desired=now_there)
        world.look()
        assert (world.native_desired, world.record.unset) == (count, None)


def test_what_was_decided_before_people_took_hold_of_the_count_is_not_set_any_more(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=4)
    world.look()
    world.table.partition(SERVICE).scaling = replace(world.record, unset=UnsetCount(before=4, count=7))
    world.wish(pause=Pause(mode="freeze", at=0.0))
    world.look()
    assert (world.native_desired, world.record.unset) == (4, None)


def test_a_native_service_moves_into_its_bounds(world: ScaledWorld) -> None:
    world.declare_native(a_tracking(), desired=0, minimum=2)
    world.look()
    assert world.native_desired == 2
