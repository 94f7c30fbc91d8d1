"""Which places take tasks: capacity providers and zones that refuse for a while, and zones that are gone."""

from collections import Counter


class Capacity:
    """``shortages``: how often a place was closed and not opened again; ``*`` stands for every provider or zone."""

    def __init__(self) -> None:
        self.shortages: Counter[tuple[str, str]] = Counter()
        self.lost_zones: set[str] = set()

    def change(self, capacity: str, zone: str, by: int) -> None:
        """A place takes no more tasks (1), or does again (-1)."""
        self.shortages[capacity, zone] = max(0, self.shortages[capacity, zone] + by)

    def is_short(self, capacity: str, zone: str) -> bool:
        """Whether a place takes fewer tasks than it is asked for."""
        if not self.shortages:
            return False
        places = ((capacity, zone), ("*", zone), (capacity, "*"), ("*", "*"))
        return any(self.shortages[place] for place in places)

    def is_closed(self, capacity: str, zone: str) -> bool:
        """Whether no machine there takes tasks."""
        return zone in self.lost_zones or self.is_short(capacity, zone)

    def restore(self) -> None:
        """Everything takes tasks again."""
        self.shortages.clear()
        self.lost_zones.clear()
