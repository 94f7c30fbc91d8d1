"""The record ``balancing``: written by compare-and-set, only while the manifest stands, with its history."""

from typing import Any

import pytest

from builders import a_capacity
from fakes.load_balancers import InMemoryBalancingStore
from headcount.aws.dynamodb_balancing import BalancingTable
from headcount.errors import Conflict, NewerSchema
from headcount.model.service import Decision
from headcount.model.target import Balancing, GroupTargets, KnownGroup, OwnedResource, Registration
from headcount.model.values import replace
from headcount.ports.controlling import ServiceRecords

from .conftest import TABLE
from .values import asked, begin, commit_launch, declare, declared, plan_of, record_task, saw

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
SEEN = Balancing(
    generation=1,
    checked_at=1_790_000_000.25,
    groups=(KnownGroup(key="web", arn=GROUP, delay_seconds=5.0, load_balancers=("alb",)),),
    owned=(OwnedResource(kind="targetGroup", key="web", arn=GROUP),),
    problems=("something stands against it",),
)
TOLD = Decision(kind="balancing", reason="creating target group web: it is declared", level="WARN")


@pytest.fixture
def balancing(table) -> Any:
    """The store of ``keep_load_balancers`` beside the stores of the others."""
    if table.client is None:
        return InMemoryBalancingStore(table.store)
    return BalancingTable(table.client, TABLE, "main", table.clock)


def test_a_service_that_nobody_declares_has_no_records(table, balancing):
    begin(table)
    assert balancing.read(table.service) is None


def test_what_is_written_is_read_back_by_whoever_reads_the_service(table, balancing):
    declare(table)
    records = balancing.read(table.service)
    assert (records.declared, records.balancing, records.revision) == (declared(table.service), Balancing(), None)
    balancing.write(records, SEEN, [TOLD], table.clock())
    assert balancing.read(table.service).balancing == SEEN
    assert begin(table).balancing == SEEN


def test_the_history_tells_it(table, balancing):
    declare(table)
    balancing.write(balancing.read(table.service), SEEN, [TOLD], table.clock())
    entries, _ = table.store.history(table.service, 10, None)
    told = [one for one in entries if one["kind"] == "balancing"]
    assert [(one["reason"], one["level"]) for one in told] == [(TOLD.reason, "WARN")]


def test_an_older_look_never_overwrites_a_newer_one(table, balancing):
    declare(table)
    before = balancing.read(table.service)
    balancing.write(before, SEEN, (), table.clock())
    for stale in (before, replace(before, revision=7)):
        with pytest.raises(Conflict):
            balancing.write(stale, Balancing(), (), table.clock())
    assert balancing.read(table.service).balancing == SEEN


def test_a_look_goes_on_from_what_it_wrote(table, balancing):
    declare(table)
    records = balancing.read(table.service)
    for _ in range(3):
        records = replace(records, revision=balancing.write(records, SEEN, (), table.clock()))
    assert records.revision == balancing.read(table.service).revision


def test_that_nothing_is_new_is_written_by_compare_and_set_too(table, balancing):
    declare(table)
    balancing.write(balancing.read(table.service), SEEN, (), table.clock())
    records = balancing.read(table.service)
    later = replace(SEEN, checked_at=SEEN.checked_at + 900.0)
    balancing.write(records, later, (), table.clock())
    assert balancing.read(table.service).balancing == later
    with pytest.raises(Conflict):
        balancing.write(records, replace(SEEN, checked_at=SEEN.checked_at + 1.0), (), table.clock())
    assert balancing.read(table.service).balancing == later


def test_nothing_is_written_for_a_manifest_that_has_changed(table, balancing):
    declare(table)
    records = balancing.read(table.service)
    state = table.store.read(table.service)
    table.store.put_service(state, declared(table.service, generation=2), a_capacity(3), asked(), table.clock())
    with pytest.raises(Conflict):
        balancing.write(records, SEEN, [TOLD], table.clock())
    assert balancing.read(table.service).balancing == Balancing()


def test_nothing_is_written_for_a_service_that_is_gone(table, balancing):
    declare(table)
    records = balancing.read(table.service)
    _delete(table)
    table.store.remove_service(begin(table), (), table.clock())
    with pytest.raises(Conflict):
        balancing.write(records, SEEN, (), table.clock())
    assert balancing.read(table.service) is None


def test_the_record_goes_with_the_service(table, balancing):
    declare(table)
    balancing.write(balancing.read(table.service), SEEN, (), table.clock())
    _delete(table)
    table.store.remove_service(begin(table), (), table.clock())
    declare(table)
    assert balancing.read(table.service).balancing == Balancing()


def _delete(table) -> None:
    state: ServiceRecords = table.store.read(table.service)
    ending = declared(table.service, generation=2, deleting_at=table.clock())
    table.store.put_service(state, ending, a_capacity(0), asked(), table.clock())


def test_what_passes_have_registered_is_read(table, balancing):
    declare(table)
    state = begin(table)
    entry = Registration(task="t1", target="10.0.0.1", port=80, at=1.0)
    ledgers = (GroupTargets(group=GROUP, registrations=(entry,)), GroupTargets(group=f"{GROUP}2"))
    table.store.commit(state, replace(plan_of(), ledgers=ledgers), (), table.clock())
    records = balancing.read(table.service)
    assert (records.registered, records.seen_generation) == (frozenset({GROUP}), 1)


def test_a_service_that_ends_is_busy_while_a_launch_or_a_task_is_on_record(table, balancing):
    declare(table)
    record_task(table, "t1")
    assert not balancing.read(table.service).busy, "it does not end"
    _delete(table)
    assert balancing.read(table.service).busy
    table.store.record_sighting(table.service, saw("t1", 9, "STOPPED"))
    assert not balancing.read(table.service).busy
    commit_launch(table)
    assert balancing.read(table.service).busy


@pytest.mark.parametrize("record", ["manifest", "balancing"])
def test_a_record_of_a_newer_version_is_left_to_it(table, balancing, record):
    declare(table)
    balancing.write(balancing.read(table.service), SEEN, (), table.clock())
    table.make_newer(record)
    with pytest.raises(NewerSchema):
        balancing.read(table.service)
