"""No role may do more than its function does, as docs/contracts.md lists it."""

import tomllib
from pathlib import Path

import pytest

WILDCARDS = tomllib.loads((Path(__file__).parent / "wildcards.toml").read_text(encoding="utf-8"))["actions"]

LOGS_AND_TRACES = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# docs/contracts.md, "What each function calls"; a transaction needs the permissions of its parts.
CALLS = {
    "ObserveTasksRole": """
        dynamodb:GetItem dynamodb:UpdateItem
        sqs:SendMessage""",
    "ReconcileServiceRole": """
        sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:SendMessage
        dynamodb:Query dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem
        dynamodb:BatchWriteItem
        ecs:RunTask ecs:TagResource ecs:StopTask ecs:ListTasks ecs:DescribeTasks iam:PassRole
        events:PutEvents""",
    "AuditClustersRole": """
        dynamodb:Query dynamodb:UpdateItem
        ecs:ListTasks ecs:DescribeTasks
        sqs:SendMessage""",
    "WakeServicesRole": """
        sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:SendMessage
        dynamodb:GetItem""",
    "ControlRole": """
        dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query
        dynamodb:PutItem dynamodb:ConditionCheckItem
        sqs:SendMessage ecs:DescribeTaskDefinition ec2:DescribeSubnets""",
}
MAY_SEND_TO = {
    "ObserveTasksRole": {"ReconcileQueue", "EventDeadLetters"},
    "ReconcileServiceRole": {"ReconcileQueue", "TimerQueue"},
    "AuditClustersRole": {"ReconcileQueue", "EventDeadLetters"},
    "WakeServicesRole": {"ReconcileQueue"},
    "ControlRole": {"ReconcileQueue"},
}


def test_every_function_has_a_role_of_its_own_and_there_are_no_others(of_type):
    roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in of_type("AWS::Lambda::Function").items()}
    assert roles == {name: f"{name}Role" for name in roles}
    assert set(of_type("AWS::IAM::Role")) == set(roles.values()) == set(CALLS)


def test_nothing_but_the_policies_written_in_the_template_is_attached_to_a_role(of_type):
    assert not of_type("AWS::IAM::Policy")
    assert not of_type("AWS::IAM::ManagedPolicy")
    for role in of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        assert [s["Principal"] for s in role["AssumeRolePolicyDocument"]["Statement"]] == [
            {"Service": "lambda.amazonaws.com"}
        ]


@pytest.mark.parametrize("role", CALLS)
def test_a_role_allows_exactly_what_its_function_calls(statements, role):
    allowed = {action for s in statements if s.role == role for action in s.actions}
    assert allowed - LOGS_AND_TRACES == set(CALLS[role].split())
    assert allowed >= LOGS_AND_TRACES


def test_every_statement_says_why_it_is_there_and_names_its_actions(statements):
    for s in statements:
        assert s.effect == "Allow"
        assert s.sid.isalnum(), s
        assert not [action for action in s.actions if "*" in action], s
    sids = [(s.role, s.sid) for s in statements]
    assert len(sids) == len(set(sids))


def test_all_resources_stands_only_where_aws_offers_nothing_narrower(statements):
    used = {action for s in statements if "*" in s.resources for action in s.actions}
    assert used == set(WILDCARDS), "tests/unit/template/wildcards.toml gives the reason for each"
    for s in statements:
        assert s.resources == ("*",) or "*" not in s.resources


def test_every_family_of_resources_is_narrowed_by_a_condition(statements):
    for s in statements:
        if any(_is_family(resource) for resource in s.resources):
            assert s.conditions, s


def test_ecs_is_touched_only_in_the_clusters_named_at_deployment(statements):
    clusters = "arn:*:ecs:*:*:cluster/"
    all_of_them = {"Fn::Join": ["," + clusters, {"Ref": "Clusters"}]}
    one_arn_each = {"Fn::Split": [",", {"Fn::Sub": [clusters + "${All}", {"All": all_of_them}]}]}
    in_its_clusters = {"ArnLike": {"ecs:cluster": one_arn_each}}
    for s in statements:
        if {"ecs:RunTask", "ecs:StopTask", "ecs:ListTasks", "ecs:DescribeTasks"} & set(s.actions):
            assert s.conditions == in_its_clusters, s


def test_tags_are_given_only_to_tasks_that_are_just_starting(statements):
    (tagging,) = [s for s in statements if "ecs:TagResource" in s.actions]
    assert tagging.actions == ("ecs:TagResource",)
    assert tagging.conditions == {"StringEquals": {"ecs:CreateAction": "RunTask"}}


def test_only_the_roles_named_at_deployment_can_be_passed_and_only_to_tasks(statements, source):
    (passing,) = [s for s in statements if "iam:PassRole" in s.actions]
    assert (passing.role, passing.actions, passing.resources) == (
        "ReconcileServiceRole",
        ("iam:PassRole",),
        ({"Ref": "PassableRoles"},),
    )
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    roles = source["Parameters"]["PassableRoles"]
    assert roles["Default"] == ""
    assert "*" not in roles["AllowedPattern"].replace("]*", "")


@pytest.mark.parametrize("role", ["ObserveTasksRole", "AuditClustersRole"])
def test_who_observes_cannot_write_manifests_counts_plans_or_launches(statements, role):
    (writing,) = [s for s in statements if s.role == role and "dynamodb:UpdateItem" in s.actions]
    forbidden = writing.conditions["ForAllValues:StringNotEquals"]["dynamodb:Attributes"]
    assert set(forbidden) == {"doc", "pass", "nextWake", "generation", "revision", "deleting"}


def test_events_are_published_in_headcounts_own_name_only(statements):
    (publishing,) = [s for s in statements if "events:PutEvents" in s.actions]
    assert publishing.conditions == {"ForAllValues:StringEquals": {"events:source": "headcount"}}


def test_the_table_is_named_exactly(statements):
    table = {"Fn::GetAtt": ["Table", "Arn"]}
    index = {"Fn::Sub": "${Table.Arn}/index/services"}
    for s in statements:
        if any(action.startswith("dynamodb:") for action in s.actions):
            assert all(resource in (table, index) for resource in s.resources), s
            assert index not in s.resources or set(s.actions) == {"dynamodb:Query"}, s


@pytest.mark.parametrize("role", MAY_SEND_TO)
def test_a_role_sends_only_to_the_queues_that_its_function_knows(statements, role):
    sending = [s for s in statements if s.role == role and "sqs:SendMessage" in s.actions]
    assert {resource["Fn::GetAtt"][0] for s in sending for resource in s.resources} == MAY_SEND_TO[role]
    assert all(s.actions == ("sqs:SendMessage",) for s in sending)


def test_a_function_writes_into_its_own_log_only(statements):
    for s in statements:
        if "logs:PutLogEvents" in s.actions:
            assert s.resources == ({"Fn::GetAtt": [s.role.removesuffix("Role") + "Logs", "Arn"]},)


def test_only_this_stacks_rules_may_write_to_the_event_dead_letters(of_type):
    (policy,) = of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    allowed = [arn["Fn::GetAtt"][0] for arn in statement["Condition"]["ArnEquals"]["aws:SourceArn"]]
    assert sorted(allowed) == sorted(of_type("AWS::Events::Rule"))


def _is_family(resource: object) -> bool:
    """An ARN that ends in a wildcard, written with !Sub."""
    return isinstance(resource, dict) and str(resource.get("Fn::Sub", "")).endswith("*")
