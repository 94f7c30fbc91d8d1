"""What wakes ``decide_scaling``, as values: an alarm, a schedule that fell due, somebody who asks for a look."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headcount.errors import Poisoned
from headcount.event_fields import (
    ALARM_CHANGE,
    DESCRIPTION,
    AlarmState,
    alarm_state,
    is_name,
    meant_by,
    of_this_age,
    refuse,
)
from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.names import SERVICE_KEY
from headcount.model.showing import shown
from headcount.triggers import message, service_of

OWN_ALARMS = "headcount/{install}/scaling/"  # how the names of an install's alarms of scaling begin
_LONGEST_TEXT = 256


def woken(event: object, install: str) -> ScalingRequest | AlarmChanged:
    """By an event of EventBridge, the input of a schedule, or a request. ``Poisoned`` names what is wrong."""
    kind = event.get("detail-type") if isinstance(event, Mapping) else None
    if kind == ALARM_CHANGE:
        return _alarm(event, install)
    if kind is not None:
        raise Poisoned(f"detail-type is {shown(kind)}: {ALARM_CHANGE} is allowed")
    asked = message(event)
    action = _text(asked, "action")
    return ScalingRequest(
        service=service_of(asked),
        cause=_text(asked, "cause") or "",
        action=action,
        at=None if action is None else _time(asked),
    )


def subject(woken: ScalingRequest | AlarmChanged) -> dict[str, Any]:
    """What it speaks of, as fields of a log line."""
    if isinstance(woken, AlarmChanged):
        return {"alarm": woken.alarm, "alarm_state": woken.state, "service_key": woken.service}
    return {"service_key": woken.service, "cause": woken.cause, "action": woken.action}


def _alarm(event: object, install: str) -> AlarmChanged:
    """Headcount's own alarms say whom they are about; of others the records know who follows them."""
    problems: list[str] = []
    alarm = alarm_state(event, problems)
    is_ours = alarm.name.startswith(OWN_ALARMS.format(install=install))
    service, policy = _about(alarm, problems) if is_ours else (None, None)
    refuse(problems)
    return AlarmChanged(alarm=alarm.name, state=alarm.value, service=service, policy=policy, at=alarm.at)


def _about(alarm: AlarmState, problems: list[str]) -> tuple[str | None, str | None]:
    """Service and policy that an alarm of Headcount's own names in its description."""
    meant = meant_by(alarm, '{"service": "<cluster>/<serviceName>", "policy": "<policyName>"}', problems)
    if meant is None:
        return None, None
    service, policy = meant.get("service"), meant.get("policy")
    if not isinstance(service, str) or not SERVICE_KEY.fullmatch(service):
        problems.append(f"{DESCRIPTION}: headcount.service is {shown(service)}: <cluster>/<serviceName> is allowed")
    if not isinstance(policy, str):
        problems.append(f"{DESCRIPTION}: headcount.policy is {shown(policy)}: the name of a policy is allowed")
    return service, policy


def _text(asked: Mapping[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not is_name(value, _LONGEST_TEXT):
        raise Poisoned(f"{name} is {shown(value)}: 1 to {_LONGEST_TEXT} characters are allowed")
    return value


def _time(asked: Mapping[str, Any]) -> float:
    """When a schedule fell due, as EventBridge Scheduler says it: ``2026-03-02T08:00:00Z``."""
    said = asked.get("at")
    try:
        return of_this_age(datetime.fromisoformat(str(said)))
    except (ValueError, OverflowError):
        raise Poisoned(f"at is {shown(said)}: a time like 2026-03-02T08:00:00Z is allowed") from None
