"""The same again and the one before: redeploy, rollback, and what apply remembers for them."""

import pytest

from builders import TASK_DEFINITION, a_deployment, a_status
from headcount.model.values import replace

from .asking import DEFINITIONS, MANIFEST

INLINE = {"family": "web", "networkMode": "awsvpc", "containerDefinitions": [{"name": "app", "image": "app:1"}]}
FARGATE = {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}


def _declared(asking):
    return asking.loop.state().declared


def _previous(asking):
    previous = _declared(asking).previous
    return None if previous is None else previous.deployment


def _complete(asking, *deployments):
    """The passes have seen these deployments completed."""
    done = tuple(a_deployment(deployment_id=name) for name in deployments)
    status = asking.loop.store.partition("prod/web").status
    status.document = a_status(deployments=done, generation=_declared(asking).generation)


def _inline(image="app:1", **changes):
    containers = [{"name": "app", "image": image, "essential": True}]
    return {"taskDefinition": INLINE | FARGATE | {"containerDefinitions": containers}} | changes


# -- what apply remembers ---------------------------------------------------------------------------------------------


def test_the_deployment_before_is_remembered_when_it_was_completed(steady):
    steady.apply(taskDefinition="web:13")
    assert _previous(steady) == "dep-1"
    assert _declared(steady).previous.previous is None
    told = steady.result("describe", service="web")["previous"]
    assert told == {"deployment": "dep-1", "taskDefinition": TASK_DEFINITION, "completed": True}


def test_one_step_back_is_remembered_and_no_more(steady):
    steady.apply(taskDefinition="web:13")
    _complete(steady, "dep-2", "dep-1")
    steady.apply(platformVersion="1.4.0")
    assert _previous(steady) == "dep-2"
    assert _declared(steady).previous.previous is None


def test_one_that_was_never_completed_is_passed_over(steady):
    steady.apply(taskDefinition="web:13")
    steady.apply(platformVersion="1.4.0")
    assert (_declared(steady).deployment, _previous(steady)) == ("dep-3", "dep-1")


def test_where_none_was_completed_the_one_before_has_to_do(asking):
    asking.apply()
    asking.apply(taskDefinition="web:13")
    assert _previous(asking) == "dep-1"
    assert asking.result("describe", service="web")["previous"]["completed"] is False
    said = asking.result("rollback", service="web")["warnings"]
    assert "dep-1 is not known to have been completed" in said


def test_a_change_without_a_deployment_leaves_it_alone(steady):
    steady.apply(taskDefinition="web:13")
    before = _declared(steady)
    steady.apply(taskDefinition="web:13", deploymentConfiguration={"maximumPercent": 150})
    assert _declared(steady).deployment == "dep-2"
    assert _declared(steady).previous == before.previous


# -- redeploy ---------------------------------------------------------------------------------------------------------


def test_redeploy_is_a_new_deployment_of_the_same(steady):
    before = _declared(steady)
    result = steady.result("redeploy", service="web", reason="new secret")
    assert (result["deployment"], result["generation"]) == ("dep-2", 2)
    after = _declared(steady)
    assert after.deployed_at == steady.loop.clock()
    assert (after.manifest, after.task_definition_arn) == (before.manifest, before.task_definition_arn)
    event = steady.result("events", service="web")["events"][0]
    assert (event["reason"], event["by"]) == ("redeploy as dep-2: new secret", "alice")


def test_the_same_manifest_after_a_redeploy_changes_nothing(steady):
    steady.result("redeploy", service="web")
    before = steady.loop.state()
    result = steady.apply()
    assert (result["newDeployment"], result["changes"], result["generation"]) == (False, [], 2)
    assert steady.loop.state() == before
    assert steady.apply(taskDefinition="web:13")["newDeployment"] is True


def test_a_redeploy_sent_again_is_one_redeploy(steady):
    first = steady.result("redeploy", service="web")
    again = steady.result("redeploy", service="web")
    assert (again["deployment"], again["generation"]) == (first["deployment"], first["generation"])
    assert "no other began" in again["warnings"][0]
    steady.loop.clock.advance(60)
    assert steady.result("redeploy", service="web")["deployment"] == "dep-3", "a minute later somebody means it"
    _complete(steady, "dep-3")
    assert steady.result("redeploy", service="web")["deployment"] == "dep-4", "the one before is done"


