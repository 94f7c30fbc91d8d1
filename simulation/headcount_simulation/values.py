"""The values of the loop, built in less time: a pass builds some hundred of them.

A frozen dataclass sets each field through ``object.__setattr__``, which takes several times what the assignment takes.
``hasten`` writes ``__init__`` and ``replace`` anew, with the same arguments, defaults and results. What keeps fields
from being assigned is left out for it; mypy holds that, and so does every test: they have the values as deployed.

Deployed, each pass reads its manifest anew; here it is the same value for hours. What is only a function of it is
worked out once for each.
"""

import dataclasses
import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

from headcount.model.fingerprints import balancing_fingerprint, scaling_fingerprint
from headcount.model.manifest_scaling_values import declared_scaling

PACKAGES = ("headcount", "headcount_simulation")
REMEMBERED = (balancing_fingerprint, scaling_fingerprint, declared_scaling)
MOST_REMEMBERED = 1_000  # values; a day has some ten manifests
YOUNG = 20_000  # objects, before the garbage collector looks at them
_UNCHANGED = object()
_replacers: dict[type, Callable[..., Any]] = {}


def hasten() -> None:
    """Make the values of every module that is loaded by now faster to build, in this process."""
    for kind in set(_frozen_classes()):
        _thaw(kind)
    for module in _modules():
        if getattr(module, "replace", None) is dataclasses.replace:
            module.replace = replace
    for function in REMEMBERED:
        _put_in_place(function, _remembering(function))
    gc.freeze()
    gc.set_threshold(YOUNG, 50, 100)  # what a day leaves behind is little


def replace(value: Any, /, **changes: Any) -> Any:
    """``dataclasses.replace``."""
    kind = value.__class__
    replacer = _replacers.get(kind)
    if replacer is None:
        return dataclasses.replace(value, **changes)
    return replacer(value, **changes)


def _remembering(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of one value, that knows what it answered for it. Values are never changed, so it is the same."""
    known: dict[int, tuple[Any, Any]] = {}

    def remember(value: Any) -> Any:
        found = known.get(id(value))
        if found is not None:
            return found[1]
        if len(known) == MOST_REMEMBERED:
            known.clear()
        answer = function(value)
        known[id(value)] = value, answer  # the value too: while it is there, no other has its id
        return answer

    return remember


def _put_in_place(function: Callable[..., Any], another: Callable[..., Any]) -> None:
    for module in _modules():
        if getattr(module, function.__name__, None) is function:
            setattr(module, function.__name__, another)


def _modules() -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in PACKAGES:
            yield module


def _frozen_classes() -> Iterator[type]:
    for module in _modules():
        for value in list(vars(module).values()):
            if isinstance(value, type) and _is_frozen(value):
                yield value


def _is_frozen(kind: type) -> bool:
    is_ours = kind.__module__.partition(".")[0] in PACKAGES
    return is_ours and dataclasses.is_dataclass(kind) and "__setattr__" in vars(kind)


def _thaw(kind: Any) -> None:
    fields = dataclasses.fields(kind)
    if hasattr(kind, "__post_init__") or not all(field.init for field in fields):
        return
    names: dict[str, Any] = {"_new": object.__new__, "_kind": kind, "_unchanged": _UNCHANGED}
    in_order = sorted(fields, key=lambda field: field.kw_only is True)
    arguments = [_argument(field, names) for field in in_order]
    if any(field.kw_only is True for field in fields):
        arguments.insert(sum(field.kw_only is not True for field in fields), "*")
    setting = [f"self.{field.name} = {_given(field)}" for field in fields]
    keeping = [f"_it.{one.name} = _value.{one.name} if {one.name} is _unchanged else {one.name}" for one in fields]
    unchanged = "".join(f", {field.name}=_unchanged" for field in fields)
    source = "\n    ".join((f"def init(self, {', '.join(arguments)}):", "pass", *setting))
    source += "\n" + "\n    ".join(
        (f"def replacer(_value, /{', *' if fields else ''}{unchanged}):", "_it = _new(_kind)", *keeping, "return _it")
    )
    exec(source, names)  # noqa: S102  # as dataclasses do it themselves
    kind.__init__ = names["init"]
    _replacers[kind] = names["replacer"]
    for guard in ("__setattr__", "__delattr__"):
        delattr(kind, guard)


def _argument(field: "dataclasses.Field[Any]", names: dict[str, Any]) -> str:
    if field.default is not dataclasses.MISSING:
        names[f"_default_{field.name}"] = field.default
        return f"{field.name}=_default_{field.name}"
    if field.default_factory is not dataclasses.MISSING:
        names[f"_make_{field.name}"] = field.default_factory
        return f"{field.name}=_unchanged"
    return field.name


def _given(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is dataclasses.MISSING:
        return field.name
    return f"_make_{field.name}() if {field.name} is _unchanged else {field.name}"
