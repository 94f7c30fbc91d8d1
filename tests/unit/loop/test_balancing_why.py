"""Why a service or a task takes traffic, or does not: the sentences of ``why`` about load balancing."""

import pytest

from builders import a_dying_task, a_status, a_task, a_throttle
from headcount import stories
from headcount.model.instants import iso
from headcount.model.service import Decision
from headcount.model.task import StopIntent

from .balancing import (
    ADDRESS,
    DELAY,
    LEAVING,
    LEFT,
    NOW,
    SICK,
    a_balanced_service,
    a_health,
    a_known_group,
    a_registration,
    some_targets,
    with_problems,
)


def test_why_a_service_tells_how_many_targets_take_traffic_and_why_the_others_do_not():
    tasks = [a_task(f"task-{number}") for number in range(1, 4)]
    entries = [
        a_registration("task-1"),
        a_registration("task-2", port=8081),
        a_registration("task-3", port=8082, **LEFT),
        a_registration("gone", port=8083, leaving_at=NOW - 41.0, left_at=NOW - 40.0),  # ELB has let go of it
    ]
    seen = [a_health(), a_health("unhealthy", port=8081, **SICK)]
    problem, busy = "rule 10 is another's", "ELB: Throttling"
    holds = tuple(Decision(kind="hold", reason=reason) for reason in (problem, busy, "no room"))
    status = a_status(elb_throttle=a_throttle(reason=busy, until=NOW + 5.0), decisions=holds)
    state = a_balanced_service(*tasks, targets=[some_targets(*entries, seen=seen)], status=status)
    said = stories.of_service(with_problems(state, problem), NOW)
    assert [one for one in said if one.startswith("waiting")] == ["waiting: no room"], "the others were told"
    told = "\n".join(said)
    assert (
        "target group web: 1 of 2 targets are healthy, 1 on the way out (1 unhealthy: Target.ResponseCodeMismatch)"
        in told
    )
    assert "load balancing: rule 10 is another's" in told
    assert f"nothing is registered or taken out before {iso(NOW + 5.0)}: ELB: Throttling" in told


def test_why_a_service_names_a_group_that_brings_no_traffic():
    told = stories.of_service(a_balanced_service(groups=(a_known_group(load_balancers=()),)), NOW)
    assert "target group web: no listener forwards here, so its targets stay unused" in told


@pytest.mark.parametrize(
    ("registration", "seen", "told"),
    [
        ({}, a_health(), f"in rotation: {ADDRESS}:8080 is healthy in target group web since {iso(NOW - 30.0)}"),
        (
            {},
            a_health("unhealthy", **SICK),
            (
                f"not healthy in target group web since {iso(NOW - 30.0)}: {ADDRESS}:8080 is unhealthy, "
                "Target.ResponseCodeMismatch (Health checks failed with these codes: [500])"
            ),
        ),
        (
            {},
            a_health("unavailable", reason="Target.HealthCheckDisabled"),
            (
                f"in rotation: {ADDRESS}:8080 is unavailable in target group web since {iso(NOW - 30.0)} "
                "(Target.HealthCheckDisabled)"
            ),
        ),
        (
            {},
            a_health("unused", reason="Target.NotInUse", description="Target group is not configured"),
            (
                f"not healthy in target group web since {iso(NOW - 30.0)}: {ADDRESS}:8080 is unused, "
                "Target.NotInUse (no listener forwards here)"
            ),
        ),
        (
            LEAVING,
            a_health(),
            (
                f"out of rotation in target group web since {iso(NOW - 4.0)} (scale in to 2): {ADDRESS}:8080 "
                "is to be deregistered, and healthy as long as it is not"
            ),
        ),
        (
            LEFT,
            a_health(),
            (
                f"out of rotation in target group web since {iso(NOW - 4.0)} (scale in to 2): {ADDRESS}:8080 "
                f"is draining until {iso(NOW - 3.0 + DELAY)}"
            ),
        ),
    ],
)
def test_why_a_task_tells_whether_it_takes_traffic(registration, seen, told):
    state = a_balanced_service(a_task("task-1"), targets=[some_targets(a_registration(**registration), seen=[seen])])
    assert told in stories.of_task("task-1", state, NOW)


def test_why_a_task_tells_that_it_has_left():
    left = some_targets(a_registration(**LEFT), seen=[], seen_at=NOW)
    (told,) = [
        one
        for one in stories.of_task("task-1", a_balanced_service(a_task("task-1"), targets=[left]), NOW)
        if one.startswith("out of rotation")
    ]
    assert told.endswith(f"{ADDRESS}:8080 has left")


def test_why_a_task_does_not_repeat_why_it_is_stopped():
    stop = StopIntent(at=NOW - 4.0, reason="scale in to 2")
    state = a_balanced_service(a_task("task-1", stop=stop), targets=[some_targets(a_registration(**LEFT))])
    assert "\n".join(stories.of_task("task-1", state, NOW)).count("scale in to 2") == 1


def test_why_a_task_tells_where_it_is_not_registered():
    said = "not in rotation: it is not registered in target group web"
    assert said in stories.of_task("task-1", a_balanced_service(a_task("task-1")), NOW)
    registered = a_balanced_service(a_task("task-1"), targets=[some_targets(a_registration())])
    assert said not in stories.of_task("task-1", registered, NOW)
    for task in (a_task("task-1", status="PENDING"), a_dying_task("task-1")):
        assert said not in stories.of_task("task-1", a_balanced_service(task), NOW)


def test_why_says_that_a_task_on_standby_is_out_of_rotation(steady):
    task = min(steady.loop.ids())
    steady.result("standby", service="web", tasks=[task], reason="heap dump")
    told = "\n".join(steady.result("why", target=task)["now"])
    assert "(heap dump): it runs on out of rotation and counts for nothing" in told


def test_a_freeze_is_told_of_the_service_and_of_its_sick_tasks_alone():
    frozen = "frozen: 2 of 3 tasks are unhealthy, more than 50%: none is stopped for it"
    status = a_status(decisions=(Decision(kind="hold", reason=frozen, level="WARN"),))
    sick = some_targets(a_registration("sick"), seen=[a_health("unhealthy", **SICK)])
    tasks = (a_task("sick"), a_task("ailing", health="UNHEALTHY"), a_task("well", health="HEALTHY"))
    state = a_balanced_service(*tasks, targets=[sick], status=status)
    assert frozen in stories.of_service(state, NOW)
    assert f"waiting: {frozen}" not in stories.of_service(state, NOW)
    told = {task.task_id: frozen in stories.of_task(task.task_id, state, NOW) for task in tasks}
    assert told == {"sick": True, "ailing": True, "well": False}
