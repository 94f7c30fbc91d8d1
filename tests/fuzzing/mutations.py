"""Small damage to valid JSON-like values: most of what breaks a parser is almost right."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

DEEP = 300  # levels: far more than any document has, and what Python itself still copies and compares


def _nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


HOSTILE: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        0.5,
        -0.0,
        1e999,
        -1e999,
        float("nan"),
        1e300,
        2**31,
        2**63,
        2**64,
        10**30,
        10**400,
    ),
    *(
        "",
        " ",
        "0",
        "-1",
        "1e3",
        "NaN",
        "null",
        "true",
        "\x00",
        "\n",
        "\u0661",
        "\u202e",
        "\U0001f600",
        "\ud800",
        "\udfff",
    ),
    *(
        "/",
        "#",
        "a/b/c",
        "..",
        "headcount:",
        "headcount:a b",
        "hc/main/",
        "arn:aws:ecs:eu-west-1:123456789012:cluster/",
    ),
    *("0001-01-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-13-01", "x" * 300, "x" * 70_000),
    *([], {}, [None], [[]], [{}], {"": ""}, {"a": None}, ["x"] * 3000, {f"k{number}": number for number in range(600)}),
    _nested(DEEP),
)


def mutated(value: Any, random: Random) -> Any:
    """A copy with one thing changed: replaced, removed, added, renamed, repeated, or put in the place of another."""
    places = list(_places(value, ()))
    if not places:
        return random.choice(HOSTILE)
    path = random.choice(places)
    change = random.choice((_replace, _replace, _replace, _remove, _add, _rename, _repeat, _transplant, _bend, _bend))
    return _changed(value, path, lambda container, key: change(container, key, value, random))


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside, as deep as documents go."""
    if len(path) > 12:
        return
    items = value.items() if isinstance(value, dict) else enumerate(value[:50]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _changed(value: Any, path: tuple[Any, ...], change: Any) -> Any:
    """A copy of the containers on the way to ``path``, and the change made in the last of them."""
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        change(copy, path[0])
    else:
        copy[path[0]] = _changed(copy[path[0]], path[1:], change)
    return copy


def _replace(container: Any, key: Any, _: Any, random: Random) -> None:
    """Every other time by a value of the same kind: what has the wrong type does not get far."""
    same = [value for value in HOSTILE if type(value) is type(container[key])]
    container[key] = random.choice(same if same and random.random() < 0.5 else HOSTILE)


def _remove(container: Any, key: Any, _: Any, __: Random) -> None:
    del container[key]


def _add(container: Any, key: Any, _: Any, random: Random) -> None:
    if isinstance(container, dict):
        container[random.choice(("aFieldOfTomorrow", "", "\ud800", str(key).upper(), "x" * 5000))] = random.choice(
            HOSTILE
        )
    else:
        container.insert(key, random.choice(HOSTILE))


def _rename(container: Any, key: Any, _: Any, random: Random) -> None:
    if isinstance(container, dict):
        other = str(key)
        names = (other[:1].upper() + other[1:], other[:-1], other + "s", other.upper(), other + "\ud800", "")
        container[random.choice(names)] = container.pop(key)


def _repeat(container: Any, key: Any, _: Any, random: Random) -> None:
    if isinstance(container, list):
        container.extend([container[key]] * random.choice((1, 2, 60, 2000)))
    else:
        container[key] = [container[key]] * random.choice((1, 2, 60))


def _transplant(container: Any, key: Any, whole: Any, random: Random) -> None:
    found = whole
    for step in random.choice(list(_places(whole, ()))):
        found = found[step]
    container[key] = found


def _bend(container: Any, key: Any, _: Any, random: Random) -> None:
    """The same value, a little wrong."""
    value = container[key]
    if isinstance(value, str):
        at = random.randrange(len(value) + 1)
        container[key] = random.choice(
            (
                value[:at],
                value[at:],
                value[:at] + random.choice("\x00\n /#:-_.\ud800é9Z") + value[at:],
                value * 2,
                value.upper(),
            )
        )
    elif isinstance(value, bool) or value is None:
        container[key] = random.choice(("true", 1, 0, [value]))
    elif isinstance(value, int | float):
        container[key] = random.choice(
            (value + 1, value - 1, -value, value * 1000, value * 0.5 if abs(value) < 1e15 else 0.5, str(value))
        )
    elif isinstance(value, Mapping):
        container[key] = [value]
    else:
        container[key] = random.choice((value[:1], value[::-1], dict(enumerate(value[:50])) and {"a": value}))
