"""Deployments: a changed revision replaces the tasks of the old one within the percentages."""

from datetime import datetime

import pytest

from e2e.install import CLUSTER, Install, id_of
from e2e.rolling import SETTLING_SECONDS, TASKS, RollingDeployment, Watch

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def revisions(install: Install, service: str) -> list[str]:
    """The revision of each task that is meant to run."""
    return sorted(task["taskDefinitionArn"].rpartition(":")[2] for task in install.alive(service))


def test_a_deployment_that_may_go_down_to_zero_stops_before_it_starts(install: Install) -> None:
    percents = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    install.run("recreated", 2, deploymentConfiguration=percents)
    install.steady("recreated", 2)
    watch = Watch(install, "recreated")

    applied = install.run("recreated", 2, deploymentConfiguration=percents)

    assert applied["newDeployment"]
    install.wait(lambda: revisions(install, "recreated") == ["2", "2"], "only the new revision is left", "recreated")
    install.exactly("recreated", 2)
    assert max(watch.running) <= 2
    assert len(install.ever("recreated")) == 4
    install.says("recreated", "replaced by dep-2")


def test_a_deployment_ends_with_the_new_tasks_only_and_never_went_below_its_count(
    install: Install, rolling: RollingDeployment
) -> None:
    install.says("rolling", "3 old tasks kept until new ones are healthy")
    install.wait(lambda: revisions(install, "rolling") == ["2"] * TASKS, "the old tasks are gone", "rolling")
    install.steady("rolling", TASKS)

    assert min(rolling.watch.running) >= TASKS, f"minimumHealthyPercent 100 was broken: {rolling.watch.running}"
    assert max(rolling.watch.running) <= 2 * TASKS, f"maximumPercent 200 was broken: {rolling.watch.running}"
    launches = [entry for entry in install.ask("events", service="rolling")["events"] if entry["kind"] == "launch"]
    assert len(install.ever("rolling")) == 2 * TASKS, launches
    started = [_time(task["startedAt"]) for task in install.alive("rolling")]
    old = [task for task in install.ever("rolling") if id_of(task) not in install.ids("rolling")]
    assert min(_time(task["stoppingAt"]) for task in old) >= min(started) + SETTLING_SECONDS
    deployments = {one["deployment"]: one["rolloutState"] for one in install.describe("rolling")["deployments"]}
    assert deployments["dep-2"] == "COMPLETED"
    assert f"{CLUSTER}/rolling is STEADY" in install.why("rolling")


def _time(value: datetime | float) -> float:
    return value.timestamp() if isinstance(value, datetime) else value
