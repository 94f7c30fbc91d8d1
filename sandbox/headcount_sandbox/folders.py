"""Temporary folders that name the process they belong to, so that those of a killed one are found and removed."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil

PREFIX = "headcount"


def temporary_folder(purpose: str) -> tempfile.TemporaryDirectory[str]:
    """A folder as long as the context lasts. What SIGKILL left of other sandboxes goes first: nobody else tidies up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}-{purpose}-*-*"):
        owner = folder.name.split("-")[2]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{purpose}-{os.getpid()}-", ignore_cleanup_errors=True)
