import json
from pathlib import Path

import pytest

from headcount_sandbox import HeadcountSandboxError
from headcount_sandbox.platform.deployment import Deployment, Place
from headcount_sandbox.platform.template import read_template


def a_template(tmp_path: Path, resources: str, rest: str = "") -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(f"Transform: AWS::Serverless-2016-10-31\n{rest}\nResources:\n{resources}\n")
    return path


@pytest.fixture
def deployment(template: Path, place: Place) -> Deployment:
    return read_template(template, place, parameters={"Install": "two"})


def test_names_functions_after_the_stack_and_finds_their_code_and_layers(
    deployment: Deployment, template: Path
) -> None:
    echo = next(function for function in deployment.functions if function.logical_id == "Echo")
    assert echo.name == "headcount-Echo"
    assert echo.arn == "arn:aws:lambda:eu-west-1:123456789012:function:headcount-Echo"
    assert echo.code == template.parent / "functions" / "echo"
    assert echo.layers == (template.parent / "layer",)
    assert (echo.timeout, echo.memory) == (4, 128)


def test_resolves_environment_from_parameters_and_resources(deployment: Deployment) -> None:
    echo = next(function for function in deployment.functions if function.logical_id == "Echo")
    assert echo.environment == {
        "TABLE": "headcount-Table",
        "INSTALL": "two",
        "CLUSTERS": "prod,staging",
        "QUEUE_URL": "http://127.0.0.1:4566/123456789012/headcount-Fifo.fifo",
    }


def test_reads_rules_schedules_mappings_and_failure_destinations(deployment: Deployment) -> None:
    echo = next(function for function in deployment.functions if function.logical_id == "Echo")
    own, tasks = deployment.rules
    assert tasks.pattern == {"source": ["aws.ecs"], "detail": {"startedBy": [{"prefix": "hc/two/"}]}}
    assert [target.arn for target in tasks.targets] == [echo.arn]
    assert own.targets[0].input_path == "$.detail"
    assert [schedule.expression for schedule in deployment.schedules] == ["rate(1 minute)"]
    assert echo.asynchronous.on_failure == "arn:aws:sqs:eu-west-1:123456789012:headcount-Failures"
    fifo, standard = deployment.mappings
    assert (fifo.function_name, fifo.batch_size, fifo.reports_item_failures, fifo.maximum_concurrency) == (
        "headcount-Consumer",
        1,
        True,
        2,
    )
    assert (standard.batch_size, standard.reports_item_failures, standard.maximum_concurrency) == (10, False, None)


def test_reads_queues_with_their_redrive_and_tables_with_their_ttl(deployment: Deployment) -> None:
    fifo = next(queue for queue in deployment.queues if queue.name == "headcount-Fifo.fifo")
    assert fifo.attributes["VisibilityTimeout"] == "30"
    assert json.loads(fifo.attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:headcount-FifoDeadLetters.fifo",
        "maxReceiveCount": 2,
    }
    assert deployment.tables[0].ttl_attribute == "expires"


def test_leaves_out_what_a_condition_excludes(template: Path, place: Place) -> None:
    without = read_template(template, place)
    with_it = read_template(template, place, parameters={"Extra": "yes"})
    assert "Silent" not in {function.logical_id for function in without.functions}
    assert "Silent" in {function.logical_id for function in with_it.functions}


def test_answers_outputs(deployment: Deployment) -> None:
    assert deployment.outputs == {
        "EchoArn": "arn:aws:lambda:eu-west-1:123456789012:function:headcount-Echo",
        "FifoUrl": "http://127.0.0.1:4566/123456789012/headcount-Fifo.fifo",
    }


def test_tells_all_wrong_parameters_at_once(template: Path, place: Place) -> None:
    with pytest.raises(HeadcountSandboxError) as refused:
        read_template(template, place, parameters={"Install": "TOO-LONG-AND-LOUD", "Days": "91", "Nope": "1"})
    for word in ("Nope is not a parameter", "TOO-LONG-AND-LOUD", "91 is not between 1 and 90"):
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ("  Machine: {Type: 'AWS::StepFunctions::StateMachine', Properties: {}}", ("Machine", "AWS::SQS::Queue")),
        (
            "  F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: nowhere, Handler: a.b, Runtime: python3}}",
            ("F", "nowhere", "does not exist"),
        ),
        (
            "  F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: ., Handler: a.b, Runtime: nodejs22.x}}",
            ("F", "nodejs22.x"),
        ),
        ("  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !ImportValue other}}", ("Fn::ImportValue", "Fn::Sub")),
        ("  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Missing}}", ("Missing",)),
    ],
)
def test_refuses_what_it_cannot_run_by_name(
    tmp_path: Path, place: Place, resources: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(HeadcountSandboxError) as refused:
        read_template(a_template(tmp_path, resources), place)
    for word in words:
        assert word in str(refused.value)


def test_resolves_intrinsic_functions(tmp_path: Path, place: Place) -> None:
    path = a_template(
        tmp_path,
        """\
  Q:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [!Select [1, !Split [",", !Ref List]], !If [Big, big, small], !FindInMap [M, A, b]]]
      DelaySeconds: !If [Big, 5, !Ref AWS::NoValue]
""",
        """\
Parameters: {List: {Type: String, Default: "a,b"}, Size: {Type: Number, Default: 1}}
Mappings: {M: {A: {b: mapped}}}
Conditions:
  One: !Equals [!Ref Size, 1]
  Big: !And [!Condition One, !Not [!Or [!Equals [a, b], !Equals [c, d]]]]
Outputs:
  Text: {Value: !Sub ["${AWS::StackName}/${x}/${!kept}/${Q.Arn}", {x: !Ref Size}]}
""",
    )
    deployment = read_template(path, place)
    assert deployment.queues[0].name == "b-big-mapped"
    assert deployment.queues[0].attributes == {"DelaySeconds": "5"}
    assert deployment.outputs["Text"] == "headcount/1/${kept}/arn:aws:sqs:eu-west-1:123456789012:b-big-mapped"


def test_reads_the_template_of_this_repository(place: Place) -> None:
    repository = Path(__file__).parents[3]
    deployment = read_template(repository / "template.yaml", place)
    assert {function.logical_id for function in deployment.functions} == {
        "ObserveTasks",
        "ReconcileService",
        "AuditClusters",
        "WakeServices",
        "Control",
        "KeepLoadBalancers",
        "DecideScaling",
    }
