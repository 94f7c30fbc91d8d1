"""EventBridge: Headcount's own events, shaped like ECS's service actions."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from headcount.model.instants import iso
from headcount.model.service import Decision

ENTRIES_AT_ONCE = 10


class EventBridgeAnnouncer:
    """Publishes decisions that have an event name. What cannot be published is logged and does not fail a pass."""

    def __init__(self, client: Any, bus: str, partition_arn: str, logger: Logger) -> None:
        """``partition_arn`` is ``arn:aws:ecs:<region>:<account>``."""
        self.logger = logger
        self.client = client
        self.bus = bus
        self.partition_arn = partition_arn

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        """One event a decision, ten a call."""
        entries = [self._entry(service, decision, now) for decision in decisions if decision.event_name]
        for first in range(0, len(entries), ENTRIES_AT_ONCE):
            batch = entries[first : first + ENTRIES_AT_ONCE]
            try:
                answer = self.client.put_events(Entries=batch)
            except (ClientError, BotoCoreError) as error:
                self.logger.warning("events not published", service_key=service, error=str(error))
                return
            if answer.get("FailedEntryCount"):
                self.logger.warning("events not published", service_key=service, entries=answer["Entries"])

    def _entry(self, service: str, decision: Decision, now: float) -> dict[str, Any]:
        cluster, _, name = service.partition("/")
        detail = {
            "eventType": decision.level,
            "eventName": decision.event_name,
            "clusterArn": f"{self.partition_arn}:cluster/{cluster}",
            "serviceName": name,
            "createdAt": iso(now),
            "reason": decision.reason,
        }
        if decision.deployment:
            detail["deploymentId"] = decision.deployment
        is_deployment = str(decision.event_name).startswith("SERVICE_DEPLOYMENT_")
        return {
            "Source": "headcount",
            "DetailType": "ECS Deployment State Change" if is_deployment else "ECS Service Action",
            "Resources": [f"{self.partition_arn}:service/{service}"],
            "Time": datetime.fromtimestamp(now, UTC),
            "EventBusName": self.bus,
            "Detail": json.dumps(detail),
        }
