"""Whatever fails is kept and somebody is told: failure destinations, dead letters, alarms, logs, retained data."""

import ast
import json
import re

from headcount.aws.metrics import count_metrics
from headcount.ports import LONGEST_TIMER_SECONDS

FOURTEEN_DAYS = 14 * 24 * 3600
FOUR_DAYS = 4 * 24 * 3600  # SQS's default retention


def test_every_rule_keeps_what_it_could_not_deliver(of_type):
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["EventDeadLetters", "Arn"]}}, name
            age, a_day = target["RetryPolicy"]["MaximumEventAgeInSeconds"], 86_400
            assert age == a_day if "Retirement" in name else age <= 600, "the audit sees all but retirements anyway"


def test_every_function_that_is_invoked_asynchronously_keeps_what_it_could_not_do(of_type, statements):
    called = {t["Arn"]["Fn::GetAtt"][0] for r in of_type("AWS::Events::Rule").values() for t in r["Targets"]}
    invoked = [one for s in statements if "lambda:InvokeFunction" in s.actions for one in s.resources]
    called |= {one["Fn::GetAtt"][0] for one in invoked if "Fn::GetAtt" in one}
    kept = {
        config["FunctionName"]["Ref"]: config["DestinationConfig"]["OnFailure"]["Destination"]
        for config in of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    assert kept == {name: {"Fn::GetAtt": ["EventDeadLetters", "Arn"]} for name in called}


def test_every_queue_that_feeds_a_function_has_a_dead_letter_queue_of_its_kind(of_type):
    queues = of_type("AWS::SQS::Queue")
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        dead_letters = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert dead_letters.get("FifoQueue") == queue.get("FifoQueue")


def test_dead_letters_are_kept_for_fourteen_days_and_queues_are_encrypted(of_type):
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
        if name.endswith("DeadLetters"):
            assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS, name


# What is left behind where work stops: dead letters, messages that grow old, silence, or a number that somebody sends.
LETTERS, AGE, SILENCE, TOLD = (
    "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "Invocations", "AuditTroubles",
)  # fmt: skip


def ways_in_which_work_stops(of_type):
    """(whose work, how it stops), and the one thing that tells of it: a metric and whose it is."""
    queues = of_type("AWS::SQS::Queue")
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        function, queue = mapping["FunctionName"]["Ref"], mapping["EventSourceArn"]["Fn::GetAtt"][0]
        letters = queues[queue]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        yield (function, "it fails, is killed, or answers that a message failed"), (LETTERS, letters)
        yield (function, "Lambda refuses to run it, or does not fetch for it"), (AGE, queue)
    for config in of_type("AWS::Lambda::EventInvokeConfig").values():
        letters = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        assert config["MaximumEventAgeInSeconds"] <= 600, "what Lambda refuses to run is told in ten minutes"
        yield (config["FunctionName"]["Ref"], "it fails, is killed, or Lambda refuses to run it"), (LETTERS, letters)
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            yield (name, "it cannot deliver"), (LETTERS, target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0])
            if "ScheduleExpression" in rule:  # of other rules the audit makes good what they do not say
                yield (target["Arn"]["Fn::GetAtt"][0], "nobody calls it"), (SILENCE, target["Arn"]["Fn::GetAtt"][0])
    yield ("AuditClusters", "it cannot look at a service"), (TOLD, "audit_clusters")


def test_every_way_in_which_work_stops_raises_an_alarm_and_no_alarm_is_paid_for_twice(of_type):
    alarms = [
        (alarm["MetricName"], _whose(alarm["Dimensions"][-1]["Value"]))
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
    ]
    ways = dict(ways_in_which_work_stops(of_type))
    uncovered = {way: left for way, left in ways.items() if left not in alarms}
    assert not uncovered
    assert sorted(alarms) == sorted(set(ways.values())), "one each"


def test_only_who_calls_control_is_told_of_its_failures_by_the_answer_itself(of_type, statements):
    """It waits for the answer: an alarm would tell somebody else the same."""
    told_of = {whose for whose, _ in dict(ways_in_which_work_stops(of_type))}
    assert set(of_type("AWS::Lambda::Function")) - told_of == {"Control"}
    invoked = [one for s in statements if "lambda:InvokeFunction" in s.actions for one in s.resources]
    assert {"Fn::GetAtt": ["Control", "Arn"]} not in invoked


