"""What people see of load balancing: targets in tasks, describe, watch and plan, and all of them in targets."""

from typing import Any

import pytest
from rich.console import Console

from headcount_cli.views.describe import describe_view
from headcount_cli.views.targets import TargetsView, targets_in
from headcount_cli.views.tasks import TasksView
from headcount_cli.views.watch import WatchView
from headcount_cli.watching import Seen
from unit.cli.fake_aws import fake_aws
from unit.cli.fake_control import (
    NOW,
    FakeControl,
    a_leaving_target,
    a_service,
    a_target,
    a_target_group,
    a_task,
    an_event,
)
from unit.cli.terminal import Terminal
from unit.cli.test_tasks_and_completion import complete

SICK, LEAVING, WELL, ELSEWHERE = "a" * 32, "b" * 32, "c" * 32, "d" * 32
MISMATCH = {"reason": "Target.ResponseCodeMismatch", "description": "Health checks failed with these codes: [500]"}
UNUSED = {"reason": "Target.NotInUse", "description": "Target group is not configured to receive traffic"}


@pytest.fixture
def control() -> FakeControl:
    tasks = [
        a_task(WELL, targets=[a_target(), a_target(targetGroup="admin", port=9090, container="sidecar")]),
        a_task(LEAVING, targets=[a_leaving_target(target="10.0.1.18")], stopping="scale in to 2; draining until ..."),
        a_task(SICK, targets=[a_target("unhealthy", target="10.0.1.19", **MISMATCH)]),
    ]
    groups = [
        a_target_group(healthy=1, unhealthy=1, draining=1, foreign=2),
        a_target_group("admin", healthy=1, targetType="instance", protocol="TCP"),
    ]
    service = a_service(desiredCount=3, runningCount=3, tasks=tasks, targetGroups=groups)
    return FakeControl(services={"prod/web": service, "prod/worker": a_service("prod/worker")})


def lines_with(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


def cell(*targets: dict[str, Any], **task: Any) -> str:
    """What stands in the column of targets."""
    console = Console(width=160, color_system=None, legacy_windows=False)
    others = a_task(WELL, targets=[a_target()])
    with console.capture() as capture:
        console.print(
            TasksView(tasks=[a_task(SICK, targets=list(targets), **task), others], deployment="dep-3", now=NOW)
        )
    heading, *lines = capture.get().splitlines()
    (line,) = [line for line in lines if line.startswith(SICK)]
    return line[heading.index("TARGETS") : heading.index("ZONE")].strip()


# -- tasks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "shown"),
    [
        ([a_target()], "healthy"),
        ([a_target(), a_target(targetGroup="admin")], "healthy"),
        ([a_target("unavailable", reason="Target.HealthCheckDisabled")], "unavailable"),
        ([a_target("unhealthy", **MISMATCH), a_target(targetGroup="admin")], "1/2 healthy"),
        ([a_target("unhealthy", **MISMATCH), a_target("unhealthy", targetGroup="admin")], "unhealthy"),
        ([a_target("unhealthy", **MISMATCH), a_target("initial", targetGroup="admin")], "unhealthy +1"),
        ([a_target("initial")], "initial"),
        ([a_target("unused", **UNUSED)], "unused"),
        ([a_leaving_target()], "draining 12s"),
        ([a_leaving_target(drainedAt="2026-11-23T02:59:59Z")], "draining"),
        ([a_leaving_target("unused", reason="Target.NotRegistered")], "gone"),
        ([a_leaving_target("healthy", drainedAt=None)], "leaving"),
        ([], "none"),
    ],
)
def test_the_targets_of_a_task_fit_into_one_cell(targets: list[dict[str, Any]], shown: str) -> None:
    assert cell(*targets) == shown


def test_a_task_that_need_not_be_registered_yet_has_none_without_a_word() -> None:
    assert cell(lastStatus="PENDING") == "-"


