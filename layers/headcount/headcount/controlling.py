"""Answering what people ask: ``control``'s requests, version 1 (``docs/contracts.md``)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headcount import answers
from headcount.errors import Conflict, Poisoned, Refused, TransientError
from headcount.model.manifest import MAXIMUM_TASKS, Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount.model.problem import Problem
from headcount.model.service import Capacity, Decision, DeclaredService, OperatorWishes, Protection
from headcount.ports import Clock, ControlStore, Kicks, Registry, ServiceRecords

VERSION = 1
DEFAULT_PROTECTION_MINUTES = 120
LONGEST_PROTECTION_MINUTES = 2880
MOST_EVENTS = 1000
WHY_EVENTS = 200
_TASK_ID = re.compile(r"[0-9a-f]{32}")
_SERVICE = re.compile(r"([A-Za-z0-9_-]{1,255}/)?[A-Za-z0-9_-]{1,255}")  # longer keys than DynamoDB takes match nothing
_CURSOR = re.compile(r"event#[0-9a-z.#-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """What ``control`` does. ``new_id`` makes an identity for a service that is declared for the first time."""

    store: ControlStore
    kicks: Kicks
    registry: Registry
    clock: Clock
    new_id: Callable[[], str]
    clusters: tuple[str, ...]

    def answer(self, request: object) -> dict[str, Any]:
        """The answer to one request. Never raises for what a user did; refusals carry all problems."""
        try:
            operation, fields = self._operation(request)
            return {"version": VERSION, "ok": True, "result": operation(fields)}
        except Refused as refused:
            return _failure(refused.error_type, str(refused), refused.problems)
        except Conflict as conflict:
            return _failure("Conflict", str(conflict))
        except (Poisoned, TransientError) as error:
            return _failure("Unavailable", str(error))

    def _operation(self, request: object) -> tuple[Callable[[Mapping[str, Any]], dict[str, Any]], Mapping[str, Any]]:
        if not isinstance(request, Mapping):
            raise Refused("InvalidRequest", f"the request is {type(request).__name__}: a JSON object is allowed")
        version = request.get("version")
        if version != VERSION:
            raise Refused("UnsupportedVersion", f"version is {version!r}: this control function speaks {VERSION}")
        operations: dict[str, tuple[Callable[[Mapping[str, Any]], dict[str, Any]], frozenset[str]]] = {
            "apply": (self.apply, frozenset({"manifest", "dryRun"})),
            "list": (self.list_services, frozenset({"cluster"})),
            "describe": (self.describe, frozenset({"service"})),
            "events": (self.events, frozenset({"service", "limit", "before"})),
            "why": (self.why, frozenset({"target"})),
            "scale": (self.scale, frozenset({"service", "desiredCount"})),
            "delete": (self.delete, frozenset({"service"})),
            "protect": (self.protect, frozenset({"service", "tasks", "expiresInMinutes"})),
        }
        name = request.get("operation")
        if not isinstance(name, str) or name not in operations:
            problem = Problem(path="operation", value=name, message=f"one of {', '.join(operations)} is allowed")
            raise Refused("InvalidRequest", str(problem), (problem,))
        operation, known = operations[name]
        unknown = sorted(str(field) for field in request.keys() - known - {"version", "operation", "by"})
        if unknown:
            problems = tuple(
                Problem(
                    path=field, value=request[field], message=f"{name} does not know it; {', '.join(sorted(known))} are"
                )
                for field in unknown
            )
            raise Refused("InvalidRequest", f"{name}: unknown fields: {', '.join(unknown)}", problems)
        return operation, request

    # -- declaring ----------------------------------------------------------------------------------------------------

    def apply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Declare a service, or change one. ``dryRun`` answers with the difference and changes nothing."""
        parsed = parse_manifest(request.get("manifest"))
        if not isinstance(parsed, Manifest):
            raise Refused("InvalidManifest", f"{len(parsed)} problems with the manifest", parsed)
        self._check_cluster(parsed.cluster)
        dry_run = _boolean(request, "dryRun")
        resolved = self.registry.resolve(parsed)
        before = self.store.read(parsed.service)
        declared = answers.declare(
            parsed,
            resolved,
            before.state.declared if before else None,
            now=self.clock(),
            new_id=self.new_id,
        )
        capacity = answers.capacity_after_apply(parsed, before.state.capacity if before else None, self.clock())
        changes = answers.differences(before, declared, capacity)
        recounted = before is not None and before.state.capacity != capacity  # the manifest caught up with a scale
        if (changes or recounted) and not dry_run:
            paths = ", ".join(change["path"] for change in changes) or "the manifest's own count"
            words = paths if before and before.state.declared else "created"
            entry = Decision(
                kind="control",
                reason=f"apply, generation {declared.generation}: {words}",
                deployment=declared.deployment,
                by=_by(request) or None,
            )
            self.store.put_service(before, declared, capacity, entry, self.clock())
        if not dry_run:
            self._kick(parsed.service, "apply")
        old = before.state.declared if before else None
        return {
            "service": parsed.service,
            "created": old is None,
            "changes": changes,
            "generation": declared.generation if changes or recounted or old is None else old.generation,
            "deployment": declared.deployment,
            "newDeployment": old is None or old.deployment != declared.deployment,
            "desiredCount": capacity.desired_count,
            "warnings": answers.warnings(parsed, before),
        }

    def scale(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Set the desired count. The manifest's own number stays what it is until it is changed there."""
        records, declared = self._declared(request)
        now = self.clock()
        count = _integer(request, "desiredCount", 0, MAXIMUM_TASKS)
        before = records.state.capacity
        was = before.desired_count if before else 0
        if count != was:
            capacity = Capacity(
                desired_count=count,
                declared_count=before.declared_count if before else count,
                reason=f"scaled from {was} to {count}" + (f" by {_by(request)}" if _by(request) else ""),
                changed_at=now,
            )
            entry = Decision(
                kind="control",
                reason=f"scale from {was} to {count}",
                event_name="SERVICE_DESIRED_COUNT_UPDATED",
                by=_by(request) or None,
            )
            # a generation of its own: should the kick be lost, the audit sees that no pass has looked at it
            self.store.put_service(records, replace(declared, generation=declared.generation + 1), capacity, entry, now)
        self._kick(records.state.service, "scale")
        warnings = answers.deadlock(declared.manifest, count)
        return {"service": records.state.service, "before": was, "after": count, "warnings": warnings}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Mark a service for deletion: its tasks stop, its records go, the manifest last."""
        records = self._find(request)
        declared = records.state.declared
        if declared is None:
            raise Refused("ServiceNotFound", f"nobody declares {records.state.service}")
        count = declared.manifest.desired_count
        capacity = records.state.capacity or Capacity(desired_count=count, declared_count=count)
        already = declared.deleting_at is not None
        if not already:
            by = _by(request)
            marked = replace(declared, generation=declared.generation + 1, deleting_at=self.clock())
            entry = Decision(kind="control", reason="delete", by=by or None)
            self.store.put_service(records, marked, capacity, entry, self.clock())
        self._kick(records.state.service, "delete")
        return {"service": records.state.service, "alreadyDeleting": already}

    def protect(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Protect tasks from scale-in and deployments for a while; 0 minutes removes the protection."""
        records, _ = self._declared(request)
        minutes = (
            _integer(request, "expiresInMinutes", 0, LONGEST_PROTECTION_MINUTES)
            if "expiresInMinutes" in request
            else DEFAULT_PROTECTION_MINUTES
        )
        tasks = self._own_tasks(records, request.get("tasks"))
        now = self.clock()
        kept = [one for one in records.state.operator.protections if one.until > now and one.task not in tasks]
        new = [Protection(task=task, until=now + minutes * 60.0, by=_by(request)) for task in tasks] if minutes else []
        word = f"protect {', '.join(tasks)} for {minutes} minutes" if minutes else f"stop protecting {', '.join(tasks)}"
        entry = Decision(
            kind="control", reason=word, task=tasks[0] if len(tasks) == 1 else None, by=_by(request) or None
        )
        self.store.put_operator(records, OperatorWishes(protections=(*kept, *new)), entry, now)
        self._kick(records.state.service, "protect")
        protected = [{"taskId": one.task, "until": answers.iso(one.until)} for one in (*kept, *new)]
        return {"service": records.state.service, "protected": protected}

    # -- asking -------------------------------------------------------------------------------------------------------

    def list_services(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """All services of a cluster, or of all clusters."""
        cluster = request.get("cluster")
        if cluster is not None:
            self._check_cluster(cluster)
        clusters = self.clusters if cluster is None else (cluster,)
        names = sorted({mark.service for name in clusters for mark in self.store.services(name)})
        overview = self.store.overview(names)
        return {"services": [answers.summary(name, *overview[name]) for name in names if overview[name][2] is not None]}

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One service with everything that is known of it."""
        records = self._find(request)
        state = records.state
        summary = answers.summary(state.service, state.status, state.capacity, state.declared)
        return {**summary, **answers.details(state, self.clock())}

    def events(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The history, newest first, page by page. It outlives the service."""
        limit = _integer(request, "limit", 1, MOST_EVENTS) if "limit" in request else 50
        cursor = request.get("before")
        if cursor is not None and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
            problem = Problem(
                path="before", value=cursor, message="the cursor that an earlier answer gave as next is allowed"
            )
            raise Refused("InvalidRequest", str(problem), (problem,))
        service = self._service_key(request)
        entries, rest = self.store.history(service, limit, cursor)
        if not entries and self.store.read(service) is None:
            raise Refused("ServiceNotFound", f"there is no service {service}, and no history of one")
        return {"events": list(entries), "next": rest}

    def why(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The story of a service or of a task: what holds now, and the decisions that led here."""
        target = request.get("target")
        if isinstance(target, str) and _TASK_ID.fullmatch(target.rpartition("/")[2]):
            return self._why_task(target.rpartition("/")[2])
        service = self._service_key(request, "target")
        records = self.store.read(service)
        entries, _ = self.store.history(service, WHY_EVENTS, None)
        if records is None and not entries:
            forgotten = "tasks and services are remembered as long as the history is kept"
            raise Refused("ServiceNotFound", f"neither a service nor a task {target} is known; {forgotten}")
        now = answers.now_sentences(records.state, self.clock()) if records else [f"{service} no longer exists"]
        return {"service": service, "task": None, "now": now, "events": list(reversed(entries))}

    def _why_task(self, task_id: str) -> dict[str, Any]:
        found = self.store.whereabouts(task_id)
        if found is None:
            raise Refused(
                "ServiceNotFound", f"task {task_id} is none of Headcount's, or longer ago than the history is kept"
            )
        service, launch = found
        records = self.store.read(service)
        entries, _ = self.store.history(service, MOST_EVENTS, None)
        task = next((one for one in records.state.tasks if one.task_id == task_id), None) if records else None
        story = answers.story_of_task(task_id, launch, entries)
        return {"service": service, "task": task_id, "now": answers.task_sentences(task_id, task), "events": story}

    # -- plumbing -----------------------------------------------------------------------------------------------------

    def _kick(self, service: str, cause: str) -> None:
        """After the record, like every sender: read the pass number, then kick."""
        self.kicks.kick(service, self.store.pass_number(service), cause)

    def _check_cluster(self, cluster: object) -> None:
        if cluster not in self.clusters:
            message = (
                f"this install manages {', '.join(self.clusters) or 'no cluster'} (the stack's parameter Clusters)"
            )
            problem = Problem(path="cluster", value=cluster, message=message)
            raise Refused("InvalidRequest", str(problem), (problem,))

    def _service_key(self, request: Mapping[str, Any], field: str = "service") -> str:
        """``cluster/name``, or a bare name where only one cluster has it."""
        name = request.get(field)
        if not isinstance(name, str) or not _SERVICE.fullmatch(name):
            problem = Problem(path=field, value=name, message="<cluster>/<serviceName> or a service name is allowed")
            raise Refused("InvalidRequest", str(problem), (problem,))
        if "/" in name:
            self._check_cluster(name.partition("/")[0])
            return name
        found = [
            f"{cluster}/{name}"
            for cluster in self.clusters
            if len(self.clusters) == 1
            or any(mark.service == f"{cluster}/{name}" for mark in self.store.services(cluster))
        ]
        if len(found) > 1:
            raise Refused("InvalidRequest", f"{name} is in several clusters: say one of {', '.join(found)}")
        if not found:
            raise Refused("ServiceNotFound", f"there is no service {name} in {', '.join(self.clusters)}")
        return found[0]

    def _find(self, request: Mapping[str, Any]) -> ServiceRecords:
        service = self._service_key(request)
        records = self.store.read(service)
        if records is None or (records.state.declared is None and not records.state.tasks):
            raise Refused("ServiceNotFound", f"there is no service {service}")
        return records

    def _declared(self, request: Mapping[str, Any]) -> tuple[ServiceRecords, DeclaredService]:
        records = self._find(request)
        declared: DeclaredService | None = records.state.declared
        if declared is None:
            raise Refused("ServiceNotFound", f"nobody declares {records.state.service}")
        if declared.deleting_at is not None:
            raise Refused("ServiceDeleting", f"{records.state.service} is being deleted")
        return records, declared

    def _own_tasks(self, records: ServiceRecords, tasks: object) -> list[str]:
        known = {task.task_id for task in records.state.tasks}
        wanted = tasks if isinstance(tasks, list) else []
        problems = [
            Problem(path=f"tasks[{index}]", value=task, message="it is no task of this service")
            for index, task in enumerate(wanted)
            if not isinstance(task, str) or task not in known
        ]
        if not wanted:
            problems.append(Problem(path="tasks", value=tasks, message="a list of at least one task id is allowed"))
        if problems:
            raise Refused("InvalidRequest", "; ".join(str(problem) for problem in problems), tuple(problems))
        return [str(task) for task in wanted]


def _failure(error_type: str, message: str, problems: tuple[Problem, ...] = ()) -> dict[str, Any]:
    error = {"type": error_type, "message": message, "problems": [problem.as_document() for problem in problems]}
    return {"version": VERSION, "ok": False, "error": error}


def _by(request: Mapping[str, Any]) -> str:
    by = request.get("by")
    return by[:128] if isinstance(by, str) else ""


def _boolean(request: Mapping[str, Any], name: str) -> bool:
    value = request.get(name, False)
    if not isinstance(value, bool):
        problem = Problem(path=name, value=value, message="true or false is allowed")
        raise Refused("InvalidRequest", str(problem), (problem,))
    return value


def _integer(request: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        problem = Problem(path=name, value=value, message=f"a whole number from {least} to {most} is allowed")
        raise Refused("InvalidRequest", str(problem), (problem,))
    return value
