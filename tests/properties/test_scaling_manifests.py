"""Whatever scaling a manifest declares can be written, recorded, shortened and read again; nothing makes it raise."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import canonical_document, parse_manifest
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.problem import Problem
from headcount.scaling_defaults import shortened, with_defaults, without_defaults
from properties.scaling_blocks import blocks

SERVICE: dict[str, Any] = {
    "cluster": "prod",
    "serviceName": "web",
    "taskDefinition": "web",
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
}
NATIVE: dict[str, Any] = {"kind": "NativeService", "cluster": "prod", "serviceName": "web"}
OF_EITHER_KIND = st.sampled_from([SERVICE, NATIVE])
WRITTEN_OTHERWISE = ("startTime", "endTime", "statistic")  # as ISO 8601, and as a query's stat
ANY_VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


def manifest_of(document: dict[str, Any]) -> Manifest:
    parsed = parse_manifest(document)
    assert isinstance(parsed, Manifest), [str(problem) for problem in parsed]
    return parsed


def upper(value: Any) -> Any:
    """AWS's own spelling."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: upper(item) for key, item in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, with what it stands in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from places(item)


def leaves(value: Any) -> set[tuple[str, Any]]:
    """Every plain value with the key that it stands under; numbers as such, however they are written."""
    found = {(key, place[key]) for place, key in places(value) if not isinstance(place[key], dict | list)}
    return {(str(key), float(item) if key == "targetValue" else item) for key, item in found if isinstance(key, str)}


@given(OF_EITHER_KIND, blocks())
def test_scaling_can_be_written_recorded_and_read_again(kind: dict[str, Any], block: dict[str, Any]):
    manifest = manifest_of({**kind, "scaling": block})
    assert manifest_of({**kind, "scaling": upper(block)}) == manifest
    canonical = canonical_document(manifest)
    assert manifest_of(json.loads(json.dumps(canonical))) == manifest
    assert canonical_document(manifest_of(canonical)) == canonical
    recorded = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
    assert recorded == manifest
    assert declared_scaling(recorded) == declared_scaling(manifest)


@given(OF_EITHER_KIND, blocks())
def test_nothing_that_is_said_is_lost(kind: dict[str, Any], block: dict[str, Any]):
    lost = leaves(block) - leaves(canonical_document(manifest_of({**kind, "scaling": block}))["scaling"])
    assert {leaf for leaf in lost if leaf[0] not in WRITTEN_OTHERWISE} == set()


@given(blocks())
def test_defaults_can_be_left_out(block: dict[str, Any]):
    written = manifest_of({**SERVICE, "scaling": block}).scaling
    assert written is not None
    short = shortened(written)
    assert with_defaults(short) == written
    assert shortened(with_defaults(short)) == short
    least = with_defaults(without_defaults(written))
    assert [one["policyName"] for one in least["policies"]] == [one["policyName"] for one in written["policies"]]


@given(OF_EITHER_KIND, blocks(), ANY_VALUE, st.data())
def test_one_wrong_value_makes_problems_that_can_be_sent(
    kind: dict[str, Any], block: dict[str, Any], value: object, data: st.DataObject
):
    document = copy.deepcopy({**kind, "scaling": block})
    place, key = data.draw(st.sampled_from(list(places(document["scaling"]))))
    place[key] = value
    parsed = parse_manifest(document)
    if not isinstance(parsed, Manifest):
        assert all(isinstance(problem, Problem) for problem in parsed)
        for problem in parsed:
            assert problem.path.startswith(("scaling", "deploymentConfiguration"))
            json.dumps(problem.as_document(), allow_nan=False).encode()
