"""The target groups of simulated services, and their alarms."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from headcount.observing import TargetAlarm
from headcount_simulation.characters import Character
from headcount_simulation.elb import Elb, TargetGroup
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams
from headcount_simulation.table import Table
from headcount_simulation.traffic import CHECK_TIMEOUT_SECONDS, MOST_GROUPS, Traffic, entry

ARN: Final = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
DELAY: Final = "deregistration_delay.timeout_seconds"
MINUTE: Final = 60.0
REPORTED_SECONDS: Final = (5.0, 60.0)  # from the end of a metric's minute to the alarm
ALARM_MINUTES: Final = 1
DEFAULT_DELAY_SECONDS: Final = 300.0


class Balancers:
    """Which target groups each service has. ``emit`` gets the changes of alarms, as EventBridge does.

    ``stirs`` is called whenever something changed that ELB tells.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        characters: Mapping[str, Character],
        emit: Callable[[TargetAlarm], None],
        stirs: Callable[[], None],
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.characters = characters
        self.emit = emit
        self.stirs = stirs
        self.counts = {one.service: one.traffic.groups for one in characters.values() if one.traffic is not None}
        self.named: dict[tuple[str, int], str] = {}
        self._created = 0
        self.alarms: dict[str, dict[str, Any]] = {}
        self._alarming: set[str] = set()
        self._elb: Elb | None = None

    @property
    def elb(self) -> Elb:
        """Where the target groups are."""
        assert self._elb is not None, "target groups are looked after once there is an ELB"
        return self._elb

    def begin(self, elb: Elb) -> None:
        """The named target groups exist from the first."""
        self._elb = elb
        for character in self.characters.values():
            if character.traffic is not None and not character.traffic.declared:
                for number in range(MOST_GROUPS):
                    self.named[character.service, number] = self.create(character.service, number).arn

    def entries(self, service: str) -> list[dict[str, Any]]:
        """``loadBalancers`` of the manifest as people want it now."""
        traffic = self._traffic(service)
        if traffic is None:
            return []
        found: list[dict[str, Any]] = []
        for number in range(self.counts[service]):
            port = traffic.port(number)
            if traffic.declared:
                declaration = traffic.declaration(self._name(service, number), port, self._target_type(service))
                found.append({**entry(port), "targetGroup": declaration})
            else:
                found.append({**entry(port), "targetGroupArn": self.named[service, number]})
        return found

    def create_as(self, request: Mapping[str, Any]) -> TargetGroup:
        """``CreateTargetGroup``."""
        name = str(request["Name"])
        service = next(one for one in self.counts if name.rpartition("-")[0] == one.partition("/")[2])
        group = self.create(service, int(name.rpartition("-")[2]))
        group.delay = DEFAULT_DELAY_SECONDS
        group.tags = {one["Key"]: one["Value"] for one in request["Tags"]}
        group.document = {name: value for name, value in request.items() if name not in ("Name", "Tags")}
        return group

    def change(self, group: TargetGroup, request: Mapping[str, Any]) -> None:
        """``ModifyTargetGroup``, or its attributes."""
        group.interval = int(request.get("HealthCheckIntervalSeconds", group.interval))
        group.unhealthy_threshold = int(request.get("UnhealthyThresholdCount", group.unhealthy_threshold))
        attributes = {one["Key"]: one["Value"] for one in request.get("Attributes", ())}
        group.delay = float(attributes.get(DELAY, group.delay))

    def create(self, service: str, number: int) -> TargetGroup:
        """A target group comes to be."""
        traffic = self._traffic(service)
        assert traffic is not None, f"{service} takes no traffic"
        self._created += 1
        name = self._name(service, number)
        return self.elb.add(
            TargetGroup(
                arn=f"{ARN}:targetgroup/{name}/{self._created:016x}",
                name=name,
                service=service,
                target_type=self._target_type(service),
                port=traffic.port(number),
                delay=traffic.delay,
                interval=traffic.interval,
                unhealthy_threshold=traffic.threshold,
            )
        )

    def lose(self, group: TargetGroup) -> None:
        """Somebody deletes a target group."""
        self.elb.delete(group)

    def replace(self, service: str) -> bool:
        """Somebody makes new ones in the place of those named target groups that are gone; whether there were any."""
        gone = [key for key, arn in self.named.items() if key[0] == service and arn not in self.elb.groups]
        for key in gone:
            self.named[key] = self.create(*key).arn
        return bool(gone)

    def current(self, service: str, table: Table) -> list[TargetGroup]:
        """The target groups that the manifest on record names, as far as they exist."""
        declared = table.partition(service).manifest
        if declared is None:
            return []
        keys = {one.target_group for one in declared.manifest.load_balancers}
        return [group for group in self.elb.of(service) if {group.arn, group.name} & keys]

    def kept_for(self, service: str) -> list[str]:
        """The target groups and alarms of a service that Headcount keeps."""
        groups = [group.name for group in self.elb.of(service) if group.tags]
        return groups + [name for name, alarm in self.alarms.items() if f'"{service}"' in alarm["AlarmDescription"]]

    def changed(self, group: TargetGroup) -> None:
        """Something that ELB tells of a group changed; its alarm is evaluated when the minute is over."""
        self.stirs()
        if group.arn in self._alarming or _is_alarming(group) == group.alarmed:
            return
        self._alarming.add(group.arn)
        now = self.scheduler.now
        minutes = ALARM_MINUTES * MINUTE
        over = (now // MINUTE + 1) * MINUTE + minutes - MINUTE
        at = over + self.streams.of(group.service).uniform(*REPORTED_SECONDS)
        self.scheduler.at(at, lambda: self._evaluate(group))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _evaluate(self, group: TargetGroup) -> None:
        self._alarming.discard(group.arn)
        now = _is_alarming(group)
        if now == group.alarmed or group.arn not in self.elb.groups:
            return
        group.alarmed = now
        state, at = ("ALARM" if now else "OK"), self.scheduler.now
        for name, alarm in self.alarms.items():
            said = json.loads(alarm["AlarmDescription"])["headcount"]
            if said["group"] == group.arn:
                told = TargetAlarm(alarm=name, state=state, at=at, service=said["service"], group=said["group"])
                self.emit(told)

    def _traffic(self, service: str) -> Traffic | None:
        character = self.characters.get(service)
        return character.traffic if character is not None else None

    def _target_type(self, service: str) -> str:
        return "instance" if self.characters[service].network == "bridge" else "ip"

    @staticmethod
    def _name(service: str, number: int) -> str:
        return f"{service.partition('/')[2]}-{number}"


def _is_alarming(group: TargetGroup) -> bool:
    return any(target.state == "unhealthy" for target in group.targets.values())


def document_of(group: TargetGroup) -> dict[str, Any]:
    """A target group as ``DescribeTargetGroups`` tells it, as far as anything can be declared of it here."""
    return {
        **group.document,
        "TargetGroupName": group.name,
        "TargetGroupArn": group.arn,
        "TargetType": group.target_type,
        "Protocol": "HTTP",
        "Port": group.port,
        "VpcId": "vpc-1",
        "HealthCheckIntervalSeconds": group.interval,
        "HealthCheckTimeoutSeconds": CHECK_TIMEOUT_SECONDS,
        "UnhealthyThresholdCount": group.unhealthy_threshold,
        "LoadBalancerArns": [f"{ARN}:loadbalancer/app/main/0000000000000001"] if group.in_use else [],
    }


def attributes_of(group: TargetGroup) -> dict[str, str]:
    """Its attributes."""
    return {DELAY: f"{group.delay:g}"}
