"""Into rotation and out of it at ELB's limits, in simulation: many tasks that start together, or are lost together."""

from collections.abc import Iterable

from bench.measurement import Detail, Findings, Measurement, NotMeasured
from headcount.model.values import replace
from headcount_simulation.together import LOSING, STARTING, Rotation, Rush, go_through

_OVER_LEAST = 1.2
_OVER_BOUND = 1.1


def measure(*, quick: bool) -> Findings:
    """500 tasks that start behind a target group, 1,000 that are lost behind one; several seeds of each."""
    seeds = range(1, 2 if quick else 4)
    starting = replace(STARTING, tasks=80) if quick else STARTING
    losing = replace(LOSING, tasks=80) if quick else LOSING
    rushes = [[_gone_through(replace(rush, seed=seed)) for seed in seeds] for rush in (starting, losing)]
    return Findings(
        measurements=tuple(one for rotations in rushes for one in _measured(rotations)),
        details=(_table(one for rotations in rushes for one in rotations),),
        notes=(
            "The least: one RegisterTargets for a hundred tasks that start, one DeregisterTargets for a hundred lost.",
            "The bound: each task starts as early as Fargate lets it, is registered at once; starts and first health",
            "checks take what was drawn. Audits apart. On virtual time: the machine's load changes nothing.",
        ),
    )


def _gone_through(rush: Rush) -> Rotation:
    rotation = go_through(rush)
    if rotation.violated or rotation.seconds is None:
        raise NotMeasured(f"{rush.name}, seed {rush.seed}: {rotation.violated or 'not healthy within half an hour'}")
    return rotation


def _measured(rotations: list[Rotation]) -> Iterable[Measurement]:
    most = max(rotations, key=lambda one: one.changes)
    slowest = max(rotations, key=lambda one: one.over_bound)
    name = f"{most.rush.tasks:,} tasks {'lost' if most.rush.lost else 'start together'}"
    yield Measurement(
        what=f"{name}: changes of targets over the least",
        value=most.changes / most.least,
        unit="x",
        goal=_OVER_LEAST,
        note=f"{most.changes} calls, {most.least} are the least; {most.looks} DescribeTargetHealth beside",
    )
    yield Measurement(
        what=f"{name}: time to health over the bound",
        value=slowest.over_bound,
        unit="x",
        goal=_OVER_BOUND,
        note=f"{slowest.seconds:.0f} s, bound {slowest.bound:.1f} s",
    )


def _table(rotations: Iterable[Rotation]) -> Detail:
    rows = tuple(
        (
            one.rush.name,
            str(one.rush.seed),
            f"{one.seconds:.0f}",
            f"{one.bound:.1f}",
            f"{one.over_bound:.3f}",
            str(one.changes),
            str(one.least),
            str(one.looks),
            str(one.ecs_calls),
        )
        for one in rotations
    )
    columns = ("what", "seed", "seconds", "bound", "over", "changes", "least", "looks", "ECS calls")
    return Detail(title="Until all were healthy in the target group", columns=columns, rows=rows)
