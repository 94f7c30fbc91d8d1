"""One harness for all families: libFuzzer mutates bytes, every other time the family damages its own kind of input."""

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import atheris

FOLDER = Path(".fuzz")
WATCHED = ["headcount", "headcount_cli", "yaml"]  # libFuzzer keeps inputs that reach new branches of these
SLOWEST_SECONDS = 25  # of one input: the checks themselves say no much earlier
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_]{2,30}")
MOST_WORDS = 300

with atheris.instrument_imports(include=WATCHED):
    from fuzzing.families import FAMILIES, Family


def run(name: str, options: list[str]) -> int:
    """Does not return before the time is up or something is found; inputs worth keeping stay for the next time."""
    family = FAMILIES[name]
    corpus, finds = FOLDER / "corpus" / name, FOLDER / "finds"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = family.seeds()
    with tempfile.TemporaryDirectory() as seeded:
        for number, seed in enumerate(seeds):
            (Path(seeded) / f"seed{number}").write_bytes(seed)
        words = Path(seeded) / "words.dict"
        words.write_text(_dictionary(seeds), encoding="utf-8")
        given = [
            f"-timeout={SLOWEST_SECONDS}",
            "-rss_limit_mb=2048",
            f"-max_len={4 * max(len(seed) for seed in seeds)}",
            f"-artifact_prefix={finds}/{name}-",
            f"-dict={words}",
            *options,
            str(corpus),
            seeded,
        ]
        atheris.Setup([sys.argv[0], *given], family.check, custom_mutator=_mutator(family))
        atheris.Fuzz()
    return 0


def _mutator(family: Family) -> Callable[[bytes, int, int], bytes]:
    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311  the seed must decide everything
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, longest))
        damaged = family.damage(data, random)
        return damaged if len(damaged) <= longest else bytes(atheris.Mutate(data, longest))

    return mutate


def _dictionary(seeds: list[bytes]) -> str:
    """The words of the inputs to begin with, in libFuzzer's form."""
    words = sorted({word for seed in seeds for word in _WORD.findall(seed)})[:MOST_WORDS]
    return "".join(f"{json.dumps(word.decode())}\n" for word in words)
