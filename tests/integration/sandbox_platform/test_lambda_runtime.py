import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from headcount_sandbox import Sandbox

Ask = Callable[..., tuple[Any, bool]]
Until = Callable[..., Any]


def test_runs_in_the_code_folder_with_the_layer_and_lambdas_environment(
    sandbox: Sandbox, ask: Ask, template: Path
) -> None:
    answer, failed = ask({"a": 1})
    assert not failed
    assert answer["event"] == {"a": 1}
    assert answer["cwd"] == str(template.parent / "functions" / "echo")
    assert answer["path"] == [answer["cwd"], str(template.parent / "layer")]
    assert answer["layer"] == "from the layer"
    assert answer["arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:headcount-Echo"
    assert 0 < answer["left"] <= 4000
    environment = answer["environment"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "headcount-Echo"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["AWS_ENDPOINT_URL"] == sandbox.endpoint_url
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["INSTALL"] == "main"
    assert sandbox.world.callers[environment["AWS_ACCESS_KEY_ID"]].function_name == "headcount-Echo"


def test_keeps_a_process_for_the_next_invocation(sandbox: Sandbox, ask: Ask, until: Until) -> None:
    sandbox.kill_function("Echo")
    until(lambda: not sandbox.platform.pids("Echo"))
    assert ask({})[0]["pid"] == ask({})[0]["pid"]


def test_answers_an_exception_with_its_type_and_goes_on(sandbox: Sandbox, ask: Ask) -> None:
    before = ask({})[0]["pid"]
    answer, failed = ask({"do": "raise"})
    assert failed
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "as asked")
    assert ask({})[0]["pid"] == before


def test_kills_what_takes_longer_than_its_timeout(sandbox: Sandbox, ask: Ask) -> None:
    timeouts = sandbox.platform.statistics("Echo").timeouts
    before = ask({})[0]["pid"]
    answer, failed = ask({"do": "sleep", "seconds": 60})
    assert failed
    assert answer["errorMessage"].endswith("Task timed out after 4.00 seconds")
    assert ask({})[0]["pid"] != before
    assert not psutil.pid_exists(before)
    assert sandbox.platform.statistics("Echo").timeouts == timeouts + 1


def test_reports_a_process_that_exits_during_an_invocation(ask: Ask) -> None:
    answer, failed = ask({"do": "exit", "code": 3})
    assert failed
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Runtime exited with error: exit status 3")


def test_reports_a_process_that_is_killed_during_an_invocation(sandbox: Sandbox, ask: Ask, until: Until) -> None:
    def is_asleep() -> bool:
        return any(entry.get("event") == {"do": "sleep", "seconds": 3.9} for entry in sandbox.logs("Echo"))

    with ThreadPoolExecutor(1) as others:
        call = others.submit(ask, {"do": "sleep", "seconds": 3.9})
        until(is_asleep)
        assert sandbox.kill_function("Echo") >= 1
        answer, failed = call.result()
    assert failed
    assert answer["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_an_idle_process_that_was_killed_swallows_no_event(sandbox: Sandbox, ask: Ask) -> None:
    for _ in range(10):
        pid = ask({})[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        _, headers, body = sandbox.platform.invoke("Echo", b"{}")  # sooner than anybody can see that it died
        assert "X-Amz-Function-Error" not in headers
        assert json.loads(body)["pid"] != pid


def test_runs_as_many_at_once_as_its_cap_allows_and_the_rest_after(sandbox: Sandbox, ask: Ask, until: Until) -> None:
    def all_work() -> bool:
        """Whether all three had something to do; one that starts slowly may come too late the first time."""
        with ThreadPoolExecutor(8) as others:
            answers = list(others.map(ask, [{"do": "sleep", "seconds": 0.2}] * 8))
        assert not any(failed for _, failed in answers)
        return len({answer["pid"] for answer, _ in answers}) == 3

    until(all_work)
    assert len(sandbox.platform.pids("Echo")) == 3


def test_reports_why_a_function_could_not_be_imported(ask: Ask) -> None:
    answer, failed = ask({}, "headcount-Broken")
    assert failed
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "a_module_that_is_not_there" in answer["errorMessage"]


def test_takes_large_answers(ask: Ask) -> None:
    answer, failed = ask({"do": "large", "size": 1_000_000})
    assert not failed
    assert len(answer["text"]) == 1_000_000


def test_counts_and_times_cold_starts(sandbox: Sandbox, ask: Ask) -> None:
    before = sandbox.platform.statistics("Echo").cold_starts
    sandbox.kill_function("Echo")
    ask({})
    statistics = sandbox.platform.statistics("Echo")
    assert statistics.cold_starts == before + 1
    assert 0.01 < statistics.init_seconds[-1] < 10
