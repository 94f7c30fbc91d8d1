"""A release put in the place of another while the functions work, one function at a time, as CloudFormation does it."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from e2e.install import ROOT
from headcount_sandbox import Sandbox

THIS_RELEASE = ROOT / "layers" / "headcount"
FUNCTIONS = ("ReconcileService", "ObserveTasks", "WakeServices", "Control", "AuditClusters")


def make_release(folder: Path, name: str, changes: Mapping[str, tuple[str, str]]) -> Path:
    """A layer like this one whose log lines say `release`; `changes` are by file: what is replaced, and by what."""
    shutil.copytree(THIS_RELEASE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    told = {"bootstrap.py": ("log_uncaught_exceptions=False", f'log_uncaught_exceptions=False, release="{name}"')}
    for file, (before, after) in {**told, **changes}.items():
        path = folder / "headcount" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{file} has {before!r} {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")
    return folder


def deploy(sandbox: Sandbox, function: str, layer: Path) -> None:
    """What runs, runs to its end on the old code; what begins from now on begins on the new."""
    pool = sandbox.platform._pools[sandbox.platform.function(function).name]
    with pool._lock:
        pool.function = replace(pool.function, layers=(layer,))
        idle = tuple(pool._idle)
        for process in tuple(pool._processes):
            pool._forget(process)
        pool._dispatch()  # for what waited for one that was just starting
    for process in idle:
        process.kill()


def releases_of(sandbox: Sandbox, function: str) -> list[str]:
    """Which releases wrote the lines of a function's log, in their order, each once in a row."""
    said = [str(line.get("release", "this")) for line in sandbox.logs(function) if "message" in line]
    return [name for number, name in enumerate(said) if number == 0 or said[number - 1] != name]
