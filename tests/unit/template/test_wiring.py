"""The template against docs/contracts.md: functions, triggers, environment, queues and the table."""

import re

import pytest

FUNCTIONS = {  # logical id: folder, timeout in seconds, memory in MB
    "ObserveTasks": ("observe_tasks", 15, 256),
    "ReconcileService": ("reconcile_service", 20, 512),
    "AuditClusters": ("audit_clusters", 55, 512),
    "WakeServices": ("wake_services", 15, 256),
    "KeepLoadBalancers": ("keep_load_balancers", 60, 256),
    "DecideScaling": ("decide_scaling", 60, 512),
    "Control": ("control", 25, 256),
}
EVERYWHERE = {
    "HEADCOUNT_TABLE", "HEADCOUNT_INSTALL", "HEADCOUNT_RECONCILE_QUEUE_URL",
    "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL",
}  # fmt: skip
ONLY_HERE = {
    "ObserveTasks": {"HEADCOUNT_CLUSTERS"},
    "ReconcileService": {
        "HEADCOUNT_TIMER_QUEUE_URL", "HEADCOUNT_BALANCER_FUNCTION", "HEADCOUNT_EVENT_BUS", "HEADCOUNT_HISTORY_DAYS",
        "HEADCOUNT_METRICS_PER_SERVICE", "HEADCOUNT_SCALING_FUNCTION",
    },
    "AuditClusters": {"HEADCOUNT_CLUSTERS"},
    "WakeServices": {"HEADCOUNT_SCALING_FUNCTION"},
    "KeepLoadBalancers": {"HEADCOUNT_HISTORY_DAYS", "HEADCOUNT_MANAGE_LOAD_BALANCERS"},
    "DecideScaling": {
        "HEADCOUNT_TIMER_QUEUE_URL", "HEADCOUNT_HISTORY_DAYS", "HEADCOUNT_SCHEDULE_GROUP",
        "HEADCOUNT_SCHEDULE_ROLE_ARN", "HEADCOUNT_EVENT_DEAD_LETTERS_ARN",
    },
    "Control": {
        "HEADCOUNT_CLUSTERS", "HEADCOUNT_HISTORY_DAYS", "HEADCOUNT_MANAGE_LOAD_BALANCERS",
        "HEADCOUNT_SCALING_FUNCTIONS",
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def functions(of_type):
    return of_type("AWS::Lambda::Function")


def test_there_are_the_functions_of_the_contract_and_no_others(functions):
    assert set(functions) == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_its_folder_within_its_limits(functions, source, root, name):
    folder, timeout, memory = FUNCTIONS[name]
    function = functions[name]
    assert (function["Timeout"], function["MemorySize"]) == (timeout, memory)
    assert function["Handler"] == "app.lambda_handler"
    assert source["Resources"][name]["Properties"]["CodeUri"] == f"functions/{folder}"
    assert (root / "functions" / folder / "app.py").is_file()
    assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == folder


def test_every_folder_is_deployed(root):
    folders = {path.parent.name for path in (root / "functions").glob("*/app.py")}
    assert folders == {folder for folder, *_ in FUNCTIONS.values()}


def test_functions_and_layer_are_for_python_313(functions, source, of_type):
    # cfn-lint accepts unknown runtimes on AWS::Serverless::Function, so this is the only check of the name.
    assert {function["Runtime"] for function in functions.values()} == {"python3.13"}
    (layer,) = of_type("AWS::Lambda::LayerVersion").values()
    assert layer["CompatibleRuntimes"] == ["python3.13"]
    assert source["Resources"]["HeadcountLayer"]["Metadata"]["BuildMethod"] == "python3.13"


def test_the_layer_is_built_for_the_processor_of_the_functions(functions, source):
    processor = {"Ref": "Architecture"}
    assert all(function["Architectures"] == [processor] for function in functions.values())
    layer = source["Resources"]["HeadcountLayer"]
    assert layer["Properties"]["CompatibleArchitectures"] == [processor]
    assert layer["Metadata"]["BuildArchitecture"] == processor, "it holds compiled code; SAM's default is x86_64"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_only_the_variables_that_it_reads(functions, name):
    variables = set(functions[name]["Environment"]["Variables"])
    assert variables == EVERYWHERE | ONLY_HERE[name]
    assert not [v for v in variables if v.startswith(("AWS_", "LAMBDA_"))], "Lambda reserves these"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_traced_by_the_service(functions, name):
    assert functions[name]["TracingConfig"] == {"Mode": "Active"}


PATTERNS = {
    "TaskStateChange": {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"startedBy": [{"prefix": {"Fn::Sub": "hc/${InstallName}/"}}]},
    },
    "ContainerInstanceGoes": {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Container Instance State Change"],
        "detail": {"status": ["DRAINING", "DEREGISTERING", "INACTIVE"]},
    },
    "SpotInterruption": {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]},
    "TaskRetirement": {
        "source": ["aws.health"],
        "detail-type": ["AWS Health Event"],
        "detail": {"service": ["ECS"], "eventTypeCode": ["AWS_ECS_TASK_PATCHING_RETIREMENT"]},
    },
    "TargetsAreUnhealthy": {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {
            "alarmName": [{"prefix": {"Fn::Sub": "headcount/${InstallName}/unhealthy/"}}],
            "state": {"value": ["ALARM"]},
        },
    },
}


