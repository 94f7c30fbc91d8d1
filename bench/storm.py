"""Every task of a service lost at the same moment: how many calls, passes and seconds until all run again."""

import time
from collections import Counter

from bench.measurement import Detail, Findings, Measurement, NotMeasured
from bench.service import Bench, a_bench
from headcount.planning.launching import TASKS_PER_CALL

SERVICE = "web"
_ZONES = 3


def measure(*, quick: bool) -> Findings:
    """200 simulated tasks."""
    tasks = 20 if quick else 200
    with a_bench("simulated", schedule_scale=0.001) as bench:  # an audit in the middle would blur the counts
        bench.apply(SERVICE, tasks)
        bench.wait_until_whole(tasks)
        return _storm(bench, tasks)


def _storm(bench: Bench, tasks: int) -> Findings:
    passes_before = len(bench.passes())
    bench.forget()
    victims = bench.watch.running()
    began = time.time()
    for victim in victims:
        bench.sandbox.kill_task(victim)
    bench.wait(lambda: all(bench.watch.death_of(victim) is not None for victim in victims), "all are dead")
    bench.wait(lambda: len(bench.watch.running()) == tasks, f"{tasks} tasks run again")
    whole_after = bench.watch.newest_at() - began
    bench.wait_until_whole(tasks)
    quiet_after = time.time() - began
    started = [task for task in bench.sandbox.world.describe_tasks() if task["createdAt"] >= began - 0.001]
    if len(started) != tasks:
        raise NotMeasured(f"{tasks} tasks were lost, and {len(started)} were started")
    calls = bench.calls()
    ecs = [call for call in calls if call.service == "ecs"]
    launches = [call for call in ecs if call.operation == "RunTask"]
    passes = bench.passes()[passes_before:]
    return Findings(
        measurements=(
            Measurement(what=f"RunTask calls for {tasks} lost tasks", value=len(launches), unit="", note=_least(tasks)),
            Measurement(what="ECS calls for each replaced task", value=len(ecs) / tasks, unit=""),
            Measurement(what="all calls for each replaced task", value=len(calls) / tasks, unit=""),
            Measurement(what="passes", value=len(passes), unit=""),
            Measurement(what="first RunTask after the first kill", value=launches[0].at - began, unit="s"),
            Measurement(what="last RunTask after the first kill", value=launches[-1].at - began, unit="s"),
            Measurement(what=f"all {tasks} run again after", value=whole_after, unit="s"),
            Measurement(what="nothing left to do after", value=quiet_after, unit="s"),
        ),
        details=(_calls_table(bench, tasks),),
        notes=("Time is the sandbox's: one process answers for all of AWS and shares two cores with the functions.",),
    )


def _least(tasks: int) -> str:
    """The least number of ``RunTask`` calls: ten tasks a call, one zone a call."""
    in_zones = [tasks // _ZONES + (zone < tasks % _ZONES) for zone in range(_ZONES)]
    return f"the least is {sum(-(-count // TASKS_PER_CALL) for count in in_zones)}"


def _calls_table(bench: Bench, tasks: int) -> Detail:
    calls = bench.calls()
    counted = Counter((str(call.function), call.service, call.operation) for call in calls)
    moto: Counter[tuple[str, str, str]] = Counter()
    for call in calls:
        moto[str(call.function), call.service, call.operation] += call.duration  # type: ignore[assignment]  # seconds
    return Detail(
        title="Calls by function",
        columns=("", "calls", "for each task", "moto, seconds"),
        rows=tuple(
            (f"{kind[0]}: {kind[1]} {kind[2]}", str(count), f"{count / tasks:.2f}", f"{moto[kind]:.2f}")
            for kind, count in counted.most_common()
        ),
    )
