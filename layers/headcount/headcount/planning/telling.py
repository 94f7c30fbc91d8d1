"""What a service's state is called, how far its deployments got, and what is worth announcing, in ECS's words."""

from collections import Counter

from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.service import Counts, Decision, DeclaredService, Deployment, ServiceStatus
from headcount.model.values import replace
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
    if situation.pause is not None:
        return "PAUSED", f"{situation.wanted.because}; {numbers}"
    if situation.wanted.because:
        numbers += f" ({situation.wanted.because})"
    if missing and backoff is not None and now < backoff.until:
        return "BACKING_OFF", backoff.reason
    places = situation.places
    if missing and not places.are_open:
        said = next((one.reason for one in places.refusals.values()), "every zone is cordoned")
        return "BLOCKED", f"no place takes tasks: {said}"
    if situation.moves and len(situation.moves) == len(situation.old):
        move = next(iter(situation.moves.values()))
        why = situation.sick.frozen or f"{some(len(situation.moves), 'task')} to be replaced: {move.reason}"
        return "RECONCILING", f"{why}; {numbers}"
    if tally.live_old:
        new, old = tally.live_new, some(tally.live_old, "old one")
        return "DEPLOYING", f"{declared.deployment}: {new} new tasks, {old}; {numbers}"
    settled = not counts.pending and not counts.stopping and not situation.stock.launches
    if situation.sick.frozen is not None:
        return "RECONCILING", f"{situation.sick.frozen}; {numbers}"
    trouble = _balancing_trouble(situation)
    if trouble is not None:
        return "RECONCILING", f"{trouble}; {numbers}"
    if situation.rotation.is_balanced and tally.healthy_new < counts.running:
        return "RECONCILING", f"{_out_of_service(situation)}; {numbers}"
    if counts.running == counts.desired and settled:
        because = f" ({situation.wanted.because})" if situation.wanted.because else ""
        return "STEADY", f"{counts.running} of {counts.desired} running{_on_fallbacks(situation)}{because}"
    return "RECONCILING", numbers


def _balancing_trouble(situation: Situation) -> str | None:
    """What stands between the load balancing that is declared and the one there is."""
    manifest, balancing = situation.declared.manifest, situation.state.balancing
    if not (manifest.load_balancers or manifest.function_targets or manifest.elastic_load_balancers):
        return None
    if balancing is not None and balancing.problems:
        return balancing.problems[0]
    if situation.rotation.unknown:
        return f"target group {situation.rotation.unknown[0]} is not there yet"
    if balancing is None or balancing.fingerprint != balancing_fingerprint(situation.declared):
        return "its load balancing has not been looked at since the manifest changed"
    return None


def _out_of_service(situation: Situation) -> str:
    """Why some running tasks are not in service: what ails the first of them, or what they wait for."""
    sick = situation.sick.ailments
    missing = [task.task_id for task in situation.new if task.task_id not in situation.healthy]
    why = next((sick[task_id].reason for task_id in missing if task_id in sick), "its targets are not healthy yet")
    return f"{len(missing)} of {len(situation.new)} tasks not in service: {why}"


def _on_fallbacks(situation: Situation) -> str:
    """Which fallbacks carry tasks, and how many."""
    places = situation.places
    if not places.fallback:
        return ""
    away: Counter[str] = Counter()
    for place, tasks in places.count(situation.new).items():
        if places.levels.get(place.capacity, 1):
            away[place.capacity] += tasks
    return "".join(f", {tasks} of them on the fallback {capacity}" for capacity, tasks in sorted(away.items()))


def note_deployments(situation: Situation, before: tuple[Deployment, ...], failed: int) -> tuple[Deployment, ...]:
    """The deployments, newest first: the declared one added when new, completed when all its tasks are healthy.

    One that is switched off has not shown that it works, so that it completes once it runs.
    """
    declared, tally, now = situation.declared, situation.tally, situation.now
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
    switched_off = situation.deleting or (situation.pause is not None and not situation.frozen)
    complete = tally.healthy_new >= tally.desired and not tally.live_old and not switched_off
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
