"""What models of use came to, for people."""

from collections.abc import Iterable

from headcount_simulation.losses import Recovery
from headcount_simulation.simulating import Outcome
from headcount_simulation.together import Rotation


def tell_recovery(recovery: Recovery) -> Iterable[str]:
    """A loss and how it was made good."""
    loss = recovery.loss
    tasks = sum(loss.services.values())
    yield f"{loss.name} lost: {recovery.lost} of {tasks} tasks of {len(loss.services)} services, seed {loss.seed}"
    if recovery.seconds is None:
        yield "  not all were healthy again in the hour that was watched"
    else:
        bound = f"{recovery.over_bound:.3f} times the least of {recovery.bound:.1f} s that Fargate's limits allow"
        yield f"  all healthy again after {recovery.seconds:.1f} s: {bound}"
    yield f"  {recovery.ecs_calls} calls of ECS, audits apart; {recovery.least_calls} are the least"
    times = sorted(recovery.whole_after.values())
    if len(times) > 1:
        yield f"  the first service was whole after {times[0]:.1f} s, half after {times[len(times) // 2]:.1f} s"
    yield f"  {'VIOLATED ' + recovery.violated if recovery.violated else 'every invariant held'}"


def tell_rotation(rotation: Rotation) -> Iterable[str]:
    """Many tasks into rotation together."""
    yield f"{rotation.rush.name} behind {rotation.rush.traffic.groups} target group, seed {rotation.rush.seed}"
    if rotation.seconds is None:
        yield "  not all were healthy there in the half hour that was watched"
    else:
        bound = f"{rotation.over_bound:.3f} times the least of {rotation.bound:.1f} s"
        yield f"  all healthy there after {rotation.seconds:.0f} s: {bound}"
    changes = f"{rotation.changes} calls that change targets, {rotation.least} are the least"
    yield f"  {changes}; {rotation.looks} DescribeTargetHealth, {rotation.ecs_calls} calls of ECS, audits apart"
    yield f"  {'VIOLATED ' + rotation.violated if rotation.violated else 'every invariant held'}"


def tell_fleet(outcome: Outcome) -> Iterable[str]:
    """Days of a fleet."""
    day = outcome.day
    tasks = sum(character.desired for character in day.characters)
    days = day.ends_at / 86400.0
    yield f"{len(day.characters)} services, {tasks} tasks at first, {days:.2f} days, seed {day.seed}"
    yield f"  {len(day.happenings)} things happened, {day.faults} of them faults"
    yield f"  {outcome.passes} passes, {outcome.calls} calls of AWS, {outcome.tasks} tasks started in all"
    yield f"  {'every invariant held' if outcome.ok else f'VIOLATED {outcome.violation}'}"
