"""What ECS said is written once, newest version first, and never revives what was deleted."""

import pytest

from builders import a_task
from headcount.errors import NewerSchema
from headcount.model.plan import AdoptTask
from headcount.model.task import ContainerHealth, ManagedTask

from .values import LAUNCH, begin, commit_launch, declare, plan_of, record_task, saw

DAY = 24 * 3600
MANAGED = ManagedTask(deployment="dep-1", launched_at=1.0)


def _task(table, task_id="t1"):
    return next((task for task in table.store.roster(table.service).tasks if task.task_id == task_id), None)


@pytest.mark.parametrize("on_record", [True, False], ids=["a task of ours", "a task nobody wrote down"])
def test_of_versions_3_2_3_4_the_3s_and_the_4_are_taken(table, on_record):
    """The newest version wins; a repeated one is news again, because its kick may have been lost."""
    if on_record:
        record_task(table, "t1")
    taken = [table.store.record_sighting(table.service, saw("t1", version)) for version in (3, 2, 3, 4)]
    assert [one is not None for one in taken] == [True, False, True, True]
    replaced = [one.before.version if one is not None and one.before else None for one in taken]
    assert replaced == [1 if on_record else None, None, None, 3]
    assert _task(table).observed == saw("t1", 4).observed


def test_a_record_goes_by_itself_only_as_long_as_nobody_manages_it(table):
    table.store.record_sighting(table.service, saw("t1", 2))
    assert table.expires("t1") == int(table.clock()) + DAY
    launch = commit_launch(table)
    table.store.record_launch(table.service, launch, [saw("t1", 1, "PROVISIONING")])
    assert table.expires("t1") is None
    table.store.record_sighting(table.service, saw("t1", 3))
    assert table.expires("t1") is None


def test_adopting_a_task_keeps_its_record(table):
    table.store.record_sighting(table.service, saw("t1", 2))
    action = AdoptTask(task_id="t1", managed=MANAGED, reason="alive")
    table.store.commit(begin(table), plan_of(action), (), table.clock())
    assert table.expires("t1") is None
    assert _task(table).managed == MANAGED


def test_events_that_overtake_the_answer_of_run_task_stay_on_record(table):
    table.store.record_sighting(table.service, saw("t1", 4, "RUNNING"))
    launch = commit_launch(table)
    table.store.record_launch(table.service, launch, [saw("t1", 1, "PROVISIONING"), saw("t2", 1, "PROVISIONING")])
    assert _task(table).observed == saw("t1", 4, "RUNNING").observed
    managed = ManagedTask(deployment="dep-1", launched_at=launch.at, zone="zone-a", capacity="FARGATE")
    assert _task(table).managed == managed
    assert _task(table, "t2").observed.last_status == "PROVISIONING"
    assert table.store.record_sighting(table.service, saw("t1", 3, "ACTIVATING")) is None


def test_a_late_event_leaves_a_deleted_task_unmanaged_and_mortal(table):
    record_task(table, "t1")
    table.store.forget(table.service, ["t1"])
    table.store.record_sighting(table.service, saw("t1", 9, "STOPPED"))
    assert _task(table).managed is None
    assert table.expires("t1") is not None


def test_recording_a_launch_twice_changes_nothing(table):
    launch = commit_launch(table)
    table.store.record_launch(table.service, launch, [saw("t1", 1), saw("t2", 1)])
    table.store.forget(table.service, ["t1"])
    before = begin(table)
    table.store.record_launch(table.service, launch, [saw("t1", 1), saw("t2", 1)])
    after = begin(table)
    assert (after.tasks, after.launches) == (before.tasks, before.launches)


def test_health_is_written_for_tasks_on_record_and_revives_none(table):
    health = ContainerHealth(status="UNHEALTHY", seen_at=5.0)
    table.store.record_sighting(table.service, saw("t1", 2))
    table.store.record_health(table.service, "t1", health)
    table.store.record_health(table.service, "t9", health)
    assert _task(table).health == health
    assert _task(table, "t9") is None


def test_the_audit_confirms_only_what_nobody_manages(table):
    record_task(table, "t1")
    for task_id in ("t1", "t2"):
        table.store.confirm(table.service, saw(task_id, 5), 77.0)
    assert _task(table, "t1").confirmed_at is None
    assert _task(table, "t2").confirmed_at == 77.0


def test_a_vanished_task_is_stopped_unless_something_newer_is_on_record(table):
    record_task(table, "t1", version=3)
    stale = a_task("t1", version=2)
    assert table.store.record_vanished(table.service, stale, "unknown to ECS", 50.0) is False
    assert table.store.record_vanished(table.service, _task(table), "unknown to ECS", 50.0) is True
    seen = _task(table).observed
    assert (seen.last_status, seen.desired_status, seen.stopped_at) == ("STOPPED", "STOPPED", 50.0)
    assert (seen.version, seen.stop_code, seen.stopped_reason) == (3, "Vanished", "unknown to ECS")


def test_a_vanished_task_that_is_gone_from_the_records_stays_gone(table):
    assert table.store.record_vanished(table.service, a_task("t1"), "unknown to ECS", 50.0) is False
    assert _task(table) is None


def test_a_task_that_a_newer_version_wrote_is_left_to_it(table):
    record_task(table, "t1")
    table.make_newer("task#t1")
    with pytest.raises(NewerSchema):
        table.store.record_sighting(table.service, saw("t1", 5))


@pytest.mark.parametrize("sort_key", ["manifest", "capacity", "status", "task#t1", f"launch#{LAUNCH}"])
def test_a_service_with_a_newer_record_is_left_to_a_newer_reader(table, sort_key):
    declare(table)
    record_task(table, "t1")
    commit_launch(table)
    table.make_newer(sort_key)
    with pytest.raises(NewerSchema):
        begin(table)
    with pytest.raises(NewerSchema):
        table.store.roster(table.service)
    with pytest.raises(NewerSchema):
        table.store.read(table.service)


def test_twelve_hundred_tasks_are_read_to_the_last(table):
    """More than a megabyte, the most that one page of a query holds."""
    ids = {f"{number:032x}" for number in range(1200)}
    _write_many(table, sorted(ids))
    state = begin(table)
    assert {task.task_id for task in state.tasks} == ids
    assert all(len(task.observed.stopped_reason) == 1000 for task in state.tasks)
    table.store.forget(table.service, sorted(ids)[:60])
    assert len(begin(table).tasks) == 1140


def _write_many(table, ids):
    """Through the port for the fake; 25 a call for the real table, as the port writes them one by one."""
    if table.client is None:
        for task_id in ids:
            table.store.record_sighting(table.service, saw(task_id, 1, stopped_reason="x" * 1000))
        return
    table.store.record_sighting(table.service, saw(ids[0], 1, stopped_reason="x" * 1000))
    key = {"pk": {"S": table.service}, "sk": {"S": f"task#{ids[0]}"}}
    item = table.client.get_item(TableName=table.store.table, Key=key)["Item"]
    for first in range(0, len(ids), 25):
        items = [{**item, "sk": {"S": f"task#{task_id}"}} for task_id in ids[first : first + 25]]
        puts = [{"PutRequest": {"Item": one}} for one in items]
        table.client.batch_write_item(RequestItems={table.store.table: puts})
