"""Recovery as pictures: count, healthy and launches over time, when a zone is lost and while AWS answers with errors.

Each shows the whole course on the left, and the moment that matters on the right.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.measurement import OUT, Findings, Measurement, NotMeasured
from headcount.model.values import dataclass, replace
from headcount_simulation.outages import BEGINS_AT, ERROR_HOUR, ZONE_HALF_HOUR, Course, Trouble, go_through

_COUNT, _HEALTHY, _LAUNCHES, _FAULT, _DESIRED = "#1f5a99", "#2e8b57", "#e08214", "#c0392b", "#555555"
_BEFORE_SECONDS = 300
_STEP_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """``recovers_from``: the second at which recovery can begin, and what that is. ``close``: seconds shown large."""

    file: str
    trouble: Trouble
    fault: str
    recovers_from: tuple[float, str]
    close: tuple[int, int]


_PICTURES = (
    _Picture(
        file="recovery-zone-loss.png",
        trouble=ZONE_HALF_HOUR,
        fault="eu-west-1a is out: its tasks are lost, none starts there",
        recovers_from=(0.0, "the zone is lost"),
        close=(-15, 120),
    ),
    _Picture(
        file="recovery-api-errors.png",
        trouble=ERROR_HOUR,
        fault="every call of ECS fails; a task ends each minute",
        recovers_from=(ERROR_HOUR.seconds, "the errors end"),
        close=(3600 - 45, 3600 + 105),
    ),
)


def measure(*, quick: bool) -> Findings:
    """Draw them; and how long it took until all were healthy."""
    pictures = [replace(one, trouble=_small(one.trouble)) if quick else one for one in _PICTURES]
    return Findings(measurements=tuple(_draw(one) for one in pictures), pictures=tuple(one.file for one in pictures))


def _small(trouble: Trouble) -> Trouble:
    return replace(trouble, tasks=66)  # one is lost in each of sixty minutes


def _draw(picture: _Picture) -> Measurement:
    trouble = picture.trouble
    course = go_through(trouble)
    if course.violated:
        raise NotMeasured(f"{trouble.name}: {course.violated}")
    figure = Figure(figsize=(14.0, 6.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(3, 1), width_ratios=(3, 2))
    whole = (-_BEFORE_SECONDS, int(trouble.watched) - _BEFORE_SECONDS)
    for column, (first, last) in enumerate((whole, picture.close)):
        _tasks(axes[0][column], course, range(first, last + 1, _STEP_SECONDS))
        _launches(axes[1][column], course, range(first, last + 1, _STEP_SECONDS))
        axes[1][column].set_xlim(first / 60.0, last / 60.0)
        axes[1][column].set_xlabel("minutes since it began (virtual time)")
        for row in (0, 1):
            one = axes[row][column]
            one.axvspan(0.0, trouble.seconds / 60.0, color=_FAULT, alpha=0.10, lw=0, label=picture.fault)
            one.grid(alpha=0.25)
            one.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("tasks")
    axes[0][0].set_ylim(0, trouble.tasks * 1.15)  # room for tasks that are replaced one by one
    axes[1][0].set_ylabel("started in a second")
    axes[0][0].set_title("the whole of it", fontsize=11)
    axes[0][1].set_title(f"where it recovers: {picture.recovers_from[1]}", fontsize=11)
    figure.suptitle(f"A service of {trouble.tasks} tasks in three zones: {trouble.name}", fontsize=14, weight="bold")
    _legend(figure, axes[0][0], axes[1][0])
    OUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT / picture.file, dpi=130)
    since, what = picture.recovers_from
    return Measurement(
        what=f"all {trouble.tasks} tasks healthy after {what}", value=_whole_after(course, BEGINS_AT + since), unit="s"
    )


def _legend(figure: Figure, above: Axes, below: Axes) -> None:
    lines, labels = above.get_legend_handles_labels()
    bars, bar_labels = below.get_legend_handles_labels()
    figure.legend(
        [*lines, bars[0]], [*labels, bar_labels[0]], loc="outside lower center", ncols=5, frameon=False, fontsize=10
    )


def _tasks(axes: Axes, course: Course, seconds: Sequence[int]) -> None:
    minutes = [second / 60.0 for second in seconds]
    count = [sum(life.is_live(BEGINS_AT + second) for life in course.lives) for second in seconds]
    healthy = [sum(life.is_healthy(BEGINS_AT + second) for life in course.lives) for second in seconds]
    axes.axhline(course.trouble.tasks, color=_DESIRED, ls="--", lw=1.2, label="desired count")
    axes.plot(minutes, count, color=_COUNT, lw=2.2, label="count: tasks that start or run")
    axes.plot(minutes, healthy, color=_HEALTHY, lw=2.2, label="healthy: RUNNING for 40 s")


def _launches(axes: Axes, course: Course, seconds: Sequence[int]) -> None:
    starts = [(life.created_at - BEGINS_AT) / 60.0 for life in course.lives]
    bins = [second / 60.0 for second in seconds]
    axes.hist(starts, bins=bins, color=_LAUNCHES, ec=_LAUNCHES, lw=1.0, label="tasks started")


def _whole_after(course: Course, since: float) -> float:
    """Seconds from the first that is not whole until as many as desired are healthy."""
    second = float(_STEP_SECONDS)
    while sum(life.is_healthy(since + second) for life in course.lives) < course.trouble.tasks:
        second += _STEP_SECONDS
    return second
