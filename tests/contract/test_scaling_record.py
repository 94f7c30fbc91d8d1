"""The record ``scaling``: written by compare-and-set, with the count and the history, and by one writer alone."""

from typing import Any

import pytest

from builders import a_capacity
from fakes.scaling import InMemoryScalingStore
from headcount.aws.dynamodb_scaling import ScalingTable
from headcount.errors import Conflict, NewerSchema
from headcount.model.scaling_record import KnownAction, LastDecision, ScalingRecord, UnsetCount
from headcount.model.scaling_state import Activity, Ask, Recommendation, RunningCount, ScalingState
from headcount.model.service import Counts, Decision, Deployment, OperatorWishes, Pause, ServiceStatus
from headcount.model.values import replace
from headcount.ports.scaling import ScalingWrite

from .conftest import TABLE
from .values import asked, begin, commit_launch, declare, declared, record_task

LOOKED = ScalingRecord(
    declared="0123456789abcdef",
    bounds=(1, 20),
    state=ScalingState(
        activities=(Activity(policy="cpu", at=1.5, baseline=4, before=4, after=7, cooldown=300, measured_at=0.0),),
        recommendations=(Recommendation(policy="cpu", at=1.5, count=7),),
        running=(RunningCount(at=1.5, count=4),),
        panicked=(("cpu", 1.5),),
        minimum=3,
        fired=(("night", 0.25),),
    ),
    actions=(KnownAction(name="night", mark="fedcba9876543210", since=0.125),),
    alarms=("headcount/main/scaling/web/cpu/high/0",),
    schedules=("scaling-0",),
    watched=("mine",),
    keep_at=3600.5,
    unkept=("alarm a is not created",),
    problems=("there is no alarm mine",),
    held="paused by alice",
    unmoved=True,
    unset=UnsetCount(before=4, count=7),
    looked_at=1.5,
    changed=LastDecision(at=1.5, before=4, count=7, reason="80 with 4 tasks", policy="cpu"),
    latest=LastDecision(
        at=1.5, before=7, count=7, reason="calm", asked=(Ask(policy="cpu", outcome="keep", reason="calm", value=50.0),)
    ),
    next_look_at=61.5,
)
TOLD = Decision(kind="scaling", reason="cpu scales out from 4 to 7", event_name="SERVICE_DESIRED_COUNT_UPDATED")


@pytest.fixture
def scaling(table) -> Any:
    """The store of ``decide_scaling`` beside the stores of the others."""
    if table.client is None:
        return InMemoryScalingStore(table.store)
    return ScalingTable(table.client, TABLE, "main", table.clock)


def write(table, scaling, record: ScalingRecord = LOOKED, **parts: Any) -> Any:
    return scaling.write(scaling.read(table.service), ScalingWrite(scaling=record, **parts), table.clock())


def delete(table) -> None:
    state = table.store.read(table.service)
    ending = declared(table.service, generation=state.state.declared.generation + 1, deleting_at=table.clock())
    table.store.put_service(state, ending, a_capacity(0), asked(), table.clock())


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_service_that_nobody_declares_has_no_records(table, scaling):
    begin(table)
    assert scaling.read(table.service) is None


def test_what_is_written_is_read_back_by_whoever_reads_the_service(table, scaling):
    declare(table)
    records = scaling.read(table.service)
    assert (records.scaling, records.revision, records.declared) == (ScalingRecord(), None, declared(table.service))
    after = write(table, scaling)
    assert after == scaling.read(table.service)
    assert (after.scaling, begin(table).scaling) == (LOOKED, LOOKED)


def test_the_count_and_the_wishes_are_read_with_it(table, scaling):
    declare(table, 3)
    state = table.store.read(table.service)
    wishes = OperatorWishes(pause=Pause(mode="stop", at=1.0))
    table.store.put_service(state, declared(table.service, generation=2), a_capacity(5), asked(), table.clock(), wishes)
    records = scaling.read(table.service)
    assert (records.capacity, records.operator) == (a_capacity(5), wishes)


def test_how_many_tasks_run_is_what_the_last_pass_counted(table, scaling):
    declare(table)
    before = scaling.read(table.service)
    assert (before.running, before.seen_count, before.next_wake, before.deploying) == (0, None, None, True)
    assert before.settled_at is None
    state = begin(table)
    newest = Deployment(
        deployment_id=state.declared.deployment, task_definition_arn="web:12", created_at=1.0, rollout_state="COMPLETED"
    )
    status = ServiceStatus(
        generation=1,
        counts=Counts(desired=3, running=2),
        deployments=(newest,),
        next_wake=table.clock() + 9.5,
        steady_since=4.5,
    )
    table.store.finish(state, status, (), table.clock())
    records = scaling.read(table.service)
    assert (records.running, records.seen_count, records.deploying) == (2, 3, False)
    assert (records.next_wake, records.settled_at) == (table.clock() + 9.5, 4.5)
    table.store.finish(
        begin(table), replace(status, deployments=(replace(newest, rollout_state="IN_PROGRESS"),)), (), 1.0
    )
    assert scaling.read(table.service).deploying


@pytest.mark.parametrize("record", ["task#t1", "targets#web"])
def test_launches_tasks_and_targets_are_none_of_its_business(table, scaling, record):
    declare(table)
    write(table, scaling)
    record_task(table, "t1")
    commit_launch(table)
    table.make_newer(record)
    assert scaling.read(table.service).scaling == LOOKED


