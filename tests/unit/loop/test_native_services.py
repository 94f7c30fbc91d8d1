"""``kind: NativeService``: what ``control`` does for a service that ECS itself keeps, and what it refuses."""

import pytest

from headcount.errors import TransientError
from headcount.model.scaling_record import LastDecision, ScalingRecord
from headcount.ports.scaling import NativeCounts

from .asking import MANIFEST

NATIVE = {
    "kind": "NativeService",
    "cluster": "prod",
    "serviceName": "api",
    "scaling": {"minCapacity": 2, "maxCapacity": 10},
}


def throttled(cluster, service):
    raise TransientError("ECS: ThrottlingException")


@pytest.fixture
def native(asking):
    asking.native.services["prod/api"] = NativeCounts(desired=4, running=3, deploying=False, family="api")
    asking.result("apply", manifest=NATIVE)
    return asking


def test_a_native_service_is_declared_with_the_count_that_ecs_has(asking):
    asking.native.services["prod/api"] = NativeCounts(desired=4, running=3, deploying=False)
    result = asking.result("apply", manifest=NATIVE)
    assert (result["service"], result["created"], result["desiredCount"], result["warnings"]) == (
        "prod/api",
        True,
        4,
        [],
    )
    assert {"path": "kind", "before": None, "after": "NativeService"} in result["changes"]
    assert [kick.service for kick in asking.loop.kicks.sent] == ["prod/api"]
    assert asking.native.services["prod/api"].desired == 4


def test_apply_again_is_no_news(native):
    before = native.loop.store.partition("prod/api").manifest
    result = native.result("apply", manifest=NATIVE)
    assert (result["created"], result["changes"], result["newDeployment"]) == (False, [], False)
    assert native.loop.store.partition("prod/api").manifest == before


def test_it_must_exist(asking):
    error = asking.error("apply", manifest=NATIVE)
    assert error["type"] == "InvalidManifest"
    assert error["problems"] == [
        {"path": "serviceName", "value": "api", "message": "ECS has no active service api in cluster prod"}
    ]


def test_nobody_else_may_scale_it(asking):
    rival = "Application Auto Scaling has it as a scalable target"
    asking.native.services["prod/api"] = NativeCounts(desired=4, running=3, deploying=False, rival=rival)
    error = asking.error("apply", manifest=NATIVE)
    assert error["problems"][0]["message"] == f"its count is not Headcount's to set: {rival}"
    assert "prod/api" not in {one["service"] for one in asking.result("list")["services"]}


@pytest.mark.parametrize(
    ("first", "second"), [(MANIFEST | {"serviceName": "api"}, NATIVE), (NATIVE, MANIFEST | {"serviceName": "api"})]
)
def test_a_service_stays_of_its_kind(asking, first, second):
    asking.native.services["prod/api"] = NativeCounts(desired=4, running=3, deploying=False)
    asking.result("apply", manifest=first)
    error = asking.error("apply", manifest=second)
    assert error["problems"][0]["path"] == "kind"
    assert "delete it first (headcount delete api)" in error["message"]


def test_scale_sets_the_count_in_ecs(native):
    result = native.result("scale", service="api", desiredCount=6)
    assert (result["before"], result["after"]) == (4, 6)
    assert native.native.services["prod/api"].desired == 6
    assert native.result("list")["services"][0]["desiredCount"] == 6
    assert native.result("events", service="api")["events"][0]["reason"] == "scale from 4 to 6"


def test_why_tells_the_counts_that_ecs_has_now(native):
    native.native.services["prod/api"] = NativeCounts(desired=5, running=2, deploying=False, family="api")
    assert "desired count 5, 2 running: as ECS has them now" in native.result("why", target="api")["now"]
    del native.native.services["prod/api"]
    assert native.result("why", target="api")["now"][0].endswith("ECS has no active service api in cluster prod")


def test_list_tells_the_counts_that_ecs_has_now(native):
    native.native.services["prod/api"] = NativeCounts(desired=5, running=2, deploying=False)
    (line,) = native.result("list")["services"]
    assert (line["desiredCount"], line["runningCount"], line["keptCount"]) == (5, 2, None)
    del native.native.services["prod/api"]
    (line,) = native.result("list")["services"]
    assert (line["runningCount"], line["stateReason"]) == (None, "ECS has no active service api in cluster prod")


