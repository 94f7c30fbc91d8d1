import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import HTTPClientError

from headcount_sandbox import HeadcountSandboxError, Sandbox

Until = Callable[..., Any]

PROGRAM = """
import json, sys, time
from pathlib import Path
from headcount_sandbox import Sandbox

with Sandbox(template=Path(sys.argv[1]), task_runtime="simulated") as sandbox:
    sandbox.client("lambda").invoke(FunctionName="headcount-Echo", Payload=b"{}")
    sleeping = b'{"do": "sleep", "seconds": 60}'
    sandbox.client("lambda").invoke(FunctionName="headcount-Echo", InvocationType="Event", Payload=sleeping)
    print(json.dumps(sandbox.platform.pids("Echo")), flush=True)
    time.sleep(60)
"""


def test_creates_what_the_template_and_its_users_need(sandbox: Sandbox) -> None:
    table = sandbox.client("dynamodb").describe_table(TableName="headcount-Table")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["services"]
    ttl = sandbox.client("dynamodb").describe_time_to_live(TableName="headcount-Table")["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires"
    assert [arn.rpartition("/")[2] for arn in sandbox.client("ecs").list_clusters()["clusterArns"]] == [
        "prod",
        "staging",
    ]
    assert len(sandbox.subnets) == 3
    outputs = sandbox.client("cloudformation").describe_stacks(StackName="headcount")["Stacks"][0]["Outputs"]
    assert {output["OutputKey"] for output in outputs} == {"EchoArn", "FifoUrl"}


def test_a_message_in_a_queue_invokes_its_function(sandbox: Sandbox, until: Until) -> None:
    url = sandbox.platform.deployment.outputs["FifoUrl"]
    sandbox.client("sqs").send_message(QueueUrl=url, MessageBody="kick", MessageGroupId="g", MessageDeduplicationId="1")
    until(lambda: any(entry.get("record", {}).get("body") == "kick" for entry in sandbox.logs("Consumer")))


def test_a_function_can_be_killed_at_one_of_its_calls(sandbox: Sandbox, until: Until) -> None:
    answer = sandbox.client("lambda").invoke(FunctionName="headcount-Echo", Payload=b"{}")
    key = next(key for key, caller in sandbox.world.callers.items() if caller.function_name == "headcount-Echo")
    assert answer["StatusCode"] == 200
    sandbox.faults.kill_caller("headcount-Echo", "sqs", "ListQueues", when="after")
    with pytest.raises(HTTPClientError):
        sandbox.world.client("sqs", access_key=key).list_queues()
    sandbox.faults.clear()
    until(lambda: key not in sandbox.world.callers)


def test_its_environment_leads_any_client_to_it(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert boto3.client("ecs").meta.endpoint_url == sandbox.endpoint_url


def test_waits_with_a_deadline(sandbox: Sandbox) -> None:
    assert sandbox.wait_until(lambda: True) < 1
    with pytest.raises(TimeoutError, match="the moon was full"):
        sandbox.wait_until(lambda: False, 0.05, what="the moon was full")


def test_says_that_its_port_is_taken(sandbox: Sandbox, template: Path) -> None:
    with pytest.raises(HeadcountSandboxError, match=str(sandbox.world.port)):
        Sandbox(template=template, port=sandbox.world.port).start()


def test_names_the_functions_that_there_are(sandbox: Sandbox) -> None:
    with pytest.raises(HeadcountSandboxError, match="There is no function Nobody; there are Echo, Consumer, Broken"):
        sandbox.logs("Nobody")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_leaves_nothing_running_however_it_ends(how: signal.Signals, template: Path, until: Until) -> None:
    with a_program(template) as program:
        functions = functions_of(program)
        program.send_signal(how)
        ended = program.wait(60)
        assert how != signal.SIGTERM or ended == 143
        until(lambda: not any(process.is_running() for process in functions))


def a_program(template: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(template)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def functions_of(program: subprocess.Popen[str]) -> list[psutil.Process]:
    assert program.stdout is not None
    return [psutil.Process(pid) for pid in json.loads(program.stdout.readline())]
