"""The audit finds within a minute what events, kicks and timers missed, and costs a quiet service nothing."""

import pytest

from builders import NOW, SERVICE, a_task
from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from headcount.auditing import Auditor
from headcount.errors import Throttled, TransientError
from headcount.ports import ServiceMark
from headcount.ports.auditing import Roster
from headcount.ports.tasks import Sighting, TaskPage


def _quiet(desired: int = 3) -> FakeLoop:
    loop = FakeLoop().running(desired)
    loop.run(1)
    return loop


def _deliver(loop: FakeLoop) -> None:
    while loop.deliver_kick():
        pass


@pytest.mark.parametrize("how", ["crash", "interrupt"])
def test_a_missed_event_is_found_by_the_next_audit(how):
    loop = _quiet()
    victim = min(loop.ids())
    getattr(loop.runtime, how)(victim)
    loop.runtime.events.clear()
    findings = loop.auditor.audit(["prod"], lambda: 50.0)
    assert (findings.missed, findings.kicked) == (1, 1)
    _deliver(loop)
    assert len(loop.ids()) == 3
    assert victim not in loop.ids()


def test_all_events_lost_the_audit_alone_keeps_the_count():
    loop = _quiet(5)
    for task_id in loop.ids():
        loop.runtime.crash(task_id)
    for _ in range(4):
        loop.runtime.events.clear()
        loop.audit()
        while loop.deliver_kick():
            loop.runtime.step_all()
        loop.clock.advance(60)
    loop.runtime.events.clear()
    assert len(loop.ids()) == 5


@pytest.mark.parametrize(("age", "lost"), [(299.0, 0), (301.0, 1)])
def test_a_task_that_ecs_does_not_know_is_lost_only_when_it_is_not_young(age, lost):
    loop = FakeLoop()
    loop.declare(1)
    loop.deliver_kick()
    loop.deliver_events()
    loop.audit()
    (task_id,) = loop.ids()
    loop.runtime.forget(task_id)
    loop.clock.advance(age)
    assert loop.auditor.audit(["prod"], lambda: 50.0).vanished == 0, "one answer without it may be ECS's mistake"
    assert loop.auditor.audit(["prod"], lambda: 50.0).vanished == lost
    _deliver(loop)
    assert len(loop.ids()) == lost, "a lost task is replaced"


def _orphan(loop: FakeLoop) -> str:
    task_id = "f" * 32
    loop.runtime.run_foreign("prod", task_id, group="headcount:web", mark="hc/main/lostlostlostlostlost")
    return task_id


@pytest.mark.parametrize("told", [False, True], ids=["no event of it", "an event of it on record"])
def test_an_orphan_is_confirmed_by_the_sweep_and_counted(told):
    loop = _quiet(2)
    orphan = _orphan(loop)
    if told:
        loop.observer.observe(loop.runtime.describe("prod", [orphan])[0])
        _deliver(loop)
    loop.clock.advance(15 * 60)
    findings = loop.auditor.audit(["prod"], lambda: 50.0)
    assert findings.orphans == 1
    loop.settle()
    loop.assert_exactly(2)


def test_a_young_stranger_is_not_yet_an_orphan():
    loop = _quiet(2)
    loop.clock.advance(15 * 60 - 100)
    orphan = _orphan(loop)
    loop.clock.advance(100)
    assert loop.auditor.audit(["prod"], lambda: 50.0).orphans == 0
    assert orphan in loop.ids()


def test_a_foreign_task_is_never_touched():
    loop = _quiet(1)
    for number, (group, mark) in enumerate([("family:db", "me"), ("headcount:web", "hc/other/aaaaaaaaaaaaaaaaaaaa")]):
        loop.runtime.run_foreign("prod", f"{number:032x}", group=group, mark=mark)
    loop.run(35)
    foreign = [loop.runtime.tasks[f"{number:032x}"].observed.desired_status for number in range(2)]
    assert foreign == ["RUNNING", "RUNNING"]
    assert set(loop.store.partitions) == {SERVICE}


def test_an_orphan_of_a_service_that_nobody_declares_is_reported_and_left_alone():
    loop = FakeLoop()
    orphan = _orphan(loop)
    loop.clock.advance(200)
    loop.run(2)
    assert loop.runtime.tasks[orphan].observed.desired_status == "RUNNING"
    assert any(orphan == decision.task and decision.level == "ERROR" for decision in loop.telling.decisions)


