"""Load balancers and deployments: which ports take traffic is what tasks are made of; where it comes from is not."""

from typing import Any

import pytest

from builders import a_capacity, a_declared_service, a_service
from headcount.declaring import revision_of
from headcount.differing import differences
from headcount.model.values import replace
from unit.manifest.balancing_of import (
    GROUP_ARN,
    a_balancer,
    a_group,
    a_listener,
    a_rule,
    attributes,
    balanced,
    behind,
    with_group,
)
from unit.manifest.documents_of import LEFT_OUT, a_document, manifest_of

ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12"
BEHIND_ONE = behind(balanced())


def revision(document: dict[str, Any]) -> str:
    return revision_of(manifest_of(document), ARN)


@pytest.mark.parametrize(
    "document",
    [
        behind(balanced(targetGroupArn=GROUP_ARN)),
        behind(balanced(), balanced(targetGroupArn=GROUP_ARN)),
        with_group(healthCheckPath="/up", targetGroupAttributes=attributes(stickiness__enabled="true")),
        behind(balanced(rules=[a_rule()])),
        behind(balanced(), elasticLoadBalancers=[a_balancer(a_listener())]),
        behind(balanced(), healthCheckGracePeriodSeconds=60, unhealthyTasks={"action": "ignore"}),
    ],
)
def test_where_traffic_comes_from_replaces_no_task(document: dict[str, Any]):
    assert revision(document) == revision(BEHIND_ONE)


@pytest.mark.parametrize(
    "document",
    [
        a_document(),
        behind(balanced(containerPort=9090)),
        behind(balanced(containerName="admin")),
        behind(balanced(), balanced(containerPort=9090, targetGroup=LEFT_OUT, targetGroupArn=GROUP_ARN)),
    ],
)
def test_which_ports_take_traffic_is_what_tasks_are_made_of(document: dict[str, Any]):
    assert revision(document) != revision(BEHIND_ONE)


def test_the_order_of_ports_means_nothing():
    entries = [balanced(containerPort=number, targetGroup=a_group(name=f"web-{number}")) for number in range(1, 6)]
    assert revision(behind(*entries)) == revision(behind(*reversed(entries))) == "ed3bf2c3b6d79cc1"


def test_a_service_without_load_balancers_keeps_the_revision_that_is_on_record():
    assert revision(a_document()) == "afae7854743c2673"


# -- differences ------------------------------------------------------------------------------------------------------


def told(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    state = None
    if before is not None:
        state = replace(a_service(declared=a_declared_service(manifest_of(before))), capacity=a_capacity(3))
    changes = differences(state, a_declared_service(manifest_of(after)), a_capacity(3))
    return {change["path"]: (change["before"], change["after"]) for change in changes}


def test_a_change_of_a_declared_group_is_told_by_its_path():
    path = "loadBalancers[0].targetGroup.healthCheckPath"
    assert told(BEHIND_ONE, with_group(healthCheckPath="/up")) == {path: ("/", "/up")}


def test_a_group_more_is_told_field_by_field():
    changes = told(BEHIND_ONE, behind(balanced(), balanced(targetGroupArn=GROUP_ARN, containerPort=1)))
    assert changes == {
        "loadBalancers[1].targetGroupArn": (None, GROUP_ARN),
        "loadBalancers[1].containerName": (None, "web"),
        "loadBalancers[1].containerPort": (None, 1),
    }


def test_a_new_service_tells_what_it_says_and_no_defaults():
    assert {path for path in told(None, a_document()) if "oad" in path or "ealth" in path} == set()
    said = told(None, behind(balanced(targetGroupArn=GROUP_ARN), healthCheckGracePeriodSeconds=60))
    assert said["healthCheckGracePeriodSeconds"] == (None, 60)
    assert said["loadBalancers[0].targetGroupArn"] == (None, GROUP_ARN)
