"""Passes: numbers, fences, plans that are recorded at once or not at all, and the end of a service."""

import pytest

from builders import a_capacity, a_launch, a_status
from headcount.errors import Conflict, Superseded, TransientError
from headcount.model.plan import StartTasks, StopTask
from headcount.model.service import (
    ClusterWishes,
    Cordon,
    Decision,
    OperatorWishes,
    Override,
    Pause,
    Protection,
    Standby,
    StopWish,
)
from headcount.model.task import ManagedTask, Notice, StopIntent
from headcount.model.values import replace

from .values import LAUNCH, asked, begin, commit_launch, declare, declared, plan_of, record_task, saw

STOPPED = ManagedTask(deployment="dep-1", launched_at=1.0, stop=StopIntent(at=9.0, reason="scale in"))


def _actions(task_id="t1"):
    launch = StartTasks(launch=a_launch(LAUNCH), reason="test")
    return launch, StopTask(task_id=task_id, reason="scale in", managed=STOPPED)


def test_numbers_rise_by_one_and_are_read_back(table):
    assert table.store.pass_number(table.service) is None
    first = table.store.begin_pass(table.service)
    assert table.store.begin_pass(table.service) == first + 1
    assert table.store.pass_number(table.service) == first + 1


def test_a_name_that_is_used_again_repeats_no_number(table):
    """SQS would drop the kick of a repeated number."""
    used = [table.store.begin_pass(table.service) for _ in range(3)]
    table.store.remove_service(table.store.gather(table.service, used[-1]), (), table.clock())
    table.clock.advance(1)
    assert table.store.begin_pass(table.service) > used[-1]


def test_a_pass_reads_what_is_on_record(table):
    declare(table, 4)
    launch = commit_launch(table)
    table.store.record_sighting(table.service, saw("t1", 2))
    state = begin(table)
    assert state.declared == declared(table.service)
    assert state.capacity == a_capacity(4)
    assert state.launches == (launch,)
    assert [task.task_id for task in state.tasks] == ["t1"]
    assert (state.operator, state.install) == (OperatorWishes(), "main")


def test_an_older_pass_may_neither_read_nor_write(table):
    declare(table)
    record_task(table, "t1")
    old = begin(table)
    newer = begin(table)
    with pytest.raises(Superseded):
        table.store.gather(table.service, old.pass_number)
    with pytest.raises(Superseded):
        table.store.commit(old, plan_of(*_actions()), (), table.clock())
    with pytest.raises(Superseded):
        table.store.finish(old, a_status(), (), table.clock())
    with pytest.raises(Superseded):
        table.store.remove_service(old, (), table.clock())
    after = begin(table)
    assert replace(after, pass_number=newer.pass_number) == newer


def test_a_plan_is_recorded_at_once(table):
    declare(table)
    record_task(table, "t1")
    status = a_status(next_wake=1_790_000_060.123456, generation=4)
    table.store.commit(begin(table), plan_of(*_actions(), status=status), (), table.clock())
    state = begin(table)
    assert state.status == status
    assert [launch.launch_id for launch in state.launches] == [LAUNCH]
    assert state.tasks[0].managed == STOPPED


def test_a_plan_whose_task_is_gone_is_not_recorded_at_all(table):
    declare(table)
    state = begin(table)
    with pytest.raises(TransientError):
        table.store.commit(state, plan_of(*_actions("gone")), (), table.clock())
    after = begin(table)
    assert (after.launches, after.tasks) == ((), ())


def test_a_stop_that_is_recorded_already_is_not_written_again(table):
    """Its record may be gone by now."""
    action = StopTask(task_id="gone", reason="scale in", managed=STOPPED, recorded=True)
    table.store.commit(begin(table), plan_of(action), (), table.clock())
    assert begin(table).tasks == ()


@pytest.mark.parametrize("wake", [None, 1_790_000_060.123456])
def test_the_wake_time_is_read_back_to_the_last_digit(table, wake):
    table.store.finish(begin(table), a_status(next_wake=5.0), (), table.clock())
    state = begin(table)
    table.store.finish(state, a_status(next_wake=wake), (), table.clock())
    assert table.store.next_wake(table.service) == (wake, state.pass_number)