# -- rollback ---------------------------------------------------------------------------------------------------------


def test_rollback_declares_the_one_before_as_a_new_deployment(steady):
    steady.apply(taskDefinition="web:13", deploymentConfiguration={"minimumHealthyPercent": 50})
    result = steady.result("rollback", service="web", reason="500s")
    assert (result["deployment"], result["taskDefinition"], result["generation"]) == ("dep-3", TASK_DEFINITION, 3)
    assert {change["path"]: change["after"] for change in result["changes"]} == {
        "taskDefinition": "web:12",
        "deploymentConfiguration.minimumHealthyPercent": 100,
    }
    assert _declared(steady).incarnation == "identity"
    event = steady.result("events", service="web")["events"][0]
    assert event["reason"] == "rollback from dep-2 to what dep-1 was, as dep-3: 500s"
    assert (event["by"], event["deployment"]) == ("alice", "dep-3")


def test_rollback_leaves_the_count_alone(steady):
    steady.apply(taskDefinition="web:13", desiredCount=5)
    steady.result("scale", service="web", desiredCount=7)
    result = steady.result("rollback", service="web")
    assert [change["path"] for change in result["changes"]] == ["taskDefinition"]
    state = steady.loop.state()
    assert (state.capacity.desired_count, state.capacity.declared_count) == (7, 5)
    assert state.declared.manifest.desired_count == 5


def test_there_is_nothing_before_the_first_deployment(steady):
    error = steady.error("rollback", service="web")
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "service")
    assert "dep-1 is the only deployment so far" in error["message"]
    assert steady.result("describe", service="web")["previous"] is None


def test_a_rollback_sent_again_is_one_rollback(steady):
    """Going forward to what one has just fled from would be the worst answer."""
    steady.apply(taskDefinition="web:13")
    first = steady.result("rollback", service="web")
    before = steady.loop.state()
    again = steady.result("rollback", service="web")
    assert (again["deployment"], again["taskDefinition"]) == (first["deployment"], first["taskDefinition"])
    assert (again["changes"], again["warnings"]) == (
        [],
        ["dep-3 is a rollback and still under way: nothing was changed"],
    )
    assert steady.loop.state() == before


def test_rollback_after_a_completed_rollback_is_refused(steady):
    steady.apply(taskDefinition="web:13")
    _complete(steady, "dep-2", "dep-1")
    steady.result("rollback", service="web")
    assert _previous(steady) == "dep-2", "for the scheduler: it had been completed"
    assert steady.result("describe", service="web")["previous"] is None
    _complete(steady, "dep-3", "dep-2", "dep-1")
    assert "dep-3 is a rollback itself" in steady.error("rollback", service="web")["message"]
    assert _declared(steady).deployment == "dep-3"


def test_what_never_worked_is_not_kept_by_a_rollback(steady):
    steady.apply(taskDefinition="web:13")
    steady.result("rollback", service="web")
    assert _previous(steady) is None


def test_what_is_deployed_over_a_rollback_returns_to_it(steady):
    """The rollback was under way when the next attempt came; what it fled from is no place to return to."""
    steady.apply(taskDefinition="web:13")
    _complete(steady, "dep-2", "dep-1")
    steady.result("rollback", service="web")
    steady.apply(taskDefinition="web:13", platformVersion="1.4.0")
    assert _previous(steady) == "dep-3"
    assert steady.result("rollback", service="web")["taskDefinition"] == TASK_DEFINITION


def test_the_manifest_rolled_back_from_may_be_applied_again(steady):
    steady.apply(taskDefinition="web:13")
    steady.result("rollback", service="web")
    result = steady.apply(taskDefinition="web:13")
    assert (result["deployment"], result["newDeployment"]) == ("dep-4", True)


def test_rollback_after_redeploy_says_that_nothing_differs(steady):
    steady.result("redeploy", service="web")
    result = steady.result("rollback", service="web")
    assert result["changes"] == []
    assert "start the same tasks" in result["warnings"][0]


def test_a_family_is_rolled_back_to_the_revision_that_ran(asking):
    """``taskDefinition: web`` means the newest when it is applied, not when it is rolled back."""
    definitions = asking.controller.registry.definitions
    definitions["web"] = DEFINITIONS["web:12"]
    asking.apply(taskDefinition="web")
    definitions["web"] = DEFINITIONS["web:13"]
    assert asking.apply(taskDefinition="web")["newDeployment"] is True
    assert asking.result("rollback", service="web")["taskDefinition"] == DEFINITIONS["web:12"]


