"""Events of AWS into what ``observe_tasks`` is told: strict about the few fields that are read, blind to all others."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from headcount.aws.ecs import instance_of, sighting_of
from headcount.errors import Poisoned
from headcount.event_fields import (
    DESCRIPTION,
    AlarmState,
    alarm_state,
    detail_of,
    meant_by,
    missing,
    of_this_age,
    refuse,
)
from headcount.model.instants import LAST
from headcount.model.names import SERVICE_KEY
from headcount.model.showing import shown
from headcount.model.task import ObservedTask, task_id_of
from headcount.noticing import InstanceChange, Retirement, SpotInterruption
from headcount.observing import TargetAlarm, Told
from headcount.ports.tasks import Sighting

UNHEALTHY_ALARMS = "headcount/{install}/unhealthy/"  # how the names of an install's alarms of unhealthy targets begin
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_MOST_VERSION = 2**63 - 1
_LONGEST_MESSAGE = 500
_LARGEST_BYTES = 64 * 1024  # of what is recorded of a task; ten containers with long reasons have a third of it
_TASK_FIELDS = ("taskArn", "clusterArn", "lastStatus", "desiredStatus", "version")
_INSTANCE_FIELDS = ("containerInstanceArn", "clusterArn", "status")
_INSTANCE_SHAPES = {  # what is told of an instance stands in logs and reasons
    "containerInstanceArn": (
        re.compile(r"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:container-instance/[A-Za-z0-9_/-]{1,300}"),
        "the ARN of a container instance",
    ),
    "clusterArn": (
        re.compile(r"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]{1,255}"),
        "the ARN of a cluster",
    ),
    "status": (re.compile(r"[A-Z_]{1,40}"), "a word like DRAINING"),
    "ec2InstanceId": (re.compile(r"[a-z0-9-]{0,64}"), "an id like i-0b64c1f2de9a83751"),
}
_EC2_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
_ACTION = re.compile(r"[a-z-]{1,40}")
_RETIRED_TASK = re.compile(
    r"(arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:task/((?P<cluster>[A-Za-z0-9_-]{1,255})/)?)?(?P<id>[0-9a-f]{32}|[0-9a-f-]{36})"
)
_RETIREMENT = "AWS_ECS_TASK_PATCHING_RETIREMENT"
_TARGET_GROUP = re.compile(
    r"arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]{1,32}/[A-Za-z0-9]{1,32}"
)


def told(event: object, install: str) -> Told:
    """What ``observe_tasks`` is told, by the event's ``detail-type``. ``Poisoned`` names every field that is wrong."""
    kind = event.get("detail-type") if isinstance(event, Mapping) else None
    match kind:
        case "ECS Task State Change":
            return task_event(event, install)
        case "ECS Container Instance State Change":
            return instance_event(event)
        case "EC2 Spot Instance Interruption Warning":
            return spot_event(event)
        case "AWS Health Event":
            return retirement_event(event)
        case "CloudWatch Alarm State Change":
            return alarm_event(event, install)
        case _:
            raise Poisoned(f"detail-type is {shown(kind)}: no event that a rule of this stack delivers")


def subject(told: Told) -> dict[str, Any]:
    """What an event speaks of, as fields of a log line."""
    match told:
        case Sighting():
            return {"task": told.task_id, "service_key": told.service}
        case InstanceChange():
            status = {"status": told.instance.status}
            return {"cluster": told.cluster, "container_instance": told.instance.instance} | status
        case SpotInterruption():
            return {"ec2_instance": told.ec2_instance}
        case Retirement():
            return {"retiring_tasks": len(told.tasks), "starts_at": told.starts_at}
        case TargetAlarm():
            of = {"service_key": told.service, "target_group": told.group}
            return {"alarm": told.alarm, "alarm_state": told.state} | of


def task_event(event: object, install: str) -> Sighting:
    """An "ECS Task State Change" as a sighting."""
    detail = detail_of(event, "ECS Task State Change")
    problems = [*missing(detail, _TASK_FIELDS), *_no_strings(detail, _TASK_FIELDS[:4])]
    version = detail.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version <= _MOST_VERSION:
        problems.append(f"detail.version is {shown(version)}: a whole number from 0 is allowed")
    if problems:
        raise Poisoned("; ".join(problems))
    try:
        sighting = sighting_of(detail, install)
        _check_readable(sighting)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        said = f"detail cannot be read as an ECS task: {error}"
        raise Poisoned(said.encode("utf-8", "backslashreplace").decode()[:_LONGEST_MESSAGE]) from error
    return sighting


def _check_readable(sighting: Sighting) -> None:
    """What no pass could read, or nobody could be shown, is not recorded."""
    observed = sighting.observed
    if not _TASK_ID.fullmatch(sighting.task_id):
        raise ValueError(f"detail.taskArn ends in {shown(sighting.task_id)}: a task's id is allowed")
    encoded = msgspec.json.encode(observed)
    if len(encoded) > _LARGEST_BYTES:
        raise ValueError(f"what is recorded of it has {len(encoded)} bytes: at most {_LARGEST_BYTES} are allowed")
    if msgspec.json.decode(encoded, type=ObservedTask) != observed:
        raise ValueError("a number is none of JSON's (NaN, Infinity)")
    times = (sighting.at, observed.created_at, observed.started_at, observed.stopping_at, observed.stopped_at)
    for at in times:
        if at is not None and not 0 <= at <= LAST:
            raise ValueError(f"{shown(at)} is no time: epoch seconds of the years 1970 to 9999 are allowed")


