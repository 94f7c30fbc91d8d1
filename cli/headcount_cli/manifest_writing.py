"""Writes a manifest as YAML that ``headcount`` and every YAML 1.1 reader understand alike, with comments."""

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import yaml

WIDTH = 110  # columns of a comment or a line of YAML


class _Dumper(yaml.SafeDumper):
    """Quotes what any reader takes for a number, and repeats what stands twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # nothing is written as an alias
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # PyYAML's signature
        """Lists stand deeper than their key."""
        super().increase_indent(flow, indentless=False)


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"-?[0-9]+[eE][-+]?[0-9]+\Z"), [*"-0123456789"])


def manifest_text(
    document: Mapping[str, Any], *, head: Sequence[str] = (), comments: Mapping[str, str] | None = None
) -> str:
    """Each key of ``document`` in its order, under its comment if it has one; ``head`` paragraphs stand above all."""
    parts = [comment(paragraph) for paragraph in head]
    for key, value in document.items():
        said = (comments or {}).get(key)
        parts += [f"\n{comment(said)}"] if said else []
        parts.append(yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH))
    return "".join(parts)


def without_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the keys that say what holds anyway: it means the same."""
    from headcount.model.manifest_parser import parse_manifest  # noqa: PLC0415  # botocore's model, which few need
    from headcount.scaling_defaults import shortened  # noqa: PLC0415  # as above

    meant, kept = parse_manifest(dict(document)), dict(document)
    for key in document:
        shorter = {name: value for name, value in kept.items() if name != key}
        if parse_manifest(shorter) == meant and key != "kind":
            kept = shorter
    return {**kept, "scaling": shortened(kept["scaling"])} if "scaling" in kept else kept


def comment(text: str) -> str:
    """Comment lines; what cannot stand in one (control characters) is left out."""
    safe = "".join(character if character.isprintable() else " " for character in text)
    return "".join(f"{line}\n" for line in wrap(safe, WIDTH, initial_indent="# ", subsequent_indent="# ")) or "#\n"
