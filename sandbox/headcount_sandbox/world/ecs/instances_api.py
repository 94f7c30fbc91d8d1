"""The container instance APIs of ECS, with the one that on AWS only agents call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headcount_sandbox.world.api import Answer
from headcount_sandbox.world.ecs.checked import checked
from headcount_sandbox.world.ecs.expressions import compile_expression
from headcount_sandbox.world.ecs.fleet import Fleet, Registration
from headcount_sandbox.world.ecs.instances import ContainerInstance, instance_api_shape
from headcount_sandbox.world.ecs.launch_rules import check_expression
from headcount_sandbox.world.ecs.losses import Losses
from headcount_sandbox.world.ecs.pages import page_of
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.validation import check_cluster, refuse
from headcount_sandbox.world.moto_apis import Cluster, MotoApis

MAX_DESCRIBED, MAX_UPDATED = 100, 10
_LISTED = ("ACTIVE", "DRAINING")
_STATUSES = (*_LISTED, "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED")


class ContainerInstancesApi:
    """Container instances behind ECS's API."""

    def __init__(self, *, moto: MotoApis, store: TaskStore, fleet: Fleet, losses: Losses) -> None:
        self._moto = moto
        self._store = store
        self._fleet = fleet
        self._losses = losses

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "RegisterContainerInstance": checked(self.register),
            "ListContainerInstances": checked(self.list),
            "DescribeContainerInstances": checked(self.describe),
            "UpdateContainerInstancesState": checked(self.update_state),
            "DeregisterContainerInstance": checked(self.deregister),
        }

    def register(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the agent of a new EC2 instance calls, with the instance's identity document."""
        cluster = self._cluster(parameters)
        brought = _registration(parameters)
        with self._store.lock:
            return {"containerInstance": instance_api_shape(self._fleet.register(cluster, brought))}

    def list(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """ARNs by status and by a filter in the cluster query language, in pages; all but the INACTIVE if no status."""
        cluster = self._cluster(parameters)
        status = parameters.get("status")
        if status not in (None, *_STATUSES):
            raise refuse(f"status must be one of {', '.join(_STATUSES)}.")
        expression = parameters.get("filter")
        if expression:
            check_expression(expression)
        means = compile_expression(expression) if expression else lambda _: True
        with self._store.lock:
            chosen = [
                instance
                for instance in self._fleet.all(cluster.name)
                if instance.status in ((status,) if status else _LISTED) and means(instance)
            ]
        return page_of("container-instance", chosen, parameters, member="containerInstanceArns")

    def describe(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Up to 100 instances, the INACTIVE ones for an hour; the rest are `failures` with reason MISSING."""
        cluster, names = self._cluster(parameters), parameters["containerInstances"]
        if not 1 <= len(names) <= MAX_DESCRIBED:
            raise refuse(f"containerInstances should have between 1 and {MAX_DESCRIBED} items.")
        with_tags = "TAGS" in parameters.get("include", ())
        with self._store.lock:
            found, failures = self._find(cluster, names)
            shapes = [instance_api_shape(instance, with_tags=with_tags) for instance in found]
        return {"containerInstances": shapes, "failures": failures}

    def update_state(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """ACTIVE or DRAINING for up to 10 instances. DRAINING keeps new tasks away and leaves standalone ones alone."""
        cluster, names, status = self._cluster(parameters), parameters["containerInstances"], parameters["status"]
        if status not in _LISTED:
            raise refuse("Container instances can be set to ACTIVE or DRAINING only.")
        if not 1 <= len(names) <= MAX_UPDATED:
            raise refuse(f"containerInstances should have between 1 and {MAX_UPDATED} items.")
        with self._store.lock:
            found, failures = self._find(cluster, names)
            usable = [instance for instance in found if instance.status in _LISTED]
            failures = [
                *failures,
                *({"arn": gone.arn, "reason": "INACTIVE"} for gone in found if gone.status not in _LISTED),
            ]
            for instance in usable:
                if instance.status != status:
                    self._fleet.set_status(instance, status)
            shapes = [instance_api_shape(instance) for instance in usable]
        return {"containerInstances": shapes, "failures": failures}

    def deregister(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Takes an instance out of its cluster; with tasks on it only by force, and their containers run on."""
        cluster = self._cluster(parameters)
        with self._store.lock:
            instance = self._fleet.get(cluster.name, parameters["containerInstance"])
            if instance is None or instance.status == "INACTIVE":
                raise refuse("Referenced container instance was not found.")
            if instance.occupants and not parameters.get("force", False):
                raise refuse("Found running tasks on the instance.")
            self._losses.deregister(instance)
            return {"containerInstance": instance_api_shape(instance)}

    def _find(
        self, cluster: Cluster, names: Sequence[str]
    ) -> tuple[Sequence[ContainerInstance], Sequence[dict[str, str]]]:
        found = {name: self._fleet.get(cluster.name, name) for name in dict.fromkeys(names)}
        missing = [
            {"arn": self._fleet.arn_of(cluster.name, name.rpartition("/")[2]), "reason": "MISSING"}
            for name, instance in found.items()
            if instance is None
        ]
        return [instance for instance in found.values() if instance is not None], missing

    def _cluster(self, parameters: Mapping[str, Any]) -> Cluster:
        return check_cluster(self._moto, parameters.get("cluster"))


def _registration(parameters: Mapping[str, Any]) -> Registration:
    try:
        identity = json.loads(parameters["instanceIdentityDocument"])
        zone, ec2_instance_id = str(identity["availabilityZone"]), str(identity["instanceId"])
    except (KeyError, TypeError, ValueError) as error:
        raise refuse("instanceIdentityDocument has to be JSON with instanceId and availabilityZone.") from error
    totals = {item["name"]: item.get("integerValue") for item in parameters.get("totalResources") or ()}
    usual = Registration(availability_zone=zone)
    return replace(
        usual,
        cpu=totals.get("CPU") or usual.cpu,
        memory=totals.get("MEMORY") or usual.memory,
        ec2_instance_id=ec2_instance_id,
        instance_type=identity.get("instanceType", usual.instance_type),
        attributes={item["name"]: item.get("value") for item in parameters.get("attributes") or ()},
        tags={item["key"]: item.get("value", "") for item in parameters.get("tags") or ()},
    )
