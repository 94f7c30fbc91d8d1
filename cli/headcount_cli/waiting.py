"""Waiting until a service is steady, or gone, with the progress shown on standard error."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from rich.text import Text

from headcount_cli.control_client import ControlClient
from headcount_cli.durations import format_seconds
from headcount_cli.failures import Failure, NotSteady, Refused
from headcount_cli.output import Output
from headcount_cli.session import Session
from headcount_cli.views.wishes import holds_still, pause_sentence
from headcount_cli.views.words import plain

POLL_SECONDS = 1.0
SLOW_POLL_SECONDS = 5.0
SLOW_AFTER_SECONDS = 60.0  # whoever waits longer does not notice five seconds; the control function does
SPINNER_WIDTH = 3  # columns, before the text of a line that changes
BALANCED = ("loadBalancers", "functionTargets", "elasticLoadBalancers")  # what of a manifest is load balancing
DEFAULT_TIMEOUT = timedelta(minutes=10)

Answer = Mapping[str, Any]
IsDone = Callable[[Answer], bool]


def steady(
    *,
    desired_count: int | None = None,
    kept_count: int | None = None,
    deployment: str | None = None,
    generation: int | None = None,
) -> IsDone:
    """Whether an answer of ``describe`` shows a steady service *after* the change that was asked for.

    It may be kept at another count than the desired one. The state alone may still be the one from before the change,
    so what the change announced must be visible too; of a count that scaling may have changed since, that there is one.
    """

    def is_done(answer: Answer) -> bool:
        desired = answer.get("desiredCount")
        kept = kept_of(answer)
        return (
            answer.get("state") == "STEADY"
            and answer.get("runningCount") == kept
            and (kept_count is None or kept == kept_count)
            and (desired_count is None or desired == desired_count or bool(answer.get("scaling")))
            and (deployment is None or answer.get("deployment") == deployment)
            and (generation is None or (answer.get("generation") or 0) >= generation)
            and not balancing_lacks(answer)
        )

    return is_done


def balancing_lacks(answer: Answer) -> list[str]:
    """What stands between a service and load balancing as it is declared: a sentence each.

    Target groups, rules and load balancers are brought about beside the tasks, which may run before any of it exists.
    """
    manifest, balancing = answer.get("manifest") or {}, answer.get("loadBalancing") or {}
    if not any(manifest.get(name) for name in BALANCED) and not balancing.get("owned"):
        return []
    if not balancing.get("upToDate"):
        return ["its load balancing has not been looked at since the manifest changed"]
    return [plain(problem) for problem in balancing.get("problems") or []]


def kept_of(answer: Answer) -> Any:
    """The count that a service is kept at: an override's where one holds, else the desired count."""
    kept = answer.get("keptCount")
    return answer.get("desiredCount") if kept is None else kept


def wait_until_steady(session: Session, service: str, is_done: IsDone, timeout: timedelta) -> None:
    """Returns when ``is_done``; raises ``NotSteady`` with the reason when time is up."""
    waiting = _Waiting(session, service, timeout)
    with _progress(session.output) as show:
        while not is_done(waiting.look()):
            waiting.refuse_a_pause()
            waiting.pause(show, why=waiting.reason())
    session.output.note(f"{service} is steady after {format_seconds(waiting.elapsed())}.", style="green")


def wait_until_gone(session: Session, service: str, timeout: timedelta) -> None:
    """Returns when the service is no longer known; raises ``NotSteady`` when time is up."""
    waiting = _Waiting(session, service, timeout)
    with _progress(session.output) as show:
        while not waiting.is_gone():
            waiting.pause(show, why=waiting.reason())
    session.output.note(f"{service} is gone after {format_seconds(waiting.elapsed())}.", style="green")


class _Waiting:
    """One wait: what was last seen, how long it took, when to look again."""

    def __init__(self, session: Session, service: str, timeout: timedelta) -> None:
        self._control: ControlClient = session.control()
        self._sleep = session.world.sleep
        self._now = session.now
        self._service = service
        self._started: datetime = session.now()
        self._timeout = timeout.total_seconds()
        self._seen: Answer = {}
        self._unreached = ""

    def look(self) -> Answer:
        """The newest answer; an unanswered question leaves the one before, and is asked again by the next look."""
        try:
            self._seen, self._unreached = self._control.describe(self._service), ""
        except Failure as failure:
            if not failure.is_passing:
                raise
            self._unreached = failure.message
            return {}
        return self._seen

    def refuse_a_pause(self) -> None:
        """A service that somebody switched off does not become steady, however long one waits."""
        paused = self._seen.get("paused")
        if paused and holds_still(paused, self._now()):
            raise NotSteady(
                f"{self._service} is {pause_sentence(self._seen, self._now())}.",
                hint=f"headcount resume {self._service}",
            )

    def is_gone(self) -> bool:
        try:
            self.look()
        except Refused as refused:
            if refused.kind == "ServiceNotFound":
                return True
            raise
        return False

    def pause(self, show: Callable[[str], None], *, why: str) -> None:
        elapsed = self.elapsed()
        if elapsed >= self._timeout:
            raise NotSteady(
                f"{self._service}: not done after {format_seconds(self._timeout)}. {why}",
                hint=f"Headcount goes on with it. See 'headcount why {self._service}'.",
            )
        show(f"{self._service}: {why}")
        interval = POLL_SECONDS if elapsed < SLOW_AFTER_SECONDS else SLOW_POLL_SECONDS
        self._sleep(min(interval, self._timeout - elapsed))

    def elapsed(self) -> float:
        return (self._now() - self._started).total_seconds()

    def reason(self) -> str:
        """``2/3 running, 1 pending. BACKING_OFF: 3 failed starts, next try in 40 s``"""
        if self._unreached:
            return plain(self._unreached)
        seen = self._seen
        counts = f"{seen.get('runningCount', '-')}/{kept_of(seen) if seen else '-'} running"
        others = [f"{seen[f'{name}Count']} {name}" for name in ("pending", "stopping") if seen.get(f"{name}Count")]
        why = f": {plain(seen['stateReason'])}" if seen.get("stateReason") else ""
        lacks = [said for said in balancing_lacks(seen) if said not in why]
        state = "; ".join([f"{plain(seen.get('state', '-'))}{why}", *lacks])
        return f"{', '.join([counts, *others])}. {state}"


@contextmanager
def _progress(output: Output) -> Iterator[Callable[[str], None]]:
    """On a terminal one line that changes; elsewhere a line whenever there is something new to say."""
    if output.notes.is_terminal:
        with output.notes.status("looking") as status:
            yield lambda text: status.update(on_one_line(text, output.notes.width - SPINNER_WIDTH))
        return
    said: set[str] = set()

    def say(text: str) -> None:
        if text not in said:
            output.note(text)
        said.clear()
        said.add(text)

    yield say


def on_one_line(text: str, width: int) -> Text:
    line = Text(" ".join(text.split()))
    line.truncate(width, overflow="ellipsis")
    return line
