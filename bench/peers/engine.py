"""A container engine whose processes, network and mounts are in namespaces of their own.

The first process there ends with this program, even by SIGKILL, and with it the kernel ends everything else in there.
A folder and empty control groups may be left; the next run removes them.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from samlocal.engine import Engine, a_place, options, start, wait_until_it_answers
from samlocal.tools import Missing

ADDRESS = "172.29.79.1"  # on a bridge that only the engine has
_BRIDGE = "swarm0"
_NAME = "headcount-peers-"
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_END_SECONDS = 30.0
_APART = ("unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
# The shell stays, to bury what the engine leaves behind.
_INSIDE = f"""
ip link set lo up
ip link add {_BRIDGE} type bridge
ip address add {ADDRESS}/24 dev {_BRIDGE}
ip link set {_BRIDGE} up
dockerd "$@" &
wait "$!"
"""


@contextmanager
def an_engine_apart() -> Iterator[tuple[Engine, int]]:
    """An engine, and the pid under which all its processes are. Raises ``Missing`` where none can start."""
    if not shutil.which(_APART[0]):
        raise Missing(f"there is no {_APART[0]}, which util-linux has")
    with ExitStack() as ending:
        engine = ending.enter_context(a_place(_NAME))
        _remove_groups_of_the_dead()
        groups = f"{_NAME}{os.getpid()}"
        ending.callback(_remove_groups, groups)
        more = ("--cgroup-parent", f"/{groups}", "--exec-opt", "native.cgroupdriver=cgroupfs")
        command = (*_APART, "sh", "-euc", _INSIDE, "dockerd", *options(engine, _BRIDGE), *more)
        daemon = start(engine, command, ends_with=signal.SIGKILL)
        ending.callback(_end, daemon)
        wait_until_it_answers(engine, daemon)
        yield engine, daemon.pid


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    """Nothing of it is to be kept, so nothing is asked to end in order: with the first process there all are gone."""
    with suppress(psutil.NoSuchProcess):
        for first in psutil.Process(daemon.pid).children():
            first.kill()
    daemon.wait(_END_SECONDS)


def _remove_groups_of_the_dead() -> None:
    for folder in (*_CONTROL_GROUPS.glob(f"{_NAME}*"), *_CONTROL_GROUPS.glob(f"*/{_NAME}*")):
        pid = folder.name.removeprefix(_NAME)
        if not Path(f"/proc/{pid}").exists():
            _remove_groups(folder.name)


def _remove_groups(name: str) -> None:
    """They are empty: one for each controller where there are several hierarchies, one for each container in them."""
    for group in (*_CONTROL_GROUPS.glob(name), *_CONTROL_GROUPS.glob(f"*/{name}")):
        for below in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            below.rmdir()
        group.rmdir()
