"""Load on a listener while things happen: every request counted, each failure with its time and what it was."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

import aiohttp

USERS = 16  # connections at once, kept alive
NO_TARGETS = 503  # the load balancer's own word: nothing takes traffic, so nothing was cut
_PAUSE_SECONDS = 0.02  # of a user who was told: not now
_LONGEST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A request without a good answer. ``at``: epoch seconds."""

    at: float
    what: str


@dataclass(slots=True)
class Traffic:
    """Users who ask one URL, each the next thing as soon as the last is answered (and ``pause`` seconds are over).

    ``answers`` counts by status, ``servers`` by body; ``failures`` are the requests that got no good answer.
    """

    url: str
    users: int = USERS
    pause: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[Failed] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    servers: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def requests(self) -> int:
        """Every request that was sent and is over."""
        return len(self.seconds)

    def latency(self, percent: int) -> float:
        """Seconds within which so many percent of the requests were answered."""
        return quantiles(self.seconds, n=100)[percent - 1] if len(self.seconds) > 1 else 0.0

    def run(self) -> None:
        """Until ``stop``."""
        asyncio.run(self._all())

    def stop(self) -> None:
        """Let the users finish what they have asked."""
        self._stop.set()

    async def _all(self) -> None:
        connector = aiohttp.TCPConnector(limit=self.users)
        timeout = aiohttp.ClientTimeout(total=_LONGEST_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(self._user(session) for _ in range(self.users)))

    async def _user(self, session: aiohttp.ClientSession) -> None:
        while not self._stop.is_set():
            status = await self._ask(session)
            await asyncio.sleep(_PAUSE_SECONDS if status == NO_TARGETS else self.pause)

    async def _ask(self, session: aiohttp.ClientSession) -> int | None:
        """One request; the status, None if there was no answer."""
        began = time.monotonic()
        try:
            async with session.get(self.url) as answer:
                body = await answer.text()
                self.answers[answer.status] += 1
                if answer.status == 200:
                    self.servers[body] += 1
                elif answer.status != NO_TARGETS:
                    self.failures.append(Failed(time.time(), f"{answer.status} {body[:80]!r}"))
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures.append(Failed(time.time(), f"no answer: {type(error).__name__} {error}"))
            return None
        finally:
            self.seconds.append(time.monotonic() - began)


@contextmanager
def load_on(url: str, *, users: int = USERS, pause: float = 0.0) -> Iterator[Traffic]:
    """Traffic on a listener while the block runs."""
    traffic = Traffic(url, users, pause)
    thread = threading.Thread(target=traffic.run, name="traffic", daemon=True)
    thread.start()
    try:
        yield traffic
    finally:
        traffic.stop()
        thread.join(_LONGEST_SECONDS + 5.0)
