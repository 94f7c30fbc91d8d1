"""The engine of the peers leaves nothing that runs, and its absence is a reason, not an error."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.measurement import Skipped
from bench.peers.beside import measure

from samlocal.engine import UNPACKED
from samlocal.story import ROOT

STARTED = """
import time
from bench.peers.swarm import a_swarm
with a_swarm() as swarm:
    swarm.start(2, at_once=True)
    print("started", flush=True)
    time.sleep(600)
"""
HAS_ENGINE = os.geteuid() == 0 and (UNPACKED.exists() or shutil.which("dockerd") is not None)


def test_without_root_the_peers_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Skipped, match="only root can start a container engine"):
        measure(quick=True)


@pytest.mark.skipif(not HAS_ENGINE, reason="no container engine is here: `make sam-local` brings one")
def test_nothing_runs_on_after_sigkill_and_the_next_run_removes_the_rest() -> None:
    bench = subprocess.Popen([sys.executable, "-c", STARTED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert bench.stdout is not None
    with bench, bench.stdout:
        if bench.stdout.readline() != "started\n":
            pytest.skip("a container engine does not start here")
        assert processes_of(bench.pid)
        os.kill(bench.pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(bench.pid))
    assert "headcount-peers" not in Path("/proc/mounts").read_text()

    ends = STARTED.replace("time.sleep(600)", "")
    subprocess.run([sys.executable, "-c", ends], cwd=ROOT, check=True, capture_output=True)
    assert not list(Path("/tmp").glob("headcount-peers-*"))
    assert not list(Path("/sys/fs/cgroup").glob("*/headcount-peers-*"))


def processes_of(pid: int) -> list[str]:
    """Processes of the engine that a program of this pid started: its folder is named in their command lines."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_text()
        except OSError:
            continue
        if f"headcount-peers-{pid}-" in words:
            found.append(words)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
