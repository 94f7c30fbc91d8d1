"""One pass: the plan is recorded before it is carried out, and every answer of ECS finds its place."""

from builders import SERVICE
from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from headcount import stories
from headcount.model.instants import iso
from headcount.model.values import replace

SIDE_EFFECTS = (
    "runtime.launch",
    "runtime.stop",
    "groups.register",
    "groups.deregister",
    "store.forget",
    "store.remove_service",
)


def test_a_plan_is_recorded_before_any_side_effect(story):
    loop, wire = story.begin(), Tripwire()
    loop.deliver_kick(wire)
    effects = [number for number, name in enumerate(wire.calls) if name in SIDE_EFFECTS]
    assert effects, "the story has a side effect or an adoption"
    assert wire.calls.index("store.commit") < effects[0]


def test_an_older_pass_that_has_not_recorded_its_plan_does_nothing_more():
    loop = FakeLoop()
    loop.declare(3)
    wire = Tripwire(2, "before", loop.reconcile)  # between reading and recording
    loop.reconcile(wire)
    assert wire.calls[:3] == ["store.begin_pass", "store.gather", "store.commit"]
    assert wire.calls[3:] == ["telling.measured"]
    assert [one.extra.get("superseded") for one in loop.telling.passes] == [None, True]
    assert len(loop.ids()) == 3


def test_a_launch_whose_answer_was_lost_is_resumed_with_the_same_request():
    loop = FakeLoop()
    loop.runtime.lose_answer("launch")
    loop.declare(1)
    loop.settle()
    first, second = loop.runtime.requests
    assert first == second
    loop.assert_exactly(1)


def test_events_that_overtake_the_answer_count_for_the_launch():
    """RunTask's answer is lost, its events arrive: nothing more is started."""
    loop = FakeLoop()
    loop.runtime.lose_answer("launch")
    loop.declare(1)
    loop.deliver_kick()
    loop.deliver_events()
    loop.reconcile()
    assert len(loop.ids()) == 1


def test_a_launch_without_an_answer_for_half_an_hour_is_looked_up_and_not_sent_again():
    loop = FakeLoop()
    loop.runtime.lose_answer("launch")
    loop.declare(1)
    loop.deliver_kick()
    loop.runtime.events.clear()
    loop.clock.advance(31 * 60)
    loop.reconcile()
    assert loop.runtime.calls["started_by"] == 1
    assert loop.runtime.calls["launch"] == 1
    loop.settle()
    loop.assert_exactly(1)


def test_a_shortfall_is_a_new_launch_in_another_zone():
    loop = FakeLoop()
    loop.runtime.capacity["zone-a"] = 1
    loop.declare(6)
    loop.settle()
    tokens = [request["clientToken"] for request in loop.runtime.requests]
    assert len(set(tokens)) == len(tokens)
    zones = sorted(task.observed.availability_zone for task in loop.runtime.alive("prod/web"))
    assert zones == ["zone-a", *["zone-b"] * 5]
    assert "SERVICE_TASK_PLACEMENT_FAILURE" in {decision.event_name for decision in loop.telling.published}


def test_a_refused_launch_is_closed_and_tried_again_more_and_more_slowly():
    loop = FakeLoop()
    loop.runtime.refusal = "ClientException: TaskDefinition is inactive"
    loop.declare(1)
    loop.drain()
    state = loop.state()
    assert state.launches == ()
    assert loop.runtime.calls["launch"] == 2, "one try in each zone"
    assert state.status.backoff.refused
    assert "TaskDefinition is inactive" in state.status.backoff.reason
    assert state.status.next_wake == state.status.backoff.until
    loop.run(30)
    tries = loop.runtime.calls["launch"]
    assert 10 <= tries <= 40, "a backoff over both zones, not a hot loop"
    loop.runtime.refusal = None
    loop.run(10)
    loop.assert_exactly(1)


def test_a_throttled_launch_waits_with_jitter_and_goes_on_by_its_timer():
    loop = FakeLoop(jitter=0.25)
    loop.runtime.throttle("launch", 1)
    loop.declare(1)
    loop.deliver_kick()
    assert loop.state().launches != ()
    (timer,) = loop.timers.sent
    assert 0.5 <= timer.at - loop.clock() <= 1.0
    loop.run(1)
    loop.assert_exactly(1)


def test_a_launch_that_is_sent_again_is_told_once():
    loop = FakeLoop()
    loop.runtime.throttle("launch", 4)
    loop.declare(1)
    loop.deliver_kick()
    told = []
    for _ in range(3):
        loop.clock.advance(20)
        loop.reconcile()
        told.append(len(loop.store.history(SERVICE, 100, None)[0]))
    assert told[0] == told[1] == told[2]
    loop.run(1)
    loop.assert_exactly(1)


def test_a_throttled_stop_is_sent_again_by_a_later_pass():
    loop = FakeLoop().running(3)
    loop.runtime.throttle("stop", 1)
    loop.scale(1)
    loop.deliver_kick()
    assert len(loop.ids()) == 3
    assert all(task.managed.stop for task in loop.state().tasks if task.managed and task.managed.stop)
    loop.settle()
    loop.assert_exactly(1)


def test_a_task_definition_that_ecs_does_not_deregister_now_is_left_to_a_later_pass():
    loop = FakeLoop().running(1)
    loop.declare(
        1, registered=("arn:aws:ecs:eu-west-1:123456789012:task-definition/inline:1",), deleting_at=loop.clock()
    )
    loop.runtime.throttle("deregister", 2)
    loop.deliver_kick()
    assert loop.runtime.calls["deregister"] == 1
    assert "more to do" not in [kick.cause for kick in loop.kicks.sent]
    for _ in range(2):
        loop.reconcile()
    assert loop.runtime.deregistered == ["arn:aws:ecs:eu-west-1:123456789012:task-definition/inline:1"]
    assert loop.state().status.deregistered == tuple(loop.runtime.deregistered)


