"""Many quiet services: what costs money while nothing happens is the audit, and that services say they are steady."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from headcount.model.names import GROUP_PREFIX
from headcount.model.target import Balancing
from headcount.model.values import dataclass, replace
from headcount.planning.leaving import CHECKED_EVERY_SECONDS
from headcount.planning.telling import STEADY_AGAIN_SECONDS
from headcount_simulation.accounting import Ledger
from headcount_simulation.balancers import ARN
from headcount_simulation.characters import CLUSTER
from headcount_simulation.elb import TargetGroup
from headcount_simulation.losses import a_calm_day
from headcount_simulation.metering import MeteredStoreClient
from headcount_simulation.partitions import Partition, StatusRecord, TargetsRecord, TaskRecord
from headcount_simulation.parts import Parts
from headcount_simulation.simulating import schedule
from headcount_simulation.sizes import partition_sizes
from headcount_simulation.traffic import Traffic
from headcount_simulation.world import MINUTE, World

METERED: Final = Parts(store=MeteredStoreClient)
MODEL: Final = f"{CLUSTER}/model-service"
COPIED_AT: Final = 2 * 3600.0
WARM_SECONDS: Final = 15 * MINUTE  # the audit has read every roster by then
INDEX_BYTES_A_RECORD: Final = 100  # DynamoDB's own, for each record


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A time in which nothing happened: its length, what was counted, and how large the table is."""

    services: int
    tasks: int
    seconds: float
    ledger: Ledger
    table_bytes: int


def stay_quiet(services: int, tasks: int, seconds: float, seed: int = 1, traffic: Traffic | None = None) -> Quiet:
    """Watch that many services of that many tasks each, from a time at which all have been steady for long.

    One service comes to be in the ordinary way; the others are copies of it, what they do at times spread over the time
    between two. Every audit is made. ``traffic``: the target groups that each has.
    """
    models: Mapping[str, int] = {MODEL: tasks} if services else {}
    ends = COPIED_AT + WARM_SECONDS + seconds
    day = a_calm_day(models, seed, ends)
    day = replace(day, characters=tuple(replace(one, traffic=traffic) for one in day.characters))
    world = World(day, METERED)
    try:
        schedule(world)
        world.run(COPIED_AT)
        for number in range(1, services):
            _copy(world, f"{CLUSTER}/model-{number:07}", number / services)
        world.every_audit = world.stirred = True
        world.run(COPIED_AT + WARM_SECONDS)
        world.calls.ledger.clear()
        world.run(ends)
        return Quiet(
            services=services,
            tasks=tasks,
            seconds=seconds,
            ledger=world.calls.ledger,
            table_bytes=_table_bytes(world),
        )
    finally:
        world.close()


def _table_bytes(world: World) -> int:
    sizes = [size for service, one in world.table.partitions.items() for size in partition_sizes(service, one)]
    return sum(sizes) + len(sizes) * INDEX_BYTES_A_RECORD


def _copy(world: World, service: str, share: float) -> None:
    """One more service like the model, whose next announcement is due after that share of the time between two."""
    model = world.table.partition(MODEL)
    assert model.manifest is not None, "the model is declared"
    assert model.status is not None, "the model was looked at"
    assert model.status.document is not None, "a pass over the model has ended"
    name = service.partition("/")[2]
    now = world.scheduler.now
    said_at = now - STEADY_AGAIN_SECONDS * share
    ids = {task_id: f"{world.ecs.created + index:032x}" for index, task_id in enumerate(model.tasks, start=1)}
    world.ecs.created += len(ids)
    for task_id, copy in ids.items():
        task = dataclasses.replace(  # noqa: TID251  # a task of ECS is no value: it changes
            world.ecs.tasks[task_id], task_id=copy, group=f"{GROUP_PREFIX}{name}", service=service
        )
        world.ecs.add(task)
    arns = {group.arn: _copy_group(world, group, service, ids).arn for group in world.groups(MODEL)}
    load_balancers = tuple(
        replace(one, target_group=arns[one.target_group]) for one in model.manifest.manifest.load_balancers
    )
    manifest = replace(model.manifest.manifest, service_name=name, load_balancers=load_balancers)
    balancing = _copy_balancing(model.balancing, arns, now - CHECKED_EVERY_SECONDS * share)
    wakes = [said_at + STEADY_AGAIN_SECONDS]
    if balancing is not None:
        wakes.append(balancing.checked_at + CHECKED_EVERY_SECONDS)
    status = replace(model.status.document, announced_at=said_at, next_wake=min(wakes))
    world.table.partitions[service] = Partition(
        manifest=replace(model.manifest, manifest=manifest),
        capacity=model.capacity,
        operator=model.operator,
        status=StatusRecord(pass_number=model.status.pass_number, document=status),
        tasks={
            ids[task_id]: TaskRecord(observed=one.observed, version=one.version, managed=one.managed)
            for task_id, one in model.tasks.items()
        },
        balancing=balancing,
        targets={arns[arn]: _copy_ledger(record, ids) for arn, record in model.targets.items()},
    )
    world.watch.wanted(service)


def _copy_group(world: World, model: TargetGroup, service: str, ids: Mapping[str, str]) -> TargetGroup:
    """A target group of the copy, in which its tasks stand as those of the model stand in theirs."""
    name = service.partition("/")[2]
    arn = f"{ARN}:targetgroup/{name}/{len(world.elb.groups):016x}"
    targets = {
        endpoint: replace(target, task=world.ecs.tasks[ids[target.task.task_id]])
        for endpoint, target in model.targets.items()
        if target.task is not None and target.task.task_id in ids
    }
    return world.elb.add(replace(model, arn=arn, name=name, service=service, targets=targets))


def _copy_ledger(model: TargetsRecord, ids: Mapping[str, str]) -> TargetsRecord:
    entries = (replace(one, task=ids[one.task]) for one in model.managed or () if one.task in ids)
    return replace(model, managed=tuple(entries))


def _copy_balancing(model: Balancing | None, arns: Mapping[str, str], checked_at: float) -> Balancing | None:
    if model is None:
        return None
    groups = tuple(replace(one, key=arns[one.arn], arn=arns[one.arn]) for one in model.groups)
    return replace(model, groups=groups, checked_at=checked_at)
