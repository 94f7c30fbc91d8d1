"""The template's permissions against the calls that functions make: nothing is missing, and nothing is not needed.

One story makes every function call everything that it ever calls; what is found in the code but was never called fails.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from e2e.called_in_code import operations_in, operations_simulated_in, transaction_parts_in
from e2e.install import CLUSTER, ROOT, Install, exits_at_once, id_of
from e2e.instances import Instances, on_instance
from e2e.kept import Kept
from e2e.needed_permissions import Authorization, RecordedCall
from e2e.recorder import Recorder
from e2e.scaled_by_all import FUNCTION, NATIVE, SERVICE, ScaledByAll
from headcount_sandbox.platform.deployment import Place
from unit.template.iam import Grant, Need, ResolvedTemplate, compare

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"seed": 3}  # its own: the ledger holds this story only, and its lost events are nobody else's
ROLE = "arn:aws:iam::123456789012:role/task"
PLACE = Place(account="123456789012", region="eu-west-1", endpoint_url="http://127.0.0.1")
PARAMETERS = {
    "Clusters": CLUSTER,
    "PassableRoles": ROLE,
    "ManageLoadBalancers": "true",
    "ScalingFunctions": PLACE.arn("lambda", f"function:{FUNCTION}"),
}
HOUR = 3600.0


class Recorded(NamedTuple):
    """What the story made the functions call, and Lambda in their names; each need once."""

    calls: list[RecordedCall]
    needs: list[Need]
    operations: set[tuple[str, str]]


@pytest.fixture(scope="module")
def template() -> ResolvedTemplate:
    return ResolvedTemplate(ROOT / "template.yaml", PARAMETERS, PLACE)


@pytest.fixture(scope="module")
def grants(template: ResolvedTemplate) -> tuple[Grant, ...]:
    return template.grants()


@pytest.fixture(scope="module")
def recorded(installed: Install, template: ResolvedTemplate) -> Recorded:
    def definition(name: str) -> dict[str, Any]:
        return dict(installed.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"])

    authorization = Authorization(PLACE, definition)
    recorder, began = Recorder(installed.sandbox), time.time()
    with recorder.recording(authorization.operations):
        tell_everything(installed)
    ledger = {(one.service, one.operation) for one in installed.sandbox.world.calls.select(since=began) if one.function}
    needs = (
        *template.needs_of_lambda(),
        *template.needs_of_scheduler(),
        *_needs(recorder.calls, template, authorization),
    )
    return Recorded(calls=recorder.calls, needs=list({str(need): need for need in needs}.values()), operations=ledger)


def _needs(calls: list[RecordedCall], template: ResolvedTemplate, authorization: Authorization) -> Iterator[Need]:
    for call in calls:
        yield from authorization.needs(template.role_of(call.function), call)


# ---------------------------------------------------------------------------------------------------------- the story


def tell_everything(install: Install) -> None:
    """Every branch that calls AWS, for every function."""
    instances = Instances(install, "permitted")
    leaving, staying = instances.one_a_zone()[:2]
    instances.run("permitted", 6)
    kept = Kept(install)
    kept.declare()
    _with_roles_and_a_volume(install)
    _with_definitions_of_its_own(install)
    _failing_with_a_timer(install)
    install.steady("permitted", 6)
    install.steady("owning-roles", 2)
    _places_that_go(install, instances, leaving, staying)
    _events_that_are_lost(install)
    _an_old_launch_without_an_answer(install)
    _questions(install)
    _behind_load_balancers(install, instances, kept)
    ScaledByAll(install).tell()
    _ends(install)


def _with_roles_and_a_volume(install: Install) -> None:
    definition = install.ecs.register_task_definition(
        family="owning-roles",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        taskRoleArn=ROLE,
        executionRoleArn=ROLE,
        volumes=[{"name": "data", "configuredAtLaunch": True}],
        containerDefinitions=[{"name": "app", "image": "sandbox", "essential": True}],
    )["taskDefinition"]["taskDefinitionArn"]
    volume = {"name": "data", "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 10}}
    install.ask("apply", manifest=install.manifest("owning-roles", definition, 2, volumeConfigurations=[volume]))


def _with_definitions_of_its_own(install: Install) -> None:
    """No tasks, so that it can go at once: with it, what was registered for it is deregistered."""
    inline = {
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": ROLE,
        "containerDefinitions": [{"name": "app", "image": "sandbox", "essential": True}],
    }
    manifest = {**install.manifest("inlined", "", 0), "taskDefinition": inline}
    install.ask("apply", manifest=manifest)
    install.ask("apply", manifest=manifest)  # looks up what it registered
    install.ask("delete", service=f"{CLUSTER}/inlined")


def _failing_with_a_timer(install: Install) -> None:
    install.run("timed", 1, command=exits_at_once(), restarts={"initialSeconds": 1, "maximumSeconds": 1})
    install.wait(lambda: _has_kicked(install, "WakeServices"), "a timer wakes it", "timed")
    install.ask("scale", service=f"{CLUSTER}/timed", desiredCount=0)


def _has_kicked(install: Install, function: str) -> bool:
    name = install.sandbox.platform.function(function).name
    return any(call.function == name for call in install.sandbox.world.calls.select("sqs", "SendMessage"))


def _places_that_go(install: Install, instances: Instances, leaving: str, staying: str) -> None:
    """A container instance drains, an EC2 instance is taken back, tasks retire; the audit looks at the instances."""
    moving = on_instance(install.alive("permitted"), leaving)
    taken = on_instance(install.alive("permitted"), staying)
    assert moving, install.story("they are spread over three zones", ["permitted"])
    assert taken, install.story("they are spread over three zones", ["permitted"])
    install.ask("protect", service=f"{CLUSTER}/permitted", tasks=[*moving, *taken], expiresInMinutes=60)
    instances.set_state(leaving, "DRAINING")
    install.sandbox.world.losses.interrupt_spot_instance(staying, warning_seconds=HOUR, drain=False)
    install.sandbox.world.losses.retire(install.ids("owning-roles")[:1], HOUR)
    noticed = {*moving, *taken}
    install.wait(lambda: noticed <= _noticed(install, "permitted"), "all notices are on record", "permitted")
    install.wait(lambda: bool(_noticed(install, "owning-roles")), "the retirement is on record", "owning-roles")
    install.audit()


def _noticed(install: Install, service: str) -> set[str]:
    return {record["sk"].removeprefix("task#") for record in install.records(service) if record.get("notice")}


def _events_that_are_lost(install: Install) -> None:
    """The audit finds a task that died unheard, and corrects the record. Where a pass looks before it: once more."""
    for _ in range(10):
        _a_death_unheard(install, "owning-roles", 2)
        if _has_kicked(install, "AuditClusters"):
            return
    raise AssertionError(install.story("no audit found a task that had died", ["owning-roles"]))


def _a_death_unheard(install: Install, service: str, count: int) -> None:
    install.steady(service, count)
    victim = install.ids(service)[0]
    with_no_events = install.faults.lose_events(probability=1.0)
    install.sandbox.kill_task(victim)
    install.wait(lambda: victim not in install.ids(service), "it is dead", service)
    install.faults.remove(with_no_events)
    install.audit()
    install.wait(lambda: len(install.ids(service)) == count, "it is replaced", service)


def _an_old_launch_without_an_answer(install: Install) -> None:
    """What a pass leaves that died an hour ago: too old to be sent again, so ECS is asked for its tasks."""
    started = install.alive("owning-roles")[0]
    launch = {
        "launch_id": started["startedBy"].rpartition("/")[2],
        "count": 1,
        "zone": started["availabilityZone"],
        "deployment": "dep-1",
        "at": time.time() - HOUR,
        "reason": "as wanted",
        "request": {"cluster": CLUSTER},
    }
    keys = {"pk": {"S": f"{CLUSTER}/owning-roles"}, "sk": {"S": f"launch#{launch['launch_id']}"}}
    item = {**keys, "schema": {"N": "1"}, "doc": {"S": json.dumps(launch)}}
    table = install.sandbox.platform.deployment.outputs["TableName"]
    install.sandbox.client("dynamodb").put_item(TableName=table, Item=item)
    install.ask("scale", service=f"{CLUSTER}/owning-roles", desiredCount=3)
    install.wait(lambda: not _launches(install, "owning-roles"), "ECS was asked what became of it", "owning-roles")


def _launches(install: Install, service: str) -> list[str]:
    return [record["sk"] for record in install.records(service) if record["sk"].startswith("launch#")]


def _questions(install: Install) -> None:
    install.ask("list")
    install.ask("plan", service=f"{CLUSTER}/permitted")
    install.ask("why", target=id_of(install.ever("permitted")[0]))
    install.history("permitted")
    install.ask("cordon", cluster=CLUSTER, zone="eu-west-1c")
    install.ask("uncordon", cluster=CLUSTER, zone="eu-west-1c")


def _behind_load_balancers(install: Install, instances: Instances, kept: Kept) -> None:
    """All that Headcount keeps is created and put right; a target on an instance; targets seen by the audit."""
    kept.wait_until_kept()
    install.audit()
    kept.change_everything_by_hand()
    kept.declare(function=kept.another_function)
    kept.wait_until_kept()
    kept.assert_put_right()
    group = kept.a_group_of_instances("bridged")
    entry = {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
    instances.run("bridged", 1, host_port=0, loadBalancers=[entry])
    install.wait(lambda: bool(kept.targets(group)), "the instance is a target", "bridged")


def _ends(install: Install) -> None:
    services = ("permitted", "owning-roles", "timed", "bridged", Kept.SERVICE, SERVICE, NATIVE)
    for service in services:
        install.ask("delete", service=f"{CLUSTER}/{service}")
    for service in (*services, "inlined"):
        install.gone(service)


# -------------------------------------------------------------------------------------------------------- the verdict


def test_every_operation_that_functions_call_has_its_checks_written_down(recorded: Recorded) -> None:
    called = {(call.service, call.operation) for call in recorded.calls}
    assert recorded.operations == called, "tests/e2e/needed_permissions.py does not know some of these"


def test_every_call_would_be_allowed(recorded: Recorded, grants: tuple[Grant, ...]) -> None:
    missing = compare(grants, recorded.needs).missing
    assert not missing, "\n".join(sorted(missing))


def test_nothing_is_granted_that_no_call_needs(recorded: Recorded, grants: tuple[Grant, ...]) -> None:
    unused = compare(grants, recorded.needs).unused
    assert not unused, "\n".join(map(str, unused))


# ------------------------------------------------------------------------------------------ does the story call it all?


def test_the_story_calls_every_operation_that_the_code_names(recorded: Recorded) -> None:
    named = operations_in(ROOT / "layers" / "headcount") | operations_in(ROOT / "functions")
    assert named == {operation for _, operation in recorded.operations}


def test_the_story_writes_every_kind_of_transaction_that_the_code_names(recorded: Recorded) -> None:
    items = (call.parameters["TransactItems"] for call in recorded.calls if call.operation == "TransactWriteItems")
    written = {part for some in items for item in some for part in item}
    assert written == transaction_parts_in(ROOT / "layers" / "headcount" / "headcount" / "aws")


def test_the_simulation_calls_nothing_that_the_story_does_not(recorded: Recorded) -> None:
    simulated = operations_simulated_in(ROOT / "simulation")
    assert simulated
    assert simulated <= {operation for _, operation in recorded.operations}


# ----------------------------------------------------------------------------------- would a wrong template be noticed?


def test_taking_away_any_action_that_is_granted_is_noticed(recorded: Recorded, grants: tuple[Grant, ...]) -> None:
    unnoticed = [
        str(taken)
        for taken in grants
        if not compare([grant for grant in grants if grant is not taken], recorded.needs).missing
    ]
    assert len(grants) > 50
    assert not unnoticed, "\n".join(unnoticed)


def test_any_action_more_is_noticed_wherever_it_is_added(recorded: Recorded, grants: tuple[Grant, ...]) -> None:
    """Actions of other roles, actions that nobody uses, and those that the role has already, once more."""
    actions = {grant.action for grant in grants} | {"dynamodb:Scan", "ecs:UpdateService", "iam:CreateRole", "ecs:*"}
    places = {(grant.role, grant.resource): grant for grant in grants}
    unnoticed = []
    for place in places.values():
        for action in actions:
            added = replace(place, action=action, sid="Added")
            if added not in compare([*grants, added], recorded.needs).unused:
                unnoticed.append(str(added))
    assert not unnoticed, "\n".join(unnoticed)