def test_list_asks_ecs_once_for_all_native_services_of_a_cluster(native):
    native.native.services["prod/worker"] = NativeCounts(desired=1, running=1, deploying=False)
    native.result("apply", manifest=NATIVE | {"serviceName": "worker"})
    native.result("apply", manifest=MANIFEST | {"serviceName": "own"})
    native.native.calls.clear()
    told = {one["serviceName"]: one["runningCount"] for one in native.result("list")["services"]}
    assert (told, native.native.calls) == ({"api": 3, "own": 0, "worker": 1}, ["DescribeServices"])


def test_list_tells_the_count_that_was_seen_last_and_why_does_where_ecs_does_not_say(native, monkeypatch):
    for question in ("counts", "seen"):
        monkeypatch.setattr(native.native, question, throttled)
    latest = LastDecision(at=native.loop.clock() + 1, before=4, count=6, reason="more")
    native.loop.store.partition("prod/api").scaling = ScalingRecord(latest=latest)
    (line,) = native.result("list")["services"]
    assert (line["desiredCount"], line["runningCount"], line["keptCount"]) == (6, None, None)
    assert any(
        one.startswith("desired count 6: as scaling left it (") for one in native.result("why", target="api")["now"]
    )


def test_list_tells_the_count_that_was_set_last_where_ecs_does_not_say(native, monkeypatch):
    latest = LastDecision(at=native.loop.clock() - 1, before=4, count=6, reason="more")
    native.loop.store.partition("prod/api").scaling = ScalingRecord(latest=latest)
    native.result("scale", service="api", desiredCount=8)
    monkeypatch.setattr(native.native, "seen", throttled)
    assert native.result("list")["services"][0]["desiredCount"] == 8


def test_what_ecs_refuses_is_told(native):
    native.native.refusals["UpdateService"] = "ServiceNotActiveException"
    assert (
        "ECS refuses 6 as the desired count of prod/api: ServiceNotActiveException"
        in (native.error("scale", service="api", desiredCount=6)["message"])
    )


def test_describe_and_scaling_tell_the_counts_that_ecs_has_now(native):
    native.native.services["prod/api"] = NativeCounts(desired=8, running=7, deploying=False)
    for operation in ("describe", "scaling"):
        told = native.result(operation, service="api")
        assert (told["kind"], told["desiredCount"], told["runningCount"]) == ("NativeService", 8, 7)
    del native.native.services["prod/api"]
    assert "ECS has no active service api" in native.result("describe", service="api")["stateReason"]


def test_scale_outside_the_bounds_says_what_holds_it(native):
    warnings = native.result("scale", service="api", desiredCount=12)["warnings"]
    assert len(warnings) == 1
    assert "12 is above the maximum 10 of scaling" in warnings[0]
    assert "`headcount pause api --freeze` holds it" in warnings[0]


def test_describe_does_without_ecs(native, monkeypatch):
    monkeypatch.setattr(native.native, "counts", throttled)
    assert native.result("describe", service="api")["desiredCount"] == 4


@pytest.mark.parametrize(
    ("operation", "fields", "said"),
    [
        ("redeploy", {}, "aws ecs update-service --force-new-deployment"),
        ("rollback", {}, "aws ecs update-service --task-definition"),
        ("protect", {"tasks": ["a"]}, "aws ecs update-task-protection"),
        ("standby", {"tasks": ["a"]}, "ECS has no standby"),
        ("stopTask", {"tasks": ["a"]}, "aws ecs stop-task"),
        ("pause", {"mode": "stop"}, "freeze holds its scaling"),
        ("override", {"count": 6, "forSeconds": 7200}, "`headcount scale api 6` and `headcount pause api --freeze"),
    ],
)
def test_what_only_ecs_can_do_is_refused(native, operation, fields, said):
    error = native.error(operation, service="api", **fields)
    assert error["type"] == "InvalidRequest"
    assert "is a native service: ECS " in error["message"]
    assert said in error["message"]


def test_its_scaling_can_be_held_and_goes_on(native):
    assert native.result("pause", service="api", mode="freeze")["paused"]["mode"] == "freeze"
    assert native.result("resume", service="api")["wasPaused"] is True


def test_a_pause_is_said_to_hold_its_scaling_and_not_its_tasks(native):
    assert native.result("pause", service="api", mode="freeze")["kind"] == "NativeService"
    (said,) = [one for one in native.result("why", target="api")["now"] if one.startswith("paused since ")]
    assert said.endswith(": nothing scales it")
    (warning,) = native.result("apply", manifest=NATIVE)["warnings"]
    assert warning.endswith(": nothing scales it meanwhile")


def test_delete_leaves_the_service_to_ecs(native):
    result = native.result("delete", service="api")
    assert (result["alreadyDeleting"], result["kind"]) == (False, "NativeService")
    assert native.native.services["prod/api"].desired == 4
