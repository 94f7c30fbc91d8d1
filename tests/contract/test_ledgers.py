"""What is registered in target groups, and what ELB said of it: one record a group, a writer for each of its parts."""

import pytest

from builders import a_status
from headcount.aws.records import targets_sort
from headcount.errors import NewerSchema, Superseded
from headcount.model.plan import DrainTask
from headcount.model.target import GroupTargets, Registration, TargetHealth, TargetsSeen
from headcount.model.task import ContainerHealth, ManagedTask, StopIntent
from headcount.model.values import replace

from .values import begin, declare, plan_of, record_task

WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ENTRY = Registration(task="t1", target="10.0.0.1", port=8080, at=5.0)
STOPPED = ManagedTask(deployment="dep-1", launched_at=1.0, stop=StopIntent(at=9.0, reason="scale in"))


def ledger(*entries, group=WEB):
    return GroupTargets(group=group, registrations=entries)


def seen(at, state="healthy"):
    health = TargetHealth(target="10.0.0.1", port=8080, state=state, reason="", since=at)
    return TargetsSeen(seen_at=at, targets=(health,), foreign=2)


def commit(table, *ledgers):
    state = begin(table)
    table.store.commit(state, replace(plan_of(), ledgers=ledgers), (), table.clock())
    return state


def test_ledgers_are_recorded_with_the_plan_and_again_with_the_answers(table):
    declare(table)
    state = commit(table, ledger(ENTRY), ledger(group="arn:other"))
    assert set(begin(table).targets) == {ledger(ENTRY), ledger(group="arn:other")}
    answered = ledger(replace(ENTRY, registered_at=6.0))
    with pytest.raises(Superseded):
        table.store.finish(state, a_status(), (), table.clock(), (answered,))
    table.store.finish(begin(table), a_status(), (), table.clock(), (answered,))
    assert answered in begin(table).targets


def test_an_older_pass_may_not_change_a_ledger(table):
    declare(table)
    old = begin(table)
    commit(table, ledger(ENTRY))
    with pytest.raises(Superseded):
        table.store.commit(old, replace(plan_of(), ledgers=(ledger(),)), (), table.clock())
    assert begin(table).targets == (ledger(ENTRY),)


def test_a_task_that_is_to_drain_is_recorded_as_one_that_is_stopped(table):
    declare(table)
    record_task(table, "t1")
    plan = plan_of(DrainTask(task_id="t1", reason="scale in", managed=STOPPED))
    table.store.commit(begin(table), plan, (), table.clock())
    assert [task.managed for task in begin(table).tasks] == [STOPPED]


def test_the_newest_look_at_a_group_stands_in_whatever_order_they_come(table):
    declare(table)
    commit(table, ledger(ENTRY))
    table.store.record_targets_seen(table.service, WEB, seen(20.0))
    table.store.record_targets_seen(table.service, WEB, seen(10.0, "initial"))
    (found,) = begin(table).targets
    assert (found.seen, found.registrations) == (seen(20.0), (ENTRY,)), "and the ledger is as it was"
    commit(table, ledger())
    (found,) = begin(table).targets
    assert (found.seen, found.registrations) == (seen(20.0), ()), "and a ledger leaves what was seen as it was"


def test_an_alarm_is_written_down_only_where_there_is_a_ledger(table):
    declare(table)
    assert not table.store.record_suspects(table.service, WEB, 30.0)
    assert begin(table).targets == ()
    commit(table, ledger(ENTRY))
    assert table.store.record_suspects(table.service, WEB, 30.0)
    assert table.store.record_suspects(table.service, WEB, 20.0), "a late alarm is no error"
    (found,) = begin(table).targets
    assert found.suspect_at == 30.0


def test_health_of_a_task_that_is_gone_revives_nothing(table):
    declare(table)
    health = ContainerHealth(status="UNHEALTHY", seen_at=7.0)
    table.store.record_health(table.service, "t1", health)
    assert begin(table).tasks == ()
    record_task(table, "t1")
    table.store.record_health(table.service, "t1", health)
    assert [task.health for task in begin(table).tasks] == [health]


def test_a_record_of_a_newer_version_is_left_alone(table):
    declare(table)
    commit(table, ledger(ENTRY))
    table.make_newer(targets_sort(WEB))
    with pytest.raises(NewerSchema):
        table.store.record_targets_seen(table.service, WEB, seen(20.0))


def test_a_service_that_ends_leaves_nothing_of_its_target_groups(table):
    declare(table)
    commit(table, ledger(ENTRY))
    state = replace(begin(table), declared=None)
    table.store.remove_service(state, (), table.clock())
    assert begin(table).targets == ()
