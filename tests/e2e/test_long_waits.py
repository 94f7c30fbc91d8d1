"""What waits looks again and again: Lambda would stop such a loop after sixteen rounds, were it not allowed."""

import pytest

from e2e.install import Install
from headcount_sandbox import Clock
from headcount_sandbox.platform.lineage import MOST_INVOCATIONS

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"clock": Clock(scale=120.0), "schedule_scale": 0.0001}
ROUNDS = 2 * MOST_INVOCATIONS


def test_a_service_without_capacity_is_looked_at_beyond_sixteen_rounds_and_starts_once_there_is_some(
    install: Install,
) -> None:
    """Nothing wakes it but its own timers: no event of a task, no audit."""

    def passes() -> int:
        return install.sandbox.platform.statistics("ReconcileService").invocations

    before = passes()
    install.faults.refuse_capacity()
    install.run("patient", 2)
    install.wait(lambda: passes() > before + ROUNDS, f"{ROUNDS} passes have run", "patient", within=180)
    install.faults.clear()
    install.wait(lambda: len(install.alive("patient")) == 2, "both tasks run", "patient")
