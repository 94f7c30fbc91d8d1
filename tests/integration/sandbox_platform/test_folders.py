"""Temporary folders: what a killed sandbox left goes when the next one starts, and nothing else."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from headcount_sandbox.folders import temporary_folder


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _left_by(pid: int, shelf: Path, purpose: str = "sandbox") -> Path:
    folder = shelf / f"headcount-{purpose}-{pid}-x1"
    (folder / "logs").mkdir(parents=True)
    return folder


def test_what_a_killed_sandbox_left_goes_and_nothing_else(shelf: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, of_others = _left_by(ended.pid, shelf), _left_by(ended.pid, shelf, "tasks")
    living, foreign = _left_by(os.getpid(), shelf), shelf / "headcount-sandbox-notes-1"
    foreign.mkdir()
    with temporary_folder("sandbox") as made:
        assert sorted(shelf.iterdir()) == sorted([of_others, living, foreign, Path(made)])
        assert not dead.exists()
    assert not Path(made).exists()
