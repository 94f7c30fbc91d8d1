"""Container Insights, ECS and SQS tell CloudWatch what tasks use and queues hold, once a minute (here: a second)."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from headcount_sandbox.world import World
from integration.sandbox_world.sites import FAST, Site, a_site, wait_for

BURN = """
import time
while True:
    end = time.time() + 0.05
    while time.time() < end:
        pass
    time.sleep(0.1)
"""
BURNS = ["python", "-c", BURN]
SLEEPS = ["python", "-c", "import time; kept = bytearray(50_000_000); time.sleep(300)"]


@pytest.fixture(scope="module")
def fast_world() -> Iterator[World]:
    with World(task_runtime="process", life_cycle=FAST, seed=7, metrics_scale=60.0) as world:
        yield world


@pytest.fixture(scope="module")
def subnets(fast_world: World) -> dict[str, str]:
    return fast_world.default_network()


@pytest.fixture
def site(fast_world: World, subnets: dict[str, str]) -> Iterator[Site]:
    site = a_site(fast_world, subnets, command=["sleep", "300"])
    watch(site)
    yield site
    fast_world.loads.clear()


def watch(site: Site) -> None:
    """Container Insights for the cluster."""
    insights = [{"name": "containerInsights", "value": "enabled"}]
    updated = site.world.client("ecs").update_cluster_settings(cluster=site.cluster, settings=insights)
    assert updated["cluster"]["settings"] == insights


def newest(world: World, namespace: str, name: str, **dimensions: str) -> Mapping[str, Any] | None:
    """All statistics of the newest minute with data, of the last five."""
    now = world.clock.now()
    found = world.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - 5,
        EndTime=now + 5,
        Period=1,
        Statistics=["Sum", "SampleCount", "Average", "Maximum"],
    )["Datapoints"]
    return found[-1] if found else None


def of_family(site: Site, name: str) -> Mapping[str, Any] | None:
    return newest(site.world, "ECS/ContainerInsights", name, ClusterName=site.cluster, TaskDefinitionFamily=site.family)


def test_a_datum_for_each_task_of_a_family_says_what_it_uses_of_what_it_has(site: Site) -> None:
    site.world.loads.set(site.family, cpu_percent=40, memory_percent=25)
    site.run(count=3)
    wait_for(lambda: (of_family(site, "CpuReserved") or {}).get("SampleCount") == 3)
    cpu, memory = of_family(site, "CpuUtilized"), of_family(site, "MemoryUtilized")
    assert cpu is not None
    assert memory is not None
    assert (cpu["Sum"], cpu["Unit"]) == (pytest.approx(3 * 256 * 0.4), "None")
    assert (memory["Average"], memory["Unit"]) == (pytest.approx(512 * 0.25), "Megabytes")
    whole = newest(site.world, "ECS/ContainerInsights", "CpuReserved", ClusterName=site.cluster)
    assert whole is not None
    assert whole["Sum"] == 3 * 256


def test_a_load_that_tasks_share_is_less_for_each_the_more_there_are_and_never_more_than_it_has(site: Site) -> None:
    site.world.loads.set(site.family, cpu_units=300)
    site.run(count=1)
    wait_for(lambda: (of_family(site, "CpuUtilized") or {}).get("Sum") == 256)
    site.run(count=2)
    wait_for(lambda: (of_family(site, "CpuUtilized") or {}).get("SampleCount") == 3)
    assert of_family(site, "CpuUtilized")["Maximum"] == pytest.approx(100)


def test_a_silent_family_has_no_data_and_an_idle_one_uses_nothing(site: Site) -> None:
    site.run(count=1)
    wait_for(lambda: (of_family(site, "CpuUtilized") or {}).get("Sum", 256) < 5)
    site.world.loads.set(site.family, silent=True)
    wait_for(lambda: of_family(site, "CpuUtilized") is None)


def test_a_cluster_without_container_insights_has_no_data(fast_world: World, subnets: dict[str, str]) -> None:
    silent, watched = (a_site(fast_world, subnets, command=["sleep", "300"]) for _ in range(2))
    watch(watched)
    silent.run(count=1)
    watched.run(count=1)
    wait_for(lambda: of_family(watched, "CpuReserved"))
    wait_for(lambda: of_family(watched, "CpuReserved"))
    assert of_family(silent, "CpuReserved") is None


def test_loads_are_set_at_a_door(site: Site) -> None:
    def ask(method: str, path: str, body: Any = None) -> Any:
        url = f"{site.world.endpoint_url}/_sandbox/{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return json.loads(answer.read())

    ask("POST", "loads", {"family": site.family, "cpuPercent": 70})
    assert [load["cpu_percent"] for load in ask("GET", "loads")["loads"] if load["family"] == site.family] == [70]
    ask("DELETE", f"loads/{site.family}")
    assert not [load for load in ask("GET", "loads")["loads"] if load["family"] == site.family]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask("POST", "loads", {"family": site.family, "cpuPercent": -1})


def test_the_use_of_processes_is_measured(fast_world: World, subnets: dict[str, str]) -> None:
    """One burns a third of a CPU, which is more than the quarter that it has; the other keeps 50 MB."""
    busy = a_site(fast_world, subnets, command=BURNS)
    idle = a_site(fast_world, subnets, command=SLEEPS)
    for site in (busy, idle):
        watch(site)
        site.run(count=1)
    wait_for(lambda: (of_family(busy, "CpuUtilized") or {}).get("Sum", 0) > 100)
    assert of_family(busy, "CpuUtilized")["Sum"] <= 256
    wait_for(lambda: (of_family(idle, "MemoryUtilized") or {}).get("Sum", 0) > 45)
    wait_for(lambda: (of_family(idle, "CpuUtilized") or {}).get("Sum", 99) < 20)


def test_queues_tell_what_they_hold(fast_world: World) -> None:
    sqs, name = fast_world.client("sqs"), f"jobs-{uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=300)
    sqs.receive_message(QueueUrl=url)

    def held(kind: str) -> Any:
        found = newest(fast_world, "AWS/SQS", f"ApproximateNumberOfMessages{kind}", QueueName=name)
        return (found or {}).get("Maximum")

    wait_for(lambda: [held(kind) for kind in ("Visible", "NotVisible", "Delayed")] == [2, 1, 1])