def test_what_could_not_start_is_no_rollback(steady):
    steady.apply(taskDefinition="web:13")
    del steady.controller.registry.definitions["web:12"]
    before = steady.loop.state()
    error = steady.error("rollback", service="web")
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidManifest", "taskDefinition")
    assert steady.loop.state() == before


# -- inline task definitions ------------------------------------------------------------------------------------------


def test_what_headcount_registered_is_remembered_until_it_is_deregistered(steady):
    steady.apply(**_inline("app:1"))
    first = _declared(steady).task_definition_arn
    steady.apply(**_inline("app:2"))
    second = _declared(steady).task_definition_arn
    assert _declared(steady).registered == (first, second)
    assert _declared(steady).previous.registered == ()
    status = steady.loop.store.partition("prod/web").status
    status.document = replace(status.document, deregistered=(first,))
    steady.result("pause", service="web")
    assert _declared(steady).registered == (second,)


def test_what_a_late_pass_may_deregister_is_not_deployed_again(steady):
    steady.apply(**_inline("app:1"))
    first = _declared(steady).task_definition_arn
    steady.apply(**_inline("app:2"))
    second = _declared(steady).task_definition_arn
    steady.apply(**_inline("app:1"))
    third = _declared(steady).task_definition_arn
    assert third not in (first, second)
    steady.apply(**_inline("app:1"), desiredCount=5)
    assert _declared(steady).task_definition_arn == third
    assert _declared(steady).registered == (first, second, third)


def test_a_definition_of_the_users_own_is_never_among_them(steady):
    steady.apply(taskDefinition="web:13")
    assert _declared(steady).registered == ()


def test_a_dry_run_registers_nothing(steady):
    before = dict(steady.controller.registry.registered)
    result = steady.result("apply", manifest=MANIFEST | _inline("app:9"), dryRun=True)
    assert result["newDeployment"] is True
    assert steady.controller.registry.registered == before


def test_a_manifest_that_is_refused_registers_nothing(steady):
    steady.result("delete", service="web")
    assert steady.error("apply", manifest=MANIFEST | _inline("app:9"))["type"] == "ServiceDeleting"
    assert steady.controller.registry.registered == {}


def test_changes_name_what_differs_inside_an_inline_definition(steady):
    steady.apply(**_inline("app:1"))
    result = steady.apply(**_inline("app:2"))
    assert [change["path"] for change in result["changes"]] == ["taskDefinition.containerDefinitions"]


# -- what AWS says of the names ---------------------------------------------------------------------------------------


def test_what_aws_says_anew_of_the_same_names_is_recorded(steady):
    steady.loop.store.partition("prod/web").manifest = replace(_declared(steady), container_health_check=True)
    result = steady.apply()
    assert (result["changes"], result["newDeployment"], result["generation"]) == ([], False, 2)
    assert _declared(steady).container_health_check is False


@pytest.mark.parametrize("field", ["placementStrategy", "placementConstraints"])
def test_where_tasks_are_placed_starts_no_deployment(steady, field):
    rule = {
        "placementStrategy": {"type": "spread", "field": "host"},
        "placementConstraints": {"type": "distinctInstance"},
    }
    steady.apply(launchType="EC2")
    assert steady.apply(launchType="EC2", **{field: [rule[field]]})["newDeployment"] is False


def test_another_volume_is_a_new_deployment(steady):
    containers = [{"name": "app", "image": "app:1"}]
    volumes = [{"name": "data", "configuredAtLaunch": True}]
    definitions = steady.controller.registry
    definitions.documents[DEFINITIONS["web:12"]] = INLINE | {
        "compatibilities": ["FARGATE"],
        "containerDefinitions": containers,
        "volumes": volumes,
    }
    role = "arn:aws:iam::123456789012:role/ecsInfrastructureRole"
    volume = {"name": "data", "managedEBSVolume": {"roleArn": role, "sizeInGiB": 20}}
    assert steady.apply(volumeConfigurations=[volume])["newDeployment"] is True


def test_a_revision_on_record_is_found_again_by_a_newer_version(asking):
    """Else an upgrade of Headcount would deploy every service at its next apply."""
    asking.apply()
    assert _declared(asking).revision == "afae7854743c2673"
