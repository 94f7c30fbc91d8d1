"""What resources of a service are called: tags, keys, names of alarms."""

import hashlib
import json
from collections.abc import Mapping

from headcount.balancing.resources import Found

SERVICE_TAG, INSTALL_TAG = "headcount:service", "headcount:install"
TAG_VALUE = 256  # characters that AWS allows; service keys may have twice as many
HASH = 16


def tags_of(service: str, install: str) -> dict[str, str]:
    """The tags by which Headcount knows what it created for a service."""
    short = service if len(service) <= TAG_VALUE else f"{service[: TAG_VALUE - HASH - 1]}.{_hash(service, HASH)}"
    return {SERVICE_TAG: short, INSTALL_TAG: install}


def is_ours(found: Found, service: str, install: str) -> bool:
    """Whether Headcount created it for this service: nothing else is changed or deleted."""
    return all(found.tags.get(name) == value for name, value in tags_of(service, install).items())


def listener_key(load_balancer: str, port: int) -> str:
    """What a manifest calls a declared listener."""
    return f"{load_balancer}:{port}"


def rule_key(listener: str, priority: str) -> str:
    """A rule has no name: it is known by its listener and priority, of which there is one."""
    return f"{listener}#{priority}"


def group_name(arn: str) -> str:
    """``web`` of ``arn:...:targetgroup/web/0123456789abcdef``."""
    return arn.rpartition("targetgroup/")[2].partition("/")[0]


def alarm_prefix(install: str) -> str:
    """How the names of all alarms of an install begin."""
    return f"headcount/{install}/"


def alarm_name(install: str, service: str, group: str) -> str:
    """The alarm of one service on one target group (its name): two services may share a group."""
    return f"{alarm_prefix(install)}unhealthy/{group}/{_hash(service, 8)}"


def alarm_description(service: str, group: str) -> str:
    """By which ``observe_tasks`` knows what an alarm is about."""
    return json.dumps({"headcount": {"service": service, "group": group}})


def statement_prefix(install: str, service: str) -> str:
    """How the ids of a service's statements in the policies of functions begin; statements have no tags."""
    return f"headcount-{install}-{_hash(service, HASH)}-"


def statement_id(install: str, service: str, group: str) -> str:
    """The statement in a function's policy that lets a target group (its ARN) call it."""
    return statement_prefix(install, service) + _hash(group, HASH)


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS takes them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _hash(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
