"""When simulated days begin."""

from typing import Final

STARTS_AT: Final = 1_790_000_000.0  # epoch seconds
HOUR: Final = 3600.0