def test_what_aws_says_of_tasks_and_their_places_reaches_observe_tasks(of_type):
    patterns = {name: rule for name, rule in of_type("AWS::Events::Rule").items() if "EventPattern" in rule}
    rules = {name: rule for name, rule in patterns.items() if name.startswith("ObserveTasks")}
    assert {name.removeprefix("ObserveTasks"): rule["EventPattern"] for name, rule in rules.items()} == PATTERNS
    for rule in rules.values():
        assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["ObserveTasks", "Arn"]}]


def test_every_alarm_that_changes_reaches_decide_scaling_but_those_of_unhealthy_targets(of_type):
    rule = of_type("AWS::Events::Rule")["DecideScalingAlarmChanges"]
    others = {"anything-but": {"prefix": {"Fn::Sub": "headcount/${InstallName}/unhealthy/"}}}
    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [others]},
    }
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["DecideScaling", "Arn"]}]


def test_schedules_of_the_install_invoke_decide_scaling_and_nothing_else(of_type):
    assert of_type("AWS::Scheduler::ScheduleGroup") == {
        "ScheduleGroup": {"Name": {"Fn::Sub": "headcount-${InstallName}"}}
    }
    (policy,) = of_type("AWS::IAM::RolePolicy").values()
    assert policy["RoleName"] == {"Ref": "ScheduleRole"}
    assert {one["Action"]: one["Resource"] for one in policy["PolicyDocument"]["Statement"]} == {
        "lambda:InvokeFunction": {"Fn::GetAtt": ["DecideScaling", "Arn"]},
        "sqs:SendMessage": {"Fn::GetAtt": ["EventDeadLetters", "Arn"]},
    }
    (trust,) = of_type("AWS::IAM::Role")["ScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"},
            "aws:SourceArn": {"Fn::GetAtt": ["ScheduleGroup", "Arn"]},
        }
    }


def test_the_audit_runs_every_minute(of_type):
    (rule,) = [r for r in of_type("AWS::Events::Rule").values() if "ScheduleExpression" in r]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": ["AuditClusters", "Arn"]}


def test_queues_feed_their_functions_and_report_failures_one_by_one(of_type):
    sources = {
        m["FunctionName"]["Ref"]: (m["EventSourceArn"]["Fn::GetAtt"][0], m["BatchSize"], m["FunctionResponseTypes"])
        for m in of_type("AWS::Lambda::EventSourceMapping").values()
    }
    assert sources == {
        "ReconcileService": ("ReconcileQueue", 1, ["ReportBatchItemFailures"]),
        "WakeServices": ("TimerQueue", 10, ["ReportBatchItemFailures"]),
    }


def test_a_message_stays_hidden_for_longer_than_its_function_may_run(of_type, functions):
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        queue = of_type("AWS::SQS::Queue")[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] > functions[mapping["FunctionName"]["Ref"]]["Timeout"]


def test_kicks_are_ordered_within_a_service_and_their_senders_choose_the_ids(of_type):
    queue = of_type("AWS::SQS::Queue")["ReconcileQueue"]
    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is False
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert of_type("AWS::SQS::Queue")["ReconcileDeadLetters"]["FifoQueue"] is True


def test_the_table_has_the_keys_and_the_index_of_the_contract(of_type):
    table = of_type("AWS::DynamoDB::Table")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "services"
    assert [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] == [
        ("cluster", "HASH"),
        ("pk", "RANGE"),
    ]
    assert index["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["pass", "nextWake", "generation", "deleting"],
    }
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


@pytest.mark.parametrize("name", ["main", "a", "z9z9z9z9"])
def test_a_legal_install_name_leaves_room_in_started_by(source, name):
    longest = f"hc/{name}/" + "m" * 20
    assert _matches(source, "InstallName", name)
    assert len(longest) <= 36, "StartTask's limit"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("InstallName", "toolong99"),
        ("InstallName", "Main"),
        ("InstallName", ""),
        ("Clusters", "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"),
        ("Clusters", "*"),
        ("PassableRoles", "*"),
        ("PassableRoles", "arn:aws:iam::123456789012:role/*"),
        ("PassableRoles", "arn:aws:iam::*:role/task"),
        ("AlarmTopicArn", "ops@example.com"),
        ("ScalingFunctions", "*"),
        ("ScalingFunctions", "headcount-scaling-web"),
        ("ScalingFunctions", "arn:aws:lambda:eu-west-1:123456789012:function:*"),
        ("ScalingFunctions", "arn:aws:lambda:*:123456789012:function:headcount-scaling-*"),
        ("ScalingFunctions", "arn:aws:lambda:eu-west-1:123456789012:function:headcount-*-web"),
    ],
)
def test_dangerous_and_mistyped_parameters_are_refused_at_deployment(source, parameter, value):
    assert not _matches(source, parameter, value)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("Clusters", "prod_eu-1"),
        ("PassableRoles", ""),
        ("PassableRoles", "arn:aws-us-gov:iam::123456789012:role/service-role/web.task@v1+x=-_"),
        ("AlarmTopicArn", ""),
        ("ScalingFunctions", ""),
        ("ScalingFunctions", "arn:aws:lambda:eu-west-1:123456789012:function:headcount-scaling-*"),
        ("ScalingFunctions", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:how_many"),
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:ops"),
    ],
)
def test_usual_parameters_are_accepted(source, parameter, value):
    assert _matches(source, parameter, value)


def _matches(source, parameter, value):
    return re.fullmatch(source["Parameters"][parameter]["AllowedPattern"], value) is not None
