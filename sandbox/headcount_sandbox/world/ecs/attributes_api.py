"""The attributes of container instances behind ECS's API: put, deleted, listed."""

from collections.abc import Mapping, Sequence
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError
from headcount_sandbox.world.ecs.checked import checked
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.instances import ContainerInstance
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.validation import check_cluster, refuse
from headcount_sandbox.world.moto_apis import Cluster, MotoApis

MAX_ATTRIBUTES = 10
_TARGET = "container-instance"


class AttributesApi:
    """Custom attributes; ECS's own (`ecs.`) can be read only."""

    def __init__(self, *, moto: MotoApis, store: TaskStore, fleet: Fleet) -> None:
        self._moto = moto
        self._store = store
        self._fleet = fleet

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "PutAttributes": checked(self.put),
            "DeleteAttributes": checked(self.delete),
            "ListAttributes": checked(self.list),
        }

    def put(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Sets up to 10 attributes; a task that waits for one may be placed now."""
        for instance, attribute in self._targets(parameters):
            with self._store.lock:
                changed = {**instance.attributes, attribute["name"]: attribute.get("value")}
                self._fleet.change(instance, attributes=changed)
                self._fleet.on_room(instance.cluster)
        return {"attributes": list(parameters["attributes"])}

    def delete(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Takes up to 10 attributes away."""
        for instance, attribute in self._targets(parameters):
            with self._store.lock:
                left = {name: value for name, value in instance.attributes.items() if name != attribute["name"]}
                self._fleet.change(instance, attributes=left)
        return {"attributes": list(parameters["attributes"])}

    def list(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Attributes of the instances of a cluster, by name and by value."""
        cluster = check_cluster(self._moto, parameters.get("cluster"))
        if parameters["targetType"] != _TARGET:
            raise refuse(f"targetType must be {_TARGET}.")
        wanted_name, wanted_value = parameters.get("attributeName"), parameters.get("attributeValue")
        with self._store.lock:
            found = [
                _shape(instance, name, value)
                for instance in self._fleet.all(cluster.name)
                if instance.status != "INACTIVE"
                for name, value in instance.attributes.items()
                if wanted_name in (None, name) and wanted_value in (None, value)
            ]
        return {"attributes": found}

    def _targets(self, parameters: Mapping[str, Any]) -> Sequence[tuple[ContainerInstance, Mapping[str, Any]]]:
        cluster, attributes = check_cluster(self._moto, parameters.get("cluster")), parameters["attributes"]
        if not 1 <= len(attributes) <= MAX_ATTRIBUTES:
            raise refuse(f"attributes should have between 1 and {MAX_ATTRIBUTES} items.")
        for attribute in attributes:
            if attribute["name"].startswith("ecs."):
                raise refuse(f"Attributes of ECS itself cannot be changed: {attribute['name']}")
        with self._store.lock:
            return [(self._target(cluster, attribute), attribute) for attribute in attributes]

    def _target(self, cluster: Cluster, attribute: Mapping[str, Any]) -> ContainerInstance:
        instance = self._fleet.get(cluster.name, attribute.get("targetId", ""))
        if instance is None or instance.status == "INACTIVE":
            raise ApiError("TargetNotFoundException", f"Target not found: {attribute.get('targetId')}")
        return instance


def _shape(instance: ContainerInstance, name: str, value: str | None) -> dict[str, str]:
    shape = {"name": name, "targetType": _TARGET, "targetId": instance.arn}
    return shape if value is None else {**shape, "value": value}
