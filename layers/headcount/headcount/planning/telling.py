"""What a service's state is called, how far its deployments got, and what is worth announcing, in ECS's words."""

from dataclasses import replace

from headcount.model.service import Counts, Decision, DeclaredService, Deployment, ServiceStatus
from headcount.planning.rollout import Tally
from headcount.planning.situation import Situation
from headcount.planning.words import some

STEADY_AGAIN_SECONDS = 6 * 3600.0  # ECS repeats SERVICE_STEADY_STATE too
DEPLOYMENTS_KEPT = 10


def describe_state(situation: Situation, counts: Counts) -> tuple[str, str]:
    """The service's state and one sentence about it."""
    tally, declared, now = situation.tally, situation.declared, situation.now
    numbers = (
        f"{counts.running} running, {counts.pending} pending, {counts.stopping} stopping of {counts.desired} desired"
    )
    missing = tally.live_new < tally.desired
    backoff = situation.slowdown.backoff
    if situation.deleting:
        return "DELETING", f"being deleted: {numbers}"
    if missing and backoff is not None and now < backoff.until:
        return "BACKING_OFF", backoff.reason
    refusing = [refusal for refusal in situation.refusals if now < refusal.until]
    if missing and len(refusing) == len(declared.zones):
        return "BLOCKED", f"no zone takes tasks: {refusing[0].reason}"
    if tally.live_old:
        new, old = tally.live_new, some(tally.live_old, "old one")
        return "DEPLOYING", f"{declared.deployment}: {new} new tasks, {old}; {numbers}"
    settled = not counts.pending and not counts.stopping and not situation.stock.launches
    if counts.running == counts.desired and settled:
        return "STEADY", f"{counts.running} of {counts.desired} running"
    return "RECONCILING", numbers


def note_deployments(
    before: tuple[Deployment, ...], declared: DeclaredService, tally: Tally, failed: int, now: float
) -> tuple[Deployment, ...]:
    """The deployments, newest first: the declared one added when new, completed when all its tasks are healthy."""
    known = before and before[0].deployment_id == declared.deployment
    newest, older = (
        (before[0], before[1:])
        if known
        else (
            Deployment(
                deployment_id=declared.deployment,
                task_definition_arn=declared.task_definition_arn,
                created_at=declared.deployed_at,
            ),
            before,
        )
    )
    newest = replace(newest, failed_tasks=newest.failed_tasks + failed)
    complete = tally.healthy_new >= tally.desired and not tally.live_old and declared.deleting_at is None
    if complete and newest.rollout_state == "IN_PROGRESS":
        newest = replace(newest, rollout_state="COMPLETED", completed_at=now)
    return (newest, *older)[:DEPLOYMENTS_KEPT]


def announce(
    status: ServiceStatus, before: ServiceStatus, declared: DeclaredService, now: float
) -> tuple[ServiceStatus, tuple[Decision, ...]]:
    """What to tell the world about the change from ``before`` to ``status``, and the status that remembers it."""
    decisions: list[Decision] = []
    newest = status.deployments[0]
    known = {deployment.deployment_id: deployment for deployment in before.deployments}
    if newest.deployment_id not in known:
        decisions.append(_deployment(newest, "SERVICE_DEPLOYMENT_IN_PROGRESS", "started"))
    was = known.get(newest.deployment_id)
    if newest.rollout_state == "COMPLETED" and (was is None or was.rollout_state != "COMPLETED"):
        decisions.append(_deployment(newest, "SERVICE_DEPLOYMENT_COMPLETED", "completed"))
    if status.state != "STEADY":
        return status, tuple(decisions)
    due = (
        before.steady_since is None or before.announced_at is None or now - before.announced_at >= STEADY_AGAIN_SECONDS
    )
    if not due:
        return status, tuple(decisions)
    name = declared.manifest.service_name
    decisions.append(
        Decision(
            kind="steady",
            event_name="SERVICE_STEADY_STATE",
            reason=f"(service {name}) has reached a steady state: {status.state_reason}",
        )
    )
    return replace(status, announced_at=now), tuple(decisions)


def _deployment(deployment: Deployment, event_name: str, word: str) -> Decision:
    return Decision(
        kind="deployment",
        event_name=event_name,
        deployment=deployment.deployment_id,
        reason=f"deployment {deployment.deployment_id} of {deployment.task_definition_arn.rpartition('/')[2]} {word}",
    )
