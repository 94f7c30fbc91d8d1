"""What moto's clusters do not know: how many tasks and instances they have; with those they cannot be deleted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.moto_apis import MotoApis


class ClustersApi:
    """moto's cluster operations, with the sandbox's tasks and instances counted in."""

    def __init__(self, moto: MotoApis, store: TaskStore, fleet: Fleet) -> None:
        self._moto = moto
        self._store = store
        self._fleet = fleet

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "DescribeClusters": self._describe,
            "DeleteCluster": self._delete,
            "UpdateClusterSettings": self._update_settings,
        }

    def _update_settings(self, request: ApiRequest) -> ApiResponse:
        """What UpdateCluster does too, and moto knows by that name only."""
        target = request.headers.get("x-amz-target", "").replace("UpdateClusterSettings", "UpdateCluster")
        return self._moto.answer(replace(request, headers={**request.headers, "x-amz-target": target}))

    def _describe(self, request: ApiRequest) -> ApiResponse:
        answer = self._moto.answer(request)
        document: dict[str, Any] = json.loads(answer.body)
        for cluster in document.get("clusters", ()):
            name = cluster["clusterName"]
            cluster["registeredContainerInstancesCount"] = self._instances(name)
            cluster["runningTasksCount"] = self._count(name, ("RUNNING",))
            cluster["pendingTasksCount"] = self._count(name, ("PROVISIONING", "PENDING", "ACTIVATING"))
        return replace(answer, body=json.dumps(document).encode())

    def _delete(self, request: ApiRequest) -> ApiResponse:
        name = str(request.parameters.get("cluster", "")).rpartition("/")[2]
        with self._store.lock:
            if any(task.last_status != "STOPPED" for task in self._store.all(name)):
                raise ApiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
            if self._instances(name):
                raise ApiError(
                    "ClusterContainsContainerInstancesException",
                    "The Cluster cannot be deleted while Container Instances are active or draining.",
                )
        return self._moto.answer(request)

    def _instances(self, cluster: str) -> int:
        with self._store.lock:
            return sum(1 for instance in self._fleet.all(cluster) if instance.status in ("ACTIVE", "DRAINING"))

    def _count(self, cluster: str, statuses: tuple[str, ...]) -> int:
        with self._store.lock:
            return sum(1 for task in self._store.all(cluster) if task.last_status in statuses)