def instance_event(event: object) -> InstanceChange:
    """An "ECS Container Instance State Change". ``agentConnected`` is not read: agents come and go all day."""
    detail = detail_of(event, "ECS Container Instance State Change")
    problems = [*missing(detail, _INSTANCE_FIELDS), *_no_strings(detail, (*_INSTANCE_FIELDS, "ec2InstanceId"))]
    for name, (shape, allowed) in _INSTANCE_SHAPES.items():
        said = detail.get(name)
        if isinstance(said, str) and not shape.fullmatch(said):
            problems.append(f"detail.{name} is {shown(said)}: {allowed} is allowed")
    at = _instant(event, problems)
    refuse(problems)
    return InstanceChange(cluster=task_id_of(detail["clusterArn"]), instance=instance_of(detail), at=at)


def spot_event(event: object) -> SpotInterruption:
    """An "EC2 Spot Instance Interruption Warning", of any instance of the account."""
    detail = detail_of(event, "EC2 Spot Instance Interruption Warning")
    problems = [*missing(detail, ("instance-id",)), *_no_strings(detail, ("instance-id", "instance-action"))]
    instance = detail.get("instance-id")
    if isinstance(instance, str) and not _EC2_INSTANCE.fullmatch(instance):  # it stands in a filter expression
        problems.append(f"detail.instance-id is {shown(instance)}: i- and 8 to 17 hexadecimal digits are allowed")
    action = detail.get("instance-action", "terminate")
    if isinstance(action, str) and not _ACTION.fullmatch(action):
        problems.append(f"detail.instance-action is {shown(action)}: a word like terminate is allowed")
    at = _instant(event, problems)
    refuse(problems)
    return SpotInterruption(ec2_instance=detail["instance-id"], action=action, at=at)


def retirement_event(event: object) -> Retirement:
    """An "AWS Health Event" of ECS task retirement.

    ``affectedEntities`` name standalone tasks, by ARN or id. Others (``cluster|service``) are of ECS's own services.
    """
    detail = detail_of(event, "AWS Health Event")
    problems = missing(detail, ("eventTypeCode", "startTime", "affectedEntities"))
    if "eventTypeCode" in detail and detail["eventTypeCode"] != _RETIREMENT:
        problems.append(f"detail.eventTypeCode is {shown(detail['eventTypeCode'])}: {_RETIREMENT} is allowed")
    starts_at = _http_date(detail["startTime"], problems) if "startTime" in detail else 0.0
    names = _entities(detail["affectedEntities"], problems) if "affectedEntities" in detail else ()
    at = _instant(event, problems)
    refuse(problems)
    found = [match for name in names if (match := _RETIRED_TASK.fullmatch(name)) is not None]
    return Retirement(tasks=tuple((match["cluster"], match["id"]) for match in found), starts_at=starts_at, at=at)


def alarm_event(event: object, install: str) -> TargetAlarm:
    """A "CloudWatch Alarm State Change". Of alarms that are not this install's only their state is read."""
    problems: list[str] = []
    alarm = alarm_state(event, problems)
    is_ours = alarm.name.startswith(UNHEALTHY_ALARMS.format(install=install))
    service, group = _alarm_description(alarm, problems) if is_ours else (None, None)
    refuse(problems)
    return TargetAlarm(alarm=alarm.name, state=alarm.value, service=service, group=group, at=alarm.at)


def _alarm_description(alarm: AlarmState, problems: list[str]) -> tuple[str | None, str | None]:
    """Service and target group that an alarm of Headcount's own names in its description."""
    allowed = '{"service": "<cluster>/<serviceName>", "group": "<ARN of a target group>"}'
    meant = meant_by(alarm, allowed, problems)
    if meant is None:
        return None, None
    service, group = meant.get("service"), meant.get("group")
    if not isinstance(service, str) or not SERVICE_KEY.fullmatch(service):
        problems.append(f"{DESCRIPTION}: headcount.service is {shown(service)}: <cluster>/<serviceName> is allowed")
    if not isinstance(group, str) or not _TARGET_GROUP.fullmatch(group):
        problems.append(f"{DESCRIPTION}: headcount.group is {shown(group)}: the ARN of a target group is allowed")
    return str(service), str(group)


def _no_strings(detail: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name in detail and not isinstance(detail[name], str):
            yield f"detail.{name} is {shown(detail[name])}: a string is allowed"


def _instant(event: object, problems: list[str]) -> float:
    """The envelope's ``time`` in epoch seconds."""
    said = event.get("time") if isinstance(event, Mapping) else None
    try:
        return of_this_age(datetime.fromisoformat(str(said)))
    except (ValueError, OverflowError):
        problems.append(f"time is {shown(said)}: an ISO 8601 time is allowed")
        return 0.0


def _http_date(said: object, problems: list[str]) -> float:
    """AWS Health's times: ``Mon, 09 Mar 2026 16:00:00 GMT``."""
    try:
        return of_this_age(parsedate_to_datetime(str(said)))
    except (ValueError, OverflowError):
        problems.append(f"detail.startTime is {shown(said)}: a time like Mon, 09 Mar 2026 16:00:00 GMT is allowed")
        return 0.0


def _entities(entities: object, problems: list[str]) -> list[str]:
    """The values of ``affectedEntities``."""
    if not isinstance(entities, list):
        problems.append(f"detail.affectedEntities is {shown(entities)}: a list is allowed")
        return []
    values = [one.get("entityValue") if isinstance(one, Mapping) else None for one in entities]
    if any(not isinstance(value, str) for value in values):
        problems.append("detail.affectedEntities: each is an object with a string entityValue")
    return [value for value in values if isinstance(value, str)]
