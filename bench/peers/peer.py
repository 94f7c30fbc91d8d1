"""What is asked of each peer, so that all of them are measured in the same way."""

from collections.abc import Mapping
from typing import Protocol

from bench.peers.points import Replaced, ScaledUp


class Peer(Protocol):
    """Keeps one service of equal tasks. Every method returns when nothing is going on any more."""

    @property
    def name(self) -> str: ...

    def start(self, tasks: int, *, at_once: bool) -> None:
        """A new service instead of the one before. ``at_once``: no failure is ever waited upon, else its defaults."""

    def lose_one(self) -> Replaced:
        """SIGKILL to the process of a task."""

    def scale_up(self, tasks: int) -> ScaledUp: ...

    def scale_down(self, tasks: int) -> None: ...

    def cpu(self) -> Mapping[str, float]:
        """CPU seconds up to now: of what decides and acts, and apart from it of what only stands for others."""
