"""Real traffic on real processes behind a load balancer, while a service is changed, deleted and killed."""

import os
import signal
import time

import pytest

from e2e.balanced import SERVE, Balanced, address_of, balance
from e2e.install import Install, id_of
from headcount_sandbox.traffic import NO_TARGETS, Traffic, load_on

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"task_runtime": "process", "health_check_scale": 5.0}
REQUESTS = 20_000
AT_ONCE = 5.0  # seconds, for a busy machine: `python -m bench out-of-rotation` measures what is promised, a second


@pytest.fixture(scope="module")
def served(installed: Install) -> Balanced:
    balanced = balance(installed, "traffic")
    balanced.run(
        "served", 3, command=SERVE, healthCheckGracePeriodSeconds=60
    )  # processes start slowly on a busy machine
    return balanced


def test_no_planned_stop_fails_a_request(install: Install, served: Balanced) -> None:
    """Scaled out and in, every task replaced, stopped by an operator, deleted; declared again, scaled again.

    While nothing is in rotation (between the deletion and the next start) nobody asks: that is no stop.
    """
    with load_on(served.url) as first:
        install.ask("scale", service="demo/served", desiredCount=6)
        served.in_service("served", 6)
        install.ask("scale", service="demo/served", desiredCount=2)
        served.in_service("served", 2)
        before = set(install.ids("served"))
        install.ask("redeploy", service="demo/served")
        install.wait(lambda: not before & set(install.ids("served")), "every task is another one", "served")
        served.in_service("served", 2)
        install.ask("stopTask", service="demo/served", tasks=[install.ids("served")[0]])
        served.in_service("served", 2)
        manifest = install.describe("served")["manifest"]
        install.ask("delete", service="demo/served")
        install.wait(lambda: not served.in_rotation(), "nothing is in rotation any more", "served")
    install.wait(lambda: not install.control("describe", service="demo/served")["ok"], "it is deleted")
    install.ask("apply", manifest=manifest | {"desiredCount": 4})
    served.in_service("served", 4)
    with load_on(served.url) as second:
        install.ask("scale", service="demo/served", desiredCount=3)
        served.in_service("served", 3)
        install.wait(lambda: first.requests + second.requests >= REQUESTS, f"{REQUESTS} requests", within=240.0)
    assert (first.failures, second.failures) == ([], []), f"{_told(first)}\n{_told(second)}"
    assert set(first.answers) <= {200, NO_TARGETS}
    assert set(second.answers) == {200}
    assert len(first.servers) + len(second.servers) >= 12, "requests went to every task that ever was in rotation"


def test_a_killed_process_fails_only_what_it_held_and_is_out_of_rotation_at_once(
    install: Install, served: Balanced
) -> None:
    served.in_service("served", 3)
    victim = install.alive("served")[0]
    address = address_of(victim)
    pid = install.sandbox.world.task_pid(id_of(victim))
    assert pid is not None
    with load_on(served.url) as traffic:
        install.wait(lambda: traffic.requests > 500, "traffic flows")
        os.kill(pid, signal.SIGKILL)
        killed_at = time.time()
        install.wait(lambda: address not in served.in_rotation(), "the killed task is out of rotation", "served")
        gone = time.time()
        served.in_service("served", 3)
        install.wait(lambda: traffic.requests > 2_000, "traffic flows on")
    late = [failure for failure in traffic.failures if failure.at > gone + 0.5]
    assert late == [], _told(traffic)
    calls = install.sandbox.world.calls.select("elbv2", "DeregisterTargets", killed_at)
    assert calls, "it was taken out, and not only found unhealthy"
    assert calls[0].at - killed_at < AT_ONCE, f"taken out after {calls[0].at - killed_at:.2f} s"


def _told(traffic: Traffic) -> str:
    shown = "\n".join(f"{failure.at:.3f} {failure.what}" for failure in traffic.failures[:20])
    return f"{len(traffic.failures)} of {traffic.requests} requests failed, answers {dict(traffic.answers)}:\n{shown}"
