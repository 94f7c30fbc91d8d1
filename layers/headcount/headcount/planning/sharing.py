"""Dividing a service's tasks between capacity providers by base and weight, over the whole service and its whole life.

ECS applies a ``capacityProviderStrategy`` to each ``RunTask`` call on its own, so that many small calls forget it.
"""

from collections.abc import Mapping, Sequence

from headcount.model.manifest import CapacitySource


def share(count: int, sources: Sequence[CapacitySource]) -> dict[str, int]:
    """How many of ``count`` tasks each source should carry. One task more or fewer changes one source only.

    The base comes first; what is left is divided by weight, each task to the source that is furthest behind
    (Sainte-Laguë's method: of the fair ones it is the one that neither prefers large weights nor small ones).
    """
    if len(sources) == 1:
        return {sources[0].name: count}
    shares = _without_the_last_few(count, sources)
    for _ in range(count - sum(shares.values())):
        chosen = furthest_behind(shares, sources)
        if chosen is None:
            break
        shares[chosen.name] += 1
    return shares


def _without_the_last_few(count: int, sources: Sequence[CapacitySource]) -> dict[str, int]:
    """What task by task comes to some way before ``count``, at once: with weights divided by the same number and
    rounded, the sum is at most ``count``, and short of it by no more than the number of sources.
    """
    left, weights = count - sum(source.base for source in sources), sum(source.weight for source in sources)
    if left <= len(sources) or not weights:
        return {source.name: 0 for source in sources}
    rounds = 2 * left - len(sources)
    return {source.name: source.base + (source.weight * rounds + weights) // (2 * weights) for source in sources}


def furthest_behind(carried: Mapping[str, int], sources: Sequence[CapacitySource]) -> CapacitySource | None:
    """The source that gets the next task; None if none has a weight and every base is filled."""
    for source in sources:
        if carried.get(source.name, 0) < source.base:
            return source
    weighted = [source for source in sources if source.weight > 0]
    return min(weighted, key=lambda source: _behind(carried.get(source.name, 0), source), default=None)


def _behind(carried: int, source: CapacitySource) -> float:
    return (max(0, carried - source.base) + 0.5) / source.weight
