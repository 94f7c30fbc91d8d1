"""What policies look at, in memory, as ``control`` sees it."""

from headcount.model.scaling import Scaling
from headcount.ports.controlling import Surroundings


class InMemorySurroundings:
    """The ``ScalingSurroundings`` that find what they are told to find."""

    def __init__(self) -> None:
        self.found = Surroundings()

    def look(self, cluster: str, scaling: Scaling) -> Surroundings:
        return self.found
