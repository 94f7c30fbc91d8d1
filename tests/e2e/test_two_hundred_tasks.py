"""Many tasks at once. A file of its own: its sandbox ends with it, and with it the events of all those tasks."""

import pytest

from e2e.install import Install, zones_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"seed": 5}


def test_two_hundred_tasks_start_and_two_hundred_killed_are_replaced(install: Install) -> None:
    install.run("crowd", 200)
    install.steady("crowd", 200, within=180.0)
    first = set(install.ids("crowd"))
    assert len(install.ever("crowd")) == 200, install.story("200 were asked for", ["crowd"])
    zones = zones_of(install.alive("crowd"))
    assert sorted(zones.count(zone) for zone in set(zones)) == [66, 67, 67]

    for task_id in first:
        install.sandbox.kill_task(task_id)

    install.wait(lambda: not first & set(install.ids("crowd")), "all 200 are dead", "crowd")
    install.steady("crowd", 200, within=180.0)
    assert len(install.ever("crowd")) == 400, install.story("200 were lost, so 200 are replaced", ["crowd"])
    told = install.history("crowd", "lost")
    assert {entry["task"] for entry in told} == first
    assert all("exit code 137" in entry["reason"] for entry in told)
