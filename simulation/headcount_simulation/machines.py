"""The machines under the tasks: what ECS tells of them, and what becomes of their tasks."""

from collections.abc import Sequence

from headcount.errors import Throttled
from headcount.ports.tasks import InstanceSighting
from headcount_simulation.ecs import Ecs
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.instances import Instance


def describe_instances(ecs: Ecs, cluster: str, arns: Sequence[str]) -> tuple[InstanceSighting, ...]:
    """``DescribeContainerInstances``."""
    if not ecs.limits.read.take():
        raise Throttled("DescribeContainerInstances: ThrottlingException: Rate exceeded")
    known = (ecs.fleet.instances.get(arn) for arn in arns)
    return tuple(one.sighting() for one in known if one is not None and one.cluster == cluster)


def list_instances(ecs: Ecs, cluster: str, ec2_instance: str) -> tuple[str, ...]:
    """``ListContainerInstances`` with a filter."""
    if not ecs.limits.read.take():
        raise Throttled("ListContainerInstances: ThrottlingException: Rate exceeded")
    known = ecs.fleet.instances.values()
    return tuple(one.arn for one in known if one.ec2_instance == ec2_instance and one.cluster == cluster)


def on_instance(ecs: Ecs, instance: Instance) -> list[EcsTask]:
    """The tasks on an instance that are not STOPPED."""
    return [ecs.tasks[task] for task in list(instance.tasks) if task in ecs.tasks]


def reconnect(ecs: Ecs, instance: Instance) -> None:
    """The agent tells what it did meanwhile."""
    ecs.fleet.change(instance, connected=True)
    for task in on_instance(ecs, instance):
        if task.observed.last_status != "RUNNING" or task.observed.desired_status == "STOPPED":
            ecs.schedule(task)


def terminate(ecs: Ecs, instance: Instance, *, told: bool) -> None:
    """The machine is gone with its tasks. ``told``: ECS says so, else it just knows them no more."""
    tasks = on_instance(ecs, instance)
    if told:
        ecs.fleet.change(instance, status="INACTIVE", connected=False)
    else:
        del ecs.fleet.instances[instance.arn]
    for task in tasks:
        if told and task.observed.desired_status == "STOPPED":
            ecs.schedule(task)  # whatever its agent has not told meanwhile
        elif told:
            ecs.end(task, "TerminationNotice", f"Host EC2 (instance {instance.ec2_instance}) terminated.")
        else:
            ecs.vanish(task)
