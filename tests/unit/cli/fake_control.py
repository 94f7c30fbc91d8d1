"""Headcount's control function in memory: the contract of docs/contracts.md, backed by dictionaries."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

SHARED = (
    "service",
    "cluster",
    "serviceName",
    "desiredCount",
    "runningCount",
    "pendingCount",
    "stoppingCount",
    "state",
    "stateReason",
    "deployment",
    "steadySince",
    "generation",
)


class Refusal(Exception):  # an answer of the contract, not an error of the fake
    def __init__(self, kind: str, message: str, problems: list[Document] | None = None) -> None:
        super().__init__(message)
        self.error = {"type": kind, "message": message, "problems": problems or []}


@dataclass
class FakeControl:
    """``invoke`` is what ``ControlClient`` wants. ``step`` runs before each answer and may change ``services``."""

    services: dict[str, Document] = field(default_factory=dict)
    histories: dict[str, list[Document]] = field(default_factory=dict)
    requests: list[Document] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    step: Callable[["FakeControl"], None] = lambda control: None

    def invoke(self, request: Document) -> Document:
        self.requests.append(copy.deepcopy(request))
        self.step(self)
        assert request["version"] == 1
        try:
            if self.refusals:
                raise self.refusals.pop(0)
            operation = getattr(self, f"_{request['operation']}")
            return {"version": 1, "ok": True, "result": copy.deepcopy(operation(request))}
        except Refusal as refusal:
            return {"version": 1, "ok": False, "error": refusal.error}

    def operations(self) -> list[str]:
        return [request["operation"] for request in self.requests]

    def _apply(self, request: Document) -> Document:
        manifest = request["manifest"]
        key = f"{manifest['cluster']}/{manifest['serviceName']}"
        before = self.services.get(key)
        old = before["manifest"] if before else {}
        changes = [
            {"path": path, "before": old.get(path), "after": manifest.get(path)}
            for path in sorted({*old, *manifest})
            if old.get(path) != manifest.get(path)
        ]
        generation = (before["generation"] if before else 0) + bool(changes)
        result = {
            "service": key,
            "created": before is None,
            "changes": changes,
            "generation": generation,
            "deployment": f"dep-{generation}",
            "newDeployment": bool(changes),
            "desiredCount": int(manifest["desiredCount"]),
            "warnings": [],
        }
        if not request["dryRun"] and changes:
            self.services[key] = a_service(
                service=key,
                desiredCount=result["desiredCount"],
                runningCount=0,
                state="DEPLOYING",
                stateReason="a new deployment",
                generation=generation,
                deployment=result["deployment"],
                manifest=manifest,
                tasks=[],
            )
        return result

    def _list(self, request: Document) -> Document:
        wanted = request.get("cluster")
        found = [service for service in self.services.values() if wanted in (None, service["cluster"])]
        return {"services": [{name: service[name] for name in SHARED} for service in found]}

    def _describe(self, request: Document) -> Document:
        return self._find(request["service"])

    def _events(self, request: Document) -> Document:
        service = self._find(request["service"])["service"]
        newest_first = list(reversed(self.histories.get(service, [])))
        start, limit = int(request.get("before", 0)), request["limit"]
        page = newest_first[start : start + limit]
        following = start + limit
        return {"events": page, "next": str(following) if following < len(newest_first) else None}

    def _why(self, request: Document) -> Document:
        target = request["target"]
        for service in self.services.values():
            if any(task["taskId"] == target for task in service["tasks"]):
                history = [entry for entry in self.histories.get(service["service"], []) if entry.get("task") == target]
                return {"service": service["service"], "task": target, "now": ["It is RUNNING."], "events": history}
        service = self._find(target)
        now = [f"{service['runningCount']} of {service['desiredCount']} tasks are running."]
        return {
            "service": service["service"],
            "task": None,
            "now": now,
            "events": self.histories.get(service["service"], []),
        }

    def _scale(self, request: Document) -> Document:
        service = self._find(request["service"])
        before, service["desiredCount"] = service["desiredCount"], request["desiredCount"]
        if before != service["desiredCount"]:
            service |= {"state": "RECONCILING", "stateReason": "the desired count changed"}
        return {"service": service["service"], "before": before, "after": request["desiredCount"]}

    def _delete(self, request: Document) -> Document:
        service = self._find(request["service"])
        already = service["state"] == "DELETING"
        service |= {"state": "DELETING", "stateReason": "stopping its tasks"}
        return {"service": service["service"], "alreadyDeleting": already}

    def _protect(self, request: Document) -> Document:
        service = self._find(request["service"])
        known = {task["taskId"] for task in service["tasks"]}
        unknown = [
            {"path": f"tasks[{index}]", "value": task, "message": "is no task of this service"}
            for index, task in enumerate(request["tasks"])
            if task not in known
        ]
        if unknown:
            message = "; ".join(f"{problem['path']}: {problem['message']}" for problem in unknown)
            raise Refusal("InvalidRequest", message, unknown)
        wanted = request["tasks"] if request["expiresInMinutes"] else []
        protected = [{"taskId": task, "until": "2026-11-23T05:00:00Z"} for task in wanted]
        return {"service": service["service"], "protected": protected}

    def _find(self, name: str) -> Document:
        for key, service in self.services.items():
            if name in (key, service["serviceName"]):
                return service
        raise Refusal("ServiceNotFound", f"There is no service '{name}'.")


def a_task(task_id: str = "0f3a9c1d2b4e4f6a8b7c5d3e1f2a4b6c", **changes: Any) -> Document:
    return {
        "taskId": task_id,
        "taskArn": f"arn:aws:ecs:eu-central-1:123456789012:task/prod/{task_id}",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "availabilityZone": "eu-central-1a",
        "deployment": "dep-3",
        "launch": "abcdefghij234567abcd",
        "createdAt": "2026-11-23T02:00:00Z",
        "startedAt": "2026-11-23T02:00:10Z",
        "healthStatus": "UNKNOWN",
        "protectedUntil": None,
        "stopping": None,
        "address": "10.0.1.17",
    } | changes


def a_service(service: str = "prod/web", **changes: Any) -> Document:
    cluster, _, name = service.partition("/")
    return {
        "service": service,
        "cluster": cluster,
        "serviceName": name,
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "stoppingCount": 0,
        "state": "STEADY",
        "stateReason": "as many tasks run as desired",
        "deployment": "dep-3",
        "steadySince": "2026-11-23T01:00:00Z",
        "generation": 3,
        "manifest": {"cluster": cluster, "serviceName": name, "desiredCount": 1},
        "taskDefinition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:12",
        "deployments": [],
        "tasks": [a_task()],
        "launches": [],
        "backoff": None,
        "zones": [],
        "nextWake": None,
        "pass": 17,
        "decisions": [],
        "orphans": [],
    } | changes


def an_event(kind: str = "launch", reason: str = "1 task fewer than desired", **changes: Any) -> Document:
    return {"at": "2026-11-23T02:00:00Z", "pass": 17, "kind": kind, "reason": reason} | changes
