"""Upgrades and roll-backs while tasks die: functions change one after the other, and nobody waits for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.install import CLUSTER, DEAD_LETTER_QUEUES, Install
from e2e.redeploying import FUNCTIONS, THIS_RELEASE, deploy, make_release, releases_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"seed": 1}  # its own: what a newer release has written, the functions of other files could not read
TASKS = 6


@pytest.fixture
def upgraded(install: Install) -> Iterator[Install]:
    """Functions that run this release again afterwards."""
    yield install
    for function in FUNCTIONS:
        deploy(install.sandbox, function, THIS_RELEASE)


def _deploy_while_tasks_die(install: Install, service: str, order: tuple[str, ...], layer: Path) -> int:
    """Before and after each function a task dies; how many did."""
    victims = install.ids(service)[:TASKS]
    assert len(victims) == TASKS
    install.sandbox.kill_task(victims[0])
    for function, victim in zip(order, victims[1:], strict=True):
        deploy(install.sandbox, function, layer)
        install.sandbox.kill_task(victim)
    install.wait(lambda: not set(victims) & set(install.ids(service)), "all of them are dead", service)
    return len(victims)


def test_an_upgrade_and_its_rollback_lose_nothing_and_double_nothing(upgraded: Install, tmp_path: Path) -> None:
    following = make_release(tmp_path / "following", "following", {})
    upgraded.run("upgraded", TASKS)
    upgraded.steady("upgraded", TASKS)

    died = _deploy_while_tasks_die(upgraded, "upgraded", FUNCTIONS, following)
    upgraded.exactly("upgraded", TASKS)
    died += _deploy_while_tasks_die(upgraded, "upgraded", FUNCTIONS[::-1], THIS_RELEASE)
    upgraded.steady("upgraded", TASKS)

    assert died == 2 * TASKS
    assert len(upgraded.ever("upgraded")) == TASKS + died, upgraded.story("one for each that died", ["upgraded"])
    for function in ("ReconcileService", "ObserveTasks"):
        assert "this following this" in " ".join(releases_of(upgraded.sandbox, function))


def test_functions_of_before_leave_records_of_a_newer_schema_until_they_are_upgraded(
    upgraded: Install, tmp_path: Path
) -> None:
    newer = make_release(tmp_path / "newer", "newer", {"aws/records.py": ("SCHEMA = 1", "SCHEMA = 2")})
    upgraded.run("newer-schema", TASKS)
    upgraded.steady("newer-schema", TASKS)

    deploy(upgraded.sandbox, "ReconcileService", newer)
    victims = upgraded.ids("newer-schema")[:2]
    for victim in victims:
        upgraded.sandbox.kill_task(victim)
    upgraded.wait(lambda: not set(victims) & set(upgraded.ids("newer-schema")), "they are dead", "newer-schema")
    upgraded.wait(
        lambda: len(upgraded.dead_letters("EventDeadLettersUrl")) > 0,
        "an event of a task that only the newer release can read is kept",
        "newer-schema",
    )
    assert {record["schema"] for record in upgraded.records("newer-schema") if "schema" in record} == {1.0, 2.0}
    for function in FUNCTIONS[1:]:
        deploy(upgraded.sandbox, function, newer)
    upgraded.audit()
    upgraded.steady("newer-schema", TASKS)

    assert len(upgraded.ever("newer-schema")) == TASKS + 2, upgraded.story("two died", ["newer-schema"])
    kept = upgraded.take_dead_letters("EventDeadLettersUrl")
    assert all("NewerSchema" in letter for letter in kept), kept
    upgraded.ask("delete", service=f"{CLUSTER}/newer-schema")
    upgraded.gone("newer-schema")
    assert not any(upgraded.dead_letters(output) for output in DEAD_LETTER_QUEUES)