@pytest.mark.parametrize("record", ["manifest", "scaling", "capacity", "status"])
def test_a_record_of_a_newer_version_is_left_to_it(table, scaling, record):
    declare(table)
    begin(table)
    write(table, scaling)
    table.make_newer(record)
    with pytest.raises(NewerSchema):
        scaling.read(table.service)


# -- writing ----------------------------------------------------------------------------------------------------------


def test_count_record_and_history_are_written_together(table, scaling):
    declare(table, 4)
    count = a_capacity(7, declared_count=4, reason="cpu scales out from 4 to 7", changed_at=1.5)
    after = write(table, scaling, capacity=count, history=(TOLD,))
    assert after == scaling.read(table.service)
    assert begin(table).capacity == count
    entries, _ = table.store.history(table.service, 10, None)
    assert [(one["reason"], one["eventName"]) for one in entries if one["kind"] == "scaling"] == [
        (TOLD.reason, TOLD.event_name)
    ]


def test_people_and_decisions_change_the_count_in_turn(table, scaling):
    declare(table, 4)
    records = scaling.read(table.service)
    people = table.store.read(table.service)
    write(table, scaling, capacity=a_capacity(7))
    with pytest.raises(Conflict):
        table.store.put_service(people, declared(table.service, generation=2), a_capacity(9), asked(), table.clock())
    table.store.put_service(
        table.store.read(table.service), declared(table.service, generation=2), a_capacity(9), asked(), table.clock()
    )
    for stale in (records, replace(scaling.read(table.service), capacity_revision=1)):
        with pytest.raises(Conflict):
            scaling.write(stale, ScalingWrite(scaling=LOOKED, capacity=a_capacity(7)), table.clock())
    assert begin(table).capacity == a_capacity(9)


def test_an_older_look_never_overwrites_a_newer_one(table, scaling):
    declare(table)
    before = scaling.read(table.service)
    write(table, scaling)
    for stale in (before, replace(before, revision=7)):
        for history in ((), (TOLD,)):
            with pytest.raises(Conflict):
                scaling.write(stale, ScalingWrite(scaling=ScalingRecord(), history=history), table.clock())
    assert scaling.read(table.service).scaling == LOOKED


def test_a_look_goes_on_from_what_it_wrote(table, scaling):
    declare(table)
    records = scaling.read(table.service)
    for number in range(3):
        step = ScalingWrite(scaling=replace(LOOKED, looked_at=float(number)), capacity=a_capacity(number))
        records = scaling.write(records, step, table.clock())
    assert records == scaling.read(table.service)


@pytest.mark.parametrize(
    "step",
    [
        ScalingWrite(scaling=LOOKED, capacity=a_capacity(7)),
        ScalingWrite(scaling=LOOKED, history=(TOLD,)),
        ScalingWrite(scaling=replace(LOOKED, alarms=(*LOOKED.alarms, "another"))),
        ScalingWrite(scaling=replace(LOOKED, schedules=(*LOOKED.schedules, "another"))),
        ScalingWrite(scaling=replace(LOOKED, watched=(*LOOKED.watched, "another"))),
    ],
    ids=["count", "history", "alarm", "schedule", "watch"],
)
def test_what_must_stand_with_the_manifest_is_not_written_for_another(table, scaling, step):
    """What is about to be made would be forgotten if the service ended meanwhile."""
    declare(table)
    records = write(table, scaling)
    delete(table)
    with pytest.raises(Conflict):
        scaling.write(records, step, table.clock())
    assert scaling.read(table.service).scaling == LOOKED


def test_what_was_only_looked_at_may_be_written_for_a_manifest_that_has_changed(table, scaling):
    declare(table)
    records = write(table, scaling)
    delete(table)
    scaling.write(records, ScalingWrite(scaling=replace(LOOKED, looked_at=9.0)), table.clock())
    assert scaling.read(table.service).scaling.looked_at == 9.0


def test_nothing_is_written_for_a_service_that_is_gone(table, scaling):
    declare(table)
    new, known = scaling.read(table.service), write(table, scaling)
    delete(table)
    table.store.remove_service(begin(table), (), table.clock())
    for records in (new, known):
        with pytest.raises(Conflict):
            scaling.write(records, ScalingWrite(scaling=LOOKED), table.clock())
    declare(table)
    assert scaling.read(table.service).scaling == ScalingRecord()


# -- timers -----------------------------------------------------------------------------------------------------------


def test_a_timer_is_held_against_the_look_that_is_wanted(table, scaling):
    assert table.store.next_scaling_look(table.service) is None
    declare(table)
    write(table, scaling)
    assert table.store.next_scaling_look(table.service) == 61.5
    write(table, scaling, replace(LOOKED, next_look_at=None))
    assert table.store.next_scaling_look(table.service) is None


# -- alarms of the user's ---------------------------------------------------------------------------------------------


def test_an_alarm_wakes_everybody_who_watches_it(table, scaling):
    alarm, other = f"high {table.service} größer", f"low {table.service}"
    assert scaling.watchers(alarm) == ()
    scaling.watch(table.service, (alarm, other), ())
    scaling.watch(f"{table.service}-2", (alarm,), ())
    scaling.watch(f"{table.service}-2", (alarm,), ())
    assert set(scaling.watchers(alarm)) == {table.service, f"{table.service}-2"}
    scaling.watch(table.service, (alarm,), (alarm, other))
    assert (scaling.watchers(other), len(scaling.watchers(alarm))) == ((), 2)
    scaling.watch(table.service, (), (alarm, other))
    assert scaling.watchers(alarm) == (f"{table.service}-2",)
