"""YAML without surprises: JSON's values only, of bounded size, and the place of everything that is wrong.

YAML 1.1 turns ``on`` and ``no`` into booleans, ``012`` into ten, ``1:30`` into ninety and ``2026-01-01`` into a date.
Here only ``true``/``false``, ``null``/``~``, decimal numbers and strings exist, and no tags (``!Ref``, ``!!set``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Never, Protocol

import yaml
from yaml.reader import ReaderError

from headcount.model.manifest_kinds import problem
from headcount.model.problem import Problem
from headcount.model.showing import shown

MOST_NODES = 10_000  # of one file, after aliases are written out
DEEPEST_NESTING = 50
LONGEST_MESSAGE = 500
TOO_DEEP = f"is nested more than {DEEPEST_NESTING} levels deep: no manifest needs that"


class _Mark(Protocol):
    """A place as PyYAML gives it; counts from 0."""

    line: int
    column: int


class UnreadableDocument(Exception):
    """The text is no document: everything found wrong in it, each with ``<source>:<line>:<column>`` as its path."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def read_yaml(source: str, text: str) -> list[Any]:
    """The contents of all documents in the text. Raises ``UnreadableDocument``."""
    try:
        _check_size(source, text)
        return list(_documents(source, text))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{error.character:04X}" if isinstance(error.character, int) else repr(error.character)
        message = f"is not valid YAML: character {character} is not allowed"
        raise UnreadableDocument(Problem(path=f"{source}:{line}", message=message)) from None
    except yaml.MarkedYAMLError as error:
        hint = " (indent with spaces)" if "\\t" in str(error.problem) else ""
        _refuse(source, error.problem_mark or error.context_mark, f"is not valid YAML: {error.problem}{hint}")
    except (ValueError, OverflowError) as error:  # PyYAML: "\\UFFFFFFFF", a version of thousands of digits
        _refuse(source, None, f"is not valid YAML: {error}")


class _Loader(yaml.SafeLoader):
    """The pure Python loader: its messages are the same on every machine, and the files are small."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own class attribute, filled below


def _resolve(tag: str, pattern: str, first_characters: str) -> None:
    firsts = [*first_characters, ""] if re.fullmatch(pattern, "") else [*first_characters]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern, re.ASCII), firsts)


_resolve("null", r"(?:~|null|Null|NULL|)\Z", "~nN")
_resolve("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF")
_resolve("int", r"-?(?:0|[1-9][0-9]{0,17})\Z", "-0123456789")
_resolve("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)\Z", "-0123456789")
_resolve("merge", r"<<\Z", "<")


@dataclass(slots=True, kw_only=True)
class _Expansion:
    """Counts nodes as if every alias were written out, from the stream of events: builds nothing, never recurses."""

    source: str
    total: int = 0
    sizes: dict[str, int] = field(default_factory=dict)  # of anchors that are complete
    open: list[tuple[str | None, int]] = field(default_factory=list)  # anchor and total at the start of each collection

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                self._take_alias(event)
            case yaml.ScalarEvent():
                self.total += 1
                self._complete(event.anchor, 1)
            case yaml.CollectionStartEvent():
                self.open.append((event.anchor, self.total))
                self.total += 1
            case yaml.CollectionEndEvent():
                anchor, before = self.open.pop()
                self._complete(anchor, self.total - before)
        if self.total > MOST_NODES:
            _refuse(
                self.source,
                event.start_mark,
                f"is too large: more than {MOST_NODES} values once aliases are written out",
            )
        if len(self.open) > DEEPEST_NESTING:
            _refuse(self.source, event.start_mark, TOO_DEEP)

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor in {anchor for anchor, _ in self.open}:
            _refuse(self.source, event.start_mark, f"*{event.anchor} contains itself")
        self.total += self.sizes.get(event.anchor or "", 0)  # an unknown anchor is the composer's to refuse

    def _complete(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self.sizes[anchor] = size


def _check_size(source: str, text: str) -> None:
    expansion = _Expansion(source=source)
    tagged = []
    for event in yaml.parse(text, Loader=_Loader):
        expansion.take(event)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            message = f"the tag {event.tag} is not understood: write the value itself"
            tagged.append(_problem(source, event.start_mark, message, event.tag))
    if tagged:
        raise UnreadableDocument(*tagged)


def _documents(source: str, text: str) -> Iterator[Any]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None, "check_node said that there is one"
            if repeated := list(_repeated_keys(source, node)):
                raise UnreadableDocument(*repeated)
            yield loader.construct_document(node)
    finally:
        loader.dispose()


def _repeated_keys(source: str, root: yaml.Node) -> Iterator[Problem]:
    """PyYAML keeps the last of two equal keys in silence."""
    seen: set[int] = set()  # aliases make the tree a graph
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            yield from _repeated_keys_of(source, node)
            waiting.extend(value for _, value in reversed(node.value))


def _repeated_keys_of(source: str, mapping: yaml.MappingNode) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in first:
            message = (
                f"the key {shown(key.value)} stands twice in one mapping, first on line {first[key.value]}: keep one"
            )
            yield _problem(source, key.start_mark, message, key.value)
        first.setdefault(key.value, key.start_mark.line + 1)


def _problem(source: str, mark: _Mark | None, message: str, value: Any = None) -> Problem:
    place = source if mark is None else f"{source}:{mark.line + 1}:{mark.column + 1}"
    return problem(place, value, message[:LONGEST_MESSAGE])


def _refuse(source: str, mark: _Mark | None, message: str) -> Never:
    raise UnreadableDocument(_problem(source, mark, message))
