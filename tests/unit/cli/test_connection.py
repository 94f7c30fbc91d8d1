"""The way to the control function through the real SDK, and everything that can be in its way."""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from headcount_cli.connection import connect
from headcount_cli.running import real_world, run
from unit.cli.fake_aws import STACK, FakeAws, fake_aws

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    aws: FakeAws
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, endpoint_url: str | None = None) -> Finished:
        code = run([*arguments, "--endpoint-url", endpoint_url or self.aws.url], real_world())
        captured = self.capture.readouterr()
        assert SECRET not in captured.out + captured.err
        assert "Traceback" not in captured.err
        assert len(captured.err.splitlines()) <= 2
        return Finished(code=code, out=captured.out, err=captured.err)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Shell]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "HEADCOUNT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("COLUMNS", "400")
    with fake_aws() as aws:
        yield Shell(aws=aws, capture=capsys)


def test_finds_the_function_by_the_output_of_the_stack(shell: Shell) -> None:
    done = shell.run("list", "-o", "json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {"services": []}
    assert shell.aws.invocations == [("headcount-Control-1", {"version": 1, "operation": "list"})]
    assert shell.aws.operations == ["DescribeStacks", "Invoke"]


def test_finds_the_function_by_the_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADCOUNT_CONTROL_FUNCTION", "mine")
    shell.run("list")
    assert shell.aws.operations == ["Invoke"]
    assert shell.aws.invocations[0][0] == "mine"


def test_says_who_changes_something(shell: Shell) -> None:
    shell.run("scale", "web", "2")
    assert shell.aws.invocations[0][1]["by"] == "alice"


def test_who_it_is_may_stay_unknown_to_aws(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "bob")
    shell.aws.refuse("GetCallerIdentity", "AccessDenied")
    assert shell.run("scale", "web", "2").code == 0
    assert shell.aws.invocations[0][1]["by"] == "bob"


def test_in_the_sandbox_it_is_the_local_user(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    mine = "arn:aws:sts::123456789012:assumed-role/Operators/alice"
    _, answer, _ = shell.aws.answers["GetCallerIdentity"]
    shell.aws.answers["GetCallerIdentity"] = (200, answer.replace(mine, "arn:aws:sts::123456789012:user/moto"), {})
    shell.run("scale", "web", "2")
    assert shell.aws.invocations[0][1]["by"] == "carol"


def test_the_region_of_other_sdks_is_understood(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert shell.run("list").code == 0


@pytest.mark.parametrize(
    ("operation", "code", "message", "said", "advice"),
    [
        ("DescribeStacks", "ExpiredToken", "expired", "credentials have expired", "aws sso login"),
        ("Invoke", "ExpiredTokenException", "expired", "credentials have expired", "aws sso login"),
        ("DescribeStacks", "InvalidClientTokenId", "no", "does not accept these credentials", "--profile"),
        ("DescribeStacks", "SignatureDoesNotMatch", f"canonical {SECRET}", "does not accept", "--profile"),
        (
            "DescribeStacks",
            "AccessDenied",
            "not authorized to perform",
            "not authorized",
            "cloudformation:DescribeStacks",
        ),
        ("Invoke", "AccessDeniedException", "not authorized to perform", "AWS denied Invoke", "lambda:InvokeFunction"),
        ("DescribeStacks", "ValidationError", "Stack with id x does not exist", "does not exist", "--stack"),
        ("Invoke", "ResourceNotFoundException", "Function not found", "was not found", "HEADCOUNT_CONTROL_FUNCTION"),
        ("Invoke", "SomethingNew", "never seen", "never seen", "Try again"),
    ],
)
def test_a_refusal_of_aws_says_what_to_do(
    shell: Shell, operation: str, code: str, message: str, said: str, advice: str
) -> None:
    shell.aws.refuse(operation, code, message)
    done = shell.run("list")
    assert done.code == 1
    assert said in done.err
    assert advice in done.err


def test_a_stack_that_is_not_headcount(shell: Shell) -> None:
    shell.aws.answers["DescribeStacks"] = (200, STACK.format(key="Something"), {})
    done = shell.run("list", "--stack", "other")
    assert done.code == 1
    assert "'other' has no output ControlFunction" in done.err


@pytest.mark.parametrize(
    "payload", ['{"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 25.00 seconds"}', "null", "<"]
)
def test_a_function_that_failed(shell: Shell, payload: str) -> None:
    shell.aws.answers["Invoke"] = (200, payload, {"X-Amz-Function-Error": "Unhandled"})
    done = shell.run("list")
    assert done.code == 1
    assert "The control function failed" in done.err
    assert "aws logs tail /aws/lambda/headcount-Control-1" in done.err


def test_an_answer_that_is_no_json(shell: Shell) -> None:
    shell.aws.answers["Invoke"] = (200, "<html>", {})
    done = shell.run("list")
    assert done.code == 1
    assert "did not answer in JSON" in done.err


def test_no_credentials(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    done = shell.run("list")
    assert done.code == 1
    assert "No AWS credentials were found" in done.err


def test_half_of_the_credentials(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = shell.run("list")
    assert done.code == 1
    assert "incomplete" in done.err


def test_no_region(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    done = shell.run("list")
    assert done.code == 1
    assert "--region" in done.err


def test_an_unknown_profile(shell: Shell) -> None:
    done = shell.run("list", "--profile", "nope")
    assert done.code == 1
    assert "nope" in done.err


def test_nothing_answers_at_the_endpoint_and_its_password_is_not_shown(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = shell.run("list", endpoint_url=f"http://me:{SECRET}@127.0.0.1:{port}")
    assert done.code == 1
    assert f"Nothing answers at http://127.0.0.1:{port}." in done.err


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1:5000", "http://127.0.0.1:99999", "http://[x"])
@pytest.mark.parametrize("chooser", ["--endpoint-url", "AWS_ENDPOINT_URL"])
def test_an_endpoint_that_is_no_address(
    chooser: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if chooser == "AWS_ENDPOINT_URL":
        monkeypatch.setenv(chooser, url)
    code = run(["list", *((chooser, url) if chooser == "--endpoint-url" else ())], real_world())
    said = capsys.readouterr().err.splitlines()
    allowed = "http://HOST, https://HOST or one of them with :PORT is allowed."
    assert (code, said[0]) == (2, f"Error: {chooser} is '{url}': {allowed}")


def test_a_password_of_an_endpoint_that_is_no_address_is_not_shown(shell: Shell) -> None:
    done = shell.run("list", endpoint_url=f"ftp://me:{SECRET}@127.0.0.1")
    assert done.code == 2
    assert SECRET not in done.err


def test_a_failure_is_json_for_programs(shell: Shell) -> None:
    shell.aws.refuse("DescribeStacks", "ExpiredToken")
    done = shell.run("list", "-o", "json")
    assert (done.code, done.err) == (1, "")
    assert json.loads(done.out)["error"]["type"] == "NotReached"


def test_the_real_clock_knows_its_zone() -> None:
    world = real_world()
    assert world.now().tzinfo is UTC
    assert abs((world.now() - datetime.now(UTC)).total_seconds()) < 60
    assert world.connect is connect
