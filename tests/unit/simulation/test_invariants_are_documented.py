"""docs/invariants.md says every invariant in the words of the code."""

from pathlib import Path

from headcount_simulation.invariants import INVARIANTS

DOCUMENT = Path(__file__).parents[3] / "docs" / "invariants.md"


def test_every_invariant_stands_in_the_document() -> None:
    text = DOCUMENT.read_text()
    missing = [name for name, sentence in INVARIANTS.items() if f"| {name} | {sentence} |" not in text]
    assert not missing
