"""Headcount's control function in memory: the contract of docs/contracts.md, backed by dictionaries."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Document = dict[str, Any]
NOW = datetime(2026, 11, 23, 3, 0, 0, tzinfo=UTC)

SHARED = (
    "service",
    "kind",
    "scaling",
    "cluster",
    "serviceName",
    "desiredCount",
    "runningCount",
    "keptCount",
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
    cordons: dict[str, list[Document]] = field(default_factory=dict)
    planned: Document = field(default_factory=dict)
    states: dict[str, Document] = field(default_factory=dict)
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
        of = request.get("cluster")
        service = f"cluster#{of}" if of else self._find(request["service"])["service"]
        newest_first = list(reversed(self.histories.get(service, [])))
        start, limit = int(request.get("before", 0)), request["limit"]
        page = newest_first[start : start + limit]
        following = start + limit
        return {"events": page, "next": str(following) if following < len(newest_first) else None}

    def _scaling(self, request: Document) -> Document:
        service = self._find(request["service"])
        if service["scaling"] is None:
            raise Refusal("InvalidRequest", f"{service['service']} is not scaled: its manifest has no scaling")
        kept = {name: service[name] for name in ("service", "kind", "desiredCount", "runningCount", "state")}
        decisions = [one for one in self.histories.get(service["service"], []) if one["kind"] == "scaling"]
        return {**kept, **service["scaling"], "decisions": decisions}

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
        return {"service": service["service"], "kind": service["kind"], "alreadyDeleting": already}

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

    def _pause(self, request: Document) -> Document:
        service = self._find(request["service"])
        service["paused"] = {"mode": request["mode"], "until": self._later(request.get("untilSeconds")), **who(request)}
        return {"service": service["service"], "kind": service["kind"], "paused": service["paused"]}

    def _resume(self, request: Document) -> Document:
        service = self._find(request["service"])
        was, service["paused"] = service["paused"], None
        return {"service": service["service"], "wasPaused": was is not None, "desiredCount": service["desiredCount"]}

    def _override(self, request: Document) -> Document:
        service = self._find(request["service"])
        held = {"count": request["count"], "until": self._later(request["forSeconds"]), **who(request)}
        service["override"] = held if request["forSeconds"] else None
        name, count = service["service"], service["desiredCount"]
        return {"service": name, "override": service["override"], "desiredCount": count}

    def _standby(self, request: Document) -> Document:
        service = self._find(request["service"])
        since = {"since": "2026-11-23T02:59:00Z", **who(request)}
        standing = [] if request["end"] else [{"taskId": task, **since} for task in request["tasks"]]
        return {"service": service["service"], "standby": standing}

    def _stopTask(self, request: Document) -> Document:  # noqa: N802  # the operation's name
        service = self._find(request["service"])
        service["desiredCount"] -= len(request["tasks"]) * request["lowerCount"]
        return {
            "service": service["service"],
            "stopping": request["tasks"],
            "desiredCount": service["desiredCount"],
        }

    def _redeploy(self, request: Document) -> Document:
        service = self._find(request["service"])
        service["generation"] += 1
        service |= {"deployment": f"dep-{service['generation']}", "state": "DEPLOYING"}
        return {name: service[name] for name in ("service", "deployment", "generation")}

    def _rollback(self, request: Document) -> Document:
        changes = [{"path": "taskDefinition", "before": "web:12", "after": "web:11"}]
        definition = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:11"
        return {**self._redeploy(request), "taskDefinition": definition, "changes": changes}

    def _cordon(self, request: Document) -> Document:
        cordon = {
            "zone": request["zone"],
            "evacuate": request["evacuate"],
            "since": "2026-11-23T03:00:00Z",
            "until": self._later(request.get("untilSeconds")),
            **who(request),
        }
        held = [one for one in self.cordons.get(request["cluster"], []) if one["zone"] != request["zone"]]
        self.cordons[request["cluster"]] = [*held, cordon]
        return {"cluster": request["cluster"], "cordons": self.cordons[request["cluster"]], "services": 2}

    def _uncordon(self, request: Document) -> Document:
        held = [one for one in self.cordons.get(request["cluster"], []) if one["zone"] != request["zone"]]
        self.cordons[request["cluster"]] = held
        return {"cluster": request["cluster"], "cordons": held, "services": 1}

    def _cordons(self, request: Document) -> Document:
        clusters = [name for name in self.cordons if request.get("cluster") in (None, name)]
        return {"clusters": [{"cluster": name, "cordons": self.cordons[name]} for name in clusters]}

    def _plan(self, request: Document) -> Document:
        return {"service": self._find(request["service"])["service"], **self.planned}

    def _export(self, request: Document) -> Document:
        service = self._find(request["service"])
        return {
            "service": service["service"],
            "schema": 1,
            "exportedAt": "2026-11-23T03:00:00Z",
            "manifest": service["manifest"],
            "state": self.states.get(service["service"], {}),
        }

    def _later(self, seconds: int | None) -> str | None:
        return None if seconds is None else (NOW + timedelta(seconds=seconds)).isoformat()

    def _find(self, name: str) -> Document:
        for key, service in self.services.items():
            if name in (key, service["serviceName"]):
                return service
        raise Refusal("ServiceNotFound", f"There is no service '{name}'.")


def who(request: Document) -> Document:
    return {"by": request.get("by"), "reason": request.get("reason")}


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
        "capacity": "FARGATE",
        "containerInstance": None,
        "notice": None,
        "standby": False,
        "targets": [],
    } | changes


def a_target(state: str = "healthy", **changes: Any) -> Document:
    return {
        "targetGroup": "web",
        "target": "10.0.1.17",
        "port": 8080,
        "container": "web",
        "state": state,
        "reason": None,
        "description": None,
        "since": "2026-11-23T02:59:00Z",
        "registeredAt": "2026-11-23T02:58:00Z",
        "leavingAt": None,
        "because": None,
        "drainedAt": None,
    } | changes


def a_leaving_target(state: str = "draining", **changes: Any) -> Document:
    """Taken out three seconds ago; ELB lets go of it in twelve."""
    left = {"leavingAt": "2026-11-23T02:59:57Z", "because": "scale in to 2", "drainedAt": "2026-11-23T03:00:12Z"}
    return a_target(state, **left | changes)


def a_target_group(name: str = "web", **changes: Any) -> Document:
    arn = f"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/{name}/0123456789abcdef"
    return {
        "name": name,
        "arn": arn,
        "targetType": "ip",
        "protocol": "HTTP",
        "loadBalancers": [],
        "healthy": 0,
        "unhealthy": 0,
        "initial": 0,
        "draining": 0,
        "unused": 0,
        "unavailable": 0,
        "foreign": 0,
        "lastSeen": "2026-11-23T02:59:48Z",
        "problem": None,
        "ofGoneTasks": [],
    } | changes


def a_service(service: str = "prod/web", **changes: Any) -> Document:
    cluster, _, name = service.partition("/")
    return {
        "service": service,
        "kind": "Service",
        "scaling": None,
        "cluster": cluster,
        "serviceName": name,
        "desiredCount": 1,
        "runningCount": 1,
        "keptCount": None,
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
        "paused": None,
        "override": None,
        "standby": [],
        "stops": [],
        "cordons": [],
        "capacity": [{"capacity": "FARGATE", "count": 1, "share": 1, "level": 0}],
        "previous": None,
        "targetGroups": [],
        "loadBalancing": None,
        "elbThrottle": None,
    } | changes


def a_scaling(**changes: Any) -> Document:
    """Scaled out from 4 to 7 a minute ago."""
    asked = {
        "outcome": "out",
        "count": 7,
        "value": 80.0,
        "measuredAt": "2026-11-23T02:58:00Z",
        "reason": "80 with 4 tasks, target 50: needs 7",
        "notScaledReason": None,
        "limited": [],
    }
    decision = {"at": "2026-11-23T02:59:00Z", "before": 4, "after": 7, "policyName": "cpu50", "limited": []}
    decision |= {"reason": asked["reason"], "notScaledReason": None, "asked": [{"policyName": "cpu50", **asked}]}
    return {
        "minCapacity": 2,
        "maxCapacity": 40,
        "because": "as declared",
        "declared": {"minCapacity": 2, "maxCapacity": 40},
        "suspendedState": {
            "dynamicScalingInSuspended": False,
            "dynamicScalingOutSuspended": False,
            "scheduledScalingSuspended": False,
        },
        "held": None,
        "paused": None,
        "override": None,
        "policies": [
            {
                "policyName": "cpu50",
                "policyType": "TargetTrackingScaling",
                "metric": "ECSServiceAverageCPUUtilization",
                "target": 50.0,
                "disableScaleIn": False,
                "alarms": ["headcount/main/scaling/web/cpu50/high/0123"],
                **asked,
                "panicUntil": None,
            }
        ],
        "cooldowns": [
            {
                "policyName": "cpu50",
                "direction": "out",
                "before": 4,
                "after": 7,
                "at": "2026-11-23T02:59:00Z",
                "until": "2026-11-23T03:04:00Z",
                "remainingSeconds": 240,
            }
        ],
        "scheduledActions": [
            {
                "scheduledActionName": "morning",
                "schedule": "cron(0 8 ? * MON-FRI *)",
                "timezone": "Asia/Seoul",
                "minCapacity": 10,
                "maxCapacity": None,
                "nextAt": "2026-11-23T23:00:00Z",
                "nextLocalTime": "2026-11-24T08:00:00+09:00",
                "lastAt": None,
            }
        ],
        "lastChange": decision,
        "lastDecision": decision,
        "problems": [],
        "lookedAt": "2026-11-23T02:59:00Z",
        "nextLookAt": "2026-11-23T03:00:10Z",
    } | changes


def an_event(kind: str = "launch", reason: str = "1 task fewer than desired", **changes: Any) -> Document:
    return {"at": "2026-11-23T02:00:00Z", "pass": 17, "kind": kind, "reason": reason} | changes
