"""Which zone the next tasks go to. With awsvpc the zone is our choice: one zone's subnets a ``RunTask`` call."""

import heapq
from collections import Counter
from collections.abc import Iterable

from headcount.model.service import ZoneRefusal

FIRST_SKIP_SECONDS = 15.0
LONGEST_SKIP_SECONDS = 300.0


def spread(count: int, zones: Iterable[str], present: Counter[str]) -> dict[str, int]:
    """How many of ``count`` new tasks each zone gets: the emptiest zone first, by name where they are equal.

    ``present`` counts the tasks each zone has already. Zones that get nothing are left out.
    """
    heap = [(present[zone], zone) for zone in zones]
    heapq.heapify(heap)
    given: dict[str, int] = {}
    for _ in range(count if heap else 0):
        tasks, zone = heapq.heappop(heap)
        given[zone] = given.get(zone, 0) + 1
        heapq.heappush(heap, (tasks + 1, zone))
    return given


def refuse_zone(before: ZoneRefusal | None, zone: str, reason: str, now: float, jitter: float) -> ZoneRefusal:
    """The zone refused capacity: skip it, twice as long each time in a row, less up to half by ``jitter`` (0 to 1)."""
    again = before is not None and now - before.until < LONGEST_SKIP_SECONDS
    refusals = before.refusals + 1 if before is not None and again else 1
    skip = min(LONGEST_SKIP_SECONDS, FIRST_SKIP_SECONDS * 2.0 ** min(refusals - 1, 60)) * (1.0 - jitter / 2.0)
    return ZoneRefusal(zone=zone, refusals=refusals, since=now, until=now + skip, reason=reason)


def with_refusal(refusals: tuple[ZoneRefusal, ...], refusal: ZoneRefusal) -> tuple[ZoneRefusal, ...]:
    """The refusals with one zone's replaced."""
    return (*(other for other in refusals if other.zone != refusal.zone), refusal)


def still_known(
    refusals: tuple[ZoneRefusal, ...], zones: Iterable[str], deployment: str, now: float
) -> tuple[ZoneRefusal, ...]:
    """The refusals worth remembering: of zones still used, not of another deployment's requests, not long past."""
    used = set(zones)
    return tuple(
        refusal
        for refusal in refusals
        if refusal.zone in used
        and refusal.deployment in (None, deployment)
        and now - refusal.until < LONGEST_SKIP_SECONDS
    )
