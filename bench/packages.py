"""What is deployed, unzipped: what every cold start has to fetch and what counts against Lambda's 250 MB.

The layer, which all functions share, and the folder of each function; beside boto3, which Lambda's runtime brings.
Measured is what ``sam build`` made, if it is there and not older than the layer's sources; else the same thing made by
pip for this machine's Python.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

from bench.measurement import Detail, Findings, Measurement, NotMeasured

GOAL_MB = 40.0
_ROOT = Path(__file__).parents[1]
_BUILT = _ROOT / ".aws-sam" / "build" / "HeadcountLayer" / "python"
_SOURCE = _ROOT / "layers" / "headcount"
_FUNCTIONS = _ROOT / "functions"
_BOTO3 = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
_SHOWN = 8


def measure(*, quick: bool) -> Findings:
    """Sum up the files; ``quick`` changes nothing."""
    del quick
    with _layer() as (folder, made_by):
        sizes = _sizes(folder)
    total = sum(sizes.values())
    shown = sizes.most_common(_SHOWN)
    rest = total - sum(size for _, size in shown)
    functions = {folder.name: _source_bytes(folder) for folder in sorted(_FUNCTIONS.iterdir())}
    boto3 = sum(_installed_bytes(name) for name in _BOTO3)
    return Findings(
        measurements=(
            Measurement(what="layer, unzipped", value=total / 1e6, unit="MB", goal=GOAL_MB, note=f"made by {made_by}"),
            Measurement(what="layer over boto3 and what it needs", value=total / boto3, unit="x"),
        ),
        details=(
            Detail(
                title="What is in the layer",
                columns=("", "MB"),
                rows=tuple((name, f"{size / 1e6:.2f}") for name, size in _with_rest(shown, len(sizes), rest)),
            ),
            Detail(
                title="What each function is packaged as, beside the layer",
                columns=("", "bytes"),
                rows=tuple((name, f"{size:,}") for name, size in functions.items()),
            ),
        ),
    )


def _with_rest(shown: list[tuple[str, int]], folders: int, rest: int) -> list[tuple[str, int]]:
    return [*shown, (f"{folders - len(shown)} others", rest)] if folders > len(shown) else shown


def _source_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


def _installed_bytes(name: str) -> int:
    """The files of a distribution, byte code apart: ``sam build`` packages none either."""
    files = distribution(name).files or ()
    return sum(Path(str(one.locate())).stat().st_size for one in files if one.suffix != ".pyc")


@contextmanager
def _layer() -> Iterator[tuple[Path, str]]:
    """The folder that becomes ``/opt/python``, and what made it."""
    if _BUILT.is_dir() and _newest(_SOURCE) <= _BUILT.stat().st_mtime:
        yield _BUILT, "sam build"
        return
    with tempfile.TemporaryDirectory(prefix="headcount-layer-") as folder:
        requirements = str(_SOURCE / "requirements.txt")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes"]
        done = subprocess.run(
            [*command, "--target", folder, "-r", requirements], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotMeasured(f"pip could not make the layer: {done.stderr.strip()[-300:]}")
        shutil.copytree(_SOURCE / "headcount", Path(folder) / "headcount", ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder), "pip, for this machine's Python"


def _newest(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.suffix in (".py", ".txt"))


def _sizes(folder: Path) -> Counter[str]:
    """Bytes of files by what stands at the top of the folder."""
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(folder).parts[0]] += path.stat().st_size
    return sizes
