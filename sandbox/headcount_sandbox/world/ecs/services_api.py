"""CreateService, UpdateService, DeleteService, DescribeServices, ListServices."""

from collections.abc import Mapping
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs import validation
from headcount_sandbox.world.ecs.checked import checked
from headcount_sandbox.world.ecs.pages import page_of
from headcount_sandbox.world.ecs.services import (
    NativeService,
    ServiceDeployment,
    ServiceScheduler,
    counts,
    new_deployment,
)
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.moto_apis import Cluster, MotoApis

MOST_DESCRIBED = 10
_SHOWN = (
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "launchType",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
)
_UPDATED = ("capacityProviderStrategy", "deploymentConfiguration", "networkConfiguration", "platformVersion")


class ServicesApi:
    """ECS's own services."""

    def __init__(self, scheduler: ServiceScheduler, *, store: TaskStore, moto: MotoApis, prefix: str) -> None:
        self._scheduler = scheduler
        self._store = store
        self._moto = moto
        self._prefix = prefix
        self._number = 0

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "CreateService": checked(self.create),
            "UpdateService": checked(self.update),
            "DeleteService": checked(self.delete),
            "DescribeServices": checked(self.describe),
            "ListServices": checked(self.list),
        }

    def create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A service of a name that no other one of its cluster has."""
        cluster = validation.check_cluster(self._moto, asked.get("cluster"))
        definition = validation.check_task_definition(self._moto, asked.get("taskDefinition", ""))
        subnets = validation.check_network(self._moto, asked, definition)
        name = asked["serviceName"]
        with self._store.lock:
            before = self._find(cluster, name)
            if before is not None and before.status != "INACTIVE":
                raise validation.refuse("Creation of service was not idempotent.")
            self._number += 1
            service = NativeService(
                name=name,
                arn=f"{self._prefix}:service/{cluster.name}/{name}",
                number=self._number,
                cluster=cluster,
                asked=dict(asked),
                subnets=subnets,
                desired=int(asked.get("desiredCount", 0)),
                created_at=world_time(),
                deployments=[new_deployment(definition)],
            )
            self._scheduler.services[service.arn] = service
            self._moto.note_service(cluster.name, name)
            self._scheduler.look_later(service, 0.0)
            return {"service": self._shape(service, with_tags=True)}

    def update(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A new count, or a new deployment, or both."""
        cluster = validation.check_cluster(self._moto, asked.get("cluster"))
        with self._store.lock:
            service = self._existing(cluster, asked["service"])
            if asked.get("desiredCount", 0) < 0:
                raise validation.refuse("desiredCount must be 0 or more.")
            definition = service.primary.definition
            if "taskDefinition" in asked:
                definition = validation.check_task_definition(self._moto, asked["taskDefinition"])
            changes = {name: asked[name] for name in _UPDATED if name in asked}
            service.subnets = validation.check_network(self._moto, {**service.asked, **changes}, definition)
            service.asked |= changes
            service.desired = int(asked.get("desiredCount", service.desired))
            service.is_steady = False
            if definition.arn != service.primary.definition.arn or asked.get("forceNewDeployment"):
                service.primary.is_primary = False
                service.deployments.insert(0, new_deployment(definition))
            self._scheduler.look_later(service, 0.0)
            return {"service": self._shape(service)}

    def delete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Its tasks stop; a service that is scaled above 0 wants `force`."""
        cluster = validation.check_cluster(self._moto, asked.get("cluster"))
        with self._store.lock:
            service = self._existing(cluster, asked["service"])
            if service.desired > 0 and not asked.get("force"):
                raise validation.refuse("The service cannot be stopped while it is scaled above 0.")
            service.desired, service.status = 0, "DRAINING"
            self._moto.forget_service(cluster.name, service.name)
            self._scheduler.look_later(service, 0.0)
            return {"service": self._shape(service)}

    def describe(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Up to ten services; those that ECS does not know are `failures` with reason MISSING."""
        cluster = validation.check_cluster(self._moto, asked.get("cluster"))
        names: list[str] = asked["services"]
        if not 1 <= len(names) <= MOST_DESCRIBED:
            raise validation.refuse("Services cannot be empty." if not names else "Too many services.")
        with_tags = "TAGS" in asked.get("include", ())
        with self._store.lock:
            found = {name: self._find(cluster, name) for name in names}
            services = [self._shape(one, with_tags=with_tags) for one in found.values() if one is not None]
        missing = [f"{self._prefix}:service/{cluster.name}/{_short(name)}" for name in names if found[name] is None]
        return {"services": services, "failures": [{"arn": arn, "reason": "MISSING"} for arn in missing]}

    def list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """ARNs of a cluster's services, in pages."""
        cluster = validation.check_cluster(self._moto, asked.get("cluster"))
        with self._store.lock:
            chosen = [
                service
                for service in self._scheduler.services.values()
                if service.cluster.name == cluster.name
                and service.status != "INACTIVE"
                and asked.get("launchType") in (None, service.asked.get("launchType"))
                and asked.get("schedulingStrategy") in (None, service.asked.get("schedulingStrategy", "REPLICA"))
            ]
        return page_of("service", chosen, asked, member="serviceArns")

    def _find(self, cluster: Cluster, name_or_arn: str) -> NativeService | None:
        return self._scheduler.services.get(f"{self._prefix}:service/{cluster.name}/{_short(name_or_arn)}")

    def _existing(self, cluster: Cluster, name_or_arn: str) -> NativeService:
        service = self._find(cluster, name_or_arn)
        if service is None:
            raise ApiError("ServiceNotFoundException", "Service not found.")
        if service.status != "ACTIVE":
            raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
        return service

    def _shape(self, service: NativeService, *, with_tags: bool = False) -> dict[str, Any]:
        tasks = self._scheduler.tasks_of(service)
        return {
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": service.cluster.arn,
            "loadBalancers": service.asked.get("loadBalancers", []),
            "serviceRegistries": service.asked.get("serviceRegistries", []),
            "status": service.status,
            "desiredCount": service.desired,
            **counts(tasks),
            "taskDefinition": service.primary.definition.arn,
            "deployments": [self._deployment(service, each) for each in service.deployments],
            "events": list(service.events),
            "createdAt": service.created_at,
            "placementConstraints": service.asked.get("placementConstraints", []),
            "placementStrategy": service.asked.get("placementStrategy", []),
            "schedulingStrategy": service.asked.get("schedulingStrategy", "REPLICA"),
            "deploymentController": service.asked.get("deploymentController", {"type": "ECS"}),
            **{name: service.asked[name] for name in _SHOWN if name in service.asked},
            **({"tags": service.asked.get("tags", [])} if with_tags else {}),
        }

    def _deployment(self, service: NativeService, deployment: ServiceDeployment) -> dict[str, Any]:
        tasks = [task for task in self._scheduler.tasks_of(service) if task.started_by == deployment.id]
        state = "COMPLETED" if deployment.is_completed else "IN_PROGRESS"
        return {
            "id": deployment.id,
            "status": "PRIMARY" if deployment.is_primary else "ACTIVE",
            "taskDefinition": deployment.definition.arn,
            "desiredCount": service.desired if deployment.is_primary else 0,
            **counts(tasks),
            "failedTasks": deployment.failed_tasks,
            "createdAt": deployment.created_at,
            "updatedAt": deployment.created_at,
            "rolloutState": state,
            "rolloutStateReason": f"ECS deployment {deployment.id} {state.lower().replace('_', ' ')}.",
        }


def _short(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]