def test_a_manifest_whose_kick_was_lost_is_kicked_again():
    loop = FakeLoop()
    loop.declare(2)
    loop.kicks.waiting.clear()
    loop.audit()
    _deliver(loop)
    assert len(loop.ids()) == 2


def test_a_timer_that_was_lost_is_made_good_when_it_is_overdue():
    loop = FakeLoop()
    loop.runtime.throttle("launch", 1)
    loop.declare(1)
    loop.deliver_kick()
    loop.timers.waiting.clear()
    loop.clock.now = loop.state().status.next_wake + 4.9
    loop.audit()
    assert not loop.kicks.waiting
    loop.clock.advance(0.2)
    loop.audit()
    _deliver(loop)
    assert len(loop.ids()) == 1


def test_a_stopped_task_whose_kick_was_lost_is_not_forgotten():
    loop = _quiet(2)
    loop.runtime.crash(min(loop.ids()))
    loop.deliver_events()
    loop.kicks.waiting.clear()
    loop.clock.advance(61)
    loop.auditor = loop.new_auditor()
    loop.audit()
    _deliver(loop)
    assert len(loop.ids()) == 2


def test_failed_tasks_that_wait_on_record_bring_no_pass_before_its_time():
    """Every minute of a long back-off, that is."""
    loop = _quiet(1)
    while not _waits_for_minutes(loop):
        loop.run(2)
        loop.runtime.crash(min(loop.ids()))
        loop.deliver_events()
        _deliver(loop)
    loop.clock.advance(61)
    loop.audit()
    assert not loop.kicks.waiting
    assert any(task.observed.last_status == "STOPPED" for task in loop.state().tasks)


def _waits_for_minutes(loop: FakeLoop) -> bool:
    """Whether the next round of a back-off is further away than an audit."""
    status = loop.state().status
    return status.state == "BACKING_OFF" and status.next_wake is not None and status.next_wake > loop.clock() + 70.0


def test_a_quiet_service_costs_one_look_at_the_index_and_one_at_ecs():
    loop = _quiet()
    wire = Tripwire()
    loop.auditor.store = wire.guard(loop.store, "store")
    loop.auditor.runtime = wire.guard(loop.runtime, "runtime")
    for _ in range(3):
        loop.clock.advance(60)
        loop.audit()
    assert wire.calls == ["store.services", "runtime.describe"] * 3
    assert not loop.kicks.waiting


def test_a_flip_of_health_is_written_once_and_kicks_once():
    loop = _quiet(1)
    (task_id,) = loop.ids()
    told = []
    for health in ("HEALTHY", "HEALTHY", "UNHEALTHY", "UNHEALTHY", "UNKNOWN"):
        loop.runtime.tasks[task_id].health = health
        loop.audit()
        told.append(len(loop.kicks.waiting))
        loop.begin_a_pass()
        loop.clock.advance(60)
    (task,) = loop.state().tasks
    assert task.health.status == "UNHEALTHY"
    assert loop.kicks.sent[-1].cause == "the audit found news"
    assert told == [1, 0, 1, 0, 0]


def _fall_ill(loop: FakeLoop) -> None:
    loop.runtime.tasks[min(loop.ids())].health = "UNHEALTHY"


def _be_drained(loop: FakeLoop) -> None:
    instance = loop.runtime.add_instance("prod", 1)
    loop.runtime.put_on(instance, *loop.ids())
    loop.run(1)
    loop.runtime.set_instance(instance, status="DRAINING")


def _be_forgotten(loop: FakeLoop) -> None:
    del loop.store.partition(SERVICE).tasks[min(loop.ids())]
    loop.clock.advance(15 * 60)


@pytest.mark.parametrize("befalls", [_fall_ill, _be_drained, _be_forgotten])
def test_what_an_auditor_wrote_before_it_died_is_told_by_the_next(befalls):
    loop = _quiet(1)
    befalls(loop)
    loop.auditor = loop.new_auditor()
    loop.kicks.sent.clear()
    loop.kicks.refuse_next = 9
    loop.audit()
    assert loop.kicks.refuse_next < 9, "it died between the record and the kick"
    loop.kicks.refuse_next = 0
    loop.auditor = loop.new_auditor()
    for _ in range(3):
        loop.clock.advance(60)
        loop.audit()
        loop.begin_a_pass()
    assert [message.cause for message in loop.kicks.sent] == ["the audit found news"]