def test_tasks_say_why_a_target_takes_no_traffic(terminal: Terminal) -> None:
    lines = terminal.run("tasks", "web").out.splitlines()
    row = next(index for index, line in enumerate(lines) if SICK in line)
    assert lines[row].split() == [SICK, "RUNNING", "unhealthy", "1a", "FARGATE", "59m"]
    told = " ".join(" ".join(lines[row + 1 : row + 3]).split())
    assert told == "unhealthy in web: Target.ResponseCodeMismatch (Health checks failed with these codes: [500])"
    terminal.control.services["prod/web"]["tasks"][2]["targets"] = [a_target("unused", **UNUSED)]
    assert "unused in web: no listener forwards here" in terminal.run("tasks", "web").out


@pytest.mark.parametrize("command", ["tasks", "describe"])
def test_where_nothing_is_registered_though_it_should_be_every_task_says_so(terminal: Terminal, command: str) -> None:
    service = terminal.control.services["prod/web"]
    service["tasks"] = [a_task(WELL), a_task(SICK)]
    service["targetGroups"] = [a_target_group(problem="it does not exist yet", lastSeen=None)]
    lines = lines_with(terminal.run(command, "web").out, "FARGATE")
    assert [line.split()[:3] for line in lines if len(line.split()[0]) == 32] == [
        [one, "RUNNING", "none"] for one in (WELL, SICK)
    ]


def test_a_function_in_a_target_group_takes_no_tasks_into_rotation(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]
    service["tasks"] = [a_task(WELL)]
    service["targetGroups"] = [a_target_group("sorry", targetType="lambda")]
    assert "TARGETS" not in terminal.run("tasks", "web").out
    assert "in rotation" not in terminal.run("describe", "web").out


def test_what_takes_no_traffic_comes_first(terminal: Terminal) -> None:
    unregistered = a_task(ELSEWHERE, startedAt="2026-11-23T02:59:59Z")
    terminal.control.services["prod/web"]["tasks"].append(unregistered)
    out = terminal.run("tasks", "web").out
    assert [line.split()[0][0] for line in out.splitlines() if len(line.split()[0]) == 32] == ["b", "a", "d", "c"]


