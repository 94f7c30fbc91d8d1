"""``python -m fuzz FAMILY [libFuzzer's options]``; with ``--replay FILE...`` it checks these and needs no atheris."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), *(str(ROOT / part) for part in ("layers/headcount", "cli"))]


def main(arguments: list[str]) -> int:
    """The exit code: 0, or libFuzzer's own when it found something."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz one family of parsers.")
    parser.add_argument("family")
    parser.add_argument("--replay", nargs="+", type=Path, metavar="FILE", help="check these inputs once, and end")
    options, of_the_engine = parser.parse_known_args(arguments)
    if options.replay:
        return _replay(options.family, options.replay)
    from fuzz.engine import run  # noqa: PLC0415  atheris is not there everywhere, and replaying does not need it

    return run(options.family, of_the_engine)


def _replay(family: str, files: list[Path]) -> int:
    from fuzzing.families import FAMILIES  # noqa: PLC0415  found on the path that was set above

    for file in files:
        FAMILIES[family].check(file.read_bytes())
        sys.stdout.write(f"{file}: every promise is kept\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
