"""export, and plan: of an installed Headcount, and of a state on this machine."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

import builders
from headcount.model.manifest import (
    CapacitySource,
    ElasticLoadBalancer,
    FunctionTarget,
    LoadBalancer,
    Manifest,
    MaximumAge,
    UnhealthyTasks,
)
from headcount.model.manifest_parser import canonical_document, parse_manifest
from headcount.model.service import Cordon, OperatorWishes, Override, Pause, ServiceState, Standby
from headcount.model.target import Balancing, KnownGroup
from headcount.model.values import replace
from headcount_cli.ecs_export import create_service
from unit.cli.fake_control import FakeControl, a_service
from unit.cli.terminal import Terminal

GROUP_ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
AT = "2026-09-21T14:13:20Z"  # builders.NOW


def exported(state: ServiceState) -> dict[str, Any]:
    """As control's ``export`` answers."""
    declared = state.declared
    manifest = canonical_document(declared.manifest) if declared else None
    return {
        "service": state.service,
        "schema": 1,
        "exportedAt": AT,
        "manifest": manifest,
        "state": msgspec.json.decode(msgspec.json.encode(state)),
    }


@pytest.fixture
def control() -> FakeControl:
    state = builders.a_service(builders.a_task("task-1"), desired=3)
    document = exported(state)
    service = a_service(manifest=document["manifest"], desiredCount=3)
    return FakeControl(services={"prod/web": service}, states={"prod/web": document["state"]})


