"""What AWS announces about places reaches every task of ours there, once, whatever order it comes in."""

import pytest

from builders import SERVICE
from fakes.crashing import Tripwire
from headcount.errors import TransientError
from headcount.model.values import replace
from headcount.noticing import Retirement, SpotInterruption
from headcount.observing import Intake

from .places import Places

DAY = 24 * 3600.0


@pytest.fixture
def places():
    return Places()


def _spot(places, action="terminate"):
    ec2_instance = places.loop.runtime.container_instances[places.first].ec2_instance
    return SpotInterruption(ec2_instance=ec2_instance, action=action, at=places.loop.clock())


def _retirement(places, *tasks, starts_in=7 * DAY):
    now = places.loop.clock()
    return Retirement(tasks=tasks, starts_at=now + starts_in, at=now)


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        ("DRAINING", "DRAINING", "draining"),
        ("DEREGISTERING", "GONE", "DEREGISTERING"),
        ("INACTIVE", "GONE", "INACTIVE"),
    ],
)
def test_the_tasks_of_an_instance_that_goes_get_a_notice_and_their_service_one_kick(places, status, kind, word):
    change = places.change(status=status)
    assert places.announcements().instance_changed(change) == "kicked"
    assert places.kinds() == [kind, kind, None, None]
    (notice, *_) = places.notices()
    assert (notice.at, notice.deadline) == (change.at, None)
    assert notice.reason == f"container instance {1:032x} (i-{1:017x}) is {word}"
    assert [(message.service, message.cause) for message in places.loop.kicks.sent] == [(SERVICE, f"instance {status}")]


def test_an_event_that_repeats_with_every_stopping_task_costs_nothing_for_a_minute(places):
    announcements = places.announcements()
    change = places.change(status="DRAINING")
    announcements.instance_changed(change)
    asked = dict(places.loop.runtime.calls)
    assert asked
    places.loop.clock.advance(59)
    assert {announcements.instance_changed(replace(change, at=places.loop.clock())) for _ in range(30)} == {"known"}
    assert dict(places.loop.runtime.calls) == asked


def test_an_event_repeated_elsewhere_writes_nothing_new_and_kicks_again(places):
    """The first delivery may have died before its kick."""
    change = places.change(status="DRAINING")
    places.announcements().instance_changed(change)
    before = places.notices()
    places.loop.clock.advance(30)
    assert places.announcements().instance_changed(replace(change, at=places.loop.clock())) == "kicked"
    assert places.notices() == before


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [({"agent_connected": False}, "ignored"), ({"status": "DRAINING", "cluster": "elsewhere"}, "foreign")],
    ids=["an agent is disconnected", "a cluster of others"],
)
def test_what_is_nobodys_business_is_not_even_looked_up(places, changes, outcome):
    assert places.announcements().instance_changed(places.change(**changes)) == outcome
    assert not places.loop.runtime.calls
    assert places.kinds() == [None] * 4


def test_what_was_announced_first_does_not_hide_what_says_more(places):
    announcements = places.announcements()
    announcements.spot_interrupted(_spot(places))
    announcements.instance_changed(places.change(status="DRAINING"))
    assert places.kinds() == ["SPOT", "SPOT", None, None], "the agent drains a Spot instance on the same warning"
    announcements.instance_changed(places.change(status="INACTIVE"))
    assert places.kinds() == ["GONE", "GONE", None, None]


def test_tasks_of_others_on_the_instance_are_left_alone(places):
    places.loop.runtime.run_foreign("prod", "e" * 32, group="family:db", mark="me")
    places.loop.runtime.put_on(places.first, "e" * 32)
    places.announcements().instance_changed(places.change(status="DRAINING"))
    assert set(places.loop.store.partitions) == {SERVICE}


def test_an_instance_without_tasks_of_ours_kicks_nobody(places):
    places.loop.runtime.add_instance("prod", 3)
    change = places.change(status="DRAINING")
    empty = replace(change, instance=replace(change.instance, instance=f"{change.instance.instance[:-1]}3"))
    assert places.announcements().instance_changed(empty) == "none of ours"
    assert not places.loop.kicks.sent


def test_a_task_that_is_not_on_record_yet_is_looked_for_again_at_the_next_event(places):
    announcements = places.announcements()
    record = places.loop.store.partition(SERVICE).tasks.pop(places.tasks[0])
    change = places.change(status="DRAINING")
    assert announcements.instance_changed(change) == "not yet on record"
    places.loop.store.partition(SERVICE).tasks[places.tasks[0]] = record
    assert announcements.instance_changed(change) == "kicked"
    assert places.kinds() == ["DRAINING", "DRAINING", None, None]


