"""What people change through ``control``, and every refusal with all its problems."""

import pytest

from .asking import MANIFEST

# -- apply ------------------------------------------------------------------------------------------------------------


def test_apply_creates_a_service_and_starts_it(asking):
    result = asking.apply()
    assert (result["service"], result["created"], result["newDeployment"]) == ("prod/web", True, True)
    assert (result["generation"], result["deployment"], result["desiredCount"]) == (1, "dep-1", 3)
    assert {"path": "desiredCount", "before": None, "after": 3} in result["changes"]
    asking.loop.settle()
    asking.loop.assert_exactly(3)


def test_apply_twice_changes_nothing(steady):
    before = steady.loop.state()
    result = steady.apply()
    assert (result["created"], result["newDeployment"], result["changes"]) == (False, False, [])
    assert result["generation"] == 1
    assert steady.loop.state() == before


def test_a_dry_run_answers_the_difference_and_changes_nothing(steady):
    before, sent = steady.loop.state(), len(steady.loop.kicks.sent)
    result = steady.result("apply", manifest=MANIFEST | {"desiredCount": 5, "taskDefinition": "web:13"}, dryRun=True)
    assert {change["path"] for change in result["changes"]} == {"desiredCount", "taskDefinition"}
    assert (result["newDeployment"], result["deployment"], result["desiredCount"]) == (True, "dep-2", 5)
    assert (steady.loop.state(), len(steady.loop.kicks.sent)) == (before, sent)


def test_another_task_definition_is_a_new_deployment(steady):
    result = steady.apply(taskDefinition="web:13")
    assert (result["deployment"], result["newDeployment"], result["generation"]) == ("dep-2", True, 2)
    steady.loop.settle()
    steady.loop.assert_exactly(3)
    assert {task.managed.deployment for task in steady.loop.state().tasks} == {"dep-2"}


def test_another_base_or_weight_moves_tasks_and_deploys_nothing(asking):
    def strategy(weight):
        return [
            {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
            {"capacityProvider": "FARGATE_SPOT", "weight": weight},
        ]

    manifest = {name: value for name, value in MANIFEST.items() if name != "launchType"}
    for weight, deploys in ((1, True), (4, False)):
        result = asking.result("apply", manifest=manifest | {"capacityProviderStrategy": strategy(weight)})
        assert result["newDeployment"] is deploys
    assert [change["path"] for change in result["changes"]] == ["capacityProviderStrategy"]


def test_another_deployment_configuration_starts_no_deployment(steady):
    result = steady.apply(deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    assert (result["newDeployment"], result["generation"]) == (False, 2)
    assert [change["path"] for change in result["changes"]] == [
        "deploymentConfiguration.maximumPercent",
        "deploymentConfiguration.minimumHealthyPercent",
    ]


def test_apply_keeps_a_scaled_count_unless_the_manifests_own_number_changed(steady):
    steady.result("scale", service="web", desiredCount=7)
    kept = steady.apply()
    assert kept["desiredCount"] == 7
    assert "the count stays 7" in kept["warnings"][0]
    assert steady.apply(desiredCount=4)["desiredCount"] == 4


def test_a_manifest_that_catches_up_with_a_scaled_count_owns_it(steady):
    """The number changed to what the count is already: a later scale must survive the same manifest."""
    steady.result("scale", service="web", desiredCount=5)
    assert steady.apply(desiredCount=5)["desiredCount"] == 5
    steady.result("scale", service="web", desiredCount=7)
    assert steady.apply(desiredCount=5)["desiredCount"] == 7


def test_apply_warns_of_a_single_subnet(asking):
    network = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    assert "one subnet is one zone" in asking.apply(networkConfiguration=network)["warnings"][0]


def test_a_wrong_manifest_is_refused_with_every_problem(asking):
    wrong = {"cluster": "prod", "serviceName": "web", "desiredCount": -1, "colour": "red"}
    error = asking.error("apply", manifest=wrong)
    assert error["type"] == "InvalidManifest"
    paths = {problem["path"] for problem in error["problems"]}
    assert {"desiredCount", "colour", "taskDefinition"} <= paths
    assert all(problem["message"] for problem in error["problems"])
    assert asking.loop.store.services("prod") == ()


def test_names_that_aws_does_not_know_are_refused_all_at_once(asking):
    network = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-x", "subnet-y"]}}
    error = asking.error("apply", manifest=MANIFEST | {"taskDefinition": "db:1", "networkConfiguration": network})
    assert (error["type"], len(error["problems"])) == ("InvalidManifest", 3)


def test_a_cluster_of_somebody_else_is_refused(asking):
    error = asking.error("apply", manifest=MANIFEST | {"cluster": "other"})
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "cluster")
    assert "prod" in error["message"]


# -- scale, delete, protect -------------------------------------------------------------------------------------------


def test_scale_sets_the_count_and_says_what_it_was(steady):
    assert steady.result("scale", service="prod/web", desiredCount=5) == {
        "service": "prod/web",
        "before": 3,
        "after": 5,
        "warnings": [],
    }
    steady.loop.settle()
    steady.loop.assert_exactly(5)


def test_scaling_to_the_same_count_writes_nothing(steady):
    before = steady.loop.state()
    steady.result("scale", service="web", desiredCount=3)
    assert steady.loop.state() == before


@pytest.mark.parametrize("count", [-1, 5001, "3", None, 2.5, True])
def test_an_impossible_count_is_refused(steady, count):
    error = steady.error("scale", service="web", desiredCount=count)
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "desiredCount")
    assert error["problems"][0]["value"] == count


