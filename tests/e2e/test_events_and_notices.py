"""Events that arrive twice, in any order, or never; and the one that comes two minutes early."""

from typing import Any

import pytest

from e2e.install import Install, id_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
AUDIT_PERIOD = 60.0  # seconds between two audits: the template's rate(1 minute)
HEALED_WITHIN = 90.0


def test_every_event_doubled_and_shuffled_changes_nothing(install: Install) -> None:
    install.faults.duplicate_events(copies=1)
    install.faults.shuffle_events(window=1.0)
    install.run("shuffled", 10)
    install.exactly("shuffled", 10)
    victims = install.ids("shuffled")[:5]

    for victim in victims[:3]:
        install.sandbox.kill_task(victim)
    for victim in victims[3:]:
        install.ecs.stop_task(cluster="demo", task=victim, reason="from outside")
    install.wait(lambda: not set(victims) & set(install.ids("shuffled")), "the five are dead", "shuffled")
    install.exactly("shuffled", 10)
    install.ask("scale", service="demo/shuffled", desiredCount=12)
    install.exactly("shuffled", 12)
    install.ask("scale", service="demo/shuffled", desiredCount=4)
    install.steady("shuffled", 4)

    assert len(install.ever("shuffled")) == 17, install.story("10 first, 5 replaced, 2 more", ["shuffled"])


@pytest.mark.parametrize(
    ("service", "loss"),
    [("every-second-lost", {"every": 2}), ("every-event-lost", {"probability": 1.0})],
)
def test_one_audit_heals_what_lost_events_hid(install: Install, service: str, loss: dict[str, Any]) -> None:
    install.run(service, 12)
    install.steady(service, 12)
    victims = install.ids(service)[:6]
    install.faults.lose_events(**loss)

    for victim in victims[:3]:
        install.sandbox.kill_task(victim)
    for victim in victims[3:]:
        install.ecs.stop_task(cluster="demo", task=victim, reason="from outside")
    install.wait(lambda: not set(victims) & set(install.ids(service)), "the six are dead", service)
    install.audit()
    healed_after = install.wait(lambda: _running(install, service) == 12, "12 tasks run again", service)
    assert AUDIT_PERIOD + healed_after < HEALED_WITHIN

    install.wait(lambda: not _open_launches(install, service), "their launches are recorded", service)
    install.audit()  # what the replacements' own lost events said
    install.steady(service, 12)
    assert len(install.ever(service)) == 18, install.story("six were lost, so six are replaced", [service])
    assert {entry["task"] for entry in install.history(service, "lost")} == set(victims)


def _open_launches(install: Install, service: str) -> list[str]:
    return [record["sk"] for record in install.records(service) if record["sk"].startswith("launch#")]


def _running(install: Install, service: str) -> int:
    return sum(task["lastStatus"] == "RUNNING" for task in install.alive(service))


def test_a_spot_notice_is_answered_by_one_replacement_before_the_task_is_gone(install: Install) -> None:
    spot = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    manifest = install.manifest("spot", install.define("spot"), 3, **spot)
    del manifest["launchType"]
    install.ask("apply", manifest=manifest)
    install.steady("spot", 3)
    noticed = install.ids("spot")[0]

    install.sandbox.spot_notice(noticed, warning_seconds=10)

    install.wait(lambda: _running(install, "spot") == 3, "a replacement runs", "spot")
    assert _status(install, noticed) == "RUNNING", install.story("the noticed task still has time", ["spot"])
    install.wait(lambda: _status(install, noticed) == "STOPPED", "the noticed task is gone", "spot")
    install.steady("spot", 3)
    assert len(install.ever("spot")) == 4, install.story("one notice, one replacement", ["spot"])
    assert {task["capacityProviderName"] for task in install.ever("spot")} == {"FARGATE_SPOT"}
    install.says("spot", f"lost {noticed}", "Your Spot Task was interrupted")


def _status(install: Install, task_id: str) -> str:
    [task] = [task for task in install.sandbox.world.describe_tasks() if id_of(task) == task_id]
    return str(task["lastStatus"])
