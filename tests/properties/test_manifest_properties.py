"""What holds for every manifest and for everything that is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headcount.model.manifest import SCALE_IN_RULES, Manifest
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_parser import canonical_document, parse_manifest
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.problem import Problem
from headcount_cli.documents import UnreadableDocument, read_documents

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
            optional(securityGroups=ids("sg", 0, 5), assignPublicIp=st.sampled_from(["ENABLED", "DISABLED"])),
        ),
    },
    optional={
        "kind": st.just("Service"),
        "platformVersion": st.sampled_from(["LATEST", "1.4.0"]),
        "deploymentConfiguration": optional(
            minimumHealthyPercent=st.integers(0, 100),
            maximumPercent=st.integers(200, 1000),
        ),
        "restarts": st.tuples(SECONDS, SECONDS).map(
            lambda pair: {"initialSeconds": min(pair), "maximumSeconds": max(pair)}
        ),
        "deadlines": optional(pendingSeconds=DEADLINE, stoppingSeconds=DEADLINE),
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


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    capacity = draw(
        st.just({"launchType": "FARGATE"})
        | st.sampled_from(["FARGATE", "FARGATE_SPOT"]).map(
            lambda name: {"capacityProviderStrategy": [{"capacityProvider": name}]}
        )
    )
    document: dict[str, Any] = either_spelling(draw, draw(PROPER_DOCUMENTS) | capacity)
    return document


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
