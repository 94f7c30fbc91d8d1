"""Random numbers for each service apart, so that leaving one service out of a day changes nothing for the others."""

from collections.abc import Callable
from random import Random


class Streams:
    """One stream of random numbers for each name, all decided by the seed."""

    def __init__(self, seed: int, purpose: str) -> None:
        self.of: Callable[[str], Random] = _ByName(f"{seed} {purpose} ").__getitem__
        """The stream of a name, a service's mostly."""


class _ByName(dict[str, Random]):
    """Streams are made when they are first asked for."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def __missing__(self, name: str) -> Random:
        stream = self[name] = Random(self.prefix + name)
        return stream
