"""Keeping the records straight: taking over orphans, forgetting the gone, ending a deleted service."""

from headcount.model.plan import AdoptTask, DeregisterTaskDefinition, ForgetTask, Plan, RemoveService
from headcount.model.service import Decision, ServiceState
from headcount.model.task import Task, how_it_ended
from headcount.planning.leaving import is_empty
from headcount.planning.scaling import is_scaling_left
from headcount.planning.situation import NOTHING, Situation, Step, hold, managed_of
from headcount.planning.stock import deployment_of

ADOPTIONS = 20  # a pass: they fit in one transaction of the table, beside launches and stops
ECHOES = 100
FORGOTTEN = 500  # a pass: what is told of them fits in a few records of the history
DELETION_LOOK_SECONDS = 60.0


def adopt_orphans(situation: Situation) -> Step:
    """Tasks of ours that the audit found alive and that no record accounts for."""
    orphans = situation.stock.orphans
    if not orphans:
        return NOTHING
    reason = "alive in ECS, started by Headcount, and on no record: taken over"
    return Step(
        actions=tuple(
            AdoptTask(task_id=task.task_id, managed=managed_of(task), reason=reason) for task in orphans[:ADOPTIONS]
        ),
        decisions=tuple(Decision(kind="adopt", reason=reason, task=task.task_id) for task in orphans[:ADOPTIONS]),
        again=len(orphans) > ADOPTIONS,
    )


def to_forget(situation: Situation) -> list[Task]:
    """Stopped tasks: not those whose place is held, nor those of a launch that is not closed yet."""
    if not situation.stock.gone:
        return []
    held, open_launches = situation.held, situation.stock.in_flight
    return [
        task for task in situation.stock.gone if task.task_id not in held and task.observed.launch not in open_launches
    ]


def forget_echoes(situation: Situation) -> Step:
    """Delete the records that late events of forgotten tasks left behind."""
    if not situation.stock.echoes:
        return NOTHING
    reason = "a late event of a task that is on no record"
    echoes = situation.stock.echoes[:ECHOES]
    return Step(
        actions=tuple(ForgetTask(task_id=task.task_id, reason=reason) for task in echoes),
        decisions=tuple(Decision(kind="forget", reason=reason, task=task.task_id) for task in echoes),
        again=len(situation.stock.echoes) > ECHOES,
    )


def forget_gone(situation: Situation) -> Step:
    """Delete the records of stopped tasks that nothing needs any more."""
    gone = to_forget(situation)
    if not gone:
        return NOTHING
    endings = [(task, how_it_ended(task)) for task in gone[:FORGOTTEN]]
    return Step(
        actions=tuple(ForgetTask(task_id=task.task_id, reason=reason) for task, reason in endings),
        decisions=tuple(
            Decision(
                kind="forget" if managed_of(task).stop else "lost",
                reason=reason,
                task=task.task_id,
                deployment=deployment_of(task),
            )
            for task, reason in endings
        ),
        again=len(gone) > FORGOTTEN,
    )


def retire_definitions(situation: Situation) -> Step:
    """Deregister task definitions that Headcount registered itself and that nothing needs any more.

    The deployment before keeps its own, so that a rollback finds it.
    """
    declared, stock = situation.declared, situation.stock
    if not declared.registered:
        return NOTHING
    alive = (task.observed for task in situation.state.tasks if task.observed.last_status != "STOPPED")
    used = {observed.task_definition_arn for observed in alive}
    used |= {str(launch.request.get("taskDefinition")) for launch in stock.launches}
    if not situation.deleting:
        used.add(declared.task_definition_arn)
        used |= {declared.previous.task_definition_arn} if declared.previous else set()
    done = {*situation.state.status.deregistered, *used}
    retired = [arn for arn in declared.registered if arn not in done]
    because = "registered by Headcount, and no deployment uses it any more"
    actions = tuple(
        DeregisterTaskDefinition(task_definition_arn=arn, reason=f"{arn.rpartition('/')[2]}: {because}")
        for arn in retired
    )
    return Step(
        actions=actions,
        decisions=tuple(Decision(kind="forget", reason=action.reason) for action in actions),
        again=bool(retired) and situation.deleting,  # the service ends when they are gone
    )


def finish_deletion(situation: Situation) -> Step:
    """The end of a deleted service, when nothing of it is left."""
    if not situation.deleting:
        return NOTHING
    definitions = set(situation.declared.registered) - set(situation.state.status.deregistered)
    balancing = situation.state.balancing
    balanced = balancing is not None and not balancing.removed  # leaving.py asks for the end of what was made for it
    if not is_empty(situation) or definitions or balanced or is_scaling_left(situation.state):
        return Step(wakes=(situation.now + DELETION_LOOK_SECONDS,))
    reason = "the service was deleted and its tasks are gone"
    return Step(actions=(RemoveService(reason=reason),), decisions=(Decision(kind="remove", reason=reason),))


def leave_alone(state: ServiceState) -> Plan:
    """Tasks without a manifest are reported and never touched: a lost table must not stop a fleet."""
    said = "this task is Headcount's, but no manifest declares its service: left alone; stop it by hand"
    alive = [one for one in state.tasks if one.confirmed_at is not None and one.observed.last_status != "STOPPED"]
    gone = [one for one in state.tasks if one.observed.last_status == "STOPPED"][:FORGOTTEN]
    reason = "stopped, and no manifest declares its service"
    return Plan(
        actions=tuple(ForgetTask(task_id=task.task_id, reason=reason) for task in gone),
        decisions=(
            *(hold(said, level="ERROR", task=task.task_id) for task in alive),
            *(Decision(kind="forget", reason=reason, task=task.task_id) for task in gone),
        ),
        status=state.status,
        wake_at=None,
    )
