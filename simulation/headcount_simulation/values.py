"""What is only a function of a manifest, worked out once.

Deployed, each pass reads its manifest anew; here it is the same value for hours.
"""

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


def hasten() -> None:
    """Remember, in every module that is loaded by now in this process."""
    for function in REMEMBERED:
        _put_in_place(function, _remembering(function))
    gc.freeze()
    gc.set_threshold(YOUNG, 50, 100)  # what a day leaves behind is little


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
