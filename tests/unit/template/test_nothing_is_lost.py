"""Whatever fails is kept and somebody is told: failure destinations, dead letters, alarms, logs, retained data."""

import json

FOURTEEN_DAYS = 14 * 24 * 3600


def test_every_rule_keeps_what_it_could_not_deliver(of_type):
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["EventDeadLetters", "Arn"]}}, name
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 600, name


def test_every_function_that_a_rule_calls_keeps_what_it_could_not_do(of_type):
    called = {t["Arn"]["Fn::GetAtt"][0] for r in of_type("AWS::Events::Rule").values() for t in r["Targets"]}
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


def test_a_dead_letter_raises_an_alarm(of_type):
    queues = {name for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetters")}
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: alarm["Threshold"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }
    assert watched == dict.fromkeys(queues, 0)


def test_errors_and_throttles_of_every_function_raise_an_alarm(of_type):
    functions = set(of_type("AWS::Lambda::Function"))
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    errors = {a["Dimensions"][0]["Value"]["Ref"] for a in alarms if a.get("MetricName") == "Errors"}
    (throttles,) = [a["Metrics"] for a in alarms if "Metrics" in a]
    refused = {m["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"] for m in throttles if "MetricStat" in m}
    assert errors == refused == functions


def test_kicks_that_wait_raise_an_alarm(of_type):
    ages = [
        a for a in of_type("AWS::CloudWatch::Alarm").values() if a.get("MetricName") == "ApproximateAgeOfOldestMessage"
    ]
    assert [a["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for a in ages] == ["ReconcileQueue"]


def test_alarms_go_to_the_topic_and_are_quiet_without_data(of_type):
    to_the_topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == to_the_topic, name
        assert alarm["TreatMissingData"] == "notBreaching", name
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


def test_the_layer_of_a_rolled_back_deployment_is_still_there(resources):
    (layer,) = [r for r in resources.values() if r["Type"] == "AWS::Lambda::LayerVersion"]
    assert layer["DeletionPolicy"] == "Retain"


def test_the_dashboard_is_a_document_that_shows_every_function_and_queue(of_type):
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    assert json.loads(body)["widgets"]
    for name in (
        *of_type("AWS::Lambda::Function"),
        *(q for q in of_type("AWS::SQS::Queue") if q.endswith("DeadLetters")),
    ):
        assert f"${{{name}" in body, name
