"""Random numbers for each service apart, so that leaving one service out of a day changes nothing for the others."""

from random import Random


class Streams:
    """One stream of random numbers for each name, all decided by the seed."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._prefix = f"{seed} {purpose} "
        self._streams: dict[str, Random] = {}

    def of(self, name: str) -> Random:
        """The stream of a name, a service's mostly."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Random(self._prefix + name)
        return stream
