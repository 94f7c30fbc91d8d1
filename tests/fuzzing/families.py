"""The parsers, a family each: inputs to begin with, how they are damaged, and the check, all on bytes.

Both ways of fuzzing use these: ``tests/properties/test_fuzz_parsers.py`` (Hypothesis), ``fuzz/`` (atheris).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from fuzzing import checks, samples
from fuzzing.mutations import mutated

# What no JSON value can say: written into texts in the place of a marker.
_WRITTEN = {
    '"@deep"': "[" * 50_000 + "]" * 50_000,
    '"@open"': "[" * 50_000,
    '"@huge"': "1" + "0" * 400,
    '"@digits"': "9" * 5000,
    '"@twice"': '1, "service": "prod/api", "schema": 1',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """``check`` raises if a parser broke a promise over ``data``; ``damage`` changes an input a little.

    ``examples``: so many damaged inputs take a second or two.
    """

    name: str
    what: str
    seeds: Callable[[], list[bytes]]
    check: Callable[[bytes], None]
    damage: Callable[[bytes, Random], bytes]
    examples: int


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


def _json(data: bytes) -> Any:
    """The value, as Lambda would have read it; ``ValueError`` for what never reaches a function."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _of_values(check: Callable[[Any], None]) -> Callable[[bytes], None]:
    def check_bytes(data: bytes) -> None:
        try:
            value = _json(data)
        except ValueError:
            return
        check(value)

    return check_bytes


def damage_json(data: bytes, random: Random) -> bytes:
    """One change in the value, if it is JSON; one in the text, if not."""
    try:
        return _written(mutated(_json(data), random))
    except (ValueError, RecursionError):
        return damage_text(data, random)


def damage_text(data: bytes, random: Random) -> bytes:
    """A piece cut out, repeated, or strewn in."""
    first, second = sorted(random.randrange(len(data) + 1) for _ in range(2))
    piece = random.choice((b"", data[first:second] * 2, *_STREWN))
    return data[:first] + piece + data[second if random.random() < 0.5 else first :]


_STREWN = (
    *(
        b"\x00",
        b"\xff",
        b"\n",
        b"\t",
        b"  ",
        b"'",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b": ",
        b", ",
        b"- ",
        b"? ",
        b"#",
        b"|\n",
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!t ",
        b"!!set ",
        b"---\n",
        b"...\n",
        b"%YAML 1.2\n",
        b"%TAG ! !\n",
        b"\xef\xbb\xbf",
        b"\\ud800",
    ),
    *(
        b"\\UFFFFFFFF",
        b"1e999",
        b"0x10",
        b"012",
        b"~",
        b"no",
        b".nan",
        b"2026-01-01",
        b"[" * 60,
        b"- " * 60,
        b"a: " * 60,
        b"9" * 5000,
    ),
)


def _damage_message(data: bytes, random: Random) -> bytes:
    if random.random() < 0.2:
        marker = random.choice(tuple(_WRITTEN))
        try:
            value = {**_json(data), random.choice(("at", "eventAt", "schema", "service", "x")): marker[1:-1]}
        except (ValueError, TypeError):
            return damage_text(data, random)
        return _written(value).replace(marker.encode(), _WRITTEN[marker].encode())
    return random.choice((damage_json, damage_json, damage_text))(data, random)


def _damage_event(data: bytes, random: Random) -> bytes:
    """Where an event is; in an alarm every other time inside its description, which is JSON in a text."""
    try:
        event = _json(data)
        configuration = event["detail"]["configuration"]
        said = configuration["description"].encode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, AttributeError):
        return damage_json(data, random)
    if random.random() < 0.5:
        return damage_json(data, random)
    configuration["description"] = _damage_message(said, random).decode("utf-8", "replace")
    return _written(event)


def _check_message(data: bytes) -> None:
    good = json.dumps({"schema": 1, "service": "prod/api", "at": 1_790_000_060.5})
    checks.check_messages([good, data.decode("utf-8", "replace"), good])


def _check_file(data: bytes) -> None:
    checks.check_file(data, "web.yaml")
    checks.check_file(data, "web.json")


def _damage_records(data: bytes, random: Random) -> bytes:
    """Inside a document, where most of a record is; in an attribute; or in the list of items."""
    try:
        items = _json(data)
        documents = [(item, name) for item in items for name, value in item.items() if _is_document(value)]
    except (ValueError, AttributeError, TypeError):
        return damage_json(data, random)
    if not documents or random.random() < 0.3:
        return damage_json(data, random)
    item, name = random.choice(documents)
    item[name]["S"] = _damage_message(item[name]["S"].encode("utf-8", "replace"), random).decode("utf-8", "replace")
    return _written(items)


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("S"), str) and value["S"].startswith(("{", "[{"))


def _check_records(value: Any) -> None:
    """Only what DynamoDB can answer: items with both keys, each attribute a string or a number."""
    if isinstance(value, list):
        items = [item for item in value if isinstance(item, dict) and _is_keyed(item)]
        checks.check_records([{name: typed for name, typed in item.items() if _is_typed(typed)} for item in items])


def _is_keyed(item: dict[str, Any]) -> bool:
    return all(_is_typed(item.get(name)) and "S" in item[name] for name in ("pk", "sk")) and (
        item["pk"]["S"] == "prod/web"
    )


def _is_typed(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1 or not all(isinstance(one, str) for one in value.values()):
        return False
    return value.keys() <= {"S", "N"} and "\ud800" not in str(value)


def _texts(texts: Iterable[str]) -> list[bytes]:
    return [text.encode() for text in texts]


FAMILIES = {
    family.name: family
    for family in (
        Family(
            name="events",
            what="events of tasks, container instances, Spot, retirement and alarms",
            seeds=lambda: [_written(event) for event in (*samples.events("observe_tasks"), *samples.alarms())],
            check=_of_values(checks.check_event),
            damage=_damage_event,
            examples=400,
        ),
        Family(
            name="messages",
            what="messages of the queues (kicks, timers), in batches, and requests for load balancers and for scaling",
            seeds=lambda: [
                *(_written(body) for name in ("reconcile_service", "wake_services") for body in samples.bodies(name)),
                *(_written(request) for request in samples.requests_to_look()),
            ],
            check=_check_message,
            damage=_damage_message,
            examples=400,
        ),
        Family(
            name="manifests",
            what="manifests as documents",
            seeds=lambda: [_written(manifest) for manifest in samples.manifests()],
            check=_of_values(checks.check_manifest),
            damage=damage_json,
            examples=400,
        ),
        Family(
            name="files",
            what="manifests as files, YAML and JSON",
            seeds=samples.files,
            check=_check_file,
            damage=damage_text,
            examples=120,
        ),
        Family(
            name="requests",
            what="requests to control",
            seeds=lambda: [_written(request) for request in samples.requests()],
            check=_of_values(checks.check_request),
            damage=damage_json,
            examples=400,
        ),
        Family(
            name="records",
            what="records of the table",
            seeds=lambda: [_written(samples.partition())],
            check=_of_values(_check_records),
            damage=_damage_records,
            examples=300,
        ),
        Family(
            name="words",
            what="durations, times and settings",
            seeds=lambda: _texts(samples.WORDS),
            check=lambda data: checks.check_words(data.decode("utf-8", "replace")),
            damage=damage_text,
            examples=300,
        ),
    )
}