def test_the_index_tells_what_must_be_looked_at(table):
    declare(table)
    (mark,) = table.store.services(table.cluster)
    assert (mark.service, mark.generation, mark.seen_generation, mark.pass_number) == (table.service, 1, None, None)
    state = begin(table)
    table.store.finish(state, a_status(next_wake=60.5), (), table.clock())
    (mark,) = table.store.services(table.cluster)
    assert (mark.generation, mark.seen_generation, mark.next_wake) == (1, 1, 60.5)
    assert (mark.pass_number, mark.deleting) == (state.pass_number, False)


def test_a_removed_service_leaves_its_history_alone(table):
    declare(table)
    record_task(table, "t1")
    table.store.forget(table.service, ["t1"])
    deleting = replace(declared(table.service), generation=2, deleting_at=table.clock())
    table.store.put_service(table.store.read(table.service), deleting, a_capacity(3), asked("delete"), table.clock())
    table.store.remove_service(begin(table), (), table.clock())
    assert table.store.read(table.service) is None
    assert table.store.services(table.cluster) == ()
    reasons = {entry["reason"] for entry in table.store.history(table.service, 10, None)[0]}
    assert reasons == {"apply", "delete"}
    assert table.store.whereabouts("t1") == (table.service, LAUNCH)


def test_a_pass_over_a_name_that_nobody_declares_leaves_nothing(table):
    table.store.remove_service(begin(table), (), table.clock())
    assert table.store.read(table.service) is None


def test_more_than_a_thousand_decisions_of_one_pass_fit_into_the_history(table):
    """5,000 tasks may be lost at once; an item of the table holds 400 KB."""
    decisions = tuple(Decision(kind="lost", reason="x" * 150, task=f"{number:032x}") for number in range(3000))
    table.store.commit(begin(table), plan_of(), decisions, table.clock())
    entries, _ = table.store.history(table.service, 10_000, None)
    assert [entry["task"] for entry in reversed(entries)] == [decision.task for decision in decisions]


# -- control ----------------------------------------------------------------------------------------------------------


def test_only_the_first_of_two_writers_wins(table):
    declare(table)
    first = table.store.read(table.service)
    second = table.store.read(table.service)
    changed = replace(declared(table.service), generation=2)
    wishes = OperatorWishes(protections=(Protection(task="t1", until=9.0),))
    table.store.put_service(first, changed, a_capacity(5), asked(), table.clock())
    with pytest.raises(Conflict):
        table.store.put_service(second, changed, a_capacity(6), asked(), table.clock())
    with pytest.raises(Conflict):
        table.store.put_service(second, changed, a_capacity(6), asked(), table.clock(), wishes)
    with pytest.raises(Conflict):
        table.store.put_service(None, changed, a_capacity(6), asked(), table.clock())
    after = table.store.read(table.service).state
    assert (after.capacity, after.operator) == (a_capacity(5), OperatorWishes())


def test_the_count_and_the_wishes_have_revisions_of_their_own(table):
    declare(table)
    wishes = OperatorWishes(protections=(Protection(task="t1", until=9.0, by="alice"),))
    same = declared(table.service)
    before = table.store.read(table.service)
    table.store.put_service(before, same, a_capacity(7), asked(), table.clock(), wishes)
    after = table.store.read(table.service)
    assert (after.state.capacity, after.state.operator) == (a_capacity(7), wishes)
    for stale in (
        replace(after, capacity_revision=before.capacity_revision),
        replace(after, operator_revision=before.operator_revision),
    ):
        with pytest.raises(Conflict):
            table.store.put_service(stale, same, a_capacity(8), asked(), table.clock(), OperatorWishes())
    table.store.put_service(after, same, a_capacity(9), asked(), table.clock())
    last = table.store.read(table.service).state
    assert (last.capacity, last.operator) == (a_capacity(9), wishes)


