"""Values are used as the standard's dataclasses are: frozen, with slots, by keyword."""

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from headcount.model.values import asked_again, astuple, dataclass, fields, replace, without_defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it is."""

    zone: str
    subnets: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    weight: float | None = None

    @property
    def is_empty(self) -> bool:
        return not self.subnets


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Standard:
    """Where it is."""

    zone: str
    subnets: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    only: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("below 0")

    def __repr__(self) -> str:
        return f"<{self.count}>"


HERE = Place(zone="a", subnets=("s",))


def test_defaults_and_factories_fill_what_is_not_said() -> None:
    first, second = Place(zone="a"), Place(zone="a")
    assert (first.zone, first.subnets, first.labels, first.weight) == ("a", (), {}, None)
    assert first.labels is not second.labels
    assert Place(zone="a", labels={}, weight=0.0).weight == 0.0


@pytest.mark.parametrize(
    ("arguments", "options"), [((), {}), (("a",), {}), ((), {"zone": "a", "other": 1}), ((), {"subnets": ()})]
)
def test_wrong_arguments_are_refused_as_the_standard_does(arguments: tuple[str, ...], options: dict[str, Any]) -> None:
    for kind in (_Standard, Place):
        with pytest.raises(TypeError):
            kind(*arguments, **options)
    with pytest.raises(TypeError, match="other"):
        replace(HERE, other=1)  # type: ignore[call-arg]  # that it is refused is the test


def test_equal_are_those_of_one_class_with_equal_fields() -> None:
    assert Place(zone="a", subnets=("s",)) == HERE
    assert Place(zone="b", subnets=("s",)) != HERE
    assert _Standard(zone="a", subnets=("s",)) != HERE
    assert One(only=1.0) == One(only=1)
    assert Nothing() == Nothing()
    same = float("nan")
    assert One(only=same) == One(only=same), "as tuples are"


def test_hashes_follow_equality() -> None:
    assert len({One(only=1.0), One(only=1), One(only=2.0), Nothing(), Nothing()}) == 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(HERE)


@pytest.mark.parametrize("name", ["zone", "elsewhere"])
def test_nothing_is_assigned_or_deleted(name: str) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(HERE, name, "b")
    with pytest.raises(AttributeError):
        delattr(HERE, name)
    assert HERE.zone == "a"
    assert not hasattr(HERE, "__dict__")


def test_it_shows_itself_as_the_standard_does() -> None:
    assert repr(HERE) == repr(_Standard(zone="a", subnets=("s",))).replace("_Standard", "Place")
    assert repr(Nothing()) == "Nothing()"


def test_its_parts_are_read_and_replaced() -> None:
    assert [field.name for field in fields(HERE)] == ["zone", "subnets", "labels", "weight"]
    assert replace(HERE, zone="b") == Place(zone="b", subnets=("s",))
    assert HERE.zone == "a"
    assert astuple(HERE) == ("a", ("s",), {}, None)
    with pytest.raises(ValueError, match="below 0"):
        replace(Checked(count=1), count=-1)


def test_msgspec_reads_and_writes_it() -> None:
    document = {"zone": "a", "subnets": ["s"]}
    assert msgspec.convert(document, Place) == HERE
    assert msgspec.json.decode(msgspec.json.encode(HERE), type=Place) == HERE
    with pytest.raises(msgspec.ValidationError, match="zone"):
        msgspec.convert({}, Place)
    with pytest.raises(msgspec.ValidationError, match="below 0"):
        msgspec.convert({"count": -1}, Checked)


def test_it_is_copied_and_pickled() -> None:
    assert pickle.loads(pickle.dumps(HERE)) == copy.deepcopy(HERE) == copy.copy(HERE) == HERE


def test_a_class_keeps_its_own_methods() -> None:
    assert not HERE.is_empty
    assert repr(Checked(count=3)) == "<3>"
    with pytest.raises(ValueError, match="below 0"):
        Checked(count=-1)


def test_a_pattern_may_name_its_fields() -> None:
    match HERE:
        case Place(zone="a", subnets=(subnet,)):
            assert subnet == "s"
        case _:
            pytest.fail("it is HERE")


def test_asked_again_of_the_very_same_values_it_answers_likewise_without_work() -> None:
    asked: list[tuple[Any, ...]] = []

    @asked_again
    def together(*values: Any) -> int:
        asked.append(values)
        return len(asked)

    other = copy.copy(HERE)
    assert [together(HERE, 1), together(HERE, 1), together(other, 1), together(other), together(other)] == [
        1,
        1,
        2,
        3,
        3,
    ]
    assert len(asked) == 3


def test_without_defaults_only_what_differs_is_written_and_reading_puts_the_rest_back():
    places = (Place(zone="a"), Place(zone="", subnets=("s",), weight=0.0), Place(zone="b", labels={"on": "ice"}))
    written = without_defaults(places)
    assert written == [
        {"zone": "a", "labels": {}},
        {"zone": "", "subnets": ["s"], "labels": {}, "weight": 0.0},
        {"zone": "b", "labels": {"on": "ice"}},
    ]
    assert msgspec.json.decode(msgspec.json.encode(written), type=tuple[Place, ...]) == places
