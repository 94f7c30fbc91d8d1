"""The measurement: every case at every peer in turn, so that all of them share the machine's good and bad moments."""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.measurement import OUT, Detail, Findings, Measurement, Skipped, milliseconds
from bench.peers.headcount import FUNCTIONS_CPU, SANDBOX_CPU, Headcount, a_headcount
from bench.peers.peer import Peer
from bench.peers.picture import draw
from bench.peers.points import Run, spent, spread
from bench.peers.swarm import Swarm, a_swarm
from bench.stages import Timeline
from samlocal.tools import Missing

_LONGEST = 1.0  # times Swarm's own decision path
_IDLE_SECONDS, _IDLE_TASKS = 60.0, 10
_WARM_UP = 1
_PICTURE = OUT / "peers.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What happens to a service of so many ``tasks``. ``to``: another count for it, else one of them is lost.

    ``at_once``: no failure waits, else the peer's defaults.
    """

    tasks: int
    runs: int
    to: int | None = None
    at_once: bool = True

    @property
    def name(self) -> str:
        if self.to is not None:
            return f"{self.tasks} to {self.to} tasks"
        return f"one of {self.tasks} lost, {'no delay' if self.at_once else 'defaults'}"


CASES = (
    *(Case(tasks=tasks, runs=12) for tasks in (3, 10, 50)),
    *(Case(tasks=tasks, runs=5, at_once=False) for tasks in (3, 50)),
    *(Case(tasks=3, to=to, runs=5) for to in (10, 50)),
)
QUICK = (Case(tasks=3, runs=3), Case(tasks=3, runs=1, at_once=False), Case(tasks=3, to=10, runs=1))


@dataclass(slots=True, kw_only=True)
class Found:
    """The runs of a case, by peer, and what CPU each of them took. ``load``: the load average when they were over."""

    case: Case
    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[Mapping[str, float]]] = field(default_factory=lambda: defaultdict(list))
    load: float = 0.0

    def median(self, peer: str, what: Callable[[Run], float]) -> float:
        return statistics.median(what(run) for run in self.runs[peer])

    def cpu_of(self, peer: str, *names: str) -> float:
        """The median over the runs, of those names; of all of them without any."""
        return statistics.median(
            sum(seconds for name, seconds in one.items() if not names or name in names) for one in self.cpu[peer]
        )


def measure(*, quick: bool) -> Findings:
    """Raises ``Skipped`` with the reason where no engine can start."""
    with ExitStack() as ending:
        try:
            swarm = ending.enter_context(a_swarm())
        except Missing as reason:
            raise Skipped(str(reason)) from reason
        headcount = ending.enter_context(a_headcount())
        found = [_go_through(case, (swarm, headcount)) for case in (QUICK if quick else CASES)]
        idle = _idle((swarm, headcount), _IDLE_SECONDS / 6 if quick else _IDLE_SECONDS)
        timelines = headcount.timelines()
        version = swarm.version
    draw(_PICTURE, [(each.case.name, each.runs) for each in found])
    return Findings(
        measurements=tuple(one for each in found for one in _measurements(each)),
        pictures=(_PICTURE.name,),
        details=(_times(found), _cpu(found), _idle_table(idle), _moto(timelines)),
        notes=(
            f"Docker {version}, one node; both in turn, the other one idle. The first run of each is not counted.",
            "Seen, from the kill: the engine's event that the container died; ECS's event of the task.",
            "Asked for, from then or from the order: the first new task object of Swarm; the first RunTask received.",
            "Handed over, from then: the engine's event that it made the container; the same RunTask, for ECS runs it.",
            "Whole, from the kill or from the order, until all run: containers made by runc there; here processes, and",
            "150 ms in which the sandbox passes through ECS's states. Compare the decision, not what stands for ECS.",
            "CPU: the engine's includes making containers. The sandbox (moto, queues, events, tasks) stands for AWS.",
        ),
    )


def _go_through(case: Case, peers: Sequence[Peer]) -> Found:
    """The first run of each peer is not counted; where failures wait, each one is a service's first."""
    found = Found(case=case)
    for peer in peers:
        peer.start(case.tasks, at_once=case.at_once)
    for number in range(_WARM_UP + case.runs):
        for peer in peers:
            if number and not case.at_once:
                peer.start(case.tasks, at_once=False)
            before = peer.cpu()
            run = peer.lose_one() if case.to is None else peer.scale_up(case.to)
            if number >= _WARM_UP:
                found.runs[peer.name].append(run)
                found.cpu[peer.name].append(spent(before, peer.cpu()))
            if case.to is not None:
                peer.scale_down(case.tasks)
    found.load = os.getloadavg()[0]
    return found


