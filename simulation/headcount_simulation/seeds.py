"""Seeds that once found something, each with a sentence that says what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEEDS_FILE: Final = Path(__file__).parent.parent / "seeds.txt"


def known_seeds(file: Path = SEEDS_FILE) -> Iterator[tuple[int, str]]:
    """The seeds of a file: a number and a sentence a line; ``#`` begins a comment."""
    for line in file.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            seed, _, sentence = line.partition(" ")
            yield int(seed), sentence.strip()
