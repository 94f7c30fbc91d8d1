"""Between which counts a service is scaled now: as it was declared, or as a scheduled action has set it since."""

from headcount.model.manifest import Manifest
from headcount.model.scaling import ScalableTarget
from headcount.model.scaling_record import ScalingRecord
from headcount.scaling.decide import bounds_in_force


def declared_bounds(manifest: Manifest) -> ScalableTarget | None:
    """The bounds that a manifest declares; None without scaling. What is suspended is not told here."""
    if manifest.scaling is None:
        return None
    return ScalableTarget(minimum=manifest.scaling["minCapacity"], maximum=manifest.scaling["maxCapacity"])


def bounds_now(manifest: Manifest, record: ScalingRecord | None) -> ScalableTarget | None:
    """The bounds in force. What a scheduled action has set holds until other bounds are declared."""
    declared = declared_bounds(manifest)
    if declared is None or record is None or record.bounds != (declared.minimum, declared.maximum):
        return declared
    return bounds_in_force(declared, record.state)