def _idle(peers: Sequence[Peer], seconds: float) -> dict[str, Mapping[str, float]]:
    """CPU seconds of a minute in which nothing happens; all peers in the same one."""
    for peer in peers:
        peer.start(_IDLE_TASKS, at_once=True)
    before = {peer.name: peer.cpu() for peer in peers}
    time.sleep(seconds)
    return {
        peer.name: {name: spent_ / seconds * 60.0 for name, spent_ in spent(before[peer.name], peer.cpu()).items()}
        for peer in peers
    }


# -- telling ----------------------------------------------------------------------------------------------------------


def _measurements(found: Found) -> list[Measurement]:
    """Ratios of medians: Headcount over Swarm."""
    lost = found.case.to is None
    whats: list[tuple[str, Callable[[Run], float], float | None]] = [
        ("asked for", lambda run: run.decision, _LONGEST if lost else None),
        ("handed over", lambda run: run.handover, None),
        ("whole", lambda run: run.whole, None),
    ]
    measurements = [
        _ratio(
            f"{found.case.name}: {what}",
            found.median(Headcount.name, read),
            found.median(Swarm.name, read),
            milliseconds,
            goal,
        )
        for what, read, goal in whats
    ]
    cpu = (found.cpu_of(Headcount.name, FUNCTIONS_CPU), found.cpu_of(Swarm.name))
    return [*measurements, _ratio(f"{found.case.name}: CPU", *cpu, lambda seconds: f"{seconds:.2f} s")]


def _ratio(
    what: str, ours: float, theirs: float, tell: Callable[[float], str], goal: float | None = None
) -> Measurement:
    unit = " ms" if tell is milliseconds else ""
    return Measurement(
        what=f"{what}, Headcount over Swarm",
        value=ours / theirs,
        unit="x",
        goal=goal,
        note=f"{tell(ours)}{unit}, {tell(theirs)}{unit}",
    )


def _times(found: Iterable[Found]) -> Detail:
    return Detail(
        title="Milliseconds: median (least-most)",
        columns=("", "peer", "runs", "load", "seen", "asked for", "handed over", "whole"),
        rows=tuple(_row(each, peer) for each in found for peer in each.runs),
    )


def _row(found: Found, peer: str) -> tuple[str, ...]:
    runs = found.runs[peer]
    return (
        found.case.name,
        peer,
        str(len(runs)),
        f"{found.load:.1f}",
        _range(run.seen for run in runs),
        _range(run.decision for run in runs),
        _range(run.handover for run in runs),
        _range(run.whole for run in runs),
    )


def _range(seconds: Iterable[float]) -> str:
    found = spread(seconds)
    if found.least == found.most:
        return milliseconds(found.median) if found.median else "-"
    return f"{milliseconds(found.median)} ({milliseconds(found.least)}-{milliseconds(found.most)})"


def _cpu(found: Iterable[Found]) -> Detail:
    engine = ("dockerd", "containerd", "shims, runc")
    return Detail(
        title="CPU seconds of one run, from before it until all is quiet (medians)",
        columns=("", *(f"Swarm: {name}" for name in engine), "Swarm: all", "Headcount: functions", "sandbox"),
        rows=tuple(
            (
                each.case.name,
                *(f"{each.cpu_of(Swarm.name, name):.2f}" for name in engine),
                f"{each.cpu_of(Swarm.name):.2f}",
                f"{each.cpu_of(Headcount.name, FUNCTIONS_CPU):.2f}",
                f"{each.cpu_of(Headcount.name, SANDBOX_CPU):.2f}",
            )
            for each in found
        ),
    )


def _idle_table(idle: Mapping[str, Mapping[str, float]]) -> Detail:
    return Detail(
        title=f"CPU seconds of a minute in which nothing happens, {_IDLE_TASKS} tasks",
        columns=("", "who", "seconds"),
        rows=tuple((peer, name, f"{seconds:.2f}") for peer, one in idle.items() for name, seconds in one.items()),
    )


def _moto(timelines: Sequence[Timeline]) -> Detail:
    """Of the time between ECS's event and ``RunTask``, what moto took to answer."""
    own = [sum(one.stages[1:]) for one in timelines]
    moto = [sum(one.moto) for one in timelines]
    rows = (
        ("ECS's event to RunTask", _range(own)),
        ("of it: moto's answers", _range(moto)),
        ("without them", _range(all_ - answers for all_, answers in zip(own, moto, strict=True))),
    )
    return Detail(
        title=f"Headcount's decision path and moto's share, milliseconds, {len(timelines)} kills",
        columns=("", "median (least-most)"),
        rows=rows if timelines else (),
    )
