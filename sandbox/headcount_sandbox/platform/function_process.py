"""Starts AWS's own runtime client in this process, as `python -m awslambdaric <handler>` would.

Run by path: `python function_process.py <pid of the sandbox> <handler>`, in the function's code folder. What it adds is
that the process has the sandbox's time, and that it never outlives the sandbox, however that ends. Elsewhere than on
Linux an idle function ends when its connection to the sandbox breaks, and a busy one when it has finished.
"""

import os
import runpy
import sys
import time


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  only Linux has prctl; the import costs milliseconds of a cold start
        import signal  # noqa: PLC0415  as above

        set_parent_death_signal = 1  # PR_SET_PDEATHSIG of linux/prctl.h
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above took effect
        sys.exit(1)


def _keep_time(clock: str | None) -> None:
    """The sandbox's time, where it is another than the machine's: `time.time()` tells it from now on."""
    if clock is None:
        return
    made, origin, scale = map(float, clock.split())
    real_time = time.time
    time.time = lambda: origin + (real_time() - made) * scale
    time.time_ns = lambda: int(time.time() * 1e9)


if __name__ == "__main__":
    _die_with(int(sys.argv[1]))
    _keep_time(os.environ.pop("HEADCOUNT_SANDBOX_CLOCK", None))
    # As under `python -m`: the function's own folder comes first, and this file's folder is not importable.
    sys.path[0] = os.getcwd()  # noqa: PTH109  pathlib is not loaded yet in a Lambda
    sys.argv = ["awslambdaric", *sys.argv[2:]]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
