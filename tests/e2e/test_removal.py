"""The stack is gone and its tasks are not: nobody replaces them, and the guide's command finds them."""

import re

import jmespath
import pytest

from e2e.install import CLUSTER, ROOT, Install

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"seed": 2}  # its own: it ends without functions


def test_tasks_outlive_the_stack_and_are_found_by_who_started_them(install: Install) -> None:
    install.run("left", 3)
    install.steady("left", 3)
    definition = install.define("somebody-elses")
    subnets = [next(iter(install.sandbox.subnets.values()))]
    install.ecs.run_task(
        cluster=CLUSTER,
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
    )

    install.sandbox.platform.stop()
    victim, *rest = install.ids("left")
    install.sandbox.kill_task(victim)
    install.wait(lambda: victim not in install.ids("left"), "it is dead")

    guide = (ROOT / "docs" / "guides" / "remove.md").read_text(encoding="utf-8")
    [query] = re.findall(r'--query "(tasks\[.*\])\.taskArn"', guide)
    arns = install.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
    found = jmespath.search(f"{query}.taskArn", install.ecs.describe_tasks(cluster=CLUSTER, tasks=arns))
    assert sorted(arn.rpartition("/")[2] for arn in found) == sorted(rest)
    assert len(install.ever("left")) == 3, "nobody starts another"
