"""The command ``headcount-sim``."""

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from headcount.model.values import replace
from headcount_simulation.crash_points import STORIES, strike_all
from headcount_simulation.days import DAY, draw_day
from headcount_simulation.fleet import draw_fleet
from headcount_simulation.losses import ALL_FAILING, MASS_LOSS, ZONE_LOSS, Loss, recover
from headcount_simulation.mutations import MUTATIONS, Catch, catch
from headcount_simulation.reports import tell_fleet, tell_recovery, tell_rotation
from headcount_simulation.running import Total, run_days, run_seed
from headcount_simulation.seeds import SEEDS_FILE, known_seeds
from headcount_simulation.shrinking import shrink
from headcount_simulation.simulating import simulate
from headcount_simulation.stories import tell, verdict
from headcount_simulation.together import LOSING, STARTING, go_through
from headcount_simulation.values import hasten
from headcount_simulation.world import World

MOST_SHOWN = 5

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Headcount on virtual time, with every fault.")


@app.command()
def run(
    days: Annotated[int, typer.Option(min=1, help="How many service-days.")] = 1000,
    seed: Annotated[int | None, typer.Option(help="The first seed; drawn and printed if left out.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes.")] = 2,
) -> None:
    """Simulate drawn days. A failing one is shrunk and told, and the command exits with 1."""
    first = secrets.randbelow(1_000_000_000) if seed is None else seed
    typer.echo(f"from seed {first}: {days} service-days on {jobs} processes")
    total = run_days(days, first, jobs)
    typer.echo(_numbers(total))
    for report in total.failed:
        typer.echo(f"\nseed {report.seed}: VIOLATED {report.violated}")
    if total.failed:
        _tell_shrunk(total.failed[0].seed)
        raise typer.Exit(1)
    typer.echo("every invariant held")


@app.command()
def replay(
    seed: int,
    shrunk: Annotated[bool, typer.Option(help="Leave out whatever does not matter to a failure.")] = False,
) -> None:
    """Tell the story of one seed."""
    outcome = simulate(draw_day(seed), keep_story=True)
    if shrunk and not outcome.ok:
        outcome = shrink(outcome)
    for line in tell(outcome):
        typer.echo(line)
    if not outcome.ok:
        raise typer.Exit(1)


@app.command()
def known(file: Annotated[Path, typer.Argument(help="A file of seeds, each with a sentence.")] = SEEDS_FILE) -> None:
    """Simulate the seeds that once found something."""
    failed = False
    for seed, sentence in known_seeds(file):
        report = run_seed(seed)
        failed |= bool(report.violated)
        typer.echo(f"{seed}  {'VIOLATED ' + report.violated if report.violated else 'held'}  ({sentence})")
    if failed:
        raise typer.Exit(1)


@app.command()
def mutate(
    name: Annotated[str | None, typer.Argument(help="One mutation; all if left out.")] = None,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    story: Annotated[bool, typer.Option(help="Tell the story of the catch.")] = False,
) -> None:
    """Leave out one thing after the other that keeps Headcount's promises: each must be noticed."""
    chosen = [one for one in MUTATIONS if name in (None, one.name)]
    if not chosen:
        raise typer.BadParameter(f"one of {', '.join(one.name for one in MUTATIONS)} is allowed")
    missed = 0
    for mutation in chosen:
        caught = catch(mutation, seed)
        missed += caught.outcome is None
        typer.echo(f"{mutation.name:24} {_caught(caught)}")
        if story and caught.outcome is not None:
            for line in tell(shrink(caught.outcome, mutation.parts)):
                typer.echo(f"    {line}")
    if missed:
        raise typer.Exit(1)


@app.command("crash-points")
def enumerate_crash_points(
    story: Annotated[str | None, typer.Argument(help="One story; all if left out.")] = None,
) -> None:
    """Every mishap at every call of known stories, one at a time."""
    chosen = [one for one in STORIES if story in (None, one)]
    if not chosen:
        raise typer.BadParameter(f"one of these is allowed: {'; '.join(STORIES)}")
    failed = False
    for one in chosen:
        outcomes = list(strike_all(one))
        broken = [(point, outcome) for point, outcome in outcomes if not outcome.ok]
        typer.echo(f"{one}: {len(outcomes)} crash points, {len(broken)} break an invariant")
        for point, outcome in broken[:MOST_SHOWN]:
            typer.echo(f"  {point.mishap} at call {point.call}, {point.name}: {verdict(outcome)}")
        failed |= bool(broken)
    if failed:
        raise typer.Exit(1)


