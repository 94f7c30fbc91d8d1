"""Tasks that crash, hang or are refused: slowed down, said why, and healed as soon as there is hope."""

import re
import time
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from e2e.install import Install, exits_at_once, id_of, runs_for_ever, zones_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
THROTTLED_CALLS = 12
STATES_OF_A_REFUSED_SERVICE = ("BACKING_OFF", "BLOCKED")
RESTARTS = {"initialSeconds": 1, "maximumSeconds": 300}
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.fixture(scope="module", autouse=True)
def slow_stories(installed: Install) -> None:
    """What takes its time by design begins together, each in a service that no other fault can meet."""
    installed.faults.stick("PROVISIONING", family="stuck", times=1)
    installed.faults.refuse_capacity(capacity_provider="FARGATE_SPOT")
    installed.run("stuck", 2, deadlines={"provisioningSeconds": 5})
    installed.run("crashing", 1, command=exits_at_once(3), restarts=RESTARTS)
    manifest = installed.manifest("blocked", installed.define("blocked"), 3, capacityProviderStrategy=SPOT)
    del manifest["launchType"]
    installed.ask("apply", manifest=manifest)
    installed.wait(lambda: len(installed.ever("stuck")) == 2, "two tasks are on their way", "stuck")


def test_without_capacity_anywhere_the_service_is_blocked_until_there_is_some(install: Install) -> None:
    install.wait(lambda: install.describe("blocked")["state"] == "BLOCKED", "it is BLOCKED", "blocked")
    assert "Capacity is unavailable" in install.describe("blocked")["stateReason"]
    install.says("blocked", "no place takes FARGATE_SPOT tasks", "next try at")
    assert install.ever("blocked") == []

    install.faults.clear()
    install.steady("blocked", 3)
    assert len(install.ever("blocked")) == 3


def test_a_process_that_exits_at_once_backs_off_and_a_fixed_revision_starts_at_once(install: Install) -> None:
    seen: list[dict[str, Any]] = []

    def backs_off_in_round_five() -> bool:
        seen.append(install.describe("crashing"))
        backoff = seen[-1]["backoff"]
        if not backoff or backoff["round"] < 5 or not backoff["active"]:
            return False
        left = datetime.fromisoformat(backoff["until"]).timestamp() - time.time()
        # what follows must have time to happen before the round is over, on a busy machine too
        return seen[-1]["state"] == "BACKING_OFF" and left > 6.0

    install.wait(backs_off_in_round_five, "the service backs off in its fifth round", "crashing")
    known = seen[-1]
    number = known["backoff"]["round"]
    assert "exit code 3" in known["stateReason"]
    assert "next start at" in known["stateReason"]
    starts = _starts(install, "crashing")
    assert len(starts) <= number + 1, f"{number} rounds have {number} starts, not {starts}"
    waits = [later - earlier for earlier, later in pairwise(starts)]
    # The first round is replaced at once; then 1, 2, 4 ... seconds, less up to half by jitter.
    for exponent, wait in enumerate(waits[1:]):
        assert wait >= 0.5 * 2**exponent, f"waits were {waits}"
    assert len(install.ever("crashing")) <= number + 1, install.story("one task a round", ["crashing"])

    definition = install.define("crashing", runs_for_ever("crashing"))
    install.ask("apply", manifest=install.manifest("crashing", definition, 1, restarts=RESTARTS))
    install.steady("crashing", 1)
    fixed = min(task["createdAt"] for task in install.ever("crashing") if definition in task["taskDefinitionArn"])
    assert fixed < datetime.fromisoformat(known["backoff"]["until"]).timestamp(), "the fixed revision did not wait"
    install.says("crashing", f"round {number}", "exit code 3")


def _starts(install: Install, service: str) -> list[float]:
    """When tasks were started (epoch seconds), oldest first."""
    times = sorted({entry["at"] for entry in install.history(service, "launch")})
    return [datetime.fromisoformat(at).timestamp() for at in times]


def test_a_task_stuck_in_provisioning_is_stopped_and_replaced(install: Install) -> None:
    install.wait(lambda: len(install.ever("stuck")) == 3, "the stuck one is replaced", "stuck")
    install.steady("stuck", 2)

    [stopped] = [task for task in install.ever("stuck") if task["desiredStatus"] == "STOPPED"]
    assert "stuck in PROVISIONING" in stopped["stoppedReason"]
    assert stopped["stoppingAt"] - stopped["createdAt"] >= 5
    install.says("stuck", f"lost {id_of(stopped)}: stuck in PROVISIONING")


def test_a_task_that_fails_to_start_is_replaced_and_says_why(install: Install) -> None:
    install.faults.fail_to_start(family="unpullable", times=2)
    install.run("unpullable", 2)

    install.steady("unpullable", 2)

    assert len(install.ever("unpullable")) == 4
    install.says("unpullable", "CannotPullContainerError")


