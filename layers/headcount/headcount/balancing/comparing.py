"""Whether AWS has what is declared: only declared fields are compared, for AWS fills in the others."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headcount.balancing.resources import Document

SHOWN = 120


def is_kept(declared: Any, seen: Any) -> bool:
    """Whether ``seen`` has everything that is declared. Lists are kept in any order: AWS sorts some of them."""
    if isinstance(declared, Mapping):
        return isinstance(seen, Mapping) and all(is_kept(value, seen.get(name)) for name, value in declared.items())
    if isinstance(declared, Sequence) and not isinstance(declared, str):
        return _are_all_kept(declared, seen)
    return str(declared) == str(seen)


def _are_all_kept(declared: Sequence[Any], seen: Any) -> bool:
    if not isinstance(seen, Sequence) or isinstance(seen, str) or len(seen) != len(declared):
        return False
    left = list(seen)
    for wanted in declared:
        match = next((index for index, one in enumerate(left) if is_kept(wanted, one)), None)
        if match is None:
            return False
        del left[match]
    return True


def differing(declared: Document, seen: Document, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """The declared fields (of ``fields``, or all) that are otherwise in AWS."""
    names = declared if fields is None else [name for name in fields if name in declared]
    return {name: declared[name] for name in names if not is_kept(declared[name], seen.get(name))}


def told(changes: Document, seen: Document) -> str:
    """Each difference in a few words: what is declared, and what is there."""
    return "; ".join(_told(changes, seen))


def _told(changes: Document, seen: Document) -> Iterator[str]:
    for name, value in changes.items():
        there = "not set" if seen.get(name) is None else _shown(seen[name])
        yield f"{name[0].lower()}{name[1:]} was {there}, {_shown(value)} is declared"


def _shown(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, default=str)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}..."
