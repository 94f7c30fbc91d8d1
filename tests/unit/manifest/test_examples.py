"""The examples are manifests to copy, and the guide describes every key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_kinds import Block, Kind, ListOf, OneOf, Unsupported, Whole
from headcount_cli.documents import read_documents
from unit.manifest.documents_of import manifest_of

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GUIDE = (ROOT / "docs" / "guides" / "manifest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_is_valid(example: Path):
    for document in read_documents(example):
        manifest_of(document.content)


def test_the_sandbox_example_is_what_the_demo_applies():
    (document,) = read_documents(ROOT / "examples" / "sandbox.yaml")
    manifest = manifest_of(document.content)
    assert (manifest.service, manifest.desired_count, len(manifest.subnets)) == ("demo/web", 3, 3)


def _keys(kind: Kind) -> Iterator[tuple[str, Kind]]:
    if isinstance(kind, Block):
        for name, field in kind.fields.items():
            yield name, field
            yield from _keys(field)
    elif isinstance(kind, ListOf):
        yield from _keys(kind.item)


@pytest.mark.parametrize(("name", "kind"), list(_keys(SERVICE)))
def test_the_guide_describes_every_key_with_its_bounds(name: str, kind: Kind):
    assert f"`{name}`" in GUIDE
    match kind:
        case Unsupported():
            pass
        case OneOf(values=values):
            assert all(value in GUIDE for value in values)
        case Whole(maximum=maximum) | ListOf(maximum=maximum):
            assert str(maximum) in GUIDE