@pytest.mark.parametrize("passes", [0, 2, 3])
def test_news_are_told_again_until_one_pass_has_begun_and_no_more(passes):
    """Without one the kick was lost; several may be the same one that fails, until SQS gives the kick up."""
    loop = _quiet(1)
    loop.runtime.tasks[min(loop.ids())].health = "UNHEALTHY"
    loop.audit()
    for begun, told in ((passes, True), (passes, True), (1, False), (0, False)):
        loop.clock.advance(60)
        loop.kicks.sent.clear()
        for _ in range(begun):
            loop.store.begin_pass(SERVICE)
        loop.audit()
        assert [message.cause for message in loop.kicks.sent] == ["the audit found news"] * told


def test_hundreds_of_tasks_are_described_a_hundred_a_call():
    loop = FakeLoop()
    loop.declare(250)
    loop.settle()
    calls = loop.runtime.calls["describe"]
    loop.audit()
    assert loop.runtime.calls["describe"] - calls == 3


def test_an_audit_short_of_time_says_so_and_begins_nothing():
    loop = _quiet()
    findings = loop.auditor.audit(["prod"], lambda: 4.0)
    assert findings.out_of_time
    assert findings.services == 0


def test_what_is_due_is_kicked_although_ecs_has_no_patience():
    loop = FakeLoop()
    loop.declare(2)
    loop.run(1)
    loop.scale(3)
    loop.deploy()
    loop.kicks.waiting.clear()
    loop.runtime.throttle("describe", 1)
    loop.audit()
    assert [message.cause for message in loop.kicks.waiting] == ["a manifest that no pass has seen"]


def test_news_that_were_written_before_ecs_lost_patience_are_kicked():
    loop = FakeLoop()
    loop.declare(150)
    loop.settle()
    victim = next(iter(sorted(loop.ids())))
    loop.runtime.interrupt(victim)
    loop.runtime.events.clear()
    loop.auditor.runtime = Tripwire(1, "before", lambda: loop.runtime.throttle("describe", 1)).guard(
        loop.runtime, "runtime"
    )
    loop.audit()
    _deliver(loop)
    assert victim not in loop.ids()
    assert len(loop.ids()) == 150


def test_a_later_service_is_reached_although_every_audit_is_cut_short():
    marks = [ServiceMark(service=f"prod/s{number}", pass_number=1) for number in range(6)]
    described: list[str] = []

    class Store:
        def services(self, cluster: str) -> tuple[ServiceMark, ...]:
            return tuple(marks)

        def roster(self, service: str) -> Roster:
            return Roster(tasks=tuple(a_task(f"{service}/{number}") for number in range(100)))

    class Runtime:
        def describe(self, cluster: str, task_ids: list[str]) -> tuple[Sighting, ...]:
            described.extend({task_id.rpartition("/")[0] for task_id in task_ids})
            if task_ids and len(described) % 4 == 0:
                raise Throttled("DescribeTasks: Rate exceeded")
            return tuple(Sighting(task_id=one, observed=a_task(one).observed, service=None) for one in task_ids)

        def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
            return TaskPage()

    auditor = FakeLoop().new_auditor(runtime=Runtime(), store=Store(), clock=lambda: NOW)
    for _ in range(3):
        auditor.audit(["prod"], lambda: 50.0)
    assert described[:8] == [f"prod/s{number}" for number in (0, 1, 2, 3, 3, 4, 5, 0)]


def test_rosters_that_an_audit_has_no_time_to_read_are_read_by_the_next_ones():
    marks = [ServiceMark(service=f"prod/s{number}", pass_number=1, next_wake=NOW - 60.0) for number in range(6)]
    time_left = [50.0]
    read: list[str] = []

    class Store:
        def services(self, cluster: str) -> tuple[ServiceMark, ...]:
            return tuple(marks)

        def roster(self, service: str) -> Roster:
            read.append(service)
            time_left[0] -= 10.0
            return Roster()

    auditor = FakeLoop().new_auditor(store=Store(), clock=lambda: NOW)
    first = auditor.audit(["prod"], lambda: time_left[0])
    assert first.out_of_time
    assert first.kicked == 6, "what is due is kicked, read or not"
    time_left[0] = 50.0
    auditor.audit(["prod"], lambda: time_left[0])
    assert read == [mark.service for mark in marks]


