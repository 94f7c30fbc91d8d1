"""A local AWS that is as strict as the real one where it matters: start a `World`, talk to it with any AWS client."""

from headcount_sandbox.world.api import ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.calls import Call, Calls
from headcount_sandbox.world.ecs.fleet import Registration
from headcount_sandbox.world.ecs.life_cycle import LifeCycle
from headcount_sandbox.world.faults import CAPACITY_REASON, Faults
from headcount_sandbox.world.front import Caller
from headcount_sandbox.world.runtimes.runtime import TaskUsage
from headcount_sandbox.world.world import World

__all__ = [
    "CAPACITY_REASON",
    "ApiError",
    "ApiRequest",
    "ApiResponse",
    "Call",
    "Caller",
    "Calls",
    "Faults",
    "LifeCycle",
    "Registration",
    "TaskUsage",
    "World",
    "json_answer",
]
