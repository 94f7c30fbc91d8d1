"""Recovery at the account's limit, in simulation: how long over the lower bound, and how many calls over the least."""

from collections import Counter

from bench.measurement import Detail, Findings, Measurement, NotMeasured
from headcount.model.values import replace
from headcount_simulation.losses import ALL_FAILING, MASS_LOSS, ZONE_LOSS, Loss, Recovery, recover

_OVER_BOUND = 1.1
_OVER_LEAST = 1.1


def measure(*, quick: bool) -> Findings:
    """All tasks of one service, all services of an account, a zone; several seeds of the first."""
    seeds = 1 if quick else 5
    mass = replace(MASS_LOSS, services={"prod/web": 100}) if quick else MASS_LOSS
    masses = [_recovered(replace(mass, seed=seed)) for seed in range(1, seeds + 1)]
    others = [] if quick else [_recovered(ALL_FAILING), _recovered(ZONE_LOSS)]
    worst = max(masses, key=lambda one: one.over_bound)
    return Findings(
        measurements=(
            _over_bound(f"{worst.lost} of {worst.lost} tasks lost: time to health over the bound", worst),
            Measurement(
                what="ECS calls over the least, from loss to health",
                value=max(one.ecs_calls / one.least_calls for one in masses),
                unit="x",
                goal=_OVER_LEAST,
                note=f"{worst.ecs_calls} calls, {worst.least_calls} are the least; audits apart",
            ),
            Measurement(what="ECS calls a replaced task", value=worst.ecs_calls / worst.lost, unit=""),
            Measurement(what="all calls a replaced task", value=sum(worst.calls.values()) / worst.lost, unit=""),
            *(_over_bound(f"{one.loss.name} lost: time to health over the bound", one) for one in others),
        ),
        details=(_table(masses + others), _calls(worst)),
        notes=(
            "The bound: Fargate starts 100 tasks of an account at once and 20 a second then; each start takes what was",
            "drawn; healthy is RUNNING for 40 seconds. On virtual time: the machine's load changes nothing.",
        ),
    )


def _recovered(loss: Loss) -> Recovery:
    recovery = recover(loss)
    if recovery.violated or recovery.seconds is None:
        raise NotMeasured(f"{loss.name}, seed {loss.seed}: {recovery.violated or 'not healthy within an hour'}")
    return recovery


def _over_bound(what: str, recovery: Recovery) -> Measurement:
    return Measurement(
        what=what,
        value=recovery.over_bound,
        unit="x",
        goal=_OVER_BOUND,
        note=f"{recovery.seconds:.1f} s, bound {recovery.bound:.1f} s",
    )


def _table(recoveries: list[Recovery]) -> Detail:
    rows = tuple(
        (
            one.loss.name,
            str(one.loss.seed),
            f"{one.lost:,}",
            f"{one.seconds:.1f}",
            f"{one.bound:.1f}",
            f"{one.over_bound:.3f}",
            str(one.ecs_calls),
            str(one.least_calls),
        )
        for one in recoveries
    )
    columns = ("lost", "seed", "tasks", "seconds", "bound", "over", "ECS calls", "least")
    return Detail(title="Until all were healthy again", columns=columns, rows=rows)


def _calls(recovery: Recovery) -> Detail:
    by_operation = Counter(recovery.calls).most_common(12)
    rows = tuple(
        (f"{function}: {operation}", f"{count:,}", f"{count / recovery.lost:.2f}")
        for (function, operation), count in by_operation
    )
    return Detail(title="Calls of the slowest", columns=("call", "all", "a task"), rows=rows)
