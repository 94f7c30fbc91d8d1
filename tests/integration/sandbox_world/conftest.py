"""One simulated world or one of processes for a module; each test works in a cluster of its own."""

from collections.abc import Iterator

import pytest

from headcount_sandbox.world import World
from integration.sandbox_world.sites import FAST, Site, a_site


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A world of simulated tasks with short delays."""
    with World(task_runtime="simulated", life_cycle=FAST, seed=7) as world:
        yield world


@pytest.fixture(scope="module")
def subnets(world: World) -> dict[str, str]:
    return world.default_network()


@pytest.fixture
def site(world: World, subnets: dict[str, str]) -> Iterator[Site]:
    yield a_site(world, subnets)
    world.faults.clear()


@pytest.fixture(scope="module")
def process_world() -> Iterator[World]:
    """A world whose tasks are processes."""
    with World(task_runtime="process", life_cycle=FAST, seed=7) as world:
        yield world


@pytest.fixture(scope="module")
def process_subnets(process_world: World) -> dict[str, str]:
    return process_world.default_network()


@pytest.fixture
def process_site(process_world: World, process_subnets: dict[str, str]) -> Iterator[Site]:
    yield a_site(process_world, process_subnets, command=["sleep", "300"])
    process_world.faults.clear()