def test_the_trouble_of_one_task_does_not_keep_the_others_from_their_notices(places):
    announcements = places.announcements()
    places.loop.store.make_newer(SERVICE, f"task#{places.tasks[0]}")
    change = places.change(status="DRAINING")
    for _ in range(2):  # what failed is not taken for known
        with pytest.raises(TransientError, match=places.tasks[0]):
            announcements.instance_changed(change)
    assert places.kinds() == [None, "DRAINING", None, None]
    assert places.loop.kicks.sent


def test_ecs_without_patience_is_asked_again(places):
    announcements = places.announcements()
    change = places.change(status="DRAINING")
    places.loop.runtime.throttle("on_instance", 1)
    with pytest.raises(TransientError):
        announcements.instance_changed(change)
    assert announcements.instance_changed(change) == "kicked"


@pytest.mark.parametrize(("action", "seconds"), [("terminate", 120.0), ("stop", 120.0), ("hibernate", 0.0)])
def test_a_spot_interruption_has_a_deadline_in_two_minutes_unless_it_begins_now(places, action, seconds):
    spot = _spot(places, action)
    assert places.announcements("staging", "prod").spot_interrupted(spot) == "kicked"
    assert places.kinds() == ["SPOT", "SPOT", None, None]
    (notice, *_) = places.notices()
    assert notice.deadline == spot.at + seconds
    assert notice.reason == f"EC2 will {action} the Spot instance of container instance {1:032x} (i-{1:017x})"


def test_a_spot_instance_that_is_in_no_cluster_of_ours_is_nobodys(places):
    stranger = SpotInterruption(ec2_instance="i-0123456789", action="terminate", at=places.loop.clock())
    assert places.announcements().spot_interrupted(stranger) == "none of ours"


def test_a_cluster_that_cannot_be_asked_does_not_hide_the_spot_instance_in_another(places):
    places.loop.runtime.throttle("instances_of", 1)
    with pytest.raises(TransientError):
        places.announcements("staging", "prod").spot_interrupted(_spot(places))
    assert places.kinds() == ["SPOT", "SPOT", None, None]


def test_retiring_tasks_are_found_by_cluster_or_in_every_cluster(places):
    first, second, third, _ = places.tasks
    retirement = _retirement(places, ("prod", first), (None, second), ("staging", third))
    assert places.announcements("staging", "prod").tasks_retire(retirement) == "kicked"
    assert places.kinds() == ["RETIREMENT", "RETIREMENT", None, None]
    assert places.notices()[0].deadline == retirement.starts_at


def test_a_retirement_of_nobodys_tasks_asks_ecs_nothing(places):
    assert places.announcements().tasks_retire(_retirement(places)) == "none of ours"
    assert not places.loop.runtime.calls


def test_a_task_that_is_stopping_anyway_gets_no_notice(places):
    places.loop.runtime.stop("prod", places.tasks[0], "test")
    retirement = _retirement(places, *(("prod", task_id) for task_id in places.tasks[:2]))
    places.announcements().tasks_retire(retirement)
    assert places.kinds() == [None, "RETIREMENT", None, None]


def test_a_retirement_that_is_put_off_is_news_and_a_repeated_one_is_not(places):
    announcements = places.announcements()
    first = _retirement(places, ("prod", places.tasks[0]))
    announcements.tasks_retire(first)
    announcements.tasks_retire(replace(first, at=first.at + 60))
    assert places.notices()[0].at == first.at
    announcements.tasks_retire(replace(first, starts_at=first.starts_at + DAY, at=first.at + 120))
    assert places.notices()[0].deadline == first.starts_at + DAY


def test_each_kind_of_event_goes_to_whom_it_concerns(places):
    made = []
    wire = Tripwire()

    def announcements():
        made.append(places.announcements())
        return wire.guard(made[-1], "announcements")

    intake = Intake(observer=places.loop.observer, announcements=announcements)
    (sighting,) = places.loop.runtime.describe("prod", places.tasks[:1])
    assert intake.take_in(sighting) == "kicked"
    assert not made, "task events need no ECS client"
    for told in (places.change(status="DRAINING"), _spot(places), _retirement(places)):
        intake.take_in(told)
    names = ("instance_changed", "spot_interrupted", "tasks_retire")
    assert wire.calls == [f"announcements.{name}" for name in names]
