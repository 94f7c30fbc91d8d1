"""No role may do more than its function does, as docs/contracts.md lists it."""

import json
import tomllib
from pathlib import Path

import pytest

from headcount.aws.task_definitions import CONTENT_TAG
from headcount_sandbox.platform.deployment import Place
from unit.template.iam import ResolvedTemplate

REASONS = tomllib.loads((Path(__file__).parent / "wildcards.toml").read_text(encoding="utf-8"))
WILDCARDS, FAMILIES = REASONS["actions"], REASONS["families"]

LOGS_AND_TRACES = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# docs/contracts.md, "What each function calls"; a transaction needs the permissions of its parts.
CALLS = {
    "ObserveTasksRole": """
        dynamodb:GetItem dynamodb:UpdateItem
        ecs:ListTasks ecs:ListContainerInstances ecs:DescribeTasks
        sqs:SendMessage""",
    "ReconcileServiceRole": """
        sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:SendMessage
        dynamodb:Query dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem
        dynamodb:BatchWriteItem
        lambda:InvokeFunction
        ecs:RunTask ecs:TagResource ecs:StopTask ecs:ListTasks ecs:DescribeTasks iam:PassRole
        ecs:DeregisterTaskDefinition ecs:DescribeContainerInstances
        elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets
        elasticloadbalancing:DescribeTargetHealth
        ec2:DescribeInstances ec2:DescribeInternetGateways ec2:DescribeSubnets ec2:DescribeVpcs
        events:PutEvents""",
    "AuditClustersRole": """
        dynamodb:Query dynamodb:UpdateItem
        ecs:ListTasks ecs:DescribeTasks ecs:DescribeContainerInstances elasticloadbalancing:DescribeTargetHealth
        sqs:SendMessage""",
    "WakeServicesRole": """
        sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:SendMessage
        dynamodb:GetItem lambda:InvokeFunction""",
    "KeepLoadBalancersRole": """
        sqs:SendMessage
        dynamodb:GetItem dynamodb:Query dynamodb:ConditionCheckItem dynamodb:UpdateItem dynamodb:PutItem
        elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeLoadBalancerAttributes
        elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeRules elasticloadbalancing:DescribeTags
        elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetGroupAttributes
        elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:AddTags
        elasticloadbalancing:CreateTargetGroup elasticloadbalancing:ModifyTargetGroup
        elasticloadbalancing:ModifyTargetGroupAttributes elasticloadbalancing:DeleteTargetGroup
        elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets
        elasticloadbalancing:CreateRule elasticloadbalancing:ModifyRule elasticloadbalancing:DeleteRule
        elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:SetSubnets
        elasticloadbalancing:SetSecurityGroups elasticloadbalancing:SetIpAddressType
        elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:DeleteLoadBalancer
        elasticloadbalancing:CreateListener elasticloadbalancing:ModifyListener elasticloadbalancing:DeleteListener
        ec2:DescribeInstances ec2:DescribeInternetGateways ec2:DescribeSubnets ec2:DescribeVpcs
        ec2:DescribeAccountAttributes ec2:DescribeAddresses ec2:DescribeSecurityGroups
        iam:CreateServiceLinkedRole
        cloudwatch:DescribeAlarms cloudwatch:PutMetricAlarm cloudwatch:TagResource cloudwatch:DeleteAlarms
        lambda:GetPolicy lambda:GetFunctionConfiguration lambda:AddPermission lambda:RemovePermission""",
    "DecideScalingRole": """
        dynamodb:Query dynamodb:ConditionCheckItem dynamodb:UpdateItem dynamodb:PutItem dynamodb:DeleteItem
        cloudwatch:GetMetricData cloudwatch:DescribeAlarms cloudwatch:PutMetricAlarm cloudwatch:TagResource
        cloudwatch:DeleteAlarms
        scheduler:CreateSchedule scheduler:UpdateSchedule scheduler:DeleteSchedule iam:PassRole
        lambda:InvokeFunction sqs:GetQueueUrl sqs:GetQueueAttributes sqs:SendMessage
        ecs:DescribeServices ecs:UpdateService application-autoscaling:DescribeScalableTargets""",
    "ControlRole": """
        dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query
        dynamodb:PutItem
        sqs:SendMessage ecs:DescribeTaskDefinition ec2:DescribeSubnets
        ecs:RegisterTaskDefinition ecs:TagResource ecs:ListTaskDefinitions iam:PassRole
        ecs:DescribeClusters ecs:DescribeCapacityProviders elasticloadbalancing:DescribeTargetGroups
        ecs:DescribeServices ecs:UpdateService application-autoscaling:DescribeScalableTargets
        cloudwatch:DescribeAlarms""",
}
MAY_SEND_TO = {
    "ObserveTasksRole": {"ReconcileQueue", "EventDeadLetters"},
    "ReconcileServiceRole": {"ReconcileQueue", "TimerQueue"},
    "AuditClustersRole": {"ReconcileQueue", "EventDeadLetters"},
    "WakeServicesRole": {"ReconcileQueue"},
    "KeepLoadBalancersRole": {"ReconcileQueue", "EventDeadLetters"},
    "DecideScalingRole": {"ReconcileQueue", "TimerQueue", "EventDeadLetters"},
    "ControlRole": {"ReconcileQueue"},
}


