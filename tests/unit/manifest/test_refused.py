"""What a manifest may not say: the place, the value and what is allowed, for everything at once."""

import json
from typing import Any

import pytest

from unit.manifest.documents_of import LEFT_OUT, a_document, awsvpc, manifest_of, problems_of, the_problem_of


def test_reports_all_problems_at_once_each_with_its_path_and_value():
    document = {
        "clutser": "prod",
        "cluster": "no spaces",
        "serviceName": "x" * 255,
        "taskDefinition": "web:latest",
        "desiredCount": 5001,
        "launchType": "EXTERNAL",
        "loadBalancers": [{"targetGroupArn": "arn"}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["vpc-1"], "assignPublicIp": True}},
        "deploymentConfiguration": {"minimumHealthyPercent": -1, "alarms": {"enable": False}},
        "restarts": {"initialSeconds": 400},
        "tags": [{"key": "aws:x", "value": 1}],
    }
    problems = problems_of(document)
    assert [(problem.path, problem.value) for problem in problems] == [
        ("clutser", "clutser"),
        ("cluster", "no spaces"),
        ("serviceName", "x" * 120 + "..."),
        ("taskDefinition", "web:latest"),
        ("desiredCount", 5001),
        ("launchType", "EXTERNAL"),
        ("loadBalancers[0].targetGroupArn", "arn"),
        ("loadBalancers[0].containerName", None),
        ("loadBalancers[0].containerPort", None),
        ("networkConfiguration.awsvpcConfiguration.subnets[0]", "vpc-1"),
        ("networkConfiguration.awsvpcConfiguration.assignPublicIp", True),
        ("deploymentConfiguration.minimumHealthyPercent", -1),
        ("deploymentConfiguration.alarms", "a mapping with 1 key"),
        ("tags[0].key", "aws:x"),
        ("tags[0].value", 1),
        ("restarts.maximumSeconds", 300),
    ]


@pytest.mark.parametrize("document", [None, [], "web", 7, True, [{"cluster": "prod"}]])
def test_a_manifest_is_a_mapping(document: object):
    assert the_problem_of(document).path == "manifest"


@pytest.mark.parametrize(
    "key", ["cluster", "serviceName", "taskDefinition", "desiredCount", "networkConfiguration", "launchType"]
)
def test_what_is_required(key: str):
    problem = the_problem_of(a_document(**{key: LEFT_OUT}))
    assert problem.path == key
    assert problem.message.startswith("is required")


def test_an_empty_manifest_lacks_everything_that_is_required():
    assert len(problems_of({})) == 5


def test_null_is_no_value():
    assert "has no value" in the_problem_of(a_document(platformVersion=None)).message


def test_unknown_keys_name_the_nearest_known_one():
    assert "did you mean desiredCount?" in the_problem_of(a_document(desiredCuont=3)).message
    assert (
        "did you mean subnets?" in problems_of(a_document(networkConfiguration=awsvpc(subnet=["subnet-a"])))[0].message
    )


def test_the_same_key_in_both_spellings():
    problem = the_problem_of(a_document(DesiredCount=3))
    assert (problem.path, problem.value) == ("DesiredCount", 3)
    assert "as desiredCount and as DesiredCount" in problem.message


@pytest.mark.parametrize("key", [7, "", "a b", "a\nb", "\ud800", ("a",), "x" * 100_000])
def test_odd_keys_are_problems_with_readable_paths(key: object):
    problem = the_problem_of({**a_document(), key: 1})
    assert problem.path.isprintable()
    assert len(problem.path) < 200


@pytest.mark.parametrize("count", [-1, 5001, 3.0, 2.5, True, "three", "3.0", " 3", "03", "+3", "\u0663", float("nan")])
def test_desired_counts_that_are_none(count: object):
    problem = the_problem_of(a_document(desiredCount=count))
    assert problem.path == "desiredCount"
    assert "a whole number from 0 to 5000" in problem.message


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a.b", "w\u00e9b", "web\n", "x" * 246, "x" * 255, 7])
def test_service_names_and_why_245(name: object):
    problem = the_problem_of(a_document(serviceName=name))
    assert "1 to 245" in problem.message
    assert "headcount:<serviceName>" in problem.message


@pytest.mark.parametrize("cluster", ["", "a/b", "x" * 256, "arn:aws:ecs:eu-central-1:123456789012:service/prod/web"])
def test_clusters(cluster: str):
    assert the_problem_of(a_document(cluster=cluster)).path == "cluster"


@pytest.mark.parametrize(
    "task_definition",
    ["", "web:", "web:0", "web:latest", "web:1:2", "a/b", "x" * 256, "arn:aws:ecs:eu-central-1:123456789012:task/web"],
)
def test_task_definitions(task_definition: str):
    assert "family:revision" in the_problem_of(a_document(taskDefinition=task_definition)).message


def test_one_and_only_one_way_to_name_capacity():
    strategy = [{"capacityProvider": "FARGATE"}]
    problem = the_problem_of(a_document(capacityProviderStrategy=strategy))
    assert problem.path == "capacityProviderStrategy"
    assert "contradicts launchType" in problem.message


