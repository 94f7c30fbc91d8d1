"""Values that AWS declares are read by AWS's own model; what we add to it must not outlive what it is about."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from headcount.model.manifest_balancing_bounds import (
    ATTRIBUTES,
    FUNCTION_TARGET_GROUP,
    LISTENERS,
    LOAD_BALANCER,
    RULES,
    TARGET_GROUP,
)
from headcount.model.manifest_bounds import (
    BEYOND,
    INLINE_TASK_DEFINITION,
    PLACEMENT_CONSTRAINTS,
    PLACEMENT_STRATEGY,
    TASK_OVERRIDE,
    VOLUME_CONFIGURATIONS,
)
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_kinds import INVALID, Block, ListOf, MapOf, Unsupported
from headcount.model.manifest_shapes import Shaped, uncapitalized

MODEL = botocore.session.get_session().get_service_model("ecs")
SHAPED = (TASK_OVERRIDE, PLACEMENT_STRATEGY, PLACEMENT_CONSTRAINTS, VOLUME_CONFIGURATIONS, INLINE_TASK_DEFINITION)


def _below(kind: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every kind that reading may come to."""
    yield path, kind
    if isinstance(kind, Shaped):
        yield from _below(kind.kind, path)
    elif isinstance(kind, Block):
        for name, field in kind.fields.items():
            yield from _below(field, f"{path}.{name}")
    elif isinstance(kind, ListOf | MapOf):
        yield from _below(kind.item, f"{path}[]")
    elif hasattr(kind, "block"):
        yield from _below(kind.block, path)


ELB = botocore.session.get_session().get_service_model("elbv2")
OF_ELB = (TARGET_GROUP, FUNCTION_TARGET_GROUP, LOAD_BALANCER, RULES, LISTENERS, ATTRIBUTES)
OURS = {  # keys beside AWS's
    "CreateTargetGroupInput": {"targetGroupAttributes"},
    "CreateRuleInput": {"listener"},
    "CreateLoadBalancerInput": {"listeners", "loadBalancerAttributes"},
    "Action": {"targetGroup"},
    "TargetGroupTuple": {"targetGroup"},
}
ALL = [pair for kind in SHAPED for pair in _below(kind, kind.shape)]


def test_aws_declares_hundreds_of_values_and_all_can_be_read():
    assert len(ALL) > 400
    refused = {path: kind.reason for path, kind in ALL if isinstance(kind, Unsupported)}
    assert set(refused.values()) == {"AWS has ended Elastic Inference"}


def test_what_is_said_beyond_the_model_is_about_shapes_that_it_has():
    reached = {kind.shape for _, kind in ALL if isinstance(kind, Shaped)}
    assert set(BEYOND) <= reached
    for name, beyond in BEYOND.items():
        model = MODEL.shape_for(name)
        if model.type_name == "structure":
            assert {*beyond.fields, *beyond.required, *beyond.optional} <= set(model.members), name
            assert beyond.optional <= set(model.required_members), name
        else:
            assert not beyond.fields, name


def test_words_that_we_spell_ourselves_are_those_of_aws():
    for name, beyond in BEYOND.items():
        for member, kind in beyond.fields.items():
            if hasattr(kind, "values"):
                assert {*kind.values, *kind.refused} == set(MODEL.shape_for(name).members[member].enum)


