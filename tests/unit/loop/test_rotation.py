"""Stories of tasks that take traffic: into rotation when they run, out of it before they stop, for every cause."""

import pytest

from fakes.loop import FakeLoop
from headcount.model.values import replace

WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ADMIN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/admin/fedcba9876543210"


def calls_of(loop: FakeLoop, operation: str) -> list[tuple[str, int]]:
    return [target for name, _, targets in loop.groups.requests if name == operation for target in targets]


def reasons(loop: FakeLoop, kind: str) -> list[str]:
    return [decision.reason for decision in loop.telling.decisions if decision.kind == kind]


def test_tasks_are_registered_in_every_group_when_they_run() -> None:
    loop = FakeLoop()
    loop.balance(3, WEB, ADMIN)
    loop.run(1)
    assert loop.groups.in_rotation(WEB) == {loop.endpoint(task) for task in loop.ids()}
    assert loop.groups.in_rotation(ADMIN) == {loop.endpoint(task, 8081) for task in loop.ids()}
    loop.assert_exactly(3)


def test_a_service_is_steady_only_when_its_targets_are_healthy() -> None:
    loop = FakeLoop()
    loop.groups.add_group(WEB)
    loop.balance(2, WEB)
    loop.groups.stuck = {(f"10.0.0.{number}", 8080) for number in range(1, 9)}
    loop.run(1)
    assert loop.state().status.state == "RECONCILING"
    assert "2 of 2 tasks not in service" in loop.state().status.state_reason
    loop.groups.stuck = set()
    loop.groups.step_all()
    loop.run(1)
    loop.assert_exactly(2)


def test_a_task_leaves_rotation_and_drains_before_it_is_stopped() -> None:
    loop = FakeLoop().in_service(3, WEB, delay=40.0)
    loop.scale(2)
    loop.drain()
    assert loop.groups.calls["deregister"] == 1
    assert loop.runtime.calls["stop"] == 0
    assert len(loop.groups.in_rotation(WEB)) == 2
    loop.clock.advance(39.0)
    loop.wake()
    loop.drain()
    assert loop.runtime.calls["stop"] == 0
    loop.clock.advance(2.0)
    loop.wake()
    loop.drain()
    assert loop.runtime.calls["stop"] == 1
    loop.settle()
    loop.assert_exactly(2)


def test_a_target_that_drains_longer_than_was_known_is_waited_for() -> None:
    loop = FakeLoop().in_service(2, WEB, delay=10.0)
    loop.groups.groups[WEB].delay = 100.0
    loop.scale(1)
    loop.drain()
    loop.run(1)
    assert loop.runtime.calls["stop"] == 0
    loop.run(1)
    assert loop.runtime.calls["stop"] == 1


@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_task_that_dies_leaves_rotation_at_once_and_is_replaced(how: str) -> None:
    loop = FakeLoop().in_service(3, WEB, delay=60.0)
    lost = min(loop.ids())
    endpoint = loop.endpoint(lost)
    if how == "killed":
        loop.runtime.end(lost, "EssentialContainerExited", "Essential container in task exited", exit_code=137)
    else:
        loop.runtime.interrupt(lost)
    loop.drain()
    assert endpoint not in loop.groups.in_rotation(WEB)
    assert endpoint in calls_of(loop, "deregister")
    assert len(loop.ids()) == 3
    loop.settle()
    loop.assert_exactly(3)
    ledger = loop.state().targets[0]
    assert {entry.task for entry in ledger.registrations} == loop.ids(), "the dead task is off the ledger"


def test_all_changes_of_a_group_in_one_pass_go_in_one_call() -> None:
    loop = FakeLoop()
    loop.balance(10, WEB)
    loop.run(1)
    assert len(calls_of(loop, "register")) == 10
    registers = loop.groups.calls["register"]
    loop.scale(4)
    loop.drain()
    assert loop.groups.calls["register"] == registers
    assert loop.groups.calls["deregister"] == 1
    assert len(calls_of(loop, "deregister")) == 6


def test_a_replacement_by_a_deployment_never_leaves_fewer_in_rotation() -> None:
    loop = FakeLoop().in_service(3, WEB, delay=5.0)
    loop.deploy()
    for _ in range(20):
        loop.drain()
        assert len(loop.groups.in_rotation(WEB)) >= 3
        loop.clock.advance(5.0)
        loop.wake()
    loop.settle()
    loop.assert_exactly(3)
    assert {task.managed.deployment for task in loop.state().tasks if task.managed} == {"dep-2"}


def test_elb_that_refuses_every_call_delays_stops_and_loses_nothing() -> None:
    loop = FakeLoop().in_service(3, WEB, delay=5.0)
    loop.groups.throttle("deregister", 5)
    loop.scale(1)
    loop.drain()
    assert loop.runtime.calls["stop"] == 0
    assert any("ELB" in reason for reason in reasons(loop, "hold"))
    loop.settle()
    loop.assert_exactly(1)
    assert loop.groups.in_rotation(WEB) == {loop.endpoint(task) for task in loop.ids()}


