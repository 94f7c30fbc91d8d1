"""What the next pass would do, in the shape of ``control``'s answer to ``plan``.

Apart from all other answers, which need nothing of what decides.
"""

from typing import Any, assert_never

from headcount.answers import of_decision
from headcount.model.instants import iso
from headcount.model.plan import (
    Action,
    AdoptTask,
    DeregisterTargets,
    DeregisterTaskDefinition,
    DrainTask,
    ForgetTask,
    KeepLoadBalancers,
    KeepScaling,
    LookUpLaunch,
    Plan,
    RegisterTargets,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import ServiceState
from headcount.model.values import replace
from headcount.planning.plan import plan as decide
from headcount.planning.rotation import name_of

EVEN_CHANCE = 0.5  # a plan that is only shown draws no lots


def preview(state: ServiceState, now: float) -> dict[str, Any]:
    """What a pass would do if it began at ``now``."""
    next_pass = replace(state, pass_number=state.pass_number + 1)
    return planned(state.service, decide(next_pass, now, EVEN_CHANCE))


def planned(service: str, plan: Plan) -> dict[str, Any]:
    """A plan, as it would be carried out."""
    return {
        "service": service,
        "actions": [_action(action, plan) for action in plan.actions],
        "decisions": [{"task": None, **of_decision(decision)} for decision in plan.decisions],
        "state": plan.status.state,
        "stateReason": plan.status.state_reason,
        "wakeAt": None if plan.wake_at is None else iso(plan.wake_at),
        "again": plan.again,
    }


_PARTS = (
    "count",
    "zone",
    "capacity",
    "task",
    "deployment",
    "launch",
    "taskDefinition",
    "targetGroup",
    "targetGroupArn",
    "targets",
)


def _action(action: Action, plan: Plan) -> dict[str, Any]:
    return {"kind": _kind(action), "reason": action.reason, **dict.fromkeys(_PARTS), **_what(action, plan)}


def _kind(action: Action) -> str:
    match action:
        case StartTasks():
            return "start"
        case ResumeLaunch():
            return "resume"
        case LookUpLaunch():
            return "lookUp"
        case StopTask():
            return "stop"
        case DrainTask():
            return "drain"
        case RegisterTargets():
            return "registerTargets"
        case DeregisterTargets():
            return "deregisterTargets"
        case KeepLoadBalancers():
            return "keepLoadBalancers"
        case KeepScaling():
            return "keepScaling"
        case AdoptTask():
            return "adopt"
        case ForgetTask():
            return "forget"
        case DeregisterTaskDefinition():
            return "deregister"
        case RemoveService():
            return "remove"
        case _:
            assert_never(action)


def _what(action: Action, plan: Plan) -> dict[str, Any]:
    match action:
        case StartTasks() | ResumeLaunch() | LookUpLaunch():
            launch = action.launch
            place = {"zone": launch.zone, "capacity": launch.capacity}
            return {"count": launch.count, **place, "deployment": launch.deployment, "launch": launch.launch_id}
        case StopTask() | DrainTask() | AdoptTask():
            return {"task": action.task_id, "deployment": action.managed.deployment}
        case RegisterTargets() | DeregisterTargets():
            group = {"targetGroup": name_of(action.group), "targetGroupArn": action.group}
            return {**group, "targets": _endpoints(action, plan)}
        case ForgetTask():
            return {"task": action.task_id}
        case DeregisterTaskDefinition():
            return {"taskDefinition": action.task_definition_arn}
        case RemoveService() | KeepLoadBalancers() | KeepScaling():
            return {}
        case _:
            assert_never(action)


def _endpoints(action: RegisterTargets | DeregisterTargets, plan: Plan) -> list[dict[str, Any]]:
    """The targets of an action, with the tasks that the plan's ledger names for them."""
    ledger = next((one.registrations for one in plan.ledgers if one.group == action.group), ())
    tasks = {one.endpoint: one.task for one in ledger}
    return [{"task": tasks.get((target, port)), "target": target, "port": port} for target, port in action.targets]
