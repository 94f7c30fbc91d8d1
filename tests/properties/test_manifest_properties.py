"""What holds for every manifest and for everything that is none."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from headcount.model.manifest import SCALE_IN_RULES, Manifest
from headcount.model.manifest_balancing_bounds import (
    FUNCTION_TARGET_GROUP,
    LISTENERS,
    LOAD_BALANCER,
    RULES,
    TARGET_GROUP,
)
from headcount.model.manifest_bounds import (
    INLINE_TASK_DEFINITION,
    PLACEMENT_CONSTRAINTS,
    PLACEMENT_STRATEGY,
    TASK_OVERRIDE,
    VOLUME_CONFIGURATIONS,
)
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_parser import canonical_document, parse_manifest
from headcount.model.manifest_shapes import Shaped
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.problem import Problem
from headcount_cli.documents import UnreadableDocument, read_documents
from properties.balancing_strategies import balancing

KEYS = st.sampled_from([key for name in SERVICE.fields for key in (name, name[:1].upper() + name[1:])])
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates as well
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6) | st.dictionaries(ANY_TEXT, inner)
    ),
    max_leaves=12,
)

NAMES = st.text("abcXYZ019_-", min_size=1, max_size=20)
TAG_TEXT = st.text("abc \u00e9\u6f22_.:/=+@-1", max_size=20)
SECONDS = st.integers(0, 86400) | st.floats(0, 86400, allow_nan=False)
DEADLINE = st.integers(5, 86400) | st.floats(5, 86400, allow_nan=False)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def ids(prefix: str, minimum: int, maximum: int) -> st.SearchStrategy[list[str]]:
    characters = st.text("0123456789abcdef", min_size=1, max_size=17)
    return st.lists(characters.map(f"{prefix}-{{}}".format), min_size=minimum, max_size=maximum, unique=True)


def either_spelling(draw: st.DrawFn, value: Any) -> Any:
    """The document with some first letters in upper case."""
    if isinstance(value, list):
        return [either_spelling(draw, item) for item in value]
    if not isinstance(value, dict):
        return value
    upper = draw(st.booleans())
    return {(k[:1].upper() + k[1:] if upper else k): either_spelling(draw, item) for k, item in value.items()}


PROPER_DOCUMENTS = st.fixed_dictionaries(
    {
        "cluster": NAMES | NAMES.map("arn:aws:ecs:eu-west-1:123456789012:cluster/{}".format),
        "serviceName": NAMES,
        "taskDefinition": NAMES | NAMES.map("{}:7".format),
        "desiredCount": st.integers(0, 5000) | st.integers(0, 5000).map(str),
        "networkConfiguration": st.builds(
            lambda subnets, rest: {"awsvpcConfiguration": {"subnets": subnets, **rest}},
            ids("subnet", 1, 16),
            optional(securityGroups=ids("sg", 0, 5), assignPublicIp=st.just("DISABLED")),
        ),
    },
    optional={
        "kind": st.just("Service"),
        "platformVersion": st.just("LATEST"),
        "availabilityZoneRebalancing": st.just("DISABLED"),
        "availabilityZoneSpread": st.sampled_from(["BEST_EFFORT", "STRICT"]),
        "maximumAge": st.fixed_dictionaries(
            {"seconds": st.integers(60, 86400)}, optional={"jitterPercent": st.integers(0, 90)}
        ),
        "capacityReturn": optional(afterSeconds=st.integers(10, 86400), atOncePercent=st.integers(1, 100)),
        "deploymentConfiguration": optional(
            minimumHealthyPercent=st.integers(0, 100),
            maximumPercent=st.integers(200, 1000),
        ),
        "restarts": st.tuples(SECONDS, SECONDS).map(
            lambda pair: {"initialSeconds": min(pair), "maximumSeconds": max(pair)}
        ),
        "deadlines": optional(pendingSeconds=DEADLINE, stoppingSeconds=DEADLINE, disconnectedSeconds=DEADLINE),
        "scaleIn": st.lists(
            st.sampled_from([rule for rule in SCALE_IN_RULES if rule != "oldest"]), min_size=1, unique=True
        ).map(lambda rules: {"prefer": rules}),
        "enableExecuteCommand": st.booleans() | st.sampled_from(["true", "false"]),
        "propagateTags": st.sampled_from(["NONE", "TASK_DEFINITION"]),
        "tags": st.dictionaries(TAG_TEXT.map("key{}".format), TAG_TEXT, max_size=5).map(
            lambda tags: [{"key": key, "value": value} for key, value in tags.items()]
        ),
        "overrides": optional(
            cpu=st.just("256"),
            containerOverrides=st.lists(
                st.fixed_dictionaries({"name": NAMES}, optional={"cpu": st.integers(0, 4096).map(str)}), max_size=3
            ),
        ),
    },
)


STRATEGIES = st.lists(
    st.tuples(st.sampled_from(["FARGATE", "FARGATE_SPOT"]), st.integers(1, 1000).map(str)),
    min_size=1,
    unique_by=lambda item: item[0],
).map(
    lambda items: {
        "capacityProviderStrategy": [
            {"capacityProvider": name, "weight": int(weight), "base": 7 * (index == 0)}
            for index, (name, weight) in enumerate(items)
        ]
    }
)
PLACEMENT = optional(
    placementStrategy=st.lists(
        st.sampled_from(
            [
                {"type": "random"},
                {"type": "binpack", "field": "cpu"},
                {"type": "spread", "field": "attribute:ecs.availability-zone"},
                {"type": "spread", "field": "instanceId"},
            ]
        ),
        max_size=5,
    ),
    placementConstraints=st.lists(
        st.just({"type": "distinctInstance"})
        | st.text(min_size=1, max_size=20).map(lambda text: {"type": "memberOf", "expression": text}),
        max_size=3,
    ),
)
CAPACITY = (
    st.just({"launchType": "FARGATE"})
    | STRATEGIES
    | st.tuples(
        PLACEMENT,
        st.just({"launchType": "EC2", "platformVersion": "LATEST"}),
        optional(capacityFallback=st.just([{"launchType": "FARGATE"}])),
    ).map(lambda parts: parts[0] | parts[1] | parts[2])
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    document: dict[str, Any] = draw(PROPER_DOCUMENTS) | draw(CAPACITY)
    if draw(st.booleans()):
        document |= draw(balancing("ip"))
    spelled: dict[str, Any] = either_spelling(draw, document)
    return spelled


SMALLEST: dict[str, Any] = {
    "cluster": "prod",
    "serviceName": "web",
    "taskDefinition": "web",
    "desiredCount": 3,
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
}


def is_problems(parsed: Manifest | tuple[Problem, ...]) -> bool:
    return isinstance(parsed, tuple) and bool(parsed) and all(isinstance(problem, Problem) for problem in parsed)


@given(ANY_JSON)
def test_nothing_makes_the_parser_raise(document: object):
    assert is_problems(parse_manifest(document))


@given(documents(), KEYS, ANY_JSON)
def test_one_wrong_field_makes_problems_that_can_be_printed_and_sent(document: dict[str, Any], key: str, value: object):
    parsed = parse_manifest(document | {key: value})
    if not isinstance(parsed, Manifest):
        assert is_problems(parsed)
        for problem in parsed:
            str(problem).encode()
            json.dumps(problem.as_document(), allow_nan=False).encode()
            assert len(str(problem)) < 2000


@given(documents())
def test_the_canonical_document_declares_the_same_manifest(document: dict[str, Any]):
    manifest = parse_manifest(document)
    assert isinstance(manifest, Manifest), [str(problem) for problem in manifest]
    canonical = canonical_document(manifest)
    assert parse_manifest(canonical) == manifest
    assert parse_manifest(json.loads(json.dumps(canonical))) == manifest
    assert canonical_document(manifest) == canonical


@given(documents())
def test_a_manifest_that_was_on_record_is_the_same(document: dict[str, Any]):
    manifest = parse_manifest(document)
    assert isinstance(manifest, Manifest), [str(problem) for problem in manifest]
    read = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
    assert read == manifest
    assert canonical_document(read) == canonical_document(manifest)
    assert parse_manifest(canonical_document(read)) == manifest


@st.composite
def of_shape(draw: st.DrawFn, shape: Any) -> Any:
    """Something that looks like a value of a shape of AWS, often with something wrong or missing."""
    if draw(st.integers(0, 19)) == 0:
        return draw(ANY_JSON)
    match shape.type_name:
        case "structure":
            names = draw(st.lists(st.sampled_from(sorted(shape.members)), max_size=4, unique=True))
            chosen = {*names, *shape.required_members}
            return {name: draw(of_shape(shape.members[name])) for name in sorted(chosen)}
        case "list":
            return [draw(of_shape(shape.member)) for _ in range(draw(st.integers(0, 2)))]
        case "map":
            return {key: draw(of_shape(shape.value)) for key in draw(st.lists(NAMES, max_size=2))}
        case "string":
            enum = list(shape.enum)
            return draw(st.sampled_from(enum)) if enum else draw(NAMES | st.just("256"))
        case "boolean":
            return draw(st.booleans() | st.just("true"))
        case _:
            return draw(st.integers(0, 100) | st.integers(0, 100).map(str))


@given(balancing("ip"))
def test_what_is_declared_of_load_balancing_botocore_sends(keys: dict[str, Any]):
    manifest = parse_manifest(SMALLEST | keys)
    assert isinstance(manifest, Manifest), [str(problem) for problem in manifest]
    for target in (*manifest.load_balancers, *manifest.function_targets):
        if target.declared is not None:
            assert_sent("CreateTargetGroupInput", target.declared)
        for rule in target.rules:
            named = {name: value for name, value in rule.items() if name != "Listener"}
            assert_sent("CreateRuleInput", {"ListenerArn": "arn", "Actions": [], **named})
    for balancer in manifest.elastic_load_balancers:
        assert_sent("CreateLoadBalancerInput", balancer.declared)
        for listener in balancer.listeners:
            actions = json.loads(json.dumps(listener["DefaultActions"]).replace('"TargetGroup":', '"TargetGroupArn":'))
            assert_sent("CreateListenerInput", {"LoadBalancerArn": "arn", **listener, "DefaultActions": actions})


def assert_sent(shape: str, request: Mapping[str, Any]) -> None:
    report = ParamValidator().validate(request, ELB.shape_for(shape))
    assert not report.has_errors(), report.generate_report()


@given(balancing("ip"), st.data())
def test_one_thing_wrong_with_load_balancing_never_makes_the_parser_raise(keys: dict[str, Any], data: st.DataObject):
    document = deepcopy(SMALLEST | keys)  # it is damaged in place, and what is drawn may be drawn again
    place: Any = document
    while isinstance(place, dict | list) and place:
        inner = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[inner], dict | list) or not place[inner] or data.draw(st.booleans()):
            place[inner] = data.draw(ANY_JSON)
            break
        place = place[inner]
    parsed = parse_manifest(document)
    assert isinstance(parsed, Manifest) or is_problems(parsed)
    for problem in parsed if isinstance(parsed, tuple) else ():
        json.dumps(problem.as_document(), allow_nan=False).encode()


@pytest.mark.parametrize(
    "kind", [TARGET_GROUP, FUNCTION_TARGET_GROUP, RULES, LISTENERS, LOAD_BALANCER], ids=lambda kind: str(kind)[:60]
)
@given(data=st.data())
def test_no_value_of_a_shape_of_elb_makes_reading_raise(kind: Any, data: st.DataObject):
    if isinstance(kind, Shaped):
        value = data.draw(of_shape(ELB.shape_for(kind.shape)))
    else:
        value = [data.draw(of_shape(ELB.shape_for(kind.item.shape)))]
    reading = kind.read("here", value)
    assert all(problem.path.startswith("here") for problem in reading.problems)
    if not reading.problems:
        assert kind.read("here", reading.value).value == reading.value


ECS = botocore.session.get_session().get_service_model("ecs")
ELB = botocore.session.get_session().get_service_model("elbv2")


@pytest.mark.parametrize(
    "kind",
    [TASK_OVERRIDE, PLACEMENT_STRATEGY, PLACEMENT_CONSTRAINTS, VOLUME_CONFIGURATIONS, INLINE_TASK_DEFINITION],
    ids=lambda kind: kind.shape,
)
@given(data=st.data())
def test_what_is_accepted_by_a_shape_botocore_sends(kind: Shaped, data: st.DataObject):
    shape = ECS.shape_for(kind.shape)
    reading = kind.read("here", data.draw(of_shape(shape)))
    if reading.problems:
        assert all(problem.path.startswith("here") for problem in reading.problems)
        return
    value = reading.value
    if shape.name == "RegisterTaskDefinitionRequest":
        value = {"family": "web", **value}  # what the parser adds
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    assert kind.read("here", value).value == value


@given(desired=st.integers(1, 5000), minimum=st.integers(0, 100), maximum=st.integers(100, 1000))
def test_a_deployment_can_move_exactly_if_the_manifest_is_accepted(desired: int, minimum: int, maximum: int):
    parsed = parse_manifest(
        {
            "cluster": "prod",
            "serviceName": "web",
            "taskDefinition": "web",
            "desiredCount": desired,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
            "deploymentConfiguration": {"minimumHealthyPercent": minimum, "maximumPercent": maximum},
        }
    )
    stop_first = (desired - 1) * 100 >= desired * minimum
    start_first = (desired + 1) * 100 <= desired * maximum
    assert isinstance(parsed, Manifest) == (stop_first or start_first)


@given(desired=st.integers(0, 5000), percent=st.integers(0, 1000))
def test_percents_are_rounded_as_ecs_rounds_them(desired: int, percent: int):
    low, high = maximum_total(desired, percent), minimum_healthy(desired, percent)
    assert low * 100 <= desired * percent <= high * 100
    assert high - low == (desired * percent % 100 > 0)


YAML_PIECES = st.sampled_from(
    [
        *(
            "a",
            "b: ",
            "- ",
            "&x ",
            "*x",
            "<<: ",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "\n",
            "  ",
            "\t",
            "|\n",
            ">\n",
            "'",
            '"',
            "? ",
        ),
        *(
            "---\n",
            "...\n",
            "!t ",
            "!!int ",
            "%YAML 1.1\n",
            "# c\n",
            "012",
            "1.5",
            "~",
            "true",
            "\x00",
            "\ud800",
            "\ufeff",
        ),
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@given(
    content=st.lists(YAML_PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass"))
    | st.binary(max_size=40),
    name=st.sampled_from(["web.yaml", "web.json"]),
)
def test_no_file_makes_the_reader_fail_otherwise_than_with_problems(folder: Path, content: bytes, name: str):
    file = folder / name
    file.write_bytes(content)
    try:
        documents = read_documents(file)
    except UnreadableDocument as unreadable:
        documents = []
        named = [problem.path.startswith(str(file)) for problem in unreadable.problems]
    else:
        named = [document.source == str(file) for document in documents]
    assert named
    assert all(named)
    for document in documents:
        parse_manifest(document.content)
        json.dumps(document.content)