def test_a_service_whose_count_was_lost_can_be_deleted(steady):
    steady.loop.store.partition("prod/web").capacity = None
    answer = {"service": "prod/web", "kind": "Service", "alreadyDeleting": False}
    assert steady.result("delete", service="web") == answer
    steady.loop.run(5)
    assert steady.loop.ids() == set()


def test_delete_keeps_the_name_until_the_tasks_are_gone(steady):
    answer = {"service": "prod/web", "kind": "Service", "alreadyDeleting": False}
    assert steady.result("delete", service="web") == answer
    assert steady.result("delete", service="web")["alreadyDeleting"] is True
    for operation, fields in [
        ("apply", {"manifest": MANIFEST}),
        ("scale", {"service": "web", "desiredCount": 1}),
        ("protect", {"service": "web", "tasks": ["x"]}),
    ]:
        assert steady.error(operation, **fields)["type"] == "ServiceDeleting", operation
    assert steady.result("describe", service="web")["state"] == "DELETING"
    steady.loop.settle()
    assert steady.error("describe", service="web")["type"] == "ServiceNotFound"
    assert steady.apply()["created"] is True
    steady.loop.settle()
    steady.loop.assert_exactly(3)


def test_a_protected_task_survives_scale_in_until_its_time_is_up(steady):
    tasks = sorted(steady.loop.ids())
    result = steady.result("protect", service="web", tasks=tasks[:2], expiresInMinutes=10)
    assert [one["taskId"] for one in result["protected"]] == tasks[:2]
    steady.result("scale", service="web", desiredCount=1)
    steady.loop.run(5)
    assert steady.loop.ids() == set(tasks[:2])
    steady.loop.run(8)
    steady.loop.assert_exactly(1)


def test_protection_is_taken_off_with_zero_minutes(steady):
    tasks = sorted(steady.loop.ids())
    steady.result("protect", service="web", tasks=tasks)
    assert [
        one["taskId"]
        for one in steady.result("protect", service="web", tasks=tasks[:1], expiresInMinutes=0)["protected"]
    ] == tasks[1:]


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({}, ["tasks"]),
        ({"tasks": []}, ["tasks"]),
        ({"tasks": "abc"}, ["tasks"]),
        ({"tasks": ["nope", {"a": 1}, ["b"], None]}, ["tasks[0]", "tasks[1]", "tasks[2]", "tasks[3]"]),
        ({"tasks": ["x"], "expiresInMinutes": 2881}, ["expiresInMinutes"]),
    ],
)
def test_protecting_what_is_no_task_is_refused(steady, fields, paths):
    error = steady.error("protect", service="web", **fields)
    assert (error["type"], [problem["path"] for problem in error["problems"]]) == ("InvalidRequest", paths)


# -- races and failures -----------------------------------------------------------------------------------------------


def test_who_comes_second_is_told_to_try_again(steady):
    """Somebody applies between this request's reading and writing."""
    steady.race(lambda: steady.apply(desiredCount=9))
    assert steady.error("scale", service="web", desiredCount=4)["type"] == "Conflict"
    assert steady.loop.state().capacity.desired_count == 9


def test_aws_out_of_patience_is_unavailable(steady):
    steady.loop.kicks.refuse_next = 1
    assert steady.error("scale", service="web", desiredCount=4)["type"] == "Unavailable"


def test_a_record_of_a_newer_version_is_unavailable(steady):
    steady.loop.store.make_newer("prod/web", "status")
    assert steady.error("describe", service="web")["type"] == "Unavailable"


def test_every_change_is_kicked_after_it_is_written(steady):
    sent = len(steady.loop.kicks.sent)
    steady.result("scale", service="web", desiredCount=4)
    message = steady.loop.kicks.sent[sent]
    assert (message.cause, message.pass_number) == ("scale", None)  # None: never dropped as a repetition
