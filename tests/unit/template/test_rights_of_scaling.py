"""What decide_scaling may do, beyond what holds for every role (test_least_privilege.py)."""

import pytest

from headcount_sandbox.platform.deployment import Place
from unit.template.iam import ResolvedTemplate


def test_schedules_get_their_own_role_and_no_other(statements):
    (passing,) = [s for s in statements if s.role == "DecideScalingRole" and "iam:PassRole" in s.actions]
    assert (passing.actions, passing.resources) == (("iam:PassRole",), ({"Fn::GetAtt": ["ScheduleRole", "Arn"]},))
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_schedules_are_those_of_the_install_s_group(statements):
    (keeping,) = [s for s in statements if "scheduler:CreateSchedule" in s.actions]
    assert [one["Fn::Sub"].partition(":schedule/")[2] for one in keeping.resources] == ["${ScheduleGroup}/*"]


def test_who_decides_scaling_writes_counts_and_its_own_record_but_no_pass_manifest_or_task(statements):
    own = [s for s in statements if s.role == "DecideScalingRole"]
    conditions = {
        action: s.conditions
        for s in own
        for action in s.actions
        if action.partition(":")[2] in ("UpdateItem", "PutItem", "DeleteItem")
    }
    written = ["pk", "sk", "schema", "revision", "scaling", "nextLook", "doc"]
    assert conditions == {
        "dynamodb:UpdateItem": {"ForAllValues:StringEquals": {"dynamodb:Attributes": written}},
        "dynamodb:PutItem": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#history", "alarm#*"]}},
        "dynamodb:DeleteItem": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["alarm#*"]}},
    }


@pytest.mark.parametrize("functions", ["", "arn:aws:lambda:eu-west-1:123456789012:function:headcount-scaling-*"])
def test_users_functions_are_invoked_only_if_they_are_named_at_deployment(root, functions):
    place = Place(account="123456789012", region="eu-west-1", endpoint_url="")
    template = ResolvedTemplate(root / "template.yaml", {"ScalingFunctions": functions}, place)
    named = [
        g.resource for g in template.grants() if (g.role, g.action) == ("DecideScalingRole", "lambda:InvokeFunction")
    ]
    assert named == ([functions, f"{functions}:*"] if functions else []), "a version or an alias is another resource"


def test_composite_alarms_are_seen(statements):
    """DescribeAlarms: "You can't return information about composite alarms if your permission has a narrower scope"."""
    seeing = {s.role: s.resources for s in statements if "cloudwatch:DescribeAlarms" in s.actions}
    assert {role for role, resources in seeing.items() if resources == ("*",)} == {"DecideScalingRole", "ControlRole"}
