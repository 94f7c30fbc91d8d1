"""The ``RunTask`` request: what goes to which kind of capacity, held against botocore's own model of the call."""

from typing import Any, Final

import botocore.session
import pytest
from botocore.validate import ParamValidator

from builders import NOW, TASK_DEFINITION, a_declared_service, a_manifest, a_service, a_status, a_zone_refusal
from headcount.model.manifest import CapacitySource
from headcount.model.service import ANY_ZONE, Cordon
from unit.planning.plans import launches, planned

RUN_TASK: Final[Any] = botocore.session.get_session().get_service_model("ecs").operation_model("RunTask").input_shape
EC2: Final = CapacitySource(launch_type="EC2")
AUTO_SCALING: Final = CapacitySource(capacity_provider="my-instances")
FARGATE: Final = CapacitySource(launch_type="FARGATE")
EVERYTHING: Final = {
    "platformVersion": "1.4.0",
    "enableExecuteCommand": True,
    "enableECSManagedTags": True,
    "propagateTags": "TASK_DEFINITION",
    "referenceId": "shop",
    "overrides": {"cpu": "512", "containerOverrides": [{"name": "web", "command": ["serve"]}]},
    "placementStrategy": [{"type": "binpack", "field": "memory"}],
    "placementConstraints": [{"type": "distinctInstance"}],
}


def requested(network_mode: str = "awsvpc", cordons: tuple[Cordon, ...] = (), **manifest: Any) -> Any:
    network = {"network_mode": network_mode}
    if network_mode != "awsvpc":
        network["zones"] = ((ANY_ZONE, ()),)
    declared = a_declared_service(a_manifest(**manifest), **network)
    [launch] = launches(planned(a_service(desired=2, declared=declared, cordons=cordons)))
    report = ParamValidator().validate(launch.request, RUN_TASK)
    assert not report.has_errors(), report.generate_report()
    assert {name: launch.request[name] for name in ("cluster", "taskDefinition", "count", "group")} == {
        "cluster": "prod",
        "taskDefinition": TASK_DEFINITION,
        "count": 2,
        "group": "headcount:web",
    }
    return launch.request


def test_fargate_gets_one_zones_subnets_and_nothing_of_instances() -> None:
    request = requested(sources=(FARGATE,), run_task=EVERYTHING, security_groups=("sg-1",), assign_public_ip="ENABLED")
    assert request["launchType"] == "FARGATE"
    assert request["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-a"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
    assert set(EVERYTHING) - set(request) == {"placementStrategy", "placementConstraints"}


@pytest.mark.parametrize("network_mode", ["bridge", "host", "none"])
def test_outside_awsvpc_nothing_is_said_of_the_network(network_mode: str) -> None:
    assert "networkConfiguration" not in requested(network_mode, sources=(EC2,))


def test_ec2_with_awsvpc_gets_one_zones_subnets_as_well() -> None:
    request = requested(sources=(EC2,))
    assert request["launchType"] == "EC2"
    assert request["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-a"]


def test_instances_get_what_was_declared_without_the_platform_version() -> None:
    request = requested("bridge", sources=(EC2,), run_task=EVERYTHING)
    assert set(EVERYTHING) - set(request) == {"platformVersion"}
    assert request["placementStrategy"] == [{"type": "binpack", "field": "memory"}]
    assert request["placementConstraints"] == [{"type": "distinctInstance"}]


def test_without_a_strategy_instances_are_spread_over_zones_then_over_instances() -> None:
    assert requested("bridge", sources=(EC2,))["placementStrategy"] == [
        {"type": "spread", "field": "attribute:ecs.availability-zone"},
        {"type": "spread", "field": "instanceId"},
    ]


@pytest.mark.parametrize("source", [AUTO_SCALING, CapacitySource(capacity_provider="FARGATE_SPOT", base=2, weight=9)])
def test_a_call_names_one_capacity_provider_and_no_launch_type(source: CapacitySource) -> None:
    request = requested(sources=(source,))
    assert request["capacityProviderStrategy"] == [{"capacityProvider": source.name, "weight": 1}]
    assert "launchType" not in request


def test_a_fallback_of_another_kind_gets_what_that_kind_takes() -> None:
    dry = a_status(zones=(a_zone_refusal("zone-a", capacity="my-instances"),))
    declared = a_declared_service(a_manifest(sources=(AUTO_SCALING,), fallback=(FARGATE,), run_task=EVERYTHING))
    [launch] = launches(planned(a_service(desired=2, declared=declared, status=dry)))
    assert launch.request["launchType"] == "FARGATE"
    assert launch.request["platformVersion"] == "1.4.0"
    assert "placementStrategy" not in launch.request


def test_cordons_become_a_constraint_where_ecs_chooses_the_zone() -> None:
    cordons = tuple(Cordon(zone=zone, at=NOW) for zone in ("zone-b", "zone-a"))
    distinct = {"placementConstraints": [{"type": "distinctInstance"}]}
    assert requested("bridge", cordons, sources=(EC2,), run_task=distinct)["placementConstraints"] == [
        {"type": "distinctInstance"},
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone not_in [zone-a, zone-b]"},
    ]


def test_a_cordon_that_is_over_is_no_constraint() -> None:
    over = Cordon(zone="zone-a", at=NOW - 9.0, until=NOW)
    assert "placementConstraints" not in requested("bridge", (over,), sources=(EC2,))


def test_with_awsvpc_the_zone_is_our_choice_and_no_constraint() -> None:
    assert "placementConstraints" not in requested("awsvpc", (Cordon(zone="zone-b", at=NOW),), sources=(EC2,))


def test_tags_name_service_deployment_and_install_after_the_users_own() -> None:
    assert requested(tags=(("team", "shop"),))["tags"] == [
        {"key": "team", "value": "shop"},
        {"key": "headcount:service", "value": "prod/web"},
        {"key": "headcount:deployment", "value": "dep-1"},
        {"key": "headcount:install", "value": "main"},
    ]


def test_every_launch_has_a_token_of_its_own_and_names_itself() -> None:
    made = launches(planned(a_service(desired=25)))
    assert len({launch.request["clientToken"] for launch in made}) == len(made) == 3
    assert all(launch.request["startedBy"] == f"hc/main/{launch.launch_id}" for launch in made)
