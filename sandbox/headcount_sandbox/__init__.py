"""AWS on a laptop: a SAM template deployed into a local world, its functions in processes of their own."""

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.sandbox import Sandbox
from headcount_sandbox.world.clock import Clock

__all__ = ["Clock", "HeadcountSandboxError", "Sandbox"]
