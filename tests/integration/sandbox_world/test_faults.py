"""Faults strike the calls and events that they were meant for, and no others."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from headcount_sandbox.world import Caller, Faults, World
from integration.sandbox_world.sites import Site, wait_for

DROPPED = (ConnectionClosedError, EndpointConnectionError)
EVENT: dict[str, Any] = {"id": "1", "detail": {}}


class Function:
    """A stand-in for a function's process: knows how often it was killed, and what was there at that moment."""

    def __init__(self, world: World, name: str) -> None:
        self.kills = 0
        self.access_key = f"KEY{name}"
        world.callers[self.access_key] = Caller(function_name=name, kill=self.kill)
        self.ecs = world.client("ecs", access_key=self.access_key)

    def kill(self) -> None:
        self.kills += 1


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def running(site: Site) -> int:
    return len(site.ecs.list_tasks(cluster=site.cluster)["taskArns"])


def test_each_service_throttles_in_its_own_words(site: Site) -> None:
    world = site.world
    for service in ("ecs", "dynamodb", "sqs", "events", "lambda", "ec2"):
        world.faults.throttle(service)
    assert code_of(site.ecs.list_tasks, cluster=site.cluster) == "ThrottlingException"
    assert code_of(world.client("dynamodb").list_tables) == "ProvisionedThroughputExceededException"
    assert code_of(world.client("sqs").list_queues) == "RequestThrottled"
    assert code_of(world.client("events").list_rules) == "ThrottlingException"
    assert code_of(world.client("lambda").invoke, FunctionName="f") == "TooManyRequestsException"
    assert code_of(world.client("ec2").describe_vpcs) == "RequestLimitExceeded"


def test_a_throttled_call_has_no_effect_and_the_fault_ends_after_its_times(site: Site) -> None:
    site.world.faults.throttle("ecs", "RunTask", times=2)
    for _ in range(2):
        assert code_of(site.run) == "ThrottlingException"
    assert running(site) == 0
    site.run()
    assert running(site) == 1


def test_a_client_that_retries_gets_through_a_throttle(site: Site) -> None:
    site.world.faults.throttle("ecs", "RunTask", times=1)
    patient = site.world.client("ecs", attempts=3)
    assert len(patient.run_task(**site.request())["tasks"]) == 1


def test_a_fault_may_strike_one_access_key_only(site: Site) -> None:
    victim = Function(site.world, "Victim")
    site.world.faults.fail("ecs", "ListTasks", error_code="ServerException", http_status=500, access_key="KEYVictim")
    assert code_of(victim.ecs.list_tasks, cluster=site.cluster) == "ServerException"
    assert running(site) == 0


def test_probability_is_drawn_from_the_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.throttle("ecs", probability=0.5)
        return [faults.call_effect({"service": "ecs", "operation": "RunTask"}) is not None for _ in range(50)]

    assert strikes(1) == strikes(1)
    assert 5 < sum(strikes(1)) < 45
    assert strikes(1) != strikes(2)


def test_a_dropped_answer_leaves_the_effect(site: Site) -> None:
    site.world.faults.timeout_after_success("ecs", "RunTask", times=1)
    with pytest.raises(DROPPED):
        site.run(clientToken="lost-answer")
    assert running(site) == 1
    assert len(site.run(clientToken="lost-answer")["tasks"]) == 1
    assert running(site) == 1


def test_a_function_dies_before_its_call_takes_effect(site: Site) -> None:
    function = Function(site.world, "Before")
    site.world.faults.kill_caller("Before", "ecs", "RunTask", when="before")
    with pytest.raises(DROPPED):
        function.ecs.run_task(**site.request())
    assert (function.kills, running(site)) == (1, 0)


def test_a_function_dies_after_its_second_call_took_effect(site: Site) -> None:
    function = Function(site.world, "After")
    site.world.faults.kill_caller("After", "ecs", "RunTask", when="after", nth=2)
    function.ecs.run_task(**site.request())
    site.run()  # another caller's calls do not count
    with pytest.raises(DROPPED):
        function.ecs.run_task(**site.request())
    assert (function.kills, running(site)) == (1, 3)
    function.ecs.run_task(**site.request())
    assert function.kills == 1


def test_clearing_ends_every_fault(site: Site) -> None:
    site.world.faults.throttle("*")
    site.world.faults.lose_events()
    site.world.faults.clear()
    site.run()
    assert site.world.faults.events(EVENT) == [(0.0, EVENT)]


def test_every_second_event_is_lost() -> None:
    faults = Faults()
    faults.lose_events(every=2)
    assert [len(faults.events(EVENT)) for _ in range(6)] == [1, 0, 1, 0, 1, 0]


def test_events_are_doubled_and_shuffled() -> None:
    faults = Faults(3)
    faults.duplicate_events(copies=1)
    faults.shuffle_events(window=2.0)
    deliveries = [delivery for _ in range(20) for delivery in faults.events(EVENT)]
    delays = [delay for delay, _ in deliveries]
    assert len(deliveries) == 40
    assert all(0 <= delay <= 2 for delay in delays)
    assert delays != sorted(delays)


def test_events_are_delayed_within_bounds() -> None:
    faults = Faults(3)
    faults.delay_events(1.0, 2.0)
    assert all(1 <= faults.events(EVENT)[0][0] <= 2 for _ in range(20))


def test_listeners_of_the_world_get_events_before_faults(site: Site) -> None:
    site.world.faults.lose_events()
    arn = site.run_one()
    wait_for(lambda: len(site.events_of(arn)) == 4)


def test_every_call_is_recorded_with_its_end(site: Site) -> None:
    function, since = Function(site.world, "Recorded"), time.time()
    fault = site.world.faults.throttle("ecs", "RunTask", times=1)
    code_of(function.ecs.run_task, **site.request())
    function.ecs.run_task(**site.request())
    code_of(function.ecs.run_task, **site.request(cluster="nowhere"))
    calls = site.world.calls.select("ecs", "RunTask", since)
    assert [call.outcome for call in calls] == ["ThrottlingException", "ok", "ClusterNotFoundException"]
    assert [call.fault for call in calls] == [fault, None, None]
    assert {(call.function, call.access_key) for call in calls} == {("Recorded", function.access_key)}
    assert all(0 <= call.duration <= time.time() - since for call in calls)


def test_hits_are_counted(site: Site) -> None:
    site.world.faults.throttle("ecs", "ListTasks", times=5)
    code_of(site.ecs.list_tasks, cluster=site.cluster)
    described = site.world.faults.describe()[0]
    assert (described["kind"], described["hits"], described["left"]) == ("throttle", 1, 4)