def test_the_state_is_written_as_it_came(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    assert terminal.run("export", "web", "--to", str(path)).code == 0
    written = json.loads(path.read_text())
    assert written["state"] == terminal.control.states["prod/web"]
    assert terminal.run("export", "web").document == terminal.run("export", "web", "-o", "json").document == written


def test_a_file_is_not_written_over(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    path.write_text("mine")
    assert terminal.run("export", "web", "--to", str(path)).code == 2
    assert path.read_text() == "mine"
    assert terminal.run("export", "web", "--to", str(path), "--force", "-o", "json").document["file"] == str(path)


def test_the_manifest_can_be_applied_again(terminal: Terminal, tmp_path: Path) -> None:
    terminal.control.states["prod/web"]["capacity"]["desired_count"] = 7
    done = terminal.run("export", "web", "--as", "manifest")
    path = tmp_path / "web.yaml"
    path.write_text(done.out)
    assert terminal.run("validate", str(path)).code == 0
    written = yaml.safe_load(done.out)
    assert parse_manifest(written) == parse_manifest(terminal.control.services["prod/web"]["manifest"])
    assert "restarts" not in written  # at its defaults
    assert "# Its desired count was 7 then" in done.out


SCALING = {
    "minCapacity": 2,
    "maxCapacity": 40,
    "policies": [
        {
            "policyName": "cpu50",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 50.0,
                "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                "evaluation": {"outPeriods": 1},
                "scaleOutCooldown": 60,
            },
        }
    ],
    "scheduledActions": [
        {
            "scheduledActionName": "morning",
            "schedule": "cron(0 8 ? * MON-FRI *)",
            "scalableTargetAction": {"minCapacity": 10},
        }
    ],
}


def test_an_exported_manifest_says_of_scaling_what_was_said(terminal: Terminal) -> None:
    document = {**terminal.control.services["prod/web"]["manifest"], "scaling": SCALING}
    manifest = parse_manifest(document)
    assert isinstance(manifest, Manifest)
    terminal.control.services["prod/web"]["manifest"] = canonical_document(manifest)
    written = yaml.safe_load(terminal.run("export", "web", "--as", "manifest").out)
    assert written["scaling"] == SCALING
    assert list(written["scaling"]["policies"][0]) == list(SCALING["policies"][0])
    done = terminal.run("export", "web", "--as", "ecs-service", "-o", "json")
    assert "scaling" in [one["path"] for one in done.document["notCarriedOver"]]


def test_a_native_service_is_no_request_for_ecs(terminal: Terminal) -> None:
    native = {"kind": "NativeService", "cluster": "prod", "serviceName": "web", "scaling": SCALING}
    terminal.control.services["prod/web"]["manifest"] = native
    done = terminal.run("export", "web", "--as", "ecs-service")
    assert done.code == 1
    assert "prod/web is a service of ECS already" in done.err


def test_a_state_goes_through_a_file_into_a_plan_without_aws(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    terminal.run("export", "web", "--to", str(path))
    terminal.connections.clear()
    done = terminal.run("plan", "--from-file", str(path), "--at", AT)
    assert (done.code, done.err, terminal.connections) == (0, "", [])
    assert "Start 2 tasks" in done.out
    document = terminal.run("plan", "--from-file", str(path), "--at", AT, "-o", "json").document
    assert [(action["kind"], action["count"]) for action in document["actions"]] == [("start", 2)]


def test_without_a_time_a_plan_is_of_the_time_of_the_export(terminal: Terminal, tmp_path: Path) -> None:
    state = builders.a_service(desired=1, launches=(builders.a_launch(at=builders.NOW - 1),))
    path = tmp_path / "web.json"
    path.write_text(json.dumps(exported(state)))
    then = terminal.run("plan", "--from-file", str(path), "-o", "json").document
    later = terminal.run("plan", "--from-file", str(path), "--at", "2026-09-23T00:00:00Z", "-o", "json").document
    assert then["actions"] != later["actions"]


def test_control_is_asked_where_no_file_is_given(terminal: Terminal) -> None:
    terminal.control.planned = {
        "actions": [
            {
                "kind": "start",
                "reason": "2 tasks fewer than desired",
                "count": 2,
                "zone": "eu-central-1b",
                "capacity": "FARGATE",
                "task": None,
                "deployment": "dep-4",
                "launch": "l1",
            },
            {"kind": "stop", "reason": "dep-4 replaces dep-3", "task": "t1", "deployment": "dep-3"},
            {"kind": "teleportTask", "reason": "of a newer version", "task": "t2"},
        ],
        "decisions": [
            {"kind": "hold", "reason": "1 protected task stays"},
            {"kind": "launch", "reason": "2 tasks fewer than desired"},
        ],
        "state": "DEPLOYING",
        "stateReason": "dep-4 replaces dep-3",
        "wakeAt": "2026-11-23T03:00:40Z",
        "again": False,
    }
    told = " ".join(terminal.run("plan", "web").out.split())
    assert "Start 2 tasks in 1b on FARGATE (dep-4): 2 tasks fewer than desired" in told
    assert "Stop task t1 (dep-3): dep-4 replaces dep-3" in told
    assert "Teleport task t2: of a newer version" in told
    assert "Waiting: 1 protected task stays" in told
    assert told.count("2 tasks fewer than desired") == 1
    assert "until 03:00:40 UTC (in 40s) at the latest" in told


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("web", "--from-file", "x"),
        ("web", "--at", AT),
        ("--from-file", "none.json"),
        ("--from-file", "x", "--at", "soon"),
    ],
)
def test_a_plan_needs_one_source(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run("plan", *arguments)
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"state": {}}',
        '{"state": {}, "schema": 2}',
        '{"state": {}, "schema": 1}',
        f'{{"state": {{"service": 7}}, "schema": 1, "exportedAt": "{AT}"}}',
        "\xff",
    ],
)
def test_a_file_that_is_no_export(terminal: Terminal, tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("latin-1"))
    done = terminal.run("plan", "--from-file", str(path))
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


# -- as ECS's own service ---------------------------------------------------------------------------------------------


def check(request: dict[str, Any]) -> str:
    """What botocore finds wrong with a ``CreateService`` request."""
    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    report = ParamValidator().validate(request, model.operation_model("CreateService").input_shape)
    return str(report.generate_report())


def test_a_service_becomes_a_request_that_ecs_understands() -> None:
    manifest = builders.a_manifest(
        tags=(("team", "media"),), maximum_percent=150, run_task={"platformVersion": "1.4.0"}
    )
    made = create_service(exported(builders.a_service(declared=builders.a_declared_service(manifest), desired=5)))
    assert check(made.request) == ""
    assert made.left_out == ()
    assert made.request["desiredCount"] == 5
    assert made.request["taskDefinition"] == "web:12"
    assert made.request["launchType"] == "FARGATE"
    assert made.request["platformVersion"] == "1.4.0"
    assert made.request["propagateTags"] == "SERVICE"  # so that tasks keep the tags that they have
    assert made.request["deploymentConfiguration"]["maximumPercent"] == 150