class LargeCluster:
    """A cluster of tasks that are none of ours. ``patience``: calls that ECS answers before it throttles one."""

    def __init__(self, pages: int, patience: int = 1_000_000) -> None:
        self.pages = pages
        self.patience = patience
        self.asked: list[str | None] = []
        self.described: list[str] = []
        self.troubles: list[Exception] = []

    def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
        self._count()
        self.asked.append(after)
        number = int(after or 0)
        ids = tuple(f"task-{number}-{one}" for one in range(100))
        return TaskPage(task_ids=ids, goes_on=str(number + 1) if number + 1 < self.pages else None)

    def describe(self, cluster: str, task_ids: list[str]) -> tuple[Sighting, ...]:
        self._count()
        self.described += task_ids
        return ()

    def _count(self) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.patience -= 1
        if self.patience < 0:
            self.patience = 8
            raise Throttled("Rate exceeded")


def _pages_of(auditor: Auditor, loop: FakeLoop, runtime: LargeCluster) -> int:
    """How many pages the next audit lists, a minute before the one after."""
    before = len(runtime.asked)
    auditor.audit(["prod"], lambda: 50.0)
    loop.clock.advance(60)
    return len(runtime.asked) - before


def test_a_large_cluster_is_swept_over_several_audits():
    runtime = LargeCluster(pages=50)
    loop = FakeLoop()
    auditor = loop.new_auditor(runtime=runtime)
    assert [_pages_of(auditor, loop, runtime) for _ in range(5)] == [20, 20, 10, 0, 0]
    loop.clock.advance(15 * 60)
    assert _pages_of(auditor, loop, runtime) == 20
    assert runtime.asked[50] is None, "from the beginning"


def test_a_sweep_goes_on_where_ecs_lost_its_patience():
    runtime = LargeCluster(pages=20, patience=8)
    loop = FakeLoop()
    auditor = loop.new_auditor(runtime=runtime)
    assert [_pages_of(auditor, loop, runtime) for _ in range(4)] == [8, 7, 5, 0]
    assert len(set(runtime.described)) == len(runtime.described) == 2_000, "each is looked at once"


def test_what_was_listed_when_ecs_does_not_describe_it_is_listed_again():
    runtime = LargeCluster(pages=50)
    loop = FakeLoop()
    auditor = loop.new_auditor(runtime=runtime)
    _pages_of(auditor, loop, runtime)
    runtime.patience = 20  # the pages, and no description
    assert [_pages_of(auditor, loop, runtime) for _ in range(2)] == [20, 8]
    assert (runtime.asked[20], runtime.asked[40]) == ("20", "20")


def test_a_sweep_whose_mark_is_no_longer_good_begins_anew():
    runtime = LargeCluster(pages=50)
    loop = FakeLoop()
    auditor = loop.new_auditor(runtime=runtime)
    _pages_of(auditor, loop, runtime)
    runtime.troubles.append(TransientError("ListTasks: InvalidParameterException: Invalid token"))
    assert _pages_of(auditor, loop, runtime) == 0
    assert _pages_of(auditor, loop, runtime) == 20
    assert runtime.asked[20] is None


def test_nothing_is_swept_while_rosters_are_unread_for_their_tasks_would_be_strangers():
    runtime = LargeCluster(pages=1)
    loop = FakeLoop()
    marks = tuple(ServiceMark(service=f"prod/s{number}", pass_number=1) for number in range(6))
    left = [50.0]

    class Store:
        def services(self, cluster: str) -> tuple[ServiceMark, ...]:
            return marks

        def roster(self, service: str) -> Roster:
            left[0] -= 10.0
            return Roster()

    auditor = loop.new_auditor(runtime=runtime, store=Store())
    assert auditor.audit(["prod"], lambda: left[0]).out_of_time
    assert runtime.asked == []
    left[0] = 80.0
    auditor.audit(["prod"], lambda: left[0])
    assert runtime.asked == [None]


def test_a_sweep_that_fails_begins_anew_with_the_next_audit():
    loop = _quiet()
    loop.clock.advance(16 * 60)
    loop.runtime.throttle("sweep", 1)
    calls = loop.runtime.calls["sweep"]
    for _ in range(3):
        loop.audit()
        loop.clock.advance(60)
    assert loop.runtime.calls["sweep"] - calls == 2
