"""The audit compares notices with the container instances once a minute: what events missed, and what holds no more."""

import dataclasses

import pytest

from builders import SERVICE
from fakes.crashing import Tripwire
from headcount.model.task import Notice
from headcount.model.values import replace

from .places import Places

ALL = ["DRAINING", "DRAINING", None, None]


@pytest.fixture
def places():
    return Places()


def _audit(places):
    return places.loop.auditor.audit(["prod"], lambda: 50.0)


@pytest.mark.parametrize(
    ("status", "kind"), [("DRAINING", "DRAINING"), ("DEREGISTERING", "GONE"), ("INACTIVE", "GONE")]
)
def test_an_instance_whose_event_was_lost_is_found_and_the_next_minute_is_quiet(places, status, kind):
    places.change(status=status)
    findings = _audit(places)
    assert (findings.notices, findings.kicked) == (2, 1)
    assert places.kinds() == [kind, kind, None, None]
    places.loop.begin_a_pass()
    places.loop.clock.advance(60)
    findings = _audit(places)
    assert (findings.notices, findings.kicked) == (0, 0)


def test_a_quiet_minute_writes_nothing_and_asks_once_for_all_instances(places):
    wire = Tripwire()
    _audit(places)
    places.loop.auditor.store = wire.guard(places.loop.store, "store")
    places.loop.auditor.runtime = wire.guard(places.loop.runtime, "runtime")
    _audit(places)
    assert wire.calls == ["store.services", "runtime.describe", "runtime.instances"]


def test_a_notice_is_taken_back_when_the_instance_is_active_again(places):
    places.announcements().instance_changed(places.change(status="DRAINING"))
    _a_pass_begins(places)
    places.change(status="ACTIVE")
    findings = _audit(places)
    assert (findings.notices, findings.kicked) == (2, 1)
    assert places.kinds() == [None] * 4


def test_a_disconnected_agent_is_noticed_with_the_time_it_was_first_seen_so(places):
    places.change(agent_connected=False)
    since = places.loop.clock()
    for _ in range(3):
        _audit(places)
        places.loop.clock.advance(60)
    assert places.kinds() == ["DISCONNECTED", "DISCONNECTED", None, None]
    assert {notice.at for notice in places.notices() if notice} == {since}
    places.change(agent_connected=True)
    _audit(places)
    assert places.kinds() == [None] * 4


def test_an_instance_that_drains_while_it_is_disconnected_drains(places):
    places.change(agent_connected=False)
    _audit(places)
    places.change(status="DRAINING")
    _audit(places)
    assert places.kinds() == ALL


def test_an_instance_that_no_longer_drains_but_is_disconnected_is_disconnected(places):
    places.change(status="DRAINING")
    _audit(places)
    places.change(status="ACTIVE", agent_connected=False)
    _audit(places)
    assert places.kinds() == ["DISCONNECTED", "DISCONNECTED", None, None]


def test_an_instance_that_ecs_does_not_know_is_gone_unless_that_was_one_mistake(places):
    known = places.loop.runtime.container_instances.pop(places.first)
    _audit(places)
    assert places.kinds() == [None] * 4
    places.loop.runtime.container_instances[places.first] = known
    _audit(places)
    del places.loop.runtime.container_instances[places.first]
    _audit(places)
    assert places.kinds() == [None] * 4, "two mistakes with an answer between them"
    _audit(places)
    assert places.kinds() == ["GONE", "GONE", None, None]
    assert places.notices()[0].reason == f"ECS does not know container instance {1:032x} any more"
    places.loop.runtime.container_instances[places.first] = known
    _audit(places)
    assert places.kinds() == [None] * 4


@pytest.mark.parametrize("kind", ["SPOT", "RETIREMENT"])
def test_what_aws_announced_stands_although_the_instance_is_well(places, kind):
    places.give(Notice(kind=kind, at=1.0, reason="announced", deadline=500.0))
    fresh = places.loop
    fresh.auditor = fresh.new_auditor()
    assert _audit(places).notices == 0
    assert places.kinds() == [kind] * 4
    places.change(status="DRAINING")
    assert _audit(places).notices == 0
    places.change(status="INACTIVE")
    assert _audit(places).notices == 2
    assert places.kinds() == ["GONE", "GONE", kind, kind]


def test_an_instance_that_registers_says_nothing(places):
    places.change(status="DRAINING")
    _audit(places)
    places.change(status="REGISTERING")
    assert _audit(places).notices == 0
    assert places.kinds() == ALL


def test_a_task_that_is_dying_gets_no_notice(places):
    places.loop.runtime.stop("prod", places.tasks[0], "test")
    places.loop.deliver_events()
    places.loop.auditor = places.loop.new_auditor()
    places.change(status="DRAINING")
    _audit(places)
    assert places.kinds() == [None, "DRAINING", None, None]


def test_hundreds_of_instances_are_described_a_hundred_a_call(places):
    record = places.loop.store.partition(SERVICE).tasks[places.tasks[0]]
    for number in range(100, 347):
        arn = places.loop.runtime.add_instance("prod", number)
        observed = replace(record.observed, container_instance=arn)
        places.loop.store.partition(SERVICE).tasks[f"{number:032x}"] = dataclasses.replace(record, observed=observed)
    places.loop.auditor = places.loop.new_auditor()
    places.loop.runtime.calls.clear()
    _audit(places)
    assert places.loop.runtime.calls["instances"] == 3


def test_ecs_without_patience_for_instances_is_reported_and_the_rest_of_the_audit_goes_on(places):
    places.loop.runtime.throttle("instances", 1)
    places.loop.runtime.crash(places.tasks[3])
    places.loop.runtime.events.clear()
    findings = _audit(places)
    assert [trouble.partition(":")[0] for trouble in findings.troubles] == ["container instances of cluster prod"]
    assert (findings.missed, findings.kicked) == (1, 1)


def test_the_trouble_of_one_task_does_not_keep_the_others_from_their_notices(places):
    _audit(places)
    places.loop.store.make_newer(SERVICE, f"task#{places.tasks[0]}")
    places.change(status="DRAINING")
    findings = _audit(places)
    assert findings.notices == 1
    assert places.kinds() == [None, "DRAINING", None, None]
    assert f"notice of task {places.tasks[0]}" in findings.troubles[0]


def test_notices_that_were_written_before_the_time_was_up_are_kicked_and_the_rest_waits(places):
    _audit(places)
    places.change(status="DRAINING")
    places.loop.runtime.set_instance(places.second, status="DRAINING")
    written = places.loop.store.partition(SERVICE).tasks

    def remaining():
        return 50.0 if all(record.notice is None for record in written.values()) else 4.0

    findings = places.loop.auditor.audit(["prod"], remaining)
    assert (findings.notices, findings.kicked, findings.out_of_time) == (2, 1, True)
    _audit(places)
    assert places.kinds() == ["DRAINING"] * 4


def _a_pass_begins(places):
    """A pass reads what is on record, and the audit then reads it again."""
    places.loop.store.begin_pass(SERVICE)