def test_a_launch_refused_when_sent_again_stays_open_as_long_as_its_first_call_may_be_late():
    """A call that started nothing leaves no token: the first one could still start tasks beside those of another."""
    loop = FakeLoop()
    loop.runtime.throttle("launch", 1)
    loop.declare(1, zones=("zone-a",))
    loop.deliver_kick()
    loop.runtime.capacity["zone-a"] = 0
    loop.clock.advance(10)
    loop.reconcile()
    (launch,) = loop.state().launches
    loop.clock.advance(40)
    loop.reconcile()
    assert launch not in loop.state().launches
    loop.runtime.capacity.clear()
    loop.settle()
    loop.assert_exactly(1)


def test_a_pass_that_ecs_had_no_patience_for_leaves_the_rest_to_its_timer():
    loop = FakeLoop()
    loop.runtime.throttle("launch", 2)
    loop.declare(1)
    loop.deliver_kick()
    loop.clock.advance(2)
    loop.reconcile()
    assert loop.runtime.calls["launch"] == 2
    assert "more to do" not in [kick.cause for kick in loop.kicks.sent]
    loop.settle()
    loop.assert_exactly(1)


def test_patience_asked_for_time_and_again_is_news_once_and_why_says_until_when():
    loop = FakeLoop()
    loop.runtime.throttle("launch", 4)
    loop.declare(1)
    loop.deliver_kick()
    for _ in range(3):
        loop.clock.advance(20)
        loop.reconcile()
    throttle = loop.state().status.throttle
    assert throttle.times == 4
    entries, _ = loop.store.history("prod/web", 100, None)
    assert [one["reason"] for one in entries].count(throttle.reason) == 1
    waiting = f"waiting: {throttle.reason}; calling again at {iso(throttle.until)}"
    assert waiting in stories.of_service(loop.state(), loop.clock())


def test_after_the_first_throttled_call_a_pass_calls_no_more():
    loop = FakeLoop()
    loop.runtime.throttle("launch", 10)
    loop.declare(60)
    loop.deliver_kick()
    assert loop.runtime.calls["launch"] == 1


def test_a_pass_short_of_time_starts_nothing_and_kicks_itself():
    loop = FakeLoop()
    loop.declare(3)
    loop.reconcile(remaining=4.9)
    assert loop.ids() == set()
    assert "more to do" in {message.cause for message in loop.kicks.sent}
    loop.settle()
    loop.assert_exactly(3)


def test_a_crowd_is_started_in_several_passes():
    loop = FakeLoop()
    loop.declare(450)
    loop.settle()
    loop.assert_exactly(450)
    assert max(int(request["count"]) for request in loop.runtime.requests) == 10


def test_a_timer_is_sent_only_when_it_is_earlier_than_the_recorded_one():
    loop = FakeLoop().running(2)
    loop.runtime.throttle("launch", 1)
    loop.runtime.crash(min(loop.ids()))
    loop.deliver_events()
    loop.deliver_kick()
    sent = len(loop.timers.sent)
    wake = loop.state().status.next_wake
    for _ in range(3):
        loop.reconcile()
    assert len(loop.timers.sent) == sent
    assert loop.state().status.next_wake == wake


def test_a_wake_that_nobody_wants_any_more_is_forgotten_where_the_next_needs_no_timer():
    """As of a service that was to be looked at in five minutes, and is steady by now."""
    loop = FakeLoop().running(2)
    record = loop.store.partition("prod/web").status
    record.document = replace(record.document, next_wake=loop.clock() + 200.0)
    sent = len(loop.timers.sent)
    loop.reconcile()
    wake = loop.state().status.next_wake
    assert wake is not None
    assert wake > loop.clock() + 900.0
    assert len(loop.timers.sent) == sent


def test_a_pass_that_changes_nothing_writes_nothing():
    loop = FakeLoop().running(2)
    wire = Tripwire()
    loop.reconcile(wire)
    assert wire.calls == ["store.begin_pass", "store.gather", "telling.decided", "telling.publish", "telling.measured"]


def test_an_unknown_service_leaves_no_trace():
    loop = FakeLoop()
    loop.reconcile()
    assert loop.store.partition("prod/web").is_empty()
    assert loop.runtime.calls.total() == 0


def test_a_service_that_is_deleted_keeps_its_name_until_its_tasks_are_gone():
    loop = FakeLoop().running(2)
    loop.delete()
    loop.deliver_kick()
    loop.deliver_events()
    while loop.deliver_kick():
        pass
    assert loop.declared().deleting_at is not None
    assert loop.ids() == set()
    loop.settle()
    assert loop.store.partition("prod/web").is_empty()


def test_the_numbers_of_a_pass_are_in_order():
    loop = FakeLoop()
    loop.declare(2)
    loop.deliver_kick()
    (measured,) = loop.telling.passes
    times = [measured.began_at, measured.gathered_at, measured.planned_at, measured.committed_at, measured.ended_at]
    assert times == sorted(times)
    assert (measured.launches, measured.tasks_started, measured.tasks_stopped, measured.failures) == (2, 2, 0, 0)


def test_failed_stuck_and_refused_tasks_are_counted_as_failures():
    loop = FakeLoop().running(2)
    loop.runtime.crash(min(loop.ids()))
    loop.drain()
    assert sum(measured.failures for measured in loop.telling.passes) == 1
    loop.runtime.refusal = "ClientException: TaskDefinition is inactive"
    loop.runtime.interrupt(min(loop.ids()))
    loop.drain()
    assert sum(measured.failures for measured in loop.telling.passes) >= 2
