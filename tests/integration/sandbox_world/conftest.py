"""One simulated world or one of processes for a module; each test works in a cluster of its own."""

from collections.abc import Iterator

import pytest

from headcount_sandbox.world import World
from integration.sandbox_world.balancing import CHECK_SCALE, Bench, a_bench
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


@pytest.fixture(scope="module")
def balanced_world() -> Iterator[World]:
    """A world of simulated tasks whose load balancers check often and whose minutes last a second."""
    scales = {"health_check_scale": CHECK_SCALE, "metrics_scale": 60.0}
    with World(task_runtime="simulated", life_cycle=FAST, seed=7, **scales) as world:
        yield world


@pytest.fixture(scope="module")
def balanced_subnets(balanced_world: World) -> dict[str, str]:
    return balanced_world.default_network()


@pytest.fixture
def bench(balanced_world: World, balanced_subnets: dict[str, str]) -> Iterator[Bench]:
    """An application load balancer of the test's own."""
    yield a_bench(balanced_world, balanced_subnets)
    balanced_world.faults.clear()


@pytest.fixture
def network(balanced_world: World, balanced_subnets: dict[str, str]) -> Iterator[Bench]:
    """A network load balancer of the test's own."""
    yield a_bench(balanced_world, balanced_subnets, "network")
    balanced_world.faults.clear()


@pytest.fixture
def balanced_site(balanced_world: World, balanced_subnets: dict[str, str]) -> Iterator[Site]:
    """A cluster of the test's own in the world of the load balancers."""
    yield a_site(balanced_world, balanced_subnets, portMappings=[{"containerPort": 8080}])
    balanced_world.faults.clear()
