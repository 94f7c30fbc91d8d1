"""Targets: Elastic Load Balancing as far as they go.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Sequence
from typing import Protocol

from headcount.model.target import Endpoint, TargetHealth
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsAnswer:
    """What ELB said to ``RegisterTargets`` or ``DeregisterTargets``.

    ``gone``: it does not know the target group. ``refused``: in its own words, why no retry of this request helps;
    ``refused_targets``: those that the refusal is about, the others were taken (empty: none was).
    """

    gone: bool = False
    refused: str | None = None
    refused_targets: tuple[Endpoint, ...] = ()


class TargetGroups(Protocol):
    """Elastic Load Balancing, as far as targets go. Groups are ARNs; at most 100 targets go into one call."""

    def register(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        """``RegisterTargets``. Targets that are registered already stay so; draining ones are in rotation again."""
        ...

    def deregister(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        """``DeregisterTargets``. Unknown targets are no error."""
        ...

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        """``DescribeTargetHealth`` of the whole group, foreign targets too; None if ELB does not know the group."""
        ...