def test_a_foreign_target_in_the_same_group_is_never_touched() -> None:
    loop = FakeLoop().in_service(2, WEB)
    loop.groups.add_foreign(WEB, ("10.9.9.9", 80))
    loop.scale(1)
    loop.settle()
    loop.deploy()
    loop.settle()
    loop.delete()
    loop.settle()
    assert loop.groups.registered(WEB) == {("10.9.9.9", 80)}
    assert ("10.9.9.9", 80) not in calls_of(loop, "deregister")


def test_a_target_that_elb_lost_is_registered_again() -> None:
    loop = FakeLoop().in_service(2, WEB)
    lost = loop.endpoint(min(loop.ids()))
    loop.groups.drop(WEB, lost)
    loop.store.record_suspects("prod/web", WEB, loop.clock())
    loop.kick("test")
    loop.run(1)
    assert lost in loop.groups.in_rotation(WEB)
    assert any("ELB has lost it" in reason for reason in reasons(loop, "register"))


def test_an_address_that_a_new_task_has_stays_in_rotation_when_the_old_one_is_forgotten() -> None:
    loop = FakeLoop().in_service(2, WEB)
    old = min(loop.ids())
    address = loop.endpoint(old)[0]
    loop.runtime.reuse_address(address)
    loop.runtime.end(old, "EssentialContainerExited", "Essential container in task exited", exit_code=1)
    loop.settle()
    loop.assert_exactly(2)
    assert (address, 8080) in loop.groups.in_rotation(WEB)
    assert {entry.endpoint for entry in loop.state().targets[0].registrations} == loop.groups.registered(WEB)


def test_a_group_that_is_deleted_under_its_targets_is_told_and_kills_nothing() -> None:
    loop = FakeLoop().in_service(2, WEB)
    loop.groups.delete_group(WEB)
    loop.store.record_suspects("prod/web", WEB, loop.clock())
    loop.kick("test")
    loop.run(3)
    assert len(loop.ids()) == 2
    assert loop.runtime.calls["stop"] == 0
    assert any("does not exist any more" in reason for reason in reasons(loop, "hold"))
    assert loop.load_balancers.asked


def test_a_deleted_service_drains_before_its_tasks_stop_and_ends_when_nothing_is_registered() -> None:
    loop = FakeLoop().in_service(3, WEB, delay=30.0)
    loop.delete()
    loop.drain()
    assert loop.groups.in_rotation(WEB) == set()
    assert loop.runtime.calls["stop"] == 0
    loop.settle()
    assert not loop.ids()
    assert loop.load_balancers.asked, "what was made for it is taken away"
    assert loop.store.partition("prod/web").is_empty()


def test_a_group_that_the_manifest_no_longer_names_is_left_and_no_task_is_replaced() -> None:
    loop = FakeLoop().in_service(2, WEB, ADMIN)
    before = loop.ids()
    loop.name_only(WEB)
    loop.settle()
    assert loop.groups.registered(ADMIN) == set()
    assert len(loop.groups.in_rotation(WEB)) == 2
    assert loop.ids() == before


def test_a_lost_answer_to_a_registration_is_asked_for_again() -> None:
    loop = FakeLoop()
    loop.balance(2, WEB)
    loop.groups.lose_answer("register")
    loop.settle()
    loop.assert_exactly(2)
    assert len(loop.groups.in_rotation(WEB)) == 2


def test_a_target_that_elb_refuses_is_sent_again_slowly_and_holds_up_nobody() -> None:
    loop = FakeLoop().in_service(2, WEB)
    loop.groups.groups[WEB].bad = {"10.0.0.3"}
    loop.scale(3)
    loop.run(1)
    asked = calls_of(loop, "register").count(("10.0.0.3", 8080))
    assert asked <= 2, "not again and again"
    assert any("ELB refuses 10.0.0.3:8080 in target group web" in reason for reason in reasons(loop, "hold"))
    lost = min(loop.ids())
    endpoint = loop.endpoint(lost)
    loop.runtime.interrupt(lost)
    loop.drain()
    assert endpoint not in loop.groups.in_rotation(WEB), "others do not wait for it"
    loop.groups.groups[WEB].bad = set()
    loop.settle()
    loop.assert_exactly(3)
    assert len(loop.groups.in_rotation(WEB)) == 3


def test_what_stands_against_load_balancing_is_no_steady_state() -> None:
    loop = FakeLoop().in_service(2, WEB)
    partition = loop.store.partition("prod/web")
    assert partition.balancing is not None
    well = partition.balancing
    partition.balancing = replace(well, problems=("target group web: AWS cannot change its port",))
    loop.kick("test")
    loop.drain()
    assert loop.state().status.state == "RECONCILING"
    assert "AWS cannot change its port" in loop.state().status.state_reason
    partition.balancing = replace(well, fingerprint="another")
    loop.reconcile()
    assert "has not been looked at" in loop.state().status.state_reason
