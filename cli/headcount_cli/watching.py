"""Looking again and again: what was seen last, what went wrong since, and when to look next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rich.console import Console, RenderableType
from rich.live import Live

from headcount_cli.control_client import ControlClient, Document
from headcount_cli.failures import Failure, Refused
from headcount_cli.session import Session

LOOK_SECONDS = 2.0
CALM_SECONDS = 5.0  # while all is steady: whoever leaves the view open pays for every look
LONGEST_PATIENCE = 60.0  # between looks that fail
DRAWS_PER_SECOND = 2.0  # times pass and windows change their size between looks
GONE = "ServiceNotFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last answer and when it came; the failure that stands in the way since, and how often it did in a row."""

    answer: Document | None = None
    at: datetime | None = None
    failure: str = ""
    is_gone: bool = False
    failures: int = 0
    next_look: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is watched: how to ask for it, and whether an answer leaves time until the next look."""

    ask: Callable[[ControlClient], Document]
    is_calm: Callable[[Document], bool]


class Watching:
    """One watch. ``seen`` may be read at any time, by the thread that draws too: it is replaced as a whole."""

    def __init__(self, session: Session, subject: Subject) -> None:
        self._session = session
        self._subject = subject
        self._control: ControlClient | None = None
        self.seen = Seen()

    def looks(self) -> Iterator[Seen]:
        """What is seen, look by look, without end. Raises ``Failure`` if the first look can never succeed."""
        while True:
            self.seen = self._look()
            yield self.seen
            self._session.world.sleep(self._interval())

    def _look(self) -> Seen:
        """A new connection after every failure: credentials, stack and function may be others now."""
        try:
            control = self._control = self._control or self._session.control()
            answer = self._subject.ask(control)
        except Failure as failure:
            if self.seen == Seen() and not failure.is_passing:
                raise
            return self._failed(failure.message, is_gone=isinstance(failure, Refused) and failure.kind == GONE)
        except Exception as error:  # noqa: BLE001  # a view that people leave open outlives what nobody thought of
            return self._failed(f"Something unexpected happened ({type(error).__name__}).")
        interval = CALM_SECONDS if self._subject.is_calm(answer) else LOOK_SECONDS
        now = self._session.now()
        return Seen(answer=answer, at=now, next_look=now + timedelta(seconds=interval))

    def _failed(self, message: str, *, is_gone: bool = False) -> Seen:
        self._control = None
        failures = self.seen.failures + 1
        wait = CALM_SECONDS if is_gone else min(LOOK_SECONDS * 2 ** min(failures, 10), LONGEST_PATIENCE)
        next_look = self._session.now() + timedelta(seconds=wait)
        return replace(self.seen, failure=message, is_gone=is_gone, failures=failures, next_look=next_look)

    def _interval(self) -> float:
        assert self.seen.next_look is not None, "every look says when the next one is"
        return max(0.0, (self.seen.next_look - self._session.now()).total_seconds())


@contextmanager
def full_screen(console: Console, draw: Callable[[], RenderableType]) -> Iterator[Callable[[], None]]:
    """The whole terminal, given back as it was. Yields what draws at once; it is drawn again all the time anyway."""
    with Live(
        console=console, screen=True, get_renderable=draw, refresh_per_second=DRAWS_PER_SECOND, redirect_stderr=False
    ) as live:
        yield live.refresh
