"""Services that ECS itself keeps, and that only want the scaler."""

from typing import Any

import pytest

from e2e.install import CLUSTER, Install
from e2e.scaled import SCALED, Meters, Scaled, own_alarms, tracking

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = SCALED
TARGET = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
AWS_DOCUMENT = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
    "evaluation": {"outPeriods": 1, "inPeriods": 3},
}


class Native(Scaled):
    """A service of ECS's own."""

    def create(self, count: int) -> None:
        network = {"awsvpcConfiguration": {"subnets": list(self.install.sandbox.subnets.values())}}
        self.install.ecs.create_service(
            cluster=CLUSTER,
            serviceName=self.name,
            taskDefinition=self.install.define(self.name),
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration=network,
        )
        self.runs(count)

    def manifest(self, *policies: Any, bounds: tuple[int, int]) -> dict[str, Any]:
        block = {"minCapacity": bounds[0], "maxCapacity": bounds[1], "policies": list(policies)}
        return {"kind": "NativeService", "cluster": CLUSTER, "serviceName": self.name, "scaling": block}

    def in_ecs(self) -> dict[str, Any]:
        return dict(self.install.ecs.describe_services(cluster=CLUSTER, services=[self.name])["services"][0])

    def runs(self, count: int) -> None:
        """Waits until ECS wants and has so many tasks."""

        def same() -> bool:
            seen = self.in_ecs()
            return bool(seen["desiredCount"] == seen["runningCount"] == count)

        self.install.wait(same, f"ECS runs {count} tasks of {self.name}", self.name)


def test_awss_own_document_scales_a_service_of_ecs_by_its_metric_and_nothing_else_of_it_is_touched(
    install: Install,
) -> None:
    api = Native(install=install, name="api")
    api.create(2)
    deployment = api.in_ecs()["deployments"][0]["id"]
    install.sandbox.world.loads.set("api", cpu_units=384)  # 75 % of two tasks of 256
    install.ask("apply", manifest=api.manifest(AWS_DOCUMENT, bounds=(1, 10)))
    api.runs(3)
    assert "75 with 2 tasks, target 50: needs 3" in api.changes()[0].reason
    install.sandbox.world.loads.set("api", cpu_units=100)
    api.runs(1)
    assert api.counts() == [3, 1], api.reasons()
    assert [one["id"] for one in api.in_ecs()["deployments"]] == [deployment]
    assert install.ever("api") == [], "Headcount starts no task of it"

    install.ask("delete", service="demo/api")
    install.wait(lambda: not install.control("describe", service="demo/api")["ok"], "it is forgotten", "api")
    assert own_alarms(install, "api") == {}
    api.runs(1)


def test_a_service_that_application_auto_scaling_has_is_left_to_it_until_it_lets_go(
    install: Install, meters: Meters
) -> None:
    rival = Native(install=install, name="rival")
    rival.create(2)
    scaler, resource = install.sandbox.client("application-autoscaling"), f"service/{CLUSTER}/rival"
    manifest = rival.manifest(tracking("load", "rival", 50.0), bounds=(1, 9))
    scaler.register_scalable_target(**TARGET, ResourceId=resource, MinCapacity=1, MaxCapacity=4)
    error = install.refused("apply", manifest=manifest)
    assert "deregister-scalable-target" in str(error)
    scaler.deregister_scalable_target(**TARGET, ResourceId=resource)

    meters.say("rival", 48.0, for_minutes=4)
    install.ask("apply", manifest=manifest)
    install.wait(lambda: rival.told["lookedAt"] is not None, "it is looked at", "rival")
    scaler.register_scalable_target(**TARGET, ResourceId=resource, MinCapacity=1, MaxCapacity=4)
    meters.say("rival", 100.0)
    install.wait(lambda: "Application Auto Scaling has it" in str(rival.told["problems"]), "it is said", "rival")
    rival.minutes_pass(3)
    assert (rival.in_ecs()["desiredCount"], rival.changes()) == (2, [])

    scaler.deregister_scalable_target(**TARGET, ResourceId=resource)
    meters.follow("rival", lambda: 200 / rival.in_ecs()["desiredCount"])
    rival.runs(4)
    install.wait(lambda: rival.told["problems"] == [], "nothing stands against it", "rival")
    assert rival.counts() == [4]


def test_a_service_that_is_gone_from_ecs_is_said_to_be_gone(install: Install, meters: Meters) -> None:
    gone = Native(install=install, name="gone")
    gone.create(1)
    meters.say("gone", 100.0, for_minutes=4)
    install.ask("apply", manifest=gone.manifest(tracking("load", "gone", 50.0), bounds=(1, 9)))
    gone.goes(1, 2)
    install.ecs.update_service(cluster=CLUSTER, service="gone", desiredCount=0)
    install.ecs.delete_service(cluster=CLUSTER, service="gone", force=True)
    install.wait(lambda: "ECS has no service gone" in str(gone.told["problems"]), "it is said", "gone")
    install.ask("delete", service="demo/gone")
    install.wait(lambda: not install.control("describe", service="demo/gone")["ok"], "it is forgotten", "gone")
    assert own_alarms(install, "gone") == {}