@app.command("mass-loss")
def lose_all_tasks(seed: Annotated[int, typer.Option(help="What decides every delay.")] = 1) -> None:
    """All 1,000 tasks of one service are lost at once."""
    _recover(MASS_LOSS, seed)


@app.command("all-failing")
def lose_all_services(seed: Annotated[int, typer.Option(help="What decides every delay.")] = 1) -> None:
    """All tasks of all 50 services of an account are lost at once."""
    _recover(ALL_FAILING, seed)


@app.command("zone-loss")
def lose_a_zone(seed: Annotated[int, typer.Option(help="What decides every delay.")] = 1) -> None:
    """A whole zone is lost with its tasks, and takes no others."""
    _recover(ZONE_LOSS, seed)


@app.command("rotation")
def go_into_rotation(seed: Annotated[int, typer.Option(help="What decides every delay.")] = 1) -> None:
    """500 tasks start together behind a target group; 1,000 of 1,000 are lost behind one."""
    failed = False
    for rush in (STARTING, LOSING):
        rotation = go_through(replace(rush, seed=seed))
        for line in tell_rotation(rotation):
            typer.echo(line)
        failed |= bool(rotation.violated) or rotation.seconds is None
    if failed:
        raise typer.Exit(1)


@app.command()
def fleet(
    services: Annotated[int, typer.Option(min=1, help="How many services, of 1 to 500 tasks.")] = 200,
    days: Annotated[float, typer.Option(min=0.125, help="How many days.")] = 1.0,
    seed: Annotated[int, typer.Option(help="What decides everything.")] = 1,
) -> None:
    """A fleet over days: deployments, scaling, schedules, tasks that are lost."""
    began = time.perf_counter()

    def tell_progress(world: World) -> None:
        passed = f"day {world.second / DAY:.0f} of {days:g} after {time.perf_counter() - began:.0f} s"
        typer.echo(f"{passed}: {world.watch.passes_total} passes, every invariant held", err=True)

    outcome = simulate(draw_fleet(services, days, seed), at_midnight=tell_progress)
    for line in tell_fleet(outcome):
        typer.echo(line)
    typer.echo(f"  in {time.perf_counter() - began:.0f} s")
    if not outcome.ok:
        raise typer.Exit(1)


def _recover(loss: Loss, seed: int) -> None:
    recovery = recover(replace(loss, seed=seed))
    for line in tell_recovery(recovery):
        typer.echo(line)
    if recovery.violated or recovery.seconds is None:
        raise typer.Exit(1)


def _caught(caught: Catch) -> str:
    if caught.outcome is None:
        return f"NOT NOTICED in {caught.days} days: {caught.mutation.says}"
    found = caught.outcome.violation
    assert found is not None, "a catch has a violation"
    return f"day {caught.days:3}: {found.invariant} ({caught.mutation.says})"


def _numbers(total: Total) -> str:
    rate = total.service_days / total.seconds if total.seconds else 0.0
    return (
        f"{total.service_days} service-days in {total.seconds:.1f} s ({rate:.1f} a second), {total.faults} faults, "
        f"{total.passes} passes, {total.calls} calls of AWS, {total.tasks} tasks; "
        f"the slowest was at rest {total.settled / 60.0:.1f} minutes after its last fault"
    )


def _tell_shrunk(seed: int) -> None:
    outcome = simulate(draw_day(seed))
    if outcome.ok:
        typer.echo(f"seed {seed} {verdict(outcome)} when it ran again: the simulation is not deterministic")
        return
    typer.echo("\nThe same with everything left out that does not matter:")
    for line in tell(shrink(outcome)):
        typer.echo(line)
    typer.echo(f"\nagain: headcount-sim replay {seed} --shrunk")


def main() -> None:
    """The entry point."""
    hasten()
    app()