def test_what_ecs_cannot_say_is_named() -> None:
    volume = {"name": "data", "managedEBSVolume": {"roleArn": "r", "terminationPolicy": {"deleteOnTermination": False}}}
    manifest = builders.a_manifest(
        maximum_age=MaximumAge(seconds=3600),
        strict_zone_spread=True,
        fallback=(CapacitySource(capacity_provider="FARGATE_SPOT"),),
        tags=(("team", "media"),),
        run_task={"overrides": {"cpu": "256"}, "volumeConfigurations": [volume], "propagateTags": "TASK_DEFINITION"},
        inline_task_definition={"family": "web"},
    )
    operator = OperatorWishes(
        pause=Pause(mode="stop", at=0),
        override=Override(count=1, at=0, until=1),
        standbys=(Standby(task="t", at=0),),
    )
    declared = builders.a_declared_service(manifest)
    cordons = (Cordon(zone="z", at=0),)
    made = create_service(exported(builders.a_service(declared=declared, operator=operator, cordons=cordons)))
    assert check(made.request) == ""
    assert {one.path for one in made.left_out} == {
        "maximumAge",
        "availabilityZoneSpread",
        "capacityFallback",
        "overrides",
        "volumeConfigurations[0].managedEBSVolume.terminationPolicy",
        "propagateTags",
        "taskDefinition",
        "operator.pause",
        "operator.override",
        "operator.standbys",
        "cordons",
    }
    assert all(one.reason for one in made.left_out)


def test_target_groups_that_headcount_made_are_named_by_their_arns() -> None:
    place = {"containerName": "web", "containerPort": 8080}
    balanced = [
        LoadBalancer(container_name="web", container_port=8080, target_group=GROUP_ARN),
        *(
            LoadBalancer(container_name="web", container_port=8080, target_group=name, declared={"Name": name})
            for name in ("made", "missing")
        ),
    ]
    manifest = builders.a_manifest(
        load_balancers=tuple(balanced),
        health_check_grace_seconds=60,
        unhealthy_tasks=UnhealthyTasks(action="ignore"),
        function_targets=(FunctionTarget(function_arn="arn", target_group="sorry", declared={"Name": "sorry"}),),
        elastic_load_balancers=(ElasticLoadBalancer(name="shop", declared={"Name": "shop"}),),
    )
    made = GROUP_ARN.replace("/web/", "/made/")
    state = replace(
        builders.a_service(declared=builders.a_declared_service(manifest)),
        balancing=Balancing(groups=(KnownGroup(key="made", arn=made),)),
    )
    created = create_service(exported(state))
    assert check(created.request) == ""
    assert created.request["loadBalancers"] == [
        {"targetGroupArn": GROUP_ARN, **place},
        {"targetGroupArn": made, **place},
    ]
    assert created.request["healthCheckGracePeriodSeconds"] == 60
    assert {one.path for one in created.left_out} == {
        "loadBalancers[1].targetGroup",
        "loadBalancers[2].targetGroup",
        "functionTargets",
        "elasticLoadBalancers",
        "unhealthyTasks",
    }


def test_the_request_is_standard_output_and_the_rest_is_said_beside_it(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["manifest"]["restarts"]["initialSeconds"] = 1
    done = terminal.run("export", "web", "--as", "ecs-service")
    assert done.document["serviceName"] == "web"
    assert "restarts" in done.err
    document = terminal.run("export", "web", "--as", "ecs-service", "-o", "json").document
    assert document["createService"] == done.document
    assert [one["path"] for one in document["notCarriedOver"]] == ["restarts"]


@pytest.mark.parametrize("form", ["manifest", "ecs-service"])
def test_what_nobody_declares_has_only_its_state(terminal: Terminal, form: str) -> None:
    terminal.control.services["prod/web"]["manifest"] = None
    assert terminal.run("export", "web").code == 0
    assert terminal.run("export", "web", "--as", form).code == 1
