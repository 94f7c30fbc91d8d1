"""What a change was asked of: all that warnings about it depend on."""

from collections.abc import Callable, Iterable

from headcount.model.manifest import Manifest
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.values import dataclass
from headcount.ports.controlling import Surroundings

UNKNOWN = Surroundings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The declaration and the count after a change, and the service as it was before.

    ``surroundings``: looked at only when policies are declared.
    ``neighbours``: other services of its cluster, as far as they were looked up.
    """

    declared: DeclaredService
    count: int
    before: ServiceState | None
    now: float
    surroundings: Surroundings = UNKNOWN
    neighbours: tuple[DeclaredService, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The manifest after the change."""
        return self.declared.manifest

    @property
    def scaling(self) -> ScalingRecord | None:
        """What is kept of its scaling."""
        return self.before.scaling if self.before else None


Rule = Callable[[Circumstances], str | None]


def said_by(rules: Iterable[Rule], about: Circumstances) -> list[str]:
    """The warnings of the rules that have one."""
    return [said for rule in rules if (said := rule(about)) is not None]