def test_every_function_has_a_role_of_its_own_and_there_are_no_others(of_type):
    roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in of_type("AWS::Lambda::Function").items()}
    assert roles == {name: f"{name}Role" for name in roles}
    assert set(of_type("AWS::IAM::Role")) == {*roles.values(), "ScheduleRole"}
    assert set(roles.values()) == set(CALLS)


def test_nothing_but_the_policies_written_in_the_template_is_attached_to_a_role(of_type):
    assert not of_type("AWS::IAM::Policy")
    assert not of_type("AWS::IAM::ManagedPolicy")
    assert set(of_type("AWS::IAM::RolePolicy")) == {"ScheduleRolePolicy"}
    for name, role in of_type("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role
        service = "scheduler" if name == "ScheduleRole" else "lambda"
        assert [s["Principal"] for s in role["AssumeRolePolicyDocument"]["Statement"]] == [
            {"Service": f"{service}.amazonaws.com"}
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
    bare = [s for s in statements if any(_is_family(resource) for resource in s.resources) and not s.conditions]
    assert {action for s in bare for action in s.actions} == set(FAMILIES), "wildcards.toml gives the reason for each"


def _its_clusters():
    clusters = "arn:*:ecs:*:*:cluster/"
    all_of_them = {"Fn::Join": ["," + clusters, {"Ref": "Clusters"}]}
    return {"Fn::Split": [",", {"Fn::Sub": [clusters + "${All}", {"All": all_of_them}]}]}


def test_ecs_is_touched_only_in_the_clusters_named_at_deployment(statements):
    in_its_clusters = {
        "ecs:RunTask", "ecs:StopTask", "ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeContainerInstances",
        "ecs:DescribeServices", "ecs:UpdateService",
    }  # fmt: skip
    for s in statements:
        if in_its_clusters & set(s.actions):
            assert s.conditions == {"ArnLike": {"ecs:cluster": _its_clusters()}}, s
        if {"ecs:ListContainerInstances", "ecs:DescribeClusters"} & set(s.actions):
            assert s.resources == (_its_clusters(),), "these have no such condition, but the cluster as their resource"
            assert s.conditions == {"StringEquals": {"aws:RequestedRegion": {"Ref": "AWS::Region"}}}


def test_observing_lists_tasks_by_their_container_instance_only(statements):
    (listing,) = [s for s in statements if s.role == "ObserveTasksRole" and "ecs:ListTasks" in s.actions]
    assert [resource["Fn::Sub"].rpartition(":")[2] for resource in listing.resources] == ["container-instance/*"]


@pytest.mark.parametrize(
    ("role", "family", "action"),
    [("ReconcileServiceRole", "task/*", "RunTask"), ("ControlRole", "task-definition/*", "RegisterTaskDefinition")],
)
def test_tags_are_given_only_to_what_is_just_being_made(statements, role, family, action):
    (tagging,) = [s for s in statements if s.role == role and "ecs:TagResource" in s.actions]
    assert tagging.actions == ("ecs:TagResource",)
    assert [resource["Fn::Sub"].rpartition(":")[2] for resource in tagging.resources] == [family]
    assert tagging.conditions == {"StringEquals": {"ecs:CreateAction": action}}


def test_a_task_definition_is_registered_only_with_headcounts_tag(statements):
    (registering,) = [s for s in statements if "ecs:RegisterTaskDefinition" in s.actions]
    assert registering.actions == ("ecs:RegisterTaskDefinition",)
    assert registering.conditions == {"Null": {f"aws:RequestTag/{CONTENT_TAG}": "false"}}


@pytest.mark.parametrize(
    ("role", "to"),
    [
        ("ReconcileServiceRole", ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]),
        ("ControlRole", "ecs-tasks.amazonaws.com"),
    ],
)
def test_only_the_roles_named_at_deployment_can_be_passed_and_only_to_ecs(statements, role, to):
    (passing,) = [s for s in statements if s.role == role and "iam:PassRole" in s.actions]
    assert (passing.actions, passing.resources) == (("iam:PassRole",), ({"Ref": "PassableRoles"},))
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": to}}


def test_roles_are_named_without_wildcards(source):
    roles = source["Parameters"]["PassableRoles"]
    assert roles["Default"] == ""
    assert "*" not in roles["AllowedPattern"].replace("]*", "")


@pytest.mark.parametrize("role", ["ObserveTasksRole", "AuditClustersRole"])
def test_who_observes_cannot_write_manifests_counts_plans_or_launches(statements, role):
    (writing,) = [s for s in statements if s.role == role and "dynamodb:UpdateItem" in s.actions]
    forbidden = writing.conditions["ForAllValues:StringNotEquals"]["dynamodb:Attributes"]
    assert set(forbidden) == {"doc", "pass", "nextWake", "generation", "revision", "deleting", "balancing"}


def test_policies_of_a_role_stay_within_what_iam_stores(root):
    place = Place(account="123456789012", region="ap-southeast-2", endpoint_url="")
    template = ResolvedTemplate(root / "template.yaml", {"ManageLoadBalancers": "true", "InstallName": "z" * 8}, place)
    for role, document in template.policies():
        assert len("".join(json.dumps(document).split())) < 10_240, f"{role}: IAM's quota of inline policies"


OWN_ALARMS = {
    "KeepLoadBalancersRole": "headcount/${InstallName}/unhealthy/*",
    "DecideScalingRole": "headcount/${InstallName}/scaling/*",
}


def test_alarms_that_a_function_changes_are_its_own(statements):
    for s in statements:
        changing = [a for a in s.actions if a.startswith("cloudwatch:") and not a.endswith(("DescribeAlarms", "Data"))]
        if changing:
            (named,) = [resource["Fn::Sub"].partition(":alarm:")[2] for resource in s.resources]
            assert named == OWN_ALARMS[s.role]


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


MAY_INVOKE = {"ReconcileServiceRole": {"KeepLoadBalancers", "DecideScaling"}, "WakeServicesRole": {"DecideScaling"}}


def test_functions_invoke_only_the_functions_that_they_ask(statements):
    asking = [s for s in statements if "lambda:InvokeFunction" in s.actions]
    named = {
        (s.role, resource["Fn::GetAtt"][0]) for s in asking for resource in s.resources if "Fn::GetAtt" in resource
    }
    assert named == {(role, name) for role, names in MAY_INVOKE.items() for name in names}
    (others,) = [s for s in asking if {"Ref": "ScalingFunctions"} in s.resources]
    assert (others.role, others.resources) == ("DecideScalingRole", ({"Ref": "ScalingFunctions"},))
    assert all(s.actions == ("lambda:InvokeFunction",) for s in asking)


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
