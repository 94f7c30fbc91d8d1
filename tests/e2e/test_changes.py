"""What users change: counts, protection, and the end of a service."""

import pytest

from e2e.install import Install

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def test_a_dry_run_changes_nothing_and_the_same_manifest_twice_changes_nothing(install: Install) -> None:
    manifest = install.manifest("idempotent", install.define("idempotent"), 1)
    assert install.ask("apply", manifest=manifest, dryRun=True)["created"]
    assert install.refused("describe", service="demo/idempotent")["type"] == "ServiceNotFound"

    install.ask("apply", manifest=manifest)
    install.steady("idempotent", 1)
    again = install.ask("apply", manifest=manifest)

    assert (again["changes"], again["newDeployment"]) == ([], False)
    install.steady("idempotent", 1)
    assert len(install.ever("idempotent")) == 1


def test_the_count_follows_scale_out_in_to_zero_and_back(install: Install) -> None:
    install.run("scaled", 2)
    install.steady("scaled", 2)
    for count in (7, 3, 0, 2):
        install.ask("scale", service="demo/scaled", desiredCount=count)
        install.steady("scaled", count)
    assert len(install.ever("scaled")) == 9, install.story("two, five more, two again", ["scaled"])
    install.says("scaled", "scale from 7 to 3", "scale in to 3", "scaled from 0 to 2 by e2e")


def test_a_count_set_by_hand_survives_an_apply_that_does_not_change_the_manifests_own(install: Install) -> None:
    manifest = install.manifest("by-hand", install.define("by-hand"), 1)
    install.ask("apply", manifest=manifest)
    install.ask("scale", service="demo/by-hand", desiredCount=3)
    install.steady("by-hand", 3)

    kept = install.ask("apply", manifest={**manifest, "tags": [{"key": "team", "value": "a"}]})

    assert kept["desiredCount"] == 3
    assert any("the count stays 3" in warning for warning in kept["warnings"])
    assert install.ask("apply", manifest={**manifest, "desiredCount": 2})["desiredCount"] == 2
    install.exactly("by-hand", 2)


def test_protected_tasks_survive_scale_in_until_they_are_released(install: Install) -> None:
    install.run("protected", 4)
    install.steady("protected", 4)
    kept = sorted(install.ids("protected"))[:2]

    answer = install.ask("protect", service="demo/protected", tasks=kept, expiresInMinutes=60)
    install.ask("scale", service="demo/protected", desiredCount=1)

    assert sorted(one["taskId"] for one in answer["protected"]) == kept
    install.exactly("protected", 2)
    assert sorted(install.ids("protected")) == kept
    install.says("protected", "2 are protected")

    install.ask("protect", service="demo/protected", tasks=kept, expiresInMinutes=0)
    install.steady("protected", 1)


def test_a_deleted_service_keeps_its_name_until_its_tasks_are_gone(install: Install) -> None:
    install.run("deleted", 3)
    install.steady("deleted", 3)
    manifest = install.manifest("deleted", install.define("deleted"), 2)
    throttle = install.faults.throttle("ecs", "StopTask")

    answer = {"service": "demo/deleted", "kind": "Service", "alreadyDeleting": False}
    assert install.ask("delete", service="demo/deleted") == answer
    assert install.ask("delete", service="demo/deleted")["alreadyDeleting"]
    assert install.refused("apply", manifest=manifest)["type"] == "ServiceDeleting"
    assert install.refused("scale", service="demo/deleted", desiredCount=5)["type"] == "ServiceDeleting"
    assert install.describe("deleted")["state"] == "DELETING"

    install.faults.remove(throttle)
    install.removed("deleted")
    assert len(install.ever("deleted")) == 3

    assert install.ask("apply", manifest=manifest)["created"]
    install.steady("deleted", 2)
    assert len(install.ever("deleted")) == 5


def test_steady_state_and_deployments_are_announced_as_ecs_does(install: Install) -> None:
    install.run("announced", 1)
    install.steady("announced", 1)

    def names() -> list[str]:
        return [
            event["detail"]["eventName"]
            for event in install.sandbox.platform.published_events()
            if event["detail"].get("serviceName") == "announced"
        ]

    expected = {"SERVICE_DEPLOYMENT_IN_PROGRESS", "TASKS_STARTED", "SERVICE_STEADY_STATE"}
    install.wait(lambda: expected <= set(names()), "the events are on the bus", "announced")
    assert names().count("SERVICE_STEADY_STATE") == 1
