"""What functions may do to load balancers, beyond what holds for every role (test_least_privilege.py)."""

import pytest

from headcount.balancing.naming import INSTALL_TAG, SERVICE_TAG
from headcount_sandbox.platform.deployment import Place
from unit.template.iam import ResolvedTemplate


def test_who_keeps_load_balancers_writes_its_own_record_and_history_only(statements):
    own = [s for s in statements if s.role == "KeepLoadBalancersRole"]
    (updating,) = [s for s in own if "dynamodb:UpdateItem" in s.actions]
    (putting,) = [s for s in own if "dynamodb:PutItem" in s.actions]
    attributes = ["pk", "sk", "schema", "revision", "balancing"]
    assert (updating.actions, updating.conditions) == (
        ("dynamodb:UpdateItem",), {"ForAllValues:StringEquals": {"dynamodb:Attributes": attributes}},
    )  # fmt: skip
    assert (putting.actions, putting.conditions) == (
        ("dynamodb:PutItem",), {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#history"]}},
    )  # fmt: skip


INSTALL = {"Ref": "InstallName"}
CARRIES_ITS_TAGS = {
    "StringEquals": {f"aws:RequestTag/{INSTALL_TAG}": INSTALL},
    "Null": {f"aws:RequestTag/{SERVICE_TAG}": "false"},
}
IS_ITS_OWN = {
    "StringEquals": {f"aws:ResourceTag/{INSTALL_TAG}": INSTALL},
    "Null": {f"aws:ResourceTag/{SERVICE_TAG}": "false"},
}
ON_ITS_OWN = {
    "StringEquals": {f"aws:RequestTag/{INSTALL_TAG}": INSTALL, f"aws:ResourceTag/{INSTALL_TAG}": INSTALL},
    "Null": {f"aws:RequestTag/{SERVICE_TAG}": "false"},
}


def test_load_balancing_is_created_with_its_tags_and_changed_only_with_them(statements):
    for s in (s for s in statements if s.role == "KeepLoadBalancersRole"):
        kinds = {action.partition(":")[2].partition("Describe")[0] for action in s.actions if _is_elbs(action)}
        if kinds <= {""}:
            continue
        if "AddTags" in kinds:
            (creating,) = s.conditions["StringEquals"].values()
            assert s.conditions == {"StringEquals": {"elasticloadbalancing:CreateAction": creating}}
            assert creating.startswith("Create")
        elif any(kind.startswith("Create") for kind in kinds):
            assert s.conditions == (ON_ITS_OWN if "CreateListener" in kinds else CARRIES_ITS_TAGS), s.sid
        else:
            assert s.conditions == IS_ITS_OWN, s.sid


def _is_elbs(action):
    return action.startswith("elasticloadbalancing:")


MANAGING = {
    "CreateLoadBalancer", "SetSubnets", "SetSecurityGroups", "SetIpAddressType", "ModifyLoadBalancerAttributes",
    "DeleteLoadBalancer", "CreateListener", "ModifyListener", "DeleteListener",
}  # fmt: skip


@pytest.mark.parametrize(("manages", "expected"), [("false", set()), ("true", MANAGING)])
def test_load_balancers_and_listeners_are_touched_only_where_the_stack_may_manage_them(root, manages, expected):
    place = Place(account="123456789012", region="eu-west-1", endpoint_url="")
    template = ResolvedTemplate(root / "template.yaml", {"ManageLoadBalancers": manages}, place)
    granted = {grant.action.partition(":")[2] for grant in template.grants() if _is_elbs(grant.action)}
    assert granted & MANAGING == expected


def test_functions_are_opened_to_elastic_load_balancing_only(statements):
    (opening,) = [s for s in statements if "lambda:AddPermission" in s.actions]
    assert opening.conditions == {"StringEquals": {"lambda:Principal": "elasticloadbalancing.amazonaws.com"}}
