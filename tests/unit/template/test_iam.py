"""Grants and needs are compared as IAM decides: resource, condition, and one grant at a time."""

from pathlib import Path

import pytest

from headcount_sandbox.platform.deployment import Place
from unit.template.iam import Grant, Need, ResolvedTemplate, alternatives, compare, covers

TASKS = "arn:aws:ecs:eu-west-1:123456789012:task/*"
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0a1b"
PROD = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
IN_PROD = {"ArnLike": {"ecs:cluster": ["arn:*:ecs:*:*:cluster/prod"]}}


def grant(resource=TASKS, conditions=None, action="ecs:StopTask", role="One"):
    return Grant(role=role, sid="Some", action=action, resource=resource, conditions=conditions or {})


def need(resource=TASK, context=None, action="ecs:StopTask"):
    return Need(role="One", action=action, resource=resource, context=context or {})


@pytest.mark.parametrize(
    ("conditions", "context", "allowed"),
    [
        ({}, {}, True),
        (IN_PROD, {"ecs:cluster": [PROD]}, True),
        (IN_PROD, {"ecs:cluster": [PROD + "2"]}, False),
        (IN_PROD, {}, False),
        ({"StringEquals": {"ecs:CreateAction": "RunTask"}}, {"ecs:CreateAction": ["RunTask"]}, True),
        ({"StringEquals": {"ecs:CreateAction": "RunTask"}}, {"ecs:CreateAction": ["StartTask"]}, False),
        ({"ForAllValues:StringEquals": {"events:source": "headcount"}}, {"events:source": ["headcount"]}, True),
        ({"ForAllValues:StringEquals": {"events:source": "headcount"}}, {"events:source": ["headcount", "x"]}, False),
        ({"ForAllValues:StringNotEquals": {"dynamodb:Attributes": ["doc"]}}, {"dynamodb:Attributes": ["pk"]}, True),
        (
            {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": ["doc"]}},
            {"dynamodb:Attributes": ["pk", "doc"]},
            False,
        ),
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#x"]}}, {"dynamodb:LeadingKeys": ["a#x"]}, True),
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#x"]}}, {"dynamodb:LeadingKeys": ["a#x", "a"]}, False),
        ({"Null": {"aws:RequestTag/owner": "false"}}, {"aws:RequestTag/owner": ["me"]}, True),
        ({"Null": {"aws:RequestTag/owner": "false"}}, {}, False),
    ],
)
def test_conditions_hold_as_iam_reads_them(conditions, context, allowed):
    assert covers(grant(conditions=conditions), need(context=context)) is allowed


def test_what_names_no_resource_is_covered_by_all_resources_only():
    assert not covers(grant(), need(resource="*"))
    assert covers(grant(resource="*"), need(resource="*"))


def test_another_role_and_another_action_cover_nothing():
    assert not covers(grant(role="Two"), need())
    assert not covers(grant(action="ecs:RunTask"), need())


def test_of_two_grants_for_the_same_neither_is_needed():
    one, other = grant(), grant(resource="*")
    assert compare([one], [need()]).unused == ()
    assert compare([one, other], [need()]).unused == (one, other)
    assert compare([one, other], [need(), need(resource="*")]).unused == (one,)


def test_each_value_of_which_any_will_do_is_a_permission_of_its_own():
    to = {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]}}
    never = {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": ["doc", "pass"]}}
    assert list(alternatives({**to, **never})) == [
        {"StringEquals": {"iam:PassedToService": service}, **never}
        for service in ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com")
    ]
    assert list(alternatives({})) == [{}]


def test_what_no_grant_covers_is_missing():
    assert compare([grant()], [need(), need(action="ecs:RunTask")]).missing == {str(need(action="ecs:RunTask"))}


def test_lambda_itself_needs_logs_traces_queues_and_destinations(root: Path):
    template = ResolvedTemplate(
        root / "template.yaml",
        {"Clusters": "prod,staging"},
        Place(account="123456789012", region="eu-west-1", endpoint_url=""),
    )
    needs = list(template.needs_of_lambda())
    assert {one.action for one in needs if one.role == "ReconcileServiceRole"} == {
        "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    }  # fmt: skip
    assert compare(template.grants(), needs).missing == frozenset()
    sends = [one.resource for one in needs if (one.role, one.action) == ("ObserveTasksRole", "sqs:SendMessage")]
    assert sends == ["arn:aws:sqs:eu-west-1:123456789012:headcount-EventDeadLetters"]
