"""What people ask of services without changing anything: list, describe, events, why, plan, export, cordons."""

import re
from typing import Any

import msgspec

from headcount import answers, native, scaling_answers, stories
from headcount.desk import Desk
from headcount.errors import Refused
from headcount.model.instants import iso
from headcount.model.manifest_parser import canonical_document
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, DeclaredService, ServiceStatus
from headcount.requests import Fields

MOST_EVENTS = 1000
EVENTS = 50
WHY_EVENTS = 200
SCALING_EVENTS, SHOWN_DECISIONS = 200, 10  # entries of the history that are searched for scaling, and told at most
EXPORT_SCHEMA = 1
LARGEST_STATE = 5_500_000  # bytes; AWS Lambda quotas: an answer has at most 6 MB
_TASK_ID = re.compile(r"[0-9a-f]{32}")


def list_services(desk: Desk, fields: Fields) -> dict[str, Any]:
    """All services of a cluster, or of all clusters."""
    clusters = (fields.cluster(),) if fields.given("cluster") else desk.clusters
    fields.check()
    names = sorted({mark.service for name in clusters for mark in desk.store.services(name)})
    overview = desk.store.overview(names)
    scaled = [name for name in names if (one := overview[name][2]) is not None and one.manifest.scaling is not None]
    scaling = desk.store.scaling(scaled) if scaled else {}
    seen = native.seen(desk, (one.manifest for _, _, one in overview.values() if one is not None))
    return {
        "services": [
            _line(name, overview[name], declared, scaling.get(name), seen.get(name))
            for name in names
            if (declared := overview[name][2]) is not None
        ]
    }


def _line(
    name: str,
    overview: tuple[ServiceStatus, Capacity | None, DeclaredService | None],
    declared: DeclaredService,
    scaling: ScalingRecord | None,
    seen: dict[str, Any] | None,
) -> dict[str, Any]:
    line = answers.summary(name, *overview)
    if declared.manifest.native:
        line = native.last_known(line, overview[1], scaling) if seen is None else line | seen
    return {**line, "scaling": scaling_answers.in_short(declared.manifest, scaling)}


def describe(desk: Desk, fields: Fields) -> dict[str, Any]:
    """One service with everything that is known of it."""
    name = fields.service()
    fields.check()
    state, now = desk.find(name).state, desk.clock()
    summary = answers.summary(state.service, state.status, state.capacity, state.declared)
    scaling = scaling_answers.in_full(state, now)
    return {**summary, **native.live(desk, state), **answers.details(state, now), "scaling": scaling}


def scaling(desk: Desk, fields: Fields) -> dict[str, Any]:
    """How a service is scaled: everything that stands on record of it, and the last decisions."""
    name = fields.service()
    fields.check()
    state = desk.find(name).state
    told = scaling_answers.in_full(state, desk.clock())
    if told is None:
        raise Refused("InvalidRequest", f"{state.service} is not scaled: its manifest has no scaling")
    summary = answers.summary(state.service, state.status, state.capacity, state.declared) | native.live(desk, state)
    kept = {key: summary[key] for key in ("service", "kind", "desiredCount", "runningCount", "state", "stateReason")}
    entries, _ = desk.store.history(state.service, SCALING_EVENTS, None)
    return {**kept, **told, "decisions": scaling_answers.of_scaling(entries)[:SHOWN_DECISIONS]}


def events(desk: Desk, fields: Fields) -> dict[str, Any]:
    """The history of a service or of a cluster, newest first, page by page. It outlives the service."""
    limit, cursor = fields.integer("limit", 1, MOST_EVENTS, default=EVENTS), fields.cursor()
    cluster = fields.cluster() if fields.given("cluster") else None
    name = "" if cluster is not None and not fields.given("service") else fields.service()
    if cluster is not None and name:
        fields.note("cluster", "either service or cluster is allowed: a service's name may hold its cluster")
    fields.check()
    if cluster is not None:
        entries, rest = desk.store.history(f"cluster#{cluster}", limit, cursor)
        return {"events": list(entries), "next": rest}
    service = desk.key(name)
    entries, rest = desk.store.history(service, limit, cursor)
    if not entries and desk.store.read(service) is None:
        raise Refused("ServiceNotFound", f"there is no service {service}, and no history of one")
    return {"events": list(entries), "next": rest}


def why(desk: Desk, fields: Fields) -> dict[str, Any]:
    """The story of a service or of a task: what holds now, and the decisions that led here."""
    target = fields.raw("target")
    if isinstance(target, str) and _TASK_ID.fullmatch(target.rpartition("/")[2]):
        fields.check()
        return _why_task(desk, target.rpartition("/")[2])
    name = fields.service("target")
    fields.check()
    service = desk.key(name)
    records = desk.store.read(service)
    entries, _ = desk.store.history(service, WHY_EVENTS, None)
    if records is None and not entries:
        forgotten = "tasks and services are remembered as long as the history is kept"
        raise Refused("ServiceNotFound", f"neither a service nor a task {target} is known; {forgotten}")
    now = [f"{service} no longer exists"]
    if records:
        now = stories.of_service(records.state, desk.clock(), native.live(desk, records.state))
    return {"service": service, "task": None, "now": now, "events": list(reversed(entries))}


def _why_task(desk: Desk, task_id: str) -> dict[str, Any]:
    found = desk.store.whereabouts(task_id)
    if found is None:
        said = f"task {task_id} is none of Headcount's, or longer ago than the history is kept"
        raise Refused("ServiceNotFound", said)
    service, launch = found
    records = desk.store.read(service)
    entries, _ = desk.store.history(service, MOST_EVENTS, None)
    now = stories.of_task(task_id, records.state if records else None, desk.clock())
    events = stories.entries_of_task(task_id, launch, entries)
    return {"service": service, "task": task_id, "now": now, "events": events}


def plan(desk: Desk, fields: Fields) -> dict[str, Any]:
    """What the next pass would do if it began now. Nothing is written."""
    name = fields.service()
    fields.check()
    # everything that decides, which no other operation needs
    from headcount.previews import preview  # noqa: PLC0415  see above

    return preview(desk.find(name).state, desk.clock())


def export(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Everything on record of a service, such that ``msgspec.convert`` makes the same ``ServiceState`` of it."""
    name = fields.service()
    fields.check()
    state = desk.find(name).state
    size = len(msgspec.json.encode(state))
    if size > LARGEST_STATE:
        said = f"the records of {state.service} take {size} bytes, and an answer holds {LARGEST_STATE}"
        raise Refused("InvalidRequest", said)
    return {
        "service": state.service,
        "schema": EXPORT_SCHEMA,
        "exportedAt": iso(desk.clock()),
        "manifest": canonical_document(state.declared.manifest) if state.declared else None,
        "state": msgspec.to_builtins(state),
    }


def cordons(desk: Desk, fields: Fields) -> dict[str, Any]:
    """The zones in which no task is started, by cluster."""
    clusters = (fields.cluster(),) if fields.given("cluster") else desk.clusters
    fields.check()
    now = desk.clock()
    return {
        "clusters": [
            {"cluster": name, "cordons": answers.cordons(desk.store.cluster_wishes(name)[0].cordons, now)}
            for name in clusters
        ]
    }