def test_without_load_balancers_nothing_is_said_of_targets(terminal: Terminal) -> None:
    for command in ("tasks", "describe", "watch"):
        terminal.sleeping = interrupt
        done = terminal.run(command, "worker")
        assert done.code == 0
        assert "target" not in done.out.lower()
        assert "rotation" not in done.out


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_task_on_standby_is_said_to_be_out_of_rotation(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["tasks"] = [a_task(SICK, standby=True)]
    assert "stands by, out of rotation" in terminal.run("tasks", "web").out
    assert "out of rotation since" in terminal.run("standby", "web", SICK).out
    assert "leave rotation" in " ".join(terminal.run("standby", "--help").out.split())


# -- describe, watch, plan, why ---------------------------------------------------------------------------------------


def test_describe_shows_target_groups_and_how_many_tasks_take_traffic(terminal: Terminal) -> None:
    out = terminal.run("describe", "web").out
    assert "  in rotation      1 task\n" in "".join(f"{line.rstrip()}\n" for line in out.splitlines())
    rows = [line.split() for line in out.splitlines()]
    assert ["web", "1/2", "1", "unhealthy,", "1", "draining,", "2", "foreign", "12s"] in rows
    assert ["admin", "1/1", "-", "12s"] in rows
    assert "What stands against" not in out


def test_describe_tells_what_stands_against_load_balancing(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]
    service["targetGroups"][1]["problem"] = "no listener forwards here, so its targets stay unused"
    service["loadBalancing"] = {"generation": 1, "checkedAt": None, "owned": [], "problems": ["rule 10 is another's"]}
    service["decisions"] = [{"kind": "hold", "reason": "rule 10 is another's", "level": "ERROR"}]
    service["elbThrottle"] = {"times": 1, "until": "2026-11-23T03:00:05Z", "reason": "ELB: Throttling"}
    told = " ".join(terminal.run("describe", "web").out.split())
    assert "- admin: no listener forwards here, so its targets stay unused" in told
    assert "- rule 10 is another's" in told
    assert told.count("rule 10 is another's") == 1, "what the last pass held back says no more"
    assert "- nothing is registered or taken out until 03:00:05 UTC (in 5s). ELB: Throttling" in told
    service["elbThrottle"]["until"] = "2026-11-23T02:59:59Z"
    assert "Throttling" not in terminal.run("describe", "web").out


def test_watch_counts_what_is_in_rotation(terminal: Terminal) -> None:
    leaving = a_leaving_target("healthy", drainedAt=None)  # takes traffic for the moment
    terminal.control.services["prod/web"]["tasks"].append(a_task(ELSEWHERE, targets=[leaving]))
    terminal.sleeping = interrupt
    assert "prod/web: 3/3 running, 1 in rotation. STEADY" in terminal.run("watch", "web").out
    console = Console(width=100, height=40, color_system=None, legacy_windows=False)
    answer = terminal.control.services["prod/web"] | {
        "elbThrottle": {"until": "2026-11-23T03:00:05Z", "reason": "busy"}
    }
    with console.capture() as capture:
        console.print(WatchView(name="web", seen=Seen(answer=answer, at=NOW), now=NOW, height=40))
    told = " ".join(capture.get().split())
    assert "3 running 1 in rotation 0 pending" in told
    assert "Target groups TARGET GROUP HEALTHY OTHERS UNCHANGED web 1/2" in told
    assert "nothing is registered or taken out until 03:00:05 UTC (in 5s). busy" in told


def test_plan_shows_what_is_registered_drained_and_taken_out(terminal: Terminal) -> None:
    def targets(count: int) -> list[dict[str, Any]]:
        return [{"task": f"{one:032x}", "target": f"10.0.1.{one}", "port": 8080} for one in range(count)]

    actions = [
        {"kind": "drain", "reason": "scale in to 2", "task": LEAVING, "deployment": "dep-3"},
        {"kind": "registerTargets", "reason": "2 tasks run", "targetGroup": "web", "targets": targets(2)},
        {"kind": "deregisterTargets", "reason": "scale in to 2", "targetGroup": "admin", "targets": targets(500)},
        {"kind": "keepLoadBalancers", "reason": "the manifest changed"},
    ]
    alike = [{"kind": "register", "reason": f"10.0.1.{one}:8080", "task": f"{one:032x}"} for one in range(12)]
    decisions = [*alike, {"kind": "hold", "reason": "no room"}]
    terminal.control.planned = {"actions": actions, "decisions": decisions, "state": "RECONCILING", "stateReason": ""}
    told = " ".join(terminal.run("plan", "web").out.split())
    assert f"Take task {LEAVING} out of rotation, to be stopped (dep-3): scale in to 2" in told
    assert "Register 10.0.1.0:8080, 10.0.1.1:8080 in target group web: 2 tasks run" in told
    assert (
        "Deregister 500 targets (10.0.1.0:8080, 10.0.1.1:8080, 10.0.1.2:8080, ...) from target group admin: scale in"
        in told
    )
    assert "Have load balancers, rules and target groups looked at: the manifest changed" in told
    assert told.count("into rotation: 10.0.1.") == 5
    assert "... and 7 more like these - Waiting: no room" in told


def test_the_history_tells_of_registrations_and_removals_as_sentences(terminal: Terminal) -> None:
    terminal.control.histories["prod/web"] = [
        an_event("register", "10.0.1.19:8080 in target group web: RUNNING with an address", task=SICK),
        an_event("deregister", "out of target group web: scale in to 2", task=SICK),
    ]
    terminal.control.histories["prod/worker"] = [an_event("balancing", "creating target group web: it is declared")]
    assert "Load balancing: creating target group web: it is declared" in terminal.run("events", "worker").out
    told = " ".join(terminal.run("why", SICK).out.split())
    assert f"Put task {SICK} into rotation: 10.0.1.19:8080 in target group web: RUNNING with an address" in told
    assert f"Took task {SICK} out of rotation: out of target group web: scale in to 2" in told


# -- targets ----------------------------------------------------------------------------------------------------------


def test_targets_lists_every_target_with_state_and_reason_and_counts_foreign_ones(terminal: Terminal) -> None:
    lines = terminal.run("targets", "web").out.splitlines()
    told = " ".join(" ".join(lines).split())
    assert "web (ip, HTTP): 1 of 2 targets healthy, 1 unhealthy, 1 draining, 2 foreign; unchanged for 12s" in told
    assert "admin (instance, TCP): 1 of 1 target healthy; unchanged for 12s" in told
    rows = [line.split() for line in lines]
    assert [SICK, "10.0.1.19:8080", "unhealthy", "1m", "ago"] in rows
    assert [LEAVING, "10.0.1.18:8080", "draining", "1m", "ago"] in rows
    assert [WELL, "10.0.1.17:8080", "healthy", "1m", "ago"] in rows
    assert [WELL, "10.0.1.17:9090", "healthy", "1m", "ago"] in rows
    assert "Target.ResponseCodeMismatch (Health checks failed with these codes: [500])" in told
    assert "scale in to 2; drained in 12s" in told
    assert max(index for index, row in enumerate(rows) if "draining" in row[2:3]) < rows.index(
        [WELL, "10.0.1.17:8080", "healthy", "1m", "ago"]
    ), "what takes no traffic comes first"


@pytest.mark.parametrize("name", ["admin", a_target_group("admin")["arn"]])
def test_one_target_group_can_be_picked_by_name_or_arn(terminal: Terminal, name: str) -> None:
    done = terminal.run("targets", "web", "--target-group", name, "-o", "json")
    assert done.code == 0
    assert done.document == {
        "service": "prod/web",
        "targetGroups": [terminal.control.services["prod/web"]["targetGroups"][1]],
        "targets": [{"task": WELL, **a_target(targetGroup="admin", port=9090, container="sidecar")}],
    }


def test_a_target_group_that_is_none_of_the_services_is_said_so_with_those_that_are(terminal: Terminal) -> None:
    done = terminal.run("targets", "web", "--target-group", "nope")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: prod/web has no target group 'nope'.\nIt has web, admin.\n"
    assert "It has no target groups." in terminal.run("targets", "worker", "--target-group", "web").err


def test_a_service_without_load_balancers_has_no_targets(terminal: Terminal) -> None:
    assert terminal.run("targets", "worker").out == "prod/worker: no target groups\n"
    assert terminal.run("targets", "worker", "-o", "json").document == {
        "service": "prod/worker",
        "targetGroups": [],
        "targets": [],
    }


def test_a_target_that_still_drains_though_its_task_is_gone_is_listed(terminal: Terminal) -> None:
    gone = {"task": ELSEWHERE, **a_leaving_target(target="fd00::17")}
    terminal.control.services["prod/web"]["targetGroups"][0]["ofGoneTasks"] = [gone]
    out = terminal.run("targets", "web", "--target-group", "web").out
    assert [ELSEWHERE, "[fd00::17]:8080", "draining", "1m", "ago"] in [line.split() for line in out.splitlines()]


def test_what_elb_was_not_told_yet_is_leaving_and_what_it_has_let_go_of_is_gone(terminal: Terminal) -> None:
    leaving = a_leaving_target("healthy", drainedAt=None)
    terminal.control.services["prod/web"]["tasks"][1]["targets"] = [leaving]
    (line,) = lines_with(terminal.run("targets", "web").out, LEAVING)
    assert line.split()[2] == "leaving"
    leaving |= {"state": "unused", "drainedAt": "2026-11-23T02:59:59Z"}
    (line,) = lines_with(terminal.run("targets", "web").out, LEAVING)
    assert line.split()[2] == "gone"


def test_containers_are_named_where_a_group_has_several(terminal: Terminal) -> None:
    tasks = terminal.control.services["prod/web"]["tasks"]
    assert "container" not in terminal.run("targets", "web").out
    tasks[0]["targets"].append(a_target(port=9090, container="sidecar"))
    out = terminal.run("targets", "web", "--target-group", "web").out
    assert "container sidecar" in out
    assert "container web: Target.ResponseCodeMismatch" in out


def test_a_group_that_brings_no_traffic_or_was_not_looked_at_says_so(terminal: Terminal) -> None:
    group = {"problem": "it does not exist yet", "lastSeen": None, "targetType": None, "protocol": None}
    terminal.control.services["prod/worker"]["targetGroups"] = [a_target_group(**group)]
    lines = [line.strip() for line in terminal.run("targets", "worker").out.splitlines()]
    assert lines == ["web: 0 of 0 targets healthy; not looked at yet", "it does not exist yet"]


def test_targets_survives_an_answer_with_little_in_it(terminal: Terminal) -> None:
    little = {"service": "prod/web", "serviceName": "web", "targetGroups": [{"name": "web"}]}
    terminal.control.services = {"prod/web": {**little, "tasks": [{"targets": [{"targetGroup": "web"}]}]}}
    for command in ("targets", "describe", "tasks"):
        done = terminal.run(command, "web")
        assert (done.code, done.err) == (0, "")


def a_fleet(count: int) -> dict[str, Any]:
    """So many tasks in two groups, each with something else to say of it."""
    kinds = [
        a_target(),
        a_target("unhealthy", **MISMATCH),
        a_leaving_target(),
        a_target("unused", **UNUSED),
        a_target("initial", reason="Elb.InitialHealthChecking", target="i-0123456789abcdef0", port=32768),
    ]
    tasks = [
        a_task(f"{number:032x}", capacity="FARGATE_SPOT", targets=[kinds[number % 5], a_target(targetGroup="admin")])
        for number in range(count)
    ]
    groups = [a_target_group(healthy=count, foreign=2, unhealthy=7), a_target_group("admin", problem="it is gone " * 9)]
    return a_service(desiredCount=count, runningCount=count, tasks=tasks, targetGroups=groups)


@pytest.mark.parametrize("width", [80, 119, 120, 160])
@pytest.mark.parametrize("count", [3, 500])
def test_nothing_is_wider_than_the_terminal_and_no_id_is_broken(width: int, count: int) -> None:
    answer = a_fleet(count)
    views = [TargetsView(group=one, targets=targets_in(answer, one), now=NOW) for one in answer["targetGroups"]]
    tasks = TasksView(tasks=answer["tasks"], deployment="dep-3", now=NOW)
    for view, ids in (
        (views[0], count),
        (views[1], count),
        (tasks, count),
        (describe_view(answer, NOW), min(count, 50)),
    ):
        console = Console(width=width, color_system=None, legacy_windows=False)
        with console.capture() as capture:
            console.print(view)
        lines = capture.get().splitlines()
        assert all(len(line.rstrip()) <= width for line in lines)
        assert sum(len(line.split()[0]) == 32 for line in lines if line.strip()) == ids


def test_at_eighty_columns_a_task_is_a_line_that_is_not_cut() -> None:
    console = Console(width=80, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(TasksView(tasks=a_fleet(5)["tasks"], deployment="dep-3", now=NOW))
    heading, *lines = capture.get().splitlines()
    assert heading.split() == ["TASK", "STATUS", "TARGETS", "ZONE", "CAPACITY", "AGE"]
    assert all(line.split()[-1] == "59m" for line in lines if len(line.split()[0]) == 32)


def test_names_of_target_groups_are_completed() -> None:
    with fake_aws() as aws:
        aws.result({"targetGroups": [{"name": "web"}, {"name": "web-admin"}, {"name": "other"}]})
        assert complete("headcount targets prod/web --target-group we", aws.url) == ["web", "web-admin"]
    assert complete("headcount targets prod/web --target-group we", "http://127.0.0.1:9") == []
