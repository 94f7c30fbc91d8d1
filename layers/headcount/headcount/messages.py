"""What messages ask for. Every function reads them, so nothing of what answers them is imported."""

from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Look at this service again. ``event_at`` and ``sent_at`` (epoch seconds) only measure."""

    service: str
    event_at: float | None = None
    sent_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRequest:
    """Look at the load balancing of this service."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimer:
    """A timer that was set for ``at`` (epoch seconds). ``of_scaling``: by ``decide_scaling``, not by a pass."""

    service: str
    at: float
    of_scaling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRequest:
    """Look at the scaling of this service. ``cause`` is for people; ``action``: the scheduled action that fell due
    ``at`` (epoch seconds).
    """

    service: str
    cause: str = ""
    action: str | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChanged:
    """An alarm changed its state. ``service`` and ``policy``: whom it is about, where it is one of Headcount's own."""

    alarm: str
    state: str
    service: str | None = None
    policy: str | None = None
    at: float | None = None
