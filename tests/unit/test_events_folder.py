"""Every file of events/<function>/ is read by the function's own trigger, with the outcome that its name promises."""

import json
from pathlib import Path

import pytest

from fakes.loop import ZONE_OF_SUBNET, FakeLoop
from fakes.registry import InMemoryRegistry
from headcount import triggers
from headcount.controlling import Controller
from headcount.errors import NewerSchema, Poisoned

EVENTS = Path(__file__).parents[2] / "events"
OWN = "prod/web"

# What is recorded of the task: service, last status, desired status, version. Or the error.
TASK_EVENTS = {
    "foreign-cluster": ("elsewhere/web", "RUNNING", "RUNNING", 4),
    "foreign-group": (None, "RUNNING", "RUNNING", 4),
    "foreign-install": (None, "RUNNING", "RUNNING", 4),
    "missing-fields": Poisoned,
    "newer-shape": (OWN, "HIBERNATING", "RUNNING", 4),
    "spot-interruption-notice": (OWN, "RUNNING", "STOPPED", 5),
    "stale-version": (OWN, "PENDING", "RUNNING", 2),
    "task-failed-for-lack-of-capacity": (OWN, "STOPPED", "STOPPED", 2),
    "task-failed-to-start": (OWN, "STOPPED", "STOPPED", 4),
    "task-pending": (OWN, "PENDING", "RUNNING", 2),
    "task-provisioning": (OWN, "PROVISIONING", "RUNNING", 1),
    "task-running": (OWN, "RUNNING", "RUNNING", 4),
    "task-stopped-by-spot-interruption": (OWN, "STOPPED", "STOPPED", 7),
    "task-stopped-by-user": (OWN, "STOPPED", "STOPPED", 6),
    "task-stopped-essential-container-exited": (OWN, "STOPPED", "STOPPED", 6),
}
KICKS = {
    "kick": OWN,
    "kick-by-the-audit": OWN,
    "kick-delivered-again": OWN,
    "kick-of-a-newer-version": NewerSchema,
    "kick-of-an-unknown-service": "prod/gone",
    "poisoned-message": Poisoned,
}
TIMERS = {
    "timer-due": [(OWN, 1772445690.0)],
    "timer-superseded": [(OWN, 1772445600.0)],
    "several-timers-one-poisoned": [(OWN, 1772445690.0), Poisoned],
}
ANSWERS = {  # None: the request is done
    "apply": None,
    "apply-dry-run": None,
    "apply-with-problems": "InvalidManifest",
    "delete": None,
    "describe": None,
    "describe-unknown-service": "ServiceNotFound",
    "events": None,
    "list": None,
    "list-one-cluster": None,
    "newer-version": "UnsupportedVersion",
    "nonsense": "UnsupportedVersion",
    "protect": "InvalidRequest",  # the task of the example is not one of a service that was just declared
    "scale": None,
    "unknown-operation": "InvalidRequest",
    "why-service": None,
    "why-task": "ServiceNotFound",
}


def _load(folder, story):
    return json.loads((EVENTS / folder / f"{story}.json").read_text())


def _outcome(read, *arguments):
    try:
        return read(*arguments)
    except (Poisoned, NewerSchema) as error:
        return type(error)


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("observe_tasks", TASK_EVENTS),
        ("reconcile_service", KICKS),
        ("wake_services", TIMERS),
        ("control", ANSWERS),
        ("audit_clusters", {"every-minute": None}),
    ],
)
def test_every_file_has_an_expected_outcome(folder, known):
    assert {path.stem for path in (EVENTS / folder).glob("*.json")} == known.keys()


@pytest.mark.parametrize("story", TASK_EVENTS)
def test_task_events(story):
    seen = _outcome(triggers.task_event, _load("observe_tasks", story), "main")
    if not isinstance(seen, type):
        observed = seen.observed
        seen = (seen.service, observed.last_status, observed.desired_status, observed.version)
    assert seen == TASK_EVENTS[story]


def test_missing_fields_are_all_named():
    with pytest.raises(Poisoned) as poisoned:
        triggers.task_event(_load("observe_tasks", "missing-fields"), "main")
    for field in ("taskArn", "lastStatus", "version"):
        assert f"detail.{field} is missing" in str(poisoned.value)


@pytest.mark.parametrize("story", KICKS)
def test_kicks(story):
    (record,) = _load("reconcile_service", story)["Records"]
    outcome = _outcome(triggers.kick, record)
    assert getattr(outcome, "service", outcome) == KICKS[story]


@pytest.mark.parametrize("story", TIMERS)
def test_timers(story):
    outcomes = [_outcome(triggers.timer, record) for record in _load("wake_services", story)["Records"]]
    for expected in TIMERS[story]:
        assert expected in outcomes


@pytest.mark.parametrize("story", ANSWERS)
def test_requests_to_control(story):
    loop = FakeLoop()
    apply = _load("control", "apply")
    subnets = apply["manifest"]["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    zones = dict(zip(subnets, ZONE_OF_SUBNET.values(), strict=False))
    controller = Controller(
        store=loop.store,
        kicks=loop.kicks,
        registry=InMemoryRegistry({"web:12": "arn:aws:ecs:eu-west-1:1:task-definition/web:12"}, zones),
        clock=loop.clock,
        new_id=lambda: "identity",
        clusters=("prod", "staging"),
    )
    assert controller.answer(apply)["ok"]
    answer = controller.answer(_load("control", story))
    assert answer.get("error", {}).get("type") == ANSWERS[story], answer
    assert answer["version"] == 1
