"""Everything else at the door: PutEvents, Invoke, stacks, the sandbox's own console, HTTP itself."""

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.world import World
from integration.sandbox_world.sites import Site, wait_for


def console(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{world.endpoint_url}/_sandbox/{path}", method=method, data=None if body is None else json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


def test_put_events_becomes_an_envelope(world: World) -> None:
    events: list[dict[str, Any]] = []
    world.on_put_events(events.append)
    entry = {"Source": "headcount", "DetailType": "ECS Service Action", "Detail": '{"a": 1}', "Resources": ["arn:x"]}
    answer = world.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    event = wait_for(lambda: events)[0]
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("headcount", "ECS Service Action", {"a": 1})
    assert (event["account"], event["region"], event["resources"]) == (world.account, world.region, ["arn:x"])


def test_put_events_refuses_bad_entries_one_by_one(world: World) -> None:
    good = {"Source": "headcount", "DetailType": "x", "Detail": "{}"}
    entries = [good, {**good, "Detail": "no json"}, {**good, "Source": "aws.ecs"}, {"Source": "headcount"}]
    answer = world.client("events").put_events(Entries=entries)
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument"]
    assert answer["FailedEntryCount"] == 3


def test_put_events_takes_ten_entries(world: World) -> None:
    entries = [{"Source": "headcount", "DetailType": "x", "Detail": "{}"}] * 11
    with pytest.raises(ClientError, match="between 1 and 10"):
        world.client("events").put_events(Entries=entries)


def test_invoke_goes_to_the_platform(world: World) -> None:
    seen: list[tuple[str, bytes, str]] = []

    def invoke(name: str, payload: bytes, kind: str, trace: str = "") -> tuple[int, dict[str, str], bytes]:
        seen.append((name, payload, kind))
        return 200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorType": "E"}'

    before, world.invoke = world.invoke, invoke
    client = world.client("lambda")
    answer = client.invoke(FunctionName="Control", Payload=b'{"version": 1}')
    assert (answer["FunctionError"], json.load(answer["Payload"])) == ("Unhandled", {"errorType": "E"})
    arn = f"arn:aws:lambda:{world.region}:{world.account}:function:Control"
    client.invoke(FunctionName=arn, InvocationType="Event", Payload=b"{}")
    assert seen == [("Control", b'{"version": 1}', "RequestResponse"), ("Control", b"{}", "Event")]
    world.invoke = before
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="Control")


def test_stack_outputs_are_described(world: World) -> None:
    world.stack_outputs["headcount"] = {"ControlFunction": "headcount-Control"}
    cloudformation = world.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName="headcount")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"] == [{"OutputKey": "ControlFunction", "OutputValue": "headcount-Control"}]
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="other")


def test_the_caller_has_an_identity(world: World) -> None:
    assert world.client("sts").get_caller_identity()["Account"] == world.account


def test_the_network_has_three_zones(world: World, subnets: dict[str, str]) -> None:
    described = world.client("ec2").describe_subnets(SubnetIds=list(subnets.values()))["Subnets"]
    zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in described}
    assert zones == subnets
    assert len(zones) == 3


def test_the_console_switches_faults(world: World) -> None:
    fault = console(world, "POST", "faults", {"kind": "fail", "service": "sts", "errorCode": "Nope", "httpStatus": 403})
    assert [item["id"] for item in console(world, "GET", "faults")["faults"]] == [fault["id"]]
    with pytest.raises(ClientError, match="Nope"):
        world.client("sts").get_caller_identity()
    console(world, "DELETE", f"faults/{fault['id']}")
    console(world, "POST", "faults", {"kind": "lose_events", "every": 2})
    assert console(world, "DELETE", "faults")["faults"] == []


@pytest.mark.parametrize("address", ["127.64.0", "127.64.0.256", "fd00::17", "web", "", 2130706433, None])
def test_the_console_refuses_what_is_no_ipv4_address(world: World, address: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        console(world, "POST", "addresses", {"reuse": address})
    with caught.value as refusal:
        assert refusal.code == 400
        assert f"reuse must be an IPv4 address such as 127.64.0.9, not {address!r}." in refusal.read().decode()


@pytest.mark.parametrize("body", [{"kind": "clear"}, {"kind": "throttle"}, {"kind": "throttle", "sevice": "ecs"}])
def test_the_console_refuses_what_is_no_fault(world: World, body: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        console(world, "POST", "faults", body)
    assert caught.value.code == 400
    caught.value.close()


def test_the_console_shows_and_ends_tasks(site: Site) -> None:
    arn = site.run_one()
    site.until(arn, "RUNNING")
    assert arn in [task["taskArn"] for task in console(site.world, "GET", "tasks")["tasks"]]
    console(site.world, "POST", f"tasks/{arn.rpartition('/')[2]}/fail", {"exitCode": 9})
    assert site.until(arn, "STOPPED")["containers"][0]["exitCode"] == 9


def test_the_console_lists_calls(site: Site) -> None:
    site.run()
    calls = console(site.world, "GET", "calls?service=ecs&operation=RunTask")["calls"]
    assert calls[-1]["outcome"] == "ok"


def test_connections_are_kept_alive(world: World) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/_sandbox/faults")
        connection.getresponse().read()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    assert None not in sockets
    connection.close()


def test_any_client_joins_in_through_the_environment(site: Site) -> None:
    arn = site.run_one()
    variables = {"AWS_ENDPOINT_URL": site.world.endpoint_url, "AWS_DEFAULT_REGION": site.world.region}
    keys = {"AWS_ACCESS_KEY_ID": "cli", "AWS_SECRET_ACCESS_KEY": "cli"}
    script = "import boto3, sys; print(boto3.client('ecs').list_tasks(cluster=sys.argv[1])['taskArns'][0])"
    plain = subprocess.run(
        [sys.executable, "-c", script, site.cluster],
        env={**os.environ, **variables, **keys},
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout.strip() == arn


def test_a_second_world_and_a_taken_port_are_refused(world: World) -> None:
    with pytest.raises(HeadcountSandboxError, match="cannot be used"):
        World(port=world.port)
    second = World(task_runtime="simulated")
    with pytest.raises(HeadcountSandboxError, match="Another sandbox"):
        second.start()
    second.stop()
    assert world.client("sts").get_caller_identity()["Account"] == world.account


def test_an_operation_can_be_taken_over(world: World) -> None:
    from headcount_sandbox.world import json_answer  # noqa: PLC0415 - only this test plays the platform

    functions = {"Functions": [{"FunctionName": "Control"}]}
    world.answer("lambda", "ListFunctions", lambda _: json_answer(functions))
    assert world.client("lambda").list_functions()["Functions"][0]["FunctionName"] == "Control"
