"""What people ask of ``control``, and requests that are none."""

import pytest

from builders import TASK_DEFINITION

from .asking import MANIFEST, Asking

# -- asking -----------------------------------------------------------------------------------------------------------


def test_list_shows_every_service_of_the_clusters(steady):
    steady.apply(serviceName="api", desiredCount=1)
    services = steady.result("list")["services"]
    assert [one["service"] for one in services] == ["prod/api", "prod/web"]
    assert [(one["state"], one["desiredCount"], one["runningCount"]) for one in services] == [
        ("NEW", 1, 0),
        ("STEADY", 3, 3),
    ]
    assert steady.error("list", cluster="other")["type"] == "InvalidRequest"


def test_describe_tells_everything(steady):
    told = steady.result("describe", service="prod/web")
    assert {task["taskId"] for task in told["tasks"]} == steady.loop.ids()
    assert {task["lastStatus"] for task in told["tasks"]} == {"RUNNING"}
    assert told["manifest"]["taskDefinition"] == "web:12"
    assert told["taskDefinition"] == TASK_DEFINITION
    assert [one["rolloutState"] for one in told["deployments"]] == ["COMPLETED"]
    assert (told["launches"], told["backoff"], told["orphans"]) == ([], None, [])


def test_events_are_paged_and_outlive_the_service(steady):
    steady.result("delete", service="web")
    steady.loop.settle()
    whole = steady.result("events", service="prod/web", limit=1000)["events"]
    assert [whole[0]["kind"], whole[-1]["kind"]] == ["remove", "control"]
    pages, cursor = [], None
    while True:
        page = steady.result("events", service="prod/web", limit=2, **({"before": cursor} if cursor else {}))
        pages += page["events"]
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == whole


@pytest.mark.parametrize(
    ("field", "value"),
    [("limit", 0), ("limit", 1001), ("limit", "x"), ("before", 7), ("before", "event#" + "9" * 5000)],
)
def test_impossible_pages_are_refused(steady, field, value):
    error = steady.error("events", service="web", **{field: value})
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", field)


def test_why_tells_the_story_of_a_service_oldest_first(steady):
    told = steady.result("why", target="web")
    assert (told["service"], told["task"]) == ("prod/web", None)
    assert "STEADY" in told["now"][0]
    assert told["events"][0]["reason"].startswith("apply, generation 1")
    assert [event["at"] for event in told["events"]] == sorted(event["at"] for event in told["events"])


def test_why_tells_the_story_of_a_task_even_after_its_end(steady):
    victim = min(steady.loop.ids())
    steady.loop.runtime.crash(victim)
    steady.loop.settle()
    told = steady.result("why", target=victim)
    assert (told["service"], told["task"]) == ("prod/web", victim)
    assert told["now"] == [f"task {victim} is gone"]
    assert [event["kind"] for event in told["events"]] == ["launch", "launch", "lost"], (
        "its own, and the one of its replacement, which names it"
    )
    assert "exit code 1" in told["events"][-1]["reason"]


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("describe", {"service": "nobody"}),
        ("events", {"service": "prod/nobody"}),
        ("why", {"target": "prod/nobody"}),
        ("why", {"target": "0" * 32}),
        ("scale", {"service": "nobody", "desiredCount": 1}),
        ("delete", {"service": "nobody"}),
        ("protect", {"service": "nobody", "tasks": ["x"]}),
    ],
)
def test_a_service_that_nobody_declares_is_not_found(asking, operation, fields):
    assert asking.error(operation, **fields)["type"] == "ServiceNotFound"


def test_a_bare_name_is_enough_where_only_one_cluster_has_it():
    asking = Asking(clusters=("prod", "staging"))
    asking.apply()
    assert asking.result("describe", service="web")["cluster"] == "prod"
    asking.apply(cluster="staging")
    error = asking.error("describe", service="web")
    assert error["type"] == "InvalidRequest"
    assert "prod/web, staging/web" in error["message"]
    assert asking.error("describe", service="api")["type"] == "ServiceNotFound"


# -- requests that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [None, [], "apply", 7], ids=str)
def test_what_is_no_object_is_refused(asking, request_):
    assert asking.controller.answer(request_)["error"]["type"] == "InvalidRequest"


@pytest.mark.parametrize("version", [None, 2, "1"])
def test_another_version_is_refused(asking, version):
    answer = asking.controller.answer({"version": version, "operation": "list"})
    assert answer["error"]["type"] == "UnsupportedVersion"


@pytest.mark.parametrize("operation", [None, 7, "explode", ["list"]], ids=str)
def test_an_unknown_operation_is_refused_with_the_known_ones(asking, operation):
    error = asking.error(operation)
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "operation")
    assert "describe" in error["message"]


def test_unknown_fields_are_refused_all_at_once(asking):
    error = asking.error("scale", service="web", count=3, force=True)
    assert [problem["path"] for problem in error["problems"]] == ["count", "force"]


@pytest.mark.parametrize(
    "service", [None, 5, "", "/", {}, "prod/", "a/b/c", "prod/we b", "x" * 5000], ids=lambda one: str(one)[:9]
)
def test_a_service_needs_a_name(asking, service):
    assert asking.error("describe", service=service)["problems"][0]["path"] == "service"
    assert asking.error("why", target=service)["problems"][0]["path"] == "target"


def test_a_dry_run_is_true_or_false(asking):
    assert asking.error("apply", manifest=MANIFEST, dryRun="yes")["problems"][0]["path"] == "dryRun"