def test_a_zone_without_capacity_is_skipped(install: Install) -> None:
    dry, *others = sorted(install.sandbox.subnets)
    install.faults.refuse_capacity(zone=dry)
    install.run("two-zones", 4)

    install.steady("two-zones", 4)

    assert zones_of(install.alive("two-zones")) == sorted([*others, *others])
    known = install.describe("two-zones")
    assert [zone["zone"] for zone in known["zones"]] == [dry]
    install.says("two-zones", f"{dry} did not start", "Capacity is unavailable")


def test_throttling_of_every_ecs_call_delays_and_doubles_nothing(install: Install) -> None:
    install.run("throttled", 6)
    install.steady("throttled", 6)
    victims = install.ids("throttled")[:3]
    throttle = install.faults.throttle("ecs")
    for victim in victims:
        install.sandbox.kill_task(victim)

    install.wait(lambda: _hits(install, throttle) >= THROTTLED_CALLS, "ECS refused a while", "throttled")
    install.says("throttled", "ThrottlingException", "calling again at")
    assert len(install.ever("throttled")) == 6

    install.faults.clear()
    install.steady("throttled", 6)
    assert len(install.ever("throttled")) == 9, install.story("three were lost, so three are replaced", ["throttled"])


def _hits(install: Install, fault_id: str) -> int:
    return next(int(fault["hits"]) for fault in install.faults.describe() if fault["id"] == fault_id)


def test_answers_of_run_task_that_are_lost_double_nothing(install: Install) -> None:
    install.faults.timeout_after_success("ecs", "RunTask", times=4)
    install.run("unanswered", 6)

    install.steady("unanswered", 6)

    assert len(install.ever("unanswered")) == 6, install.story("the same token, the same tasks", ["unanswered"])


def test_a_poisoned_service_does_not_delay_another(install: Install) -> None:
    install.run("poisoned", 3)
    install.run("healthy", 3)
    install.steady("poisoned", 3)
    install.steady("healthy", 3)
    alone = _replacement_seconds(install, "healthy")

    [arn] = {task["taskDefinitionArn"] for task in install.alive("poisoned")}
    install.ecs.deregister_task_definition(taskDefinition=arn)
    install.ecs.delete_task_definitions(taskDefinitions=[arn])
    for task_id in install.ids("poisoned"):
        install.sandbox.kill_task(task_id)
    install.wait(lambda: not install.ids("poisoned"), "the poisoned tasks are dead", "poisoned")
    besides = [_replacement_seconds(install, "healthy") for _ in range(3)]

    # who waits for a poisoned one waits for its backoff, or for the time-out of its queue
    assert min(besides) < max(5 * alone, 5.0), f"alone it took {alone:.2f} s, beside a poisoned one {besides}"
    install.exactly("healthy", 3)
    assert install.ids("poisoned") == []
    install.says("poisoned", "RunTask refused", "TaskDefinition")
    _waits_refused(install, "poisoned", "TaskDefinition")

    install.run("poisoned", 3)
    install.steady("poisoned", 3)


def _replacement_seconds(install: Install, service: str) -> float:
    """From a task's death to its replacement's creation, on ECS's own clock."""
    before = {id_of(task) for task in install.ever(service)}
    victim = install.ids(service)[0]
    install.sandbox.kill_task(victim)
    install.wait(lambda: len(install.ever(service)) > len(before), f"{service} has a replacement", service)
    install.exactly(service, 3)
    by_id: dict[str, Any] = {id_of(task): task for task in install.ever(service)}
    [replacement] = by_id.keys() - before
    return float(by_id[replacement]["createdAt"] - by_id[victim]["stoppingAt"])


def test_a_refused_run_task_is_not_tried_in_a_hot_loop(install: Install) -> None:
    denied = "not authorized to perform: iam:PassRole"
    install.faults.fail("ecs", "RunTask", error_code="AccessDeniedException", message=denied)
    install.run("forbidden", 1, restarts={"initialSeconds": 1})

    install.says("forbidden", "AccessDeniedException", "iam:PassRole", "attempt 3")
    launches = install.history("forbidden", "launch")
    attempts = max(map(int, re.findall(r"attempt (\d+)", install.why("demo/forbidden"))))
    assert len(launches) <= (attempts + 1) * len(install.sandbox.subnets), "at most one call an attempt and zone"
    starts = _starts(install, "forbidden")
    first = [at for at in starts if at < starts[0] + 1.0]
    assert len(first) <= len(install.sandbox.subnets), "an attempt, and the next after a second at the earliest"
    _waits_refused(install, "forbidden", "iam:PassRole")


def _waits_refused(install: Install, service: str, words: str) -> None:
    """Between two attempts, the state itself says what AWS refuses."""

    def waits() -> bool:
        known = install.describe(service)
        return known["state"] in STATES_OF_A_REFUSED_SERVICE and words in known["stateReason"]

    install.wait(waits, f"{service} waits, and its state says {words}", service)