def test_alarms_ring_at_the_first_dead_letter_and_before_a_message_that_waits_is_lost(of_type):
    queues, alarms = of_type("AWS::SQS::Queue"), of_type("AWS::CloudWatch::Alarm").values()
    assert {alarm["Threshold"] for alarm in alarms if alarm["MetricName"] == LETTERS} == {0}
    ages = {_whose(a["Dimensions"][-1]["Value"]): a["Threshold"] for a in alarms if a["MetricName"] == AGE}
    for name, seconds in ages.items():
        retries = queues[name]["VisibilityTimeout"] * queues[name]["RedrivePolicy"]["maxReceiveCount"]
        assert seconds > retries, "a message that fails is a dead letter by then, and not told of twice"
        assert seconds < FOUR_DAYS
    assert ages["TimerQueue"] > LONGEST_TIMER_SECONDS


def _whose(value):
    """The resource, or the name, that the dimension of an alarm names."""
    if isinstance(value, str):
        return value
    return value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]


def test_an_audit_that_does_not_run_raises_an_alarm(of_type):
    silent = of_type("AWS::CloudWatch::Alarm")["AuditSilentAlarm"]
    assert silent["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "AuditClusters"}}]
    assert (silent["MetricName"], silent["Statistic"], silent["ComparisonOperator"]) == (
        "Invocations", "Sum", "LessThanThreshold",
    )  # fmt: skip
    (schedule,) = [r["ScheduleExpression"] for r in of_type("AWS::Events::Rule").values() if "ScheduleExpression" in r]
    assert (schedule, silent["Threshold"], silent["Period"]) == ("rate(1 minute)", 1, 60)


def test_what_the_audit_cannot_look_at_raises_an_alarm(of_type, monkeypatch, capsys):
    """The alarm names the dimensions that the function really sends: an alarm on others would be silent for ever."""
    variables = of_type("AWS::Lambda::Function")["AuditClusters"]["Environment"]["Variables"]
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", variables["POWERTOOLS_SERVICE_NAME"])
    count_metrics("main", {"AuditTroubles": 1})
    sent = json.loads(capsys.readouterr().out)
    (declared,) = sent["_aws"]["CloudWatchMetrics"]
    alarm = of_type("AWS::CloudWatch::Alarm")["AuditTroublesAlarm"]
    named = {d["Name"]: "main" if d["Value"] == {"Ref": "InstallName"} else d["Value"] for d in alarm["Dimensions"]}
    assert declared["Dimensions"] == [list(named)]
    assert named == {name: sent[name] for name in named}
    assert (alarm["Namespace"], alarm["MetricName"]) == (declared["Namespace"], declared["Metrics"][0]["Name"])


def test_alarms_go_to_the_topic_and_are_quiet_without_data(of_type):
    to_the_topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == to_the_topic, name
        silence = "breaching" if name == "AuditSilentAlarm" else "notBreaching"
        assert alarm["TreatMissingData"] == silence, name
        assert alarm["AlarmDescription"], name


def test_every_function_logs_into_a_group_of_its_own_with_a_retention(of_type):
    groups = of_type("AWS::Logs::LogGroup")
    used = {name: f["LoggingConfig"]["LogGroup"]["Ref"] for name, f in of_type("AWS::Lambda::Function").items()}
    assert used == {name: f"{name}Logs" for name in used}
    assert set(groups) == set(used.values())
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_the_table_outlives_the_stack_and_can_be_restored(resources):
    table = resources["Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_cannot_be_deleted_by_mistake(resources):
    assert resources["Table"]["Properties"]["DeletionProtectionEnabled"] is True


def test_the_layer_of_a_rolled_back_deployment_is_still_there(resources):
    (layer,) = [r for r in resources.values() if r["Type"] == "AWS::Lambda::LayerVersion"]
    assert layer["DeletionPolicy"] == "Retain"


def test_the_dashboard_is_a_document_that_shows_every_function_queue_and_log(of_type):
    body = _dashboard(of_type)
    assert json.loads(body)["widgets"]
    for name in (
        *of_type("AWS::Lambda::Function"),
        *(q for q in of_type("AWS::SQS::Queue") if q.endswith("DeadLetters")),
        *of_type("AWS::Logs::LogGroup"),
    ):
        assert re.search(rf"\$\{{{name}[.}}]", body), name


def test_the_dashboard_shows_every_metric_that_functions_send(of_type, root):
    sources = (
        root / "layers" / "headcount" / "headcount" / "aws" / "telling.py",
        root / "functions" / "audit_clusters" / "app.py",
    )
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    metrics = {name for name in named if re.fullmatch("([A-Z][a-z]+)+", name)} - {"Headcount"}
    shown = set(re.findall(r'MetricName=\\"(\w+)\\"', _dashboard(of_type)))
    assert shown == metrics - {"Launches"}, "Launches says what TasksStarted says, counted in calls"


def test_widgets_of_the_dashboard_do_not_overlap(of_type):
    cells = [
        (x, y)
        for widget in json.loads(_dashboard(of_type))["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24, "a dashboard is 24 wide"


def _dashboard(of_type):
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    return dashboard["DashboardBody"]["Fn::Sub"]