@pytest.mark.parametrize(
    ("request_shape", "key"),
    [
        ("RunTaskRequest", "placementStrategy"),
        ("RunTaskRequest", "placementConstraints"),
        ("RunTaskRequest", "volumeConfigurations"),
        ("RunTaskRequest", "overrides"),
    ],
)
def test_what_goes_to_run_task_is_read_by_the_shape_that_it_takes(request_shape: str, key: str):
    kind = SERVICE.fields[key]
    assert isinstance(kind, Shaped)
    assert MODEL.shape_for(request_shape).members[key].name == kind.shape


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("CapacityProviderStrategyItemWeight", 1001),
        ("CapacityProviderStrategyItemWeight", -1),
        ("BoxedInteger", 2**31),
        ("BoxedInteger", 1.5),
        ("BoxedBoolean", "yes"),
        ("String", 1),
        ("TagKey", ""),
        ("TagValue", "x" * 257),
        ("NetworkMode", "AWSVPC"),
        ("StringMap", {"a": 1}),
        ("StringMap", {1: "a"}),
        ("StringMap", {str(number): "" for number in range(1001)}),
        ("StringMap", []),
    ],
)
def test_bounds_of_the_model(shape: str, value: object):
    reading = Shaped(shape=shape).read("here", value)
    assert reading.problems
    assert all(problem.path.startswith("here") for problem in reading.problems)


def test_a_value_deeper_than_any_of_awss_is_not_read():
    reading = Shaped(shape="StringMap", depth=21).read("here", {})
    assert reading.value is INVALID
    assert "levels deep" in reading.problems[0].message


# -- Elastic Load Balancing -------------------------------------------------------------------------------------------

ALL_OF_ELB = [pair for kind in OF_ELB for pair in _below(kind, "")]


def _members(shape: str) -> set[str]:
    return {uncapitalized(name) for name in ELB.shape_for(shape).members}


def test_everything_that_elb_declares_can_be_read_and_what_is_refused_says_why():
    assert len(ALL_OF_ELB) > 200
    refused = {path.rpartition(".")[2]: kind.reason for path, kind in ALL_OF_ELB if isinstance(kind, Unsupported)}
    assert set(refused) == {
        "actions",
        "loadBalancerArn",
        "isDefault",
        "ipAddressType",
        "authenticateOidcConfig",
        "trustStoreAssociationStatus",
    }


def test_what_is_said_beyond_elbs_model_is_about_shapes_that_it_has():
    beyonds = {
        name: (kind, beyond)
        for _, kind in ALL_OF_ELB
        if isinstance(kind, Shaped)
        for name, beyond in kind.beyond.items()
    }
    reached = {kind.shape for _, kind in ALL_OF_ELB if isinstance(kind, Shaped)}
    assert set(beyonds) <= reached
    for name, (_, beyond) in beyonds.items():
        if ELB.shape_for(name).type_name == "structure":
            assert {*beyond.fields, *beyond.required} - _members(name) <= OURS.get(name, set()), name
            assert beyond.optional <= {uncapitalized(one) for one in ELB.shape_for(name).required_members}, name
        else:
            assert not beyond.fields, name


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (TARGET_GROUP, "CreateTargetGroupInput"),
        (FUNCTION_TARGET_GROUP, "CreateTargetGroupInput"),
        (RULES.item, "CreateRuleInput"),
        (LISTENERS.item, "CreateListenerInput"),
        (LOAD_BALANCER, "CreateLoadBalancerInput"),
    ],
)
def test_every_field_of_a_request_to_elb_is_honoured_or_refused_by_name(kind: Any, shape: str):
    assert set(kind.kind.fields) == _members(shape) | OURS.get(shape, set())


def test_words_of_elb_that_we_spell_ourselves_are_those_of_aws():
    compared = 0
    for _, kind in ALL_OF_ELB:
        if not isinstance(kind, Shaped) or not isinstance(kind.kind, Block):
            continue
        members = {uncapitalized(name): member for name, member in ELB.shape_for(kind.shape).members.items()}
        for name, field in kind.kind.fields.items():
            enum = set(getattr(members.get(name), "enum", None) or ())
            if enum and hasattr(field, "values"):
                assert {*field.values, *field.refused} <= enum, f"{kind.shape}.{name}"
                compared += 1
    assert compared > 8


def test_attributes_of_load_balancers_have_the_form_of_those_of_target_groups():
    assert _members("LoadBalancerAttribute") == _members("TargetGroupAttribute") == {"key", "value"}
