"""What runs the functions outside of Lambda: their own Python, SAM's build for this machine, Lambda's emulator."""

import ctypes
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from samlocal.story import ROOT

RUNTIME = "3.13"
SAM = ROOT / ".venv-sam" / "bin"
HERE = ROOT / ".aws-sam" / "here"  # beside what is deployed, which is built for the processor it is deployed to
_MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}  # uname's word and Lambda's
# What Lambda brings itself, at the versions of requirements/app.txt.
_BROUGHT = (
    "awslambdaric",
    "snapshot-restore-py",
    "simplejson",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "urllib3",
    "python-dateutil",
    "six",
)

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_libc = ctypes.CDLL(None)


class Missing(Exception):
    """Something that the machine does not have, and that cannot be brought; says what."""


class Failed(Exception):
    """A tool that is there ended with an error; says which and with what words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Everything is made when this is (``get_tools``); paths are absolute."""

    python: Path
    emulator: Path
    build: Path
    brought: Path
    architecture: str


def get_tools() -> Tools:
    """Builds for this machine, a few seconds. Raises ``Missing`` with the reason where that is not possible."""
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _MACHINES:
        raise Missing(f"Lambda's runtime runs on Linux on {' and '.join(_MACHINES)}, not on {sys.platform} {machine}")
    if not (SAM / "sam").exists():
        raise Missing("the SAM CLI is not there: `make sam-validate` brings it")
    python = find_python()
    architecture = _MACHINES[machine]
    return Tools(
        python=python,
        emulator=_emulator(architecture),
        build=_build(python, architecture),
        brought=_bring(machine),
        architecture=architecture,
    )


def find_python() -> Path:
    """The runtime's Python: a real one, because `sam build` refuses pyenv's shims."""
    ask = "import sys; print(sys.executable)"
    candidates = [f"python{RUNTIME}", *sorted(_pyenv_versions(), reverse=True)]
    for candidate in candidates:
        try:
            asked = subprocess.run([candidate, "-c", ask], capture_output=True, text=True, check=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            continue
        return Path(asked.stdout.strip())
    raise Missing(f"the functions' runtime, Python {RUNTIME}, is not there: apt, brew or pyenv bring it")


def run(*command: str | Path, log: Path, environment: Mapping[str, str] | None = None, seconds: float = 300.0) -> None:
    """Runs a tool to its end with its words in ``log``; raises ``Failed`` with the last of them."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as words:
        try:
            ended = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=environment,
                cwd=ROOT,
                timeout=seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -1
    if ended:
        raise Failed(f"{Path(command[0]).name} ended with {ended}: {last_words(log)}")


def ends_with_us(how: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn``: a signal for the process when the thread that starts it ends, be it by SIGKILL."""
    return partial(_libc.prctl, _SET_PARENT_DEATH_SIGNAL, how)


def last_words(log: Path, characters: int = 1500) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-characters:] if log.exists() else ""


def sam_environment(python: Path) -> dict[str, str]:
    """The environment of a SAM command: its own tools first, then the runtime's Python; nobody's AWS account."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": f"{SAM}:{python.parent}:{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "stories",
        "AWS_SECRET_ACCESS_KEY": "stories",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _pyenv_versions() -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(found) for found in root.glob(f"versions/{RUNTIME}*/bin/python{RUNTIME}")]


def _emulator(architecture: str) -> Path:
    """The Runtime Interface Emulator that the SAM CLI puts into its images."""
    name = f"aws-lambda-rie-{architecture}"
    found = next(iter(SAM.parent.glob(f"lib/python*/site-packages/samcli/local/rapid/{name}")), None)
    if found is None:
        raise Missing(f"the SAM CLI has no {name}")
    return found


def _build(python: Path, architecture: str) -> Path:
    run(
        SAM / "sam", "build",
        "--build-dir", HERE / "build",
        "--cache-dir", HERE / "cache",
        "--parameter-overrides", f"Architecture={architecture}",
        log=HERE / "build.log", environment=sam_environment(python),
    )  # fmt: skip
    return HERE / "build"


def _bring(machine: str) -> Path:
    """Lambda's own packages for its Python, at the versions and hashes of this repository's lock; once for each."""
    wanted = "\n".join(_pins((ROOT / "requirements" / "app.txt").read_text(encoding="utf-8")))
    folder = HERE / f"brought-{zlib.crc32(wanted.encode()):08x}"
    if not folder.exists():
        pins, unfinished = HERE / "bringing.txt", HERE / "bringing"
        pins.write_text(wanted, encoding="utf-8")
        shutil.rmtree(unfinished, ignore_errors=True)
        run(
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
            "--only-binary", ":all:", "--require-hashes", "--python-version", RUNTIME, "--implementation", "cp",
            "--platform", f"manylinux2014_{machine}", "--requirement", pins, "--target", unfinished,
            log=HERE / "bringing.log",
        )  # fmt: skip
        unfinished.rename(folder)
    return folder


def _pins(lock: str) -> Iterator[str]:
    """The part of a lock that says what Lambda brings: each with its version and the hashes that follow it."""
    for name in _BROUGHT:
        found = re.search(rf"^{name}==\S+.*\n(?: +--hash.*\n)+", lock, re.MULTILINE)
        if found is None:
            raise Failed(f"requirements/app.txt does not name {name}")
        yield found[0].rstrip().rstrip("\\")
