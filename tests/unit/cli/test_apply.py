from collections.abc import Callable
from pathlib import Path

from rich.console import Console, RenderableType

from headcount_cli.views.changes import difference
from unit.cli.fake_control import FakeControl, Refusal, a_service
from unit.cli.manifest_files import a_manifest, write_manifest
from unit.cli.terminal import Terminal

LOAD_BALANCER = {
    "containerName": "web",
    "containerPort": 8080,
    "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef",
}


def becomes_steady(control: FakeControl, key: str = "prod/web") -> Callable[[], None]:
    def step() -> None:
        service = control.services[key]
        service |= {"state": "STEADY", "runningCount": service["desiredCount"], "pendingCount": 0}

    return step


def test_shows_the_difference_then_applies_where_nobody_can_answer(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("apply", "-f", write_manifest(tmp_path))
    assert done.code == 0
    assert "prod/web: new service, desired count 2" in done.out
    assert "+ taskDefinition" in done.out
    assert terminal.questions == []
    assert [request["dryRun"] for request in terminal.control.requests] == [True, False]
    assert "prod/web" in terminal.control.services


def test_a_no_changes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    terminal.interactive, terminal.answers = True, [False]
    done = terminal.run("apply", "-f", write_manifest(tmp_path))
    assert done.code == 1
    assert done.err == "Nothing was changed.\n"
    assert terminal.control.services == {}


def test_yes_asks_nobody(terminal: Terminal, tmp_path: Path) -> None:
    terminal.interactive = True
    assert terminal.run("apply", "-f", write_manifest(tmp_path), "--yes").code == 0
    assert terminal.questions == []


def test_a_dry_run_changes_nothing_and_prints_the_answer_for_programs(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--dry-run", "--output", "json")
    assert done.code == 0
    assert done.document["created"] is True
    assert terminal.control.services == {}


def test_json_is_exactly_the_result_even_after_waiting(terminal: Terminal, tmp_path: Path) -> None:
    terminal.sleeping = becomes_steady(terminal.control)
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait", "-o", "json")
    assert done.code == 0
    assert done.document["deployment"] == "dep-1"
    assert "prod/web: new service" in done.err


def test_without_a_difference_nothing_is_sent(terminal: Terminal, tmp_path: Path) -> None:
    terminal.control.services = {"prod/web": a_service(manifest=a_manifest())}
    terminal.interactive = True
    done = terminal.run("apply", "-f", write_manifest(tmp_path))
    assert done.code == 0
    assert "no changes" in done.out
    assert len(terminal.control.requests) == 1


def test_says_who_applied(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("apply", "-f", write_manifest(tmp_path))
    dry_run, applied = terminal.control.requests
    assert "by" not in dry_run
    assert applied["by"] == "alice"


def test_waits_until_steady(terminal: Terminal, tmp_path: Path) -> None:
    terminal.sleeping = becomes_steady(terminal.control)
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait")
    assert done.code == 0
    assert "0/2 running. DEPLOYING: a new deployment" in done.err
    assert "prod/web is steady after 1s." in done.err


def test_a_steady_state_from_before_the_apply_does_not_count(terminal: Terminal, tmp_path: Path) -> None:
    terminal.control.services = {"prod/web": a_service(desiredCount=2, runningCount=2)}

    def not_noticed_yet(control: FakeControl) -> None:
        control.services["prod/web"] |= {"state": "STEADY", "deployment": "dep-3"}

    terminal.control.step = not_noticed_yet
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait", "--timeout", "30s")
    assert done.code == 1


def test_not_steady_in_time_tells_why(terminal: Terminal, tmp_path: Path) -> None:
    started = terminal.now
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait", "--timeout", "2m")
    assert done.code == 1
    assert "prod/web: not done after 2m. 0/2 running. DEPLOYING: a new deployment" in done.err
    assert (terminal.now - started).total_seconds() == 120


def test_what_stands_against_load_balancing_is_waited_for_and_told(terminal: Terminal, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, loadBalancers=[LOAD_BALANCER])
    become_steady = becomes_steady(terminal.control)

    def is_refused() -> None:
        become_steady()
        problems = ["rule 10 of web-alb:80 is another's", "target group web has another port"]
        terminal.control.services["prod/web"]["loadBalancing"] = {
            "generation": 1,
            "upToDate": True,
            "problems": problems,
        }

    terminal.sleeping = is_refused
    done = terminal.run("apply", "-f", manifest, "--wait", "--timeout", "2m")
    assert done.code == 1
    told = " ".join(done.err.split())
    assert "STEADY" in told
    assert (
        "its load balancing has not been looked at since the manifest changed"
        not in told.partition("prod/web: not done")[2]
    )
    assert "rule 10 of web-alb:80 is another's; target group web has another port" in told


def test_what_the_state_says_of_load_balancing_is_not_said_twice(terminal: Terminal, tmp_path: Path) -> None:
    def is_told() -> None:
        terminal.control.services["prod/web"] |= {
            "state": "RECONCILING",
            "stateReason": "rule 10 is another's; 2 running, 0 pending, 0 stopping of 2 desired",
            "loadBalancing": {
                "generation": 1,
                "upToDate": True,
                "problems": ["rule 10 is another's", "no listener at web-alb:80"],
            },
        }

    terminal.sleeping = is_told
    manifest = write_manifest(tmp_path, loadBalancers=[LOAD_BALANCER])
    done = terminal.run("apply", "-f", manifest, "--wait", "--timeout", "2m")
    told = " ".join(done.err.split()).partition("prod/web: not done")[2]
    assert "RECONCILING: rule 10 is another's; 2 running, 0 pending, 0 stopping of 2 desired" in told
    assert told.count("rule 10 is another's") == 1
    assert "; no listener at web-alb:80" in told


def test_not_steady_is_one_json_document(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait", "--timeout", "5s", "-o", "json")
    assert done.code == 1
    assert done.document["error"]["type"] == "NotSteady"


def test_waits_for_all_and_reports_the_late_one(terminal: Terminal, tmp_path: Path) -> None:
    worker = write_manifest(tmp_path, "worker.json", serviceName="worker")
    terminal.sleeping = becomes_steady(terminal.control, "prod/worker")
    arguments = ("apply", "-f", write_manifest(tmp_path), "-f", worker, "--wait", "--timeout", "10s", "-o", "json")
    done = terminal.run(*arguments)
    assert done.code == 1
    late, steady = done.document["results"]
    assert (late["service"], late["error"]["type"]) == ("prod/web", "NotSteady")
    assert steady["service"] == "prod/worker"
    assert "error" not in steady


def test_interrupted_while_waiting_leaves_it_applied_and_says_so(terminal: Terminal, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    terminal.sleeping = interrupt
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait")
    assert done.code == 1
    assert "prod/web stays applied" in done.err
    assert "headcount watch prod/web" in done.err
    assert "prod/web" in terminal.control.services


def test_a_moment_without_an_answer_does_not_end_the_wait(terminal: Terminal, tmp_path: Path) -> None:
    steady = becomes_steady(terminal.control)

    def step() -> None:
        steady()
        terminal.sleeping = lambda: None
        terminal.control.refusals = [Refusal("Unavailable", "AWS throttled.")] * 3

    terminal.sleeping = step
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--wait")
    assert done.code == 0
    assert "AWS throttled." in done.err


def test_one_refused_manifest_stops_all_before_anything_is_applied(terminal: Terminal, tmp_path: Path) -> None:
    problem = {"path": "taskDefinition", "value": "web:12", "message": "is not a task definition of this account"}
    terminal.control.refusals = [Refusal("InvalidManifest", "1 problem.", [problem])]
    worker = write_manifest(tmp_path, "worker.json", serviceName="worker")
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "-f", worker)
    assert done.code == 2
    assert "taskDefinition = web:12" in done.err
    assert terminal.control.services == {}


def test_all_refusals_are_shown_together(terminal: Terminal, tmp_path: Path) -> None:
    terminal.control.refusals = [
        Refusal("InvalidManifest", "no such cluster"),
        Refusal("ServiceDeleting", "being deleted"),
    ]
    worker = write_manifest(tmp_path, "worker.json", serviceName="worker")
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "-f", worker, "-o", "json")
    messages = [problem["message"] for problem in done.document["error"]["problems"]]
    assert done.code == 2
    assert messages == ["no such cluster", "being deleted"]


def test_an_invalid_file_reaches_nobody(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run(
        "apply", "-f", write_manifest(tmp_path), "-f", write_manifest(tmp_path, "b.json", desiredCount=5001)
    )
    assert done.code == 2
    assert terminal.control.requests == []


def test_the_difference_hides_values_of_environment_variables(terminal: Terminal, tmp_path: Path) -> None:
    overrides = {"containerOverrides": [{"name": "web", "environment": [{"name": "PASSWORD", "value": "hunter2"}]}]}
    done = terminal.run("apply", "-f", write_manifest(tmp_path, overrides=overrides))
    assert done.code == 0
    assert "hunter2" not in done.out + done.err
    assert "(hidden)" in done.out


def test_warnings_are_shown(terminal: Terminal, tmp_path: Path) -> None:
    invoke = terminal.control.invoke

    def warning(request: dict[str, object]) -> dict[str, object]:
        answer = invoke(request)
        answer["result"]["warnings"] = ["only one subnet: no second zone to fall back to"]
        return answer

    terminal.control.invoke = warning
    assert "Warning: only one subnet" in terminal.run("apply", "-f", write_manifest(tmp_path), "--dry-run").out


def test_of_a_new_service_only_what_was_written_is_shown(terminal: Terminal, tmp_path: Path) -> None:
    invoke = terminal.control.invoke

    def with_defaults(request: dict[str, object]) -> dict[str, object]:
        answer = invoke(request)
        answer["result"]["changes"] += [{"path": "deadlines.pendingSeconds", "before": None, "after": 900}]
        return answer

    terminal.control.invoke = with_defaults
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "--dry-run")
    assert "deadlines" not in done.out
    assert "and 1 more at their defaults" in done.out


def test_of_a_new_service_load_balancers_are_shown(terminal: Terminal, tmp_path: Path) -> None:
    group = {"path": "loadBalancers[0].targetGroup.name", "before": None, "after": "web"}
    load_balancer = {"path": "elasticLoadBalancers[0].scheme", "before": None, "after": "internet-facing"}
    function = {"path": "functionTargets[0].functionArn", "before": None, "after": "not written"}
    written = {"loadBalancers": [{}], "ElasticLoadBalancers": [{}]}
    answer = {"service": "prod/web", "created": True, "changes": [group, load_balancer, function]}
    told = rendered(difference(answer, written), width=80)
    assert "  + loadBalancers[0].targetGroup.name: web\n" in told
    assert "  + elasticLoadBalancers[0].scheme: internet-facing\n" in told
    assert "not written" not in told


def test_a_long_warning_is_wrapped_under_its_own_beginning() -> None:
    told = rendered(difference({"warnings": ["word " * 30]}, {}), width=40)
    first, *rest = [line for line in told.splitlines() if "word" in line]
    assert first.startswith("  Warning: word")
    assert rest
    assert all(line.startswith(" " * 11 + "word") for line in rest)


def rendered(view: RenderableType, *, width: int) -> str:
    """What stands on a terminal of so many columns."""
    console = Console(width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(view)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def test_says_that_a_hidden_value_changed_without_showing_it(terminal: Terminal, tmp_path: Path) -> None:
    def overrides(value: str) -> dict[str, object]:
        return {"containerOverrides": [{"name": "web", "environment": [{"name": "PASSWORD", "value": value}]}]}

    terminal.control.services = {"prod/web": a_service(manifest=a_manifest(overrides=overrides("hunter2")))}
    done = terminal.run("apply", "-f", write_manifest(tmp_path, overrides=overrides("hunter3")), "--dry-run")
    assert "what is hidden has changed" in " ".join(done.out.split())
    assert "hunter" not in done.out


def test_the_refusal_of_one_manifest_is_passed_on_to_programs_as_it_is(terminal: Terminal, tmp_path: Path) -> None:
    terminal.control.refusals = [Refusal("ServiceDeleting", "prod/web is being deleted")]
    done = terminal.run("apply", "-f", write_manifest(tmp_path), "-o", "json")
    assert done.code == 1
    assert done.document["error"] == {
        "type": "ServiceDeleting",
        "message": "prod/web is being deleted",
        "problems": [],
    }
