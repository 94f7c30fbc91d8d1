"""Values whose form AWS declares: read by botocore's own model of the API instead of by tables of ours.

Only ``control`` and the command line parse manifests; the model is loaded when the first such value is read, as data:
no client, no session. What AWS documents and its model leaves out is added as ``Beyond``.
"""

import dataclasses
import re
from collections.abc import Callable, Hashable, Mapping
from functools import cache, cached_property
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, Shape, ShapeResolver, StringShape, StructureShape

from headcount.model.manifest_kinds import (
    INVALID,
    Block,
    Flag,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    Reading,
    Text,
    Unsupported,
    Whole,
    problem,
)
from headcount.model.showing import shown
from headcount.model.values import dataclass

MAXIMUM_ITEMS = 1000  # of a list of which AWS bounds only the size of the whole
LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}
DEEPEST = 20  # ECS's deepest shape has half as many levels; only shapes that contain themselves have more


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """What AWS documents of a shape and its model does not say.

    ``fields`` replace members of a structure or stand beside them, ``required`` and ``optional`` change what must be
    there; ``minimum``, ``maximum`` and ``identity`` are those of a list.
    """

    fields: Mapping[str, Kind] = dataclasses.field(default_factory=dict)
    required: Mapping[str, str] = dataclasses.field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    minimum: int = 0
    maximum: int = MAXIMUM_ITEMS
    identity: Callable[[Any], Hashable] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shaped:
    """A value of one shape of an API of AWS (``service``), by its name there. ``beyond`` is by shape as well.

    Keys are in lower camel case whatever the API's own are: Elastic Load Balancing's ``VpcId`` is read as ``vpcId``.
    """

    shape: str
    beyond: Mapping[str, Beyond] = dataclasses.field(default_factory=dict)
    depth: int = 0
    service: str = "ecs"

    @property
    def allowed(self) -> str:
        return self.kind.allowed

    @cached_property
    def kind(self) -> Kind:
        """The kind of value that AWS's model describes; members are looked at when they are read."""
        shape = shapes_of(self.service).get_shape_by_name(self.shape)
        match shape:
            case StructureShape():
                return self._block(shape)
            case ListShape():
                return self._list(shape)
            case MapShape():
                return MapOf(item=self._inner(shape.value.name), maximum=MAXIMUM_ITEMS)
            case StringShape():
                return OneOf(values=tuple(shape.enum)) if shape.enum else _text(shape)
        if shape.type_name in LARGEST:
            largest = LARGEST[shape.type_name]
            bounds = shape.metadata
            return Whole(minimum=bounds.get("min", -largest - 1), maximum=bounds.get("max", largest))
        return Flag() if shape.type_name == "boolean" else Unsupported(reason=f"its type is {shape.type_name}")

    def read(self, path: str, value: object) -> Reading:
        if self.depth > DEEPEST:
            return Reading(value=INVALID, problems=(problem(path, value, f"is more than {DEEPEST} levels deep"),))
        return self.kind.read(path, value)

    def _inner(self, name: str) -> "Shaped":
        return Shaped(shape=name, beyond=self.beyond, depth=self.depth + 1, service=self.service)

    def _block(self, shape: StructureShape) -> Kind:
        beyond = self.beyond.get(shape.name, Beyond())
        fields: dict[str, Kind] = {uncapitalized(name): self._inner(one.name) for name, one in shape.members.items()}
        fields |= beyond.fields
        required = {name: "" for name in map(uncapitalized, shape.required_members) if name not in beyond.optional}
        block = Block(fields=fields, required={**required, **beyond.required})
        return _OneKeyOf(block=block) if shape.is_tagged_union else block

    def _list(self, shape: ListShape) -> Kind:
        beyond = self.beyond.get(shape.name, Beyond())
        return ListOf(
            item=self._inner(shape.member.name),
            minimum=max(beyond.minimum, shape.metadata.get("min", 0)),
            maximum=min(beyond.maximum, shape.metadata.get("max", beyond.maximum)),
            identity=beyond.identity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OneKeyOf:
    """AWS's unions: a mapping of which exactly one key is given."""

    block: Block

    @property
    def allowed(self) -> str:
        return f"{self.block.allowed}: exactly one of them"

    def read(self, path: str, value: object) -> Reading:
        reading = self.block.read(path, value)
        if reading.problems or len(reading.value) == 1:
            return reading
        message = f"must be {self.allowed}, not {shown(value)}"
        return Reading(value=INVALID, problems=(problem(path, value, message),))


def uncapitalized(name: str) -> str:
    """A key as manifests spell it: ``vpcId`` for ``VpcId``."""
    return name[:1].lower() + name[1:]


def _text(shape: Shape) -> Text:
    """Patterns of AWS with classes of Unicode (those of Java) are not Python's: ``Beyond`` has to say those."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    pattern = shape.metadata.get("pattern")
    if pattern is not None and r"\p{" not in pattern:
        return Text(allowed=f"a string like {pattern}", pattern=re.compile(pattern))
    if most is None and not least:
        return Text(allowed="a string")
    most_shown = "or more" if most is None else f"to {most}"
    bounds = re.compile(rf"(?s:.{{{least},{'' if most is None else most}}})")
    return Text(allowed=f"a string of {least} {most_shown} characters", pattern=bounds)


@cache
def shapes_of(service: str) -> ShapeResolver:
    """The shapes of an API as they came with botocore, whatever models a user put into ``~/.aws``."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return ShapeResolver(loader.load_service_model(service, "service-2")["shapes"])
