"""Which notice of a task stands when another comes: events arrive in any order, twice, and from several places."""

from headcount.model.task import Notice, NoticeKind

BY_WEIGHT: tuple[NoticeKind, ...] = ("DISCONNECTED", "DRAINING", "RETIREMENT", "SPOT", "GONE")
"""Each says more than those before it: its end is surer, or nearer."""

OF_THE_INSTANCE: tuple[NoticeKind, ...] = ("DISCONNECTED", "DRAINING", "GONE")
"""What is taken back when the container instance is well again. Spot notices and retirements stand."""


def lighter_than(kind: NoticeKind) -> tuple[NoticeKind, ...]:
    """The kinds of notices that give way to one of this kind."""
    return BY_WEIGHT[: BY_WEIGHT.index(kind)]


def after(notice: Notice | None, standing: Notice | None) -> Notice | None:
    """What is on record after a notice came (None: the container instance is well again).

    A repeated notice changes nothing, so the first one's time stays; one with another deadline is news.
    """
    if standing is None:
        return notice
    if notice is None:
        return None if standing.kind in OF_THE_INSTANCE else standing
    if notice.kind == standing.kind:
        return standing if notice.deadline == standing.deadline else notice
    return notice if standing.kind in lighter_than(notice.kind) else standing
