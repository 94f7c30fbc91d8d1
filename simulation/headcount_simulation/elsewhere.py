"""What control asks of AWS and the simulation does not have: native services, and what policies look at."""

from collections.abc import Mapping, Sequence

from headcount.model.scaling import Scaling
from headcount.ports.controlling import Surroundings
from headcount.ports.scaling import NativeCounts


class NoNativeServices:
    """The ``NativeServices`` of an account that has none."""

    def counts(self, cluster: str, service: str) -> NativeCounts | None:  # noqa: ARG002  the port's
        """There is none."""
        return None

    def seen(self, cluster: str, services: Sequence[str]) -> Mapping[str, NativeCounts]:  # noqa: ARG002  the port's
        """There is none."""
        return {}

    def set_count(self, cluster: str, service: str, count: int) -> str | None:  # noqa: ARG002  the port's
        """There is none."""
        return "ServiceNotFoundException"


class NothingAround:
    """The ``ScalingSurroundings`` of which nothing is known."""

    def look(self, cluster: str, scaling: Scaling) -> Surroundings:  # noqa: ARG002  the port's
        """Nothing can be found out."""
        return Surroundings()
