"""``dataclass`` for values: frozen, with slots, made by keywords; what runs are msgspec's structs.

A type checker sees the standard's dataclasses, and knows what ``replace`` may change. What runs is written in C: a
class is made in a tenth of the time, which every cold start pays for a hundred of them; ``replace`` takes a thirtieth,
comparing a ninth, building a half; and records are read straight into them (docs/decisions/0027). The standard's
functions do not know them: ``astuple`` (one level deep), ``fields`` and ``replace`` are imported from here.
"""

from collections.abc import Callable
from dataclasses import Field
from operator import is_not
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from msgspec import Struct
from msgspec import field as _field

Function = TypeVar("Function", bound=Callable[..., Any])

__all__ = ["asked_again", "astuple", "dataclass", "fields", "replace", "without_defaults"]

if TYPE_CHECKING:
    from dataclasses import astuple, dataclass, fields, replace  # what a type checker shall see
else:
    from msgspec.structs import astuple, fields, replace

    def dataclass(
        *, frozen: Literal[True], slots: Literal[True], kw_only: Literal[True]
    ) -> Callable[[type[Any]], type[Any]]:
        """As the standard's, with these options and no others; fields have defaults or factories and nothing else."""
        assert frozen
        assert slots
        assert kw_only
        return _struct


def asked_again(function: Function) -> Function:
    """The function of values, that knows its last answer: asked of the very same values again, it answers likewise."""
    last: tuple[tuple[Any, ...], Any] = ((), None)

    def answer(*values: Any) -> Any:
        nonlocal last
        if len(values) != len(last[0]) or any(map(is_not, values, last[0])):
            last = values, function(*values)
        return last[1]

    return cast(Function, answer)


def without_defaults(value: Any) -> Any:
    """A value, or a tuple of values, as what JSON is made of, without the fields that say no more than their default.

    What decodes it puts the defaults back, so they are part of what is written.
    """
    if value.__class__ is tuple:
        return [without_defaults(one) for one in value]
    if not isinstance(value, Struct):
        return value
    kind: Any = value.__class__
    defaults = _defaults.get(kind)
    if defaults is None:
        defaults = _defaults[kind] = {field.name: field.default for field in fields(kind)}
    return {
        name: without_defaults(said)
        for name, default in defaults.items()
        if (said := getattr(value, name)) is not default and said != default
    }


_defaults: dict[type, dict[str, Any]] = {}
_make: Any = type(Struct)


def _struct(cls: type[Any]) -> Any:
    own = {name: _told(value) for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    own["__qualname__"] = cls.__qualname__
    return _make(cls.__name__, (Struct,), own, frozen=True, kw_only=True)


def _told(value: Any) -> Any:
    """What a class says of a field, in msgspec's words."""
    if not isinstance(value, Field):
        return value
    make: Any = value.default_factory
    return _field(default_factory=make)
