"""The console's doors for what tasks use.

GET    /_sandbox/loads                  every load that is set
POST   /_sandbox/loads                  {"family": "web", "cpuPercent": 80} of each task, or {"cpuUnits": 900} that all
                                        share; {"memoryPercent": 40}; {"silent": true}: nothing is published
DELETE /_sandbox/loads/<family>         as it is measured
"""

from typing import Any

from headcount_sandbox.world.api import ApiError, ApiRequest
from headcount_sandbox.world.cloudwatch.loads import Loads
from headcount_sandbox.world.doors import Door, document, snake


class LoadDoors:
    """The doors to loads."""

    def __init__(self, loads: Loads) -> None:
        self._loads = loads

    def doors(self) -> tuple[Door, ...]:
        """Method, path and what answers."""
        return (
            ("GET", "loads", lambda _: {"loads": self._loads.describe()}),
            ("POST", "loads", self._set),
            ("DELETE", r"loads/(?P<family>[\w-]+)", self._clear),
        )

    def _set(self, request: ApiRequest) -> dict[str, Any]:
        asked = {snake(name): value for name, value in document(request).items()}
        try:
            self._loads.set(**asked)
        except (TypeError, ValueError) as error:
            raise ApiError("InvalidRequest", str(error)) from error
        return {"loads": self._loads.describe()}

    def _clear(self, _: ApiRequest, family: str) -> dict[str, Any]:
        self._loads.clear(family)
        return {"loads": self._loads.describe()}
