"""``dataclass`` for values: frozen, with slots, made by keywords; in a quarter of the time that ``dataclasses`` takes.

A cold start makes a hundred classes of values. ``dataclasses`` compiles up to seven methods for each, and that was most
of what Headcount added to a cold start (docs/decisions/0025). Here the constructor is compiled, and all classes share
the others. They are dataclasses all the same: ``replace``, ``fields``, ``asdict``, ``match`` and msgspec see nothing
else.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from dataclasses import dataclass as _dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NoReturn

__all__ = ["dataclass", "without_defaults"]

if TYPE_CHECKING:
    from dataclasses import dataclass  # what a type checker shall see
else:

    def dataclass(
        *, frozen: Literal[True], slots: Literal[True], kw_only: Literal[True]
    ) -> Callable[[type[Any]], type[Any]]:
        """As the standard's, with these options and no others; fields have defaults or factories and nothing else."""
        assert frozen
        assert slots
        assert kw_only
        return _value


def without_defaults(value: Any) -> Any:
    """A value, or a tuple of values, as what JSON is made of, without the fields that say no more than their default.

    What decodes it puts the defaults back, so they are part of what is written.
    """
    if value.__class__ is tuple:
        return [without_defaults(one) for one in value]
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is None:
        return value
    return {
        name: without_defaults(said)
        for name, said, field in zip(fields, value.__values__(value), fields.values(), strict=True)
        if said is not field.default and said != field.default
    }


def _value(cls: type[Any]) -> type[Any]:
    own = vars(cls)
    shared = {name: method for name, method in _SHARED.items() if own.get(name) is None}
    if not cls.__doc__:
        cls.__doc__ = cls.__name__  # else the standard asks ``inspect`` for a signature
    made: type[Any] = _dataclass(slots=True, kw_only=True, init=False, repr=False, eq=False)(cls)
    made.__dataclass_params__.frozen = True
    made.__init__ = _constructor(made)
    made.__values__ = staticmethod(_getter(tuple(made.__dataclass_fields__)))
    for name, method in shared.items():
        setattr(made, name, method)
    return made


def _constructor(cls: type[Any]) -> Any:
    """``__init__``, which sets the slots themselves: the class lets nobody assign to them."""
    scope: dict[str, Any] = {"MISSING": MISSING}
    parameters: list[str] = []
    statements: list[str] = []
    for name, field in cls.__dataclass_fields__.items():
        scope[f"set_{name}"] = getattr(cls, name).__set__
        parameters.append(name + _default(field, scope))
        made = f"make_{name}() if {name} is MISSING else {name}" if f"make_{name}" in scope else name
        statements.append(f"set_{name}(self, {made})")
    if hasattr(cls, "__post_init__"):
        statements.append("self.__post_init__()")
    signature = ", ".join(["self", *(["*", *parameters] if parameters else ())])
    body = "; ".join(statements or ["pass"])
    exec(f"def __init__({signature}): {body}", scope)  # noqa: S102  # of the class's own names, as the standard does
    scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return scope["__init__"]


def _default(field: Field[Any], scope: dict[str, Any]) -> str:
    """What follows the parameter's name; the value itself goes into the scope."""
    if field.default is not MISSING:
        scope[f"default_{field.name}"] = field.default
        return f"=default_{field.name}"
    if field.default_factory is not MISSING:
        scope[f"make_{field.name}"] = field.default_factory
        return "=MISSING"
    return ""


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """All values of an instance as a tuple, which ``attrgetter`` makes of two and more."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


class _Shared:
    """The methods that all classes of values have in common."""

    __values__: Callable[[Any], tuple[Any, ...]]
    __dataclass_fields__: dict[str, Field[Any]]

    def __repr__(self) -> str:
        values = zip(self.__dataclass_fields__, self.__values__(self), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in values)})"

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self.__values__(self) == self.__values__(other)

    def __hash__(self) -> int:
        return hash(self.__values__(self))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> tuple[Any, ...]:
        return self.__values__(self)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for name, value in zip(self.__dataclass_fields__, state, strict=True):
            object.__setattr__(self, name, value)


_SHARED = {name: method for name, method in vars(_Shared).items() if callable(method)}
