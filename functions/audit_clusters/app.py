"""Compares the table with ECS once a minute and repairs what events missed (EventBridge schedule)."""

from dataclasses import asdict
from typing import Any

from headcount import bootstrap, handlers
from headcount.aws.metrics import count_metrics

logger = bootstrap.logger()
auditor, settings = bootstrap.auditor()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The event says nothing but that a minute has passed."""
    findings = asdict(auditor.audit(settings.clusters, handlers.remaining_seconds(context)))
    (logger.error if findings["troubles"] else logger.info)("audited", **findings)
    count_metrics(
        settings.install,
        {
            "MissedEvents": findings["missed"],
            "OrphanTasks": findings["orphans"],
            "AuditTroubles": len(findings["troubles"]),
        },
    )
    return findings
