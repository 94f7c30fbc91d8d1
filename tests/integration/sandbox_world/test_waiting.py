"""Tasks do not wait for instances for ever."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from headcount_sandbox.world import World
from integration.sandbox_world.sites import FAST, Site, a_site


@pytest.fixture(scope="module")
def impatient_world() -> Iterator[World]:
    """A world in which tasks wait for instances for a tenth of a second."""
    with World(task_runtime="simulated", life_cycle=replace(FAST, waiting_for_instances=0.1), seed=7) as world:
        yield world


@pytest.mark.parametrize(
    ("cpu", "drained", "reason"),
    [(None, False, "EMPTY CAPACITY PROVIDER"), (2048, True, "NO ACTIVE INSTANCES"), (128, False, "RESOURCE:CPU")],
    ids=["empty", "draining", "full"],
)
def test_a_task_that_waited_in_vain_fails_to_start(
    impatient_world: World, cpu: int | None, drained: bool, reason: str
) -> None:
    site: Site = a_site(impatient_world, impatient_world.default_network())
    group = site.create_provider("group", scales=True)
    if cpu is not None:
        arn = site.add_instance(cpu=cpu, capacity_provider=group)["containerInstanceArn"]
        if drained:
            site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[arn], status="DRAINING")
    strategy = [{"capacityProvider": group, "weight": 1}]
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e"), launchType=None, capacityProviderStrategy=strategy)
    last = site.until(answer["tasks"][0]["taskArn"], "STOPPED")
    assert (last["stopCode"], last["stoppedReason"]) == ("TaskFailedToStart", reason)