@pytest.mark.parametrize(
    ("strategy", "path"),
    [
        ([], ""),
        ([{"capacityProvider": f"provider-{number}", "weight": 1} for number in range(21)], ""),
        ([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "my-instances"}], ""),
        ([{"capacityProvider": "FARGATE"}, {"capacityProvider": "FARGATE_SPOT"}], ""),
        ([{"capacityProvider": "FARGATE", "weight": 0}], ""),
        ([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE"}], "[1]"),
        ([{"capacityProvider": "FARGATE", "weight": 1001}], "[0].weight"),
        ([{"capacityProvider": "FARGATE", "base": 100_001}], "[0].base"),
        (
            [
                {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
                {"capacityProvider": "FARGATE_SPOT", "base": 2},
            ],
            "[1].base",
        ),
        ([{"capacityProvider": "my instances"}], "[0].capacityProvider"),
        ([{"weight": 1}], "[0].capacityProvider"),
        ("FARGATE_SPOT", ""),
    ],
)
def test_capacity_provider_strategies(strategy: object, path: str):
    problem = the_problem_of(a_document(launchType=LEFT_OUT, capacityProviderStrategy=strategy))
    assert problem.path == f"capacityProviderStrategy{path}"


@pytest.mark.parametrize("launch_type", ["EXTERNAL", "MANAGED_INSTANCES"])
def test_launch_types_that_are_not_supported_say_why(launch_type: str):
    message = the_problem_of(a_document(launchType=launch_type)).message
    assert message.startswith(f"'{launch_type}' is not supported by this version of Headcount: ")
    assert "allowed: one of FARGATE, EC2" in message


@pytest.mark.parametrize("network", [{}, {"awsvpcConfiguration": {}}, {"awsvpcConfiguration": {"subnets": []}}])
def test_subnets_are_needed(network: dict[str, Any]):
    assert the_problem_of(a_document(networkConfiguration=network)).path.startswith("networkConfiguration.awsvpc")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"subnets": ["subnet-a", "subnet-b", "subnet-a"]}, "subnets[2]"),
        ({"subnets": [f"subnet-{number}" for number in range(17)]}, "subnets"),
        ({"subnets": ["sg-1"]}, "subnets[0]"),
        ({"subnets": "subnet-a"}, "subnets"),
        ({"subnets": [None]}, "subnets[0]"),
        ({"securityGroups": [f"sg-{number}" for number in range(6)]}, "securityGroups"),
        ({"securityGroups": ["subnet-a"]}, "securityGroups[0]"),
        ({"assignPublicIp": "enabled"}, "assignPublicIp"),
    ],
)
def test_networks(change: dict[str, Any], path: str):
    problem = the_problem_of(a_document(networkConfiguration=awsvpc(**change)))
    assert problem.path == f"networkConfiguration.awsvpcConfiguration.{path}"


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum"),
    [(4, 100, 100), (3, 100, 125), (1, 50, 100), (1, 100, 199), (5000, 100, 100), (29, 100, 103)],
)
def test_deployments_that_could_never_finish(desired: int, minimum: int, maximum: int):
    percents = {"minimumHealthyPercent": minimum, "maximumPercent": maximum}
    problem = the_problem_of(a_document(desiredCount=desired, deploymentConfiguration=percents))
    assert (problem.path, problem.value) == ("deploymentConfiguration", f"{minimum}/{maximum}")
    assert f"ceil({desired} x {minimum} / 100) = {desired}" in problem.message
    assert f"floor({desired} x {maximum} / 100) = {desired}" in problem.message


def test_the_way_out_of_a_deadlock_is_named():
    percents = {"minimumHealthyPercent": 100, "maximumPercent": 100}
    message = the_problem_of(a_document(desiredCount=3, deploymentConfiguration=percents)).message
    assert "lower minimumHealthyPercent to 66 or raise maximumPercent to 134" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("minimumHealthyPercent", 101),
        ("minimumHealthyPercent", -1),
        ("minimumHealthyPercent", 50.5),
        ("maximumPercent", 99),
        ("maximumPercent", 1001),
        ("maximumPercent", "200%"),
    ],
)
def test_percents(key: str, value: object):
    problem = the_problem_of(a_document(deploymentConfiguration={key: value}))
    assert (problem.path, problem.value) == (f"deploymentConfiguration.{key}", value)


