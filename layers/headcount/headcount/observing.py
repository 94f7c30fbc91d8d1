"""Taking in what ECS said of one task: newest version wins, then a kick if it may matter."""

from dataclasses import dataclass

from headcount.planning.stock import matters
from headcount.ports import Kicks, ObserveStore, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """What ``observe_tasks`` does with an event."""

    store: ObserveStore
    kicks: Kicks

    def observe(self, sighting: Sighting) -> str:
        """Record a sighting and kick its service. Says in one word what became of it.

        The kick follows the record, and its id carries the pass number read after the record: a pass that began before
        did not drop it, and one that began after has seen the record. A repeated event kicks again, because the first
        delivery may have died between record and kick.
        """
        if sighting.service is None:
            return "foreign"
        if not self.store.record_sighting(sighting.service, sighting):
            return "stale"
        if not matters(sighting.observed):
            return "recorded"
        number = self.store.pass_number(sighting.service)
        self.kicks.kick(sighting.service, number, f"task {sighting.observed.last_status}", sighting.at)
        return "kicked"
