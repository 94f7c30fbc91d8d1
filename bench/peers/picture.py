"""Every run of every case as a dot, Headcount's beside Swarm's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from bench.peers.points import Run, spread

_COLOURS = {"Headcount": "#1f5a99", "Swarm": "#e08214"}
_PANELS: tuple[tuple[str, Callable[[Run], float]], ...] = (
    ("until another task is asked for", lambda run: run.decision),
    ("until it is handed over to what runs it", lambda run: run.handover),
    ("until all tasks run", lambda run: run.whole),
)


def draw(path: Path, cases: Sequence[tuple[str, Mapping[str, Sequence[Run]]]]) -> None:
    """``cases``: a name, and the runs by peer."""
    figure = Figure(figsize=(14.0, 1.6 + 0.62 * len(cases)), layout="constrained")
    for axes, (title, read) in zip(figure.subplots(1, len(_PANELS), sharey=True), _PANELS, strict=True):
        _panel(axes, title, read, [runs for _, runs in cases])
    first = figure.axes[0]
    first.set_yticks(range(len(cases)), [name for name, _ in cases])
    handles, labels = first.get_legend_handles_labels()
    figure.suptitle("Headcount beside Docker Swarm on the same machine, in turn", fontsize=14, weight="bold")
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def _panel(axes: Axes, title: str, read: Callable[[Run], float], cases: Sequence[Mapping[str, Sequence[Run]]]) -> None:
    for row, runs in enumerate(cases):
        for peer, found in runs.items():
            seconds, place = [read(run) for run in found], row + (-0.16 if peer == "Headcount" else 0.16)
            label = f"{peer}: each run, and their median" if row == 0 else None
            axes.scatter(seconds, [place] * len(seconds), s=22, alpha=0.45, color=_COLOURS[peer], lw=0, label=label)
            axes.scatter([spread(seconds).median], [place], s=190, marker="|", color=_COLOURS[peer], lw=2.5)
    axes.set_xscale("log")
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("seconds, logarithmic")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.grid(alpha=0.25, axis="x")
    axes.spines[["top", "right"]].set_visible(False)