@pytest.mark.parametrize(
    ("block", "value", "path"),
    [
        ("restarts", {"initialSeconds": 10, "maximumSeconds": 5}, "restarts.maximumSeconds"),
        ("restarts", {"maximumSeconds": 4}, "restarts.maximumSeconds"),
        ("restarts", {"initialSeconds": -1}, "restarts.initialSeconds"),
        ("restarts", {"resetAfterSeconds": float("inf")}, "restarts.resetAfterSeconds"),
        ("deadlines", {"pendingSeconds": 4}, "deadlines.pendingSeconds"),
        ("deadlines", {"pendingSeconds": 86401}, "deadlines.pendingSeconds"),
        ("deadlines", {"pendingSeconds": float("nan")}, "deadlines.pendingSeconds"),
        ("deadlines", {"stoppingSeconds": True}, "deadlines.stoppingSeconds"),
        ("scaleIn", {}, "scaleIn.prefer"),
        ("scaleIn", {"prefer": []}, "scaleIn.prefer"),
        ("scaleIn", {"prefer": ["newest", "newest"]}, "scaleIn.prefer[1]"),
        ("scaleIn", {"prefer": ["newest", "unhealthy", "oldest"]}, "scaleIn.prefer"),
        ("scaleIn", {"prefer": ["biggest"]}, "scaleIn.prefer[0]"),
        ("platformVersion", "1.4", "platformVersion"),
        ("enableExecuteCommand", "yes", "enableExecuteCommand"),
        ("enableExecuteCommand", 1, "enableExecuteCommand"),
        ("propagateTags", "SERVICE", "propagateTags"),
    ],
)
def test_the_other_fields(block: str, value: object, path: str):
    assert the_problem_of(a_document(**{block: value})).path == path


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ([{"key": "", "value": "a"}], "tags[0].key"),
        ([{"key": "k" * 129, "value": "a"}], "tags[0].key"),
        ([{"key": "a", "value": "v" * 257}], "tags[0].value"),
        ([{"key": "AWS:a", "value": ""}], "tags[0].key"),
        ([{"key": "headcount:service", "value": "x"}], "tags[0].key"),
        ([{"key": "a", "value": "tab\t"}], "tags[0].value"),
        ([{"key": "a", "value": 5}], "tags[0].value"),
        ([{"key": "a", "value": "1"}, {"Key": "a", "Value": "2"}], "tags[1]"),
        ([{"value": "a"}], "tags[0].key"),
        ([{"key": str(number)} for number in range(48)], "tags"),
        ({"team": "shop"}, "tags"),
    ],
)
def test_tags(tags: object, path: str):
    assert the_problem_of(a_document(tags=tags)).path == path


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"containerOverrides": [{"cpu": 5}]}, "containerOverrides[0].name"),
        ({"containerOverrides": [{"name": "a", "command": "run"}]}, "containerOverrides[0].command"),
        ({"containerOverrides": [{"name": "a", "command": [1]}]}, "containerOverrides[0].command[0]"),
        ({"containerOverrides": [{"name": "a", "image": "b"}]}, "containerOverrides[0].image"),
        (
            {"containerOverrides": [{"name": "a", "environment": [{"name": "PORT", "value": 80}]}]},
            "containerOverrides[0].environment[0].value",
        ),
        ({"containerOverrides": [{"name": "a", "environment": {"PORT": "80"}}]}, "containerOverrides[0].environment"),
        ({"cpu": 256}, "cpu"),
        ({"memory": "much"}, "memory"),
        ({"taskRoleArn": "web"}, "taskRoleArn"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "ephemeralStorage.sizeInGiB"),
        ({"inferenceAcceleratorOverrides": [{}]}, "inferenceAcceleratorOverrides"),
    ],
)
def test_overrides(overrides: object, path: str):
    assert the_problem_of(a_document(overrides=overrides)).path == f"overrides.{path}"


def test_overrides_are_bounded_as_json():
    def overrides(length: int) -> dict[str, Any]:
        variable = {"name": "TEXT", "value": "x" * length}
        return {"containerOverrides": [{"name": "app", "environment": [variable]}]}

    room = 8192 - len(json.dumps(overrides(0)))
    assert manifest_of(a_document(overrides=overrides(room))).run_task == {"overrides": overrides(room)}
    problem = the_problem_of(a_document(overrides=overrides(room + 1)))
    assert problem.message == "must be at most 8192 characters of JSON (AWS's limit), not 8193"


def test_a_flood_of_problems_is_cut_and_counted():
    problems = problems_of(a_document(**{f"key{number}": 1 for number in range(9_000)}))
    assert len(problems) == 501
    assert problems[-1].message == "8500 more problems are not listed"


def test_a_list_that_is_far_too_long_is_one_problem_and_not_thousands():
    tags = [{"key": f"team{number}"} for number in range(47)] + [{"key": "aws:x"}] * 4_000
    assert the_problem_of(a_document(tags=tags)).value == "a list of 4047"


def test_half_a_character_is_no_text():
    problem = the_problem_of(a_document(overrides={"containerOverrides": [{"name": "app", "command": ["\ud83d"]}]}))
    assert problem.message == "must be text that UTF-8 can carry, not '\\ud83d'"
    assert problem.value == "\\ud83d"


def test_a_document_as_deep_as_python_allows():
    deep: Any = 1
    for _ in range(9_000):
        deep = [deep]
    assert the_problem_of(a_document(tags=[{"key": "a", "value": deep}])).value == "a list of 1"
    assert the_problem_of(a_document(deep=deep)).path == "deep"


def test_a_number_too_long_to_write_down():
    assert the_problem_of(a_document(desiredCount=10**5000)).value == "a number of more than 18 digits"
