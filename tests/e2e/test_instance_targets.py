"""Tasks in bridge networking behind a target group: a target is an EC2 instance and the host port of a container."""

from typing import Any

import pytest

from e2e.balanced import CONTAINER, PORT, Balanced, balance
from e2e.install import Install, id_of
from e2e.instances import Instances

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def targets_of(install: Install, service: str) -> set[tuple[str, int]]:
    """The EC2 instance and the host port of each live task, as ECS tells them."""
    tasks = install.alive(service)
    arns = sorted({task["containerInstanceArn"] for task in tasks})
    told = install.ecs.describe_container_instances(cluster="demo", containerInstances=arns)["containerInstances"]
    ec2 = {one["containerInstanceArn"]: str(one["ec2InstanceId"]) for one in told}
    return {(ec2[task["containerInstanceArn"]], _host_port(task)) for task in tasks}


def _host_port(task: dict[str, Any]) -> int:
    return int(task["containers"][0]["networkBindings"][0]["hostPort"])


def in_rotation(balanced: Balanced) -> set[tuple[str, int]]:
    return {target for target, state in balanced.health().items() if state == "healthy"}


def test_dynamic_host_ports_go_into_rotation_and_drain_before_they_stop(install: Install) -> None:
    instances = Instances(install, "dynamic")
    instances.one_a_zone()
    balanced = balance(install, "dynamic", target_type="instance")
    entry = {"targetGroupArn": balanced.group, "containerName": CONTAINER, "containerPort": PORT}
    instances.run("dynamic", 6, host_port=0, loadBalancers=[entry])
    install.steady("dynamic", 6)
    assert in_rotation(balanced) == targets_of(install, "dynamic")
    assert len({port for _, port in in_rotation(balanced)}) > 1, "each has a host port of its own"

    lost = install.ids("dynamic")[0]
    install.sandbox.kill_task(lost)
    install.wait(lambda: lost not in install.ids("dynamic"), "it is gone", "dynamic")
    install.steady("dynamic", 6)
    install.wait(lambda: in_rotation(balanced) == targets_of(install, "dynamic"), "rotation follows", "dynamic")

    install.ask("scale", service="demo/dynamic", desiredCount=2)
    install.steady("dynamic", 2)
    install.wait(lambda: set(balanced.health()) == targets_of(install, "dynamic"), "the others are out", "dynamic")
    stopped = [task for task in install.ever("dynamic") if task["lastStatus"] == "STOPPED" and id_of(task) != lost]
    assert all("scale in" in task["stoppedReason"] for task in stopped)