def test_what_is_wished_of_a_cluster_reaches_every_pass_of_it(table):
    declare(table)
    cordon = Cordon(zone="zone-a", at=7.0, evacuate=True, by="alice", reason="flooded")
    none, revision = table.store.cluster_wishes(table.cluster)
    assert (none, revision) == (ClusterWishes(), None)
    wishes = ClusterWishes(cordons=(cordon,))
    table.store.put_cluster_wishes(table.cluster, revision, wishes, asked("cordon"), table.clock())
    with pytest.raises(Conflict):
        table.store.put_cluster_wishes(table.cluster, revision, wishes, asked("cordon"), table.clock())
    assert begin(table).cordons == (cordon,)
    assert table.store.read(table.service).state.cordons == (cordon,)
    found, revision = table.store.cluster_wishes(table.cluster)
    assert found == wishes
    table.clock.advance(1)
    table.store.put_cluster_wishes(table.cluster, revision, ClusterWishes(), asked("uncordon"), table.clock())
    assert begin(table).cordons == ()
    entries, _ = table.store.history(f"cluster#{table.cluster}", 10, None)
    assert [(entry["reason"], entry["by"]) for entry in entries] == [("uncordon", "alice"), ("cordon", "alice")]


def test_every_wish_is_read_back_as_it_was_written(table):
    declare(table)
    wishes = OperatorWishes(
        protections=(Protection(task="t1", until=9.5, by="alice"),),
        standbys=(Standby(task="t2", at=1.5, by="bob", reason="heap dump \N{TEST TUBE}"),),
        stops=(StopWish(task="t3", at=2.5, reason="hangs"),),
        pause=Pause(mode="freeze", at=3.5, until=None, by="alice"),
        override=Override(count=0, at=4.5, until=1_790_000_060.123456),
    )
    before = table.store.read(table.service)
    table.store.put_service(before, declared(table.service), a_capacity(3), asked("pause"), table.clock(), wishes)
    assert begin(table).operator == wishes
    assert table.store.read(table.service).state.operator == wishes


def test_what_was_declared_before_is_kept_with_the_declaration(table):
    before = declared(table.service)
    after = replace(
        before,
        generation=2,
        deployment="dep-2",
        revision="web:13/rollback-2",
        network_mode="bridge",
        registered=("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:13",),
        previous=before,
    )
    table.store.put_service(None, after, a_capacity(3), asked("rollback"), table.clock())
    assert begin(table).declared == after
    ((_, _, overview),) = table.store.overview([table.service]).values()
    assert overview == after


def test_a_notice_is_taken_back_and_needs_a_task(table):
    notice = Notice(kind="DRAINING", at=5.0, reason="its container instance drains", deadline=9.0)
    assert not table.store.record_notice(table.service, "t1", notice)
    record_task(table, "t1")
    assert table.store.record_notice(table.service, "t1", notice)
    assert [task.notice for task in begin(table).tasks] == [notice]
    assert table.store.record_notice(table.service, "t1", None)
    assert [task.notice for task in begin(table).tasks] == [None]


def test_the_index_tells_that_a_service_is_being_deleted(table):
    declare(table)
    deleting = replace(declared(table.service), generation=2, deleting_at=table.clock())
    table.store.put_service(table.store.read(table.service), deleting, a_capacity(3), asked("delete"), table.clock())
    assert [mark.deleting for mark in table.store.services(table.cluster)] == [True]


def test_an_overview_reads_many_services_without_their_tasks(table):
    declare(table, 4)
    status = a_status()
    table.store.finish(begin(table), status, (), table.clock())
    others = [f"{table.cluster}/none-{number}" for number in range(60)]
    overview = table.store.overview([table.service, *others])
    assert overview[table.service] == (status, a_capacity(4), declared(table.service))
    assert len(overview) == 61
    assert overview[others[0]][1:] == (None, None)


def test_the_history_is_paged_without_loss_or_repetition(table):
    declare(table)
    for number in range(7):
        table.clock.advance(1)
        decisions = [Decision(kind="hold", reason=f"{number}-{part}") for part in range(3)]
        table.store.finish(begin(table), a_status(), decisions, table.clock())
    whole, rest = table.store.history(table.service, 1000, None)
    assert rest is None
    assert [entry["reason"] for entry in whole][:4] == ["6-2", "6-1", "6-0", "5-2"]
    assert whole[-1]["by"] == "alice"
    pages, cursor = [], None
    for _ in range(20):
        page, cursor = table.store.history(table.service, 4, cursor)
        pages.extend(page)
        if cursor is None:
            break
    assert pages == list(whole)
