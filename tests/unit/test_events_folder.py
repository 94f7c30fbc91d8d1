"""Every event and message of events/ is read by its function's trigger as what its name promises.

What the functions make of them stands in ``events/*/expected.yaml``; ``tests/unit/functions/test_stories.py`` plays it.
"""

import json
from pathlib import Path

import pytest

from headcount import events, scaling_triggers, triggers
from headcount.errors import NewerSchema, Poisoned
from headcount.messages import AlarmChanged, DueTimer, LookRequest, ScalingRequest
from headcount.noticing import InstanceChange, Retirement, SpotInterruption
from headcount.observing import TargetAlarm
from headcount.ports.tasks import InstanceSighting

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
    "task-running-in-bridge-networking": (OWN, "RUNNING", "RUNNING", 4),
    "task-stopped-by-spot-interruption": (OWN, "STOPPED", "STOPPED", 7),
    "task-stopped-by-user": (OWN, "STOPPED", "STOPPED", 6),
    "task-stopped-essential-container-exited": (OWN, "STOPPED", "STOPPED", 6),
}
INSTANCE = "arn:aws:ecs:eu-west-1:123456789012:container-instance/{}/5a9e02c7d4184f0f8b36e1720c9dfa64"
OF_PROD, ELSEWHERE = INSTANCE.format("prod"), INSTANCE.format("elsewhere")
OTHERS = "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/9c3b7e15f0a84d2b8e6647d1a5b0c392"
EC2_INSTANCE = "i-0b64c1f2de9a83751"
FIRST, SECOND = "8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d", "c04d7be19a524f2e8d6b3a91f5e7c820"


def _change(cluster, arn, status, at, *, connected=True, ec2_instance=EC2_INSTANCE):
    instance = InstanceSighting(instance=arn, status=status, agent_connected=connected, ec2_instance=ec2_instance)
    return InstanceChange(cluster=cluster, instance=instance, at=at)


def _retirement(*tasks):
    return Retirement(tasks=tasks, starts_at=1773216000.0, at=1772611500.0)


# What AWS announced about places, as it is read.
PLACE_EVENTS = {
    "container-instance-deregistered": _change("prod", OF_PROD, "INACTIVE", 1772451663.0, connected=False),
    "container-instance-disconnected": _change("prod", OF_PROD, "ACTIVE", 1772450140.0, connected=False),
    "container-instance-draining": _change("prod", OF_PROD, "DRAINING", 1772450140.0),
    "container-instance-of-others-draining": _change(
        "prod", OTHERS, "DRAINING", 1772450140.0, ec2_instance="i-07f3d2a9b6c81e540"
    ),
    "container-instance-of-a-foreign-cluster-draining": _change("elsewhere", ELSEWHERE, "DRAINING", 1772450140.0),
    "container-instance-without-a-name": Poisoned,
    "spot-instance-hibernation": SpotInterruption(ec2_instance=EC2_INSTANCE, action="hibernate", at=1772454660.0),
    "spot-instance-interruption-warning": SpotInterruption(
        ec2_instance=EC2_INSTANCE, action="terminate", at=1772454609.0
    ),
    "task-retirement": _retirement(("prod", FIRST)),
    "task-retirement-by-ids": _retirement((None, FIRST), (None, SECOND)),
    "task-retirement-of-an-ecs-service": _retirement(),
    "task-retirement-without-a-date": Poisoned,
}
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{}"


def _alarm(state="ALARM", at=1772456712.345, *, install="main", group="web/6d0ecf831eec9f09", ours=True):
    name = f"headcount/{install}/unhealthy/{group.partition('/')[0]}/01c91e8c"
    meant = {"service": OWN, "group": GROUP.format(group)} if ours else {}
    return TargetAlarm(alarm=name, state=state, at=at, **meant)


# Alarms, as they are read.
ALARM_EVENTS = {
    "alarm-of-unhealthy-targets": _alarm(),
    "alarm-of-unhealthy-targets-is-over": _alarm("OK", 1772457012.345),
    "alarm-of-an-unknown-target-group": _alarm(group="shop/f8c1a3d27b9e4056"),
    "alarm-of-another-install": _alarm(install="other", ours=False),
    "alarm-with-another-description": Poisoned,
}
KICKS = {
    "kick": OWN,
    "kick-by-hand": OWN,
    "kick-by-the-audit": OWN,
    "kick-delivered-again": OWN,
    "kick-of-a-newer-version": NewerSchema,
    "kick-of-an-unknown-service": "prod/gone",
    "poisoned-message": Poisoned,
}
TIMERS = {
    "timer-due": [DueTimer(service=OWN, at=1772445690.0)],
    "timer-of-scaling": [DueTimer(service=OWN, at=1772445690.0, of_scaling=True)],
    "timer-superseded": [DueTimer(service=OWN, at=1772445600.0)],
    "several-timers-one-poisoned": [DueTimer(service=OWN, at=1772445690.0), Poisoned],
}
LOOKS = {
    "look": LookRequest(service=OWN),
    "look-at-an-unknown-service": LookRequest(service="prod/gone"),
    "look-of-a-newer-version": NewerSchema,
    "poisoned-message": Poisoned,
}
_OWN_ALARM = "headcount/main/scaling/web/busy/high/0f6d2a41c9be"
_ALARMED_AT = 1772456712.345
WOKEN = {
    "alarm-of-target-tracking": AlarmChanged(
        alarm=_OWN_ALARM, state="ALARM", service=OWN, policy="busy", at=_ALARMED_AT
    ),
    "alarm-of-target-tracking-is-over": AlarmChanged(
        alarm=_OWN_ALARM, state="OK", service=OWN, policy="busy", at=_ALARMED_AT
    ),
    "alarm-of-a-user": AlarmChanged(alarm="web-is-slow", state="ALARM", at=_ALARMED_AT),
    "alarm-that-nobody-follows": AlarmChanged(alarm="database-is-full", state="ALARM", at=_ALARMED_AT),
    "alarm-of-another-install": AlarmChanged(
        alarm="headcount/other/scaling/web/busy/high/0f6d2a41c9be", state="ALARM", at=_ALARMED_AT
    ),
    "alarm-of-unhealthy-targets": AlarmChanged(
        alarm="headcount/main/unhealthy/web/01c91e8c", state="ALARM", at=_ALARMED_AT
    ),
    "alarm-with-another-description": Poisoned,
    "schedule-due": ScalingRequest(service=OWN, action="morning", at=1772438400.0),
    "schedule-without-a-time": Poisoned,
    "request": ScalingRequest(service=OWN, cause="another declaration"),
    "request-for-an-unknown-service": ScalingRequest(service="prod/gone", cause="timer"),
    "request-of-a-newer-version": NewerSchema,
    "poisoned-message": Poisoned,
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
        ("observe_tasks", TASK_EVENTS | PLACE_EVENTS | ALARM_EVENTS),
        ("reconcile_service", KICKS),
        ("wake_services", TIMERS),
        ("keep_load_balancers", LOOKS),
        ("decide_scaling", WOKEN),
    ],
)
def test_every_file_has_an_expected_outcome(folder, known):
    assert {path.stem for path in (EVENTS / folder).glob("*.json")} == known.keys()


@pytest.mark.parametrize("story", TASK_EVENTS)
def test_task_events(story):
    seen = _outcome(events.told, _load("observe_tasks", story), "main")
    if not isinstance(seen, type):
        observed = seen.observed
        seen = (seen.service, observed.last_status, observed.desired_status, observed.version)
    assert seen == TASK_EVENTS[story]


def test_missing_fields_are_all_named():
    with pytest.raises(Poisoned) as poisoned:
        events.told(_load("observe_tasks", "missing-fields"), "main")
    for field in ("taskArn", "lastStatus", "version"):
        assert f"detail.{field} is missing" in str(poisoned.value)


@pytest.mark.parametrize("story", PLACE_EVENTS)
def test_events_of_places(story):
    assert _outcome(events.told, _load("observe_tasks", story), "main") == PLACE_EVENTS[story]


def test_ports_of_a_task_in_bridge_networking():
    seen = events.told(_load("observe_tasks", "task-running-in-bridge-networking"), "main").observed
    assert [(port.container, port.container_port, port.host_port) for port in seen.ports] == [
        ("web", 8080, 32771),
        ("web", 9090, 32772),
    ]
    assert (seen.address, seen.container_instance) == (None, OF_PROD)


@pytest.mark.parametrize("story", ALARM_EVENTS)
def test_events_of_alarms(story):
    assert _outcome(events.told, _load("observe_tasks", story), "main") == ALARM_EVENTS[story]


@pytest.mark.parametrize(
    ("story", "problems"),
    [
        (
            "container-instance-without-a-name",
            (
                "detail.containerInstanceArn is missing",
                "detail.status is a list of 1",
                "time is 'a quarter past eleven'",
            ),
        ),
        ("task-retirement-without-a-date", ("detail.startTime is 'next week'", "a string entityValue")),
    ],
)
def test_everything_wrong_with_an_event_of_a_place_is_named_at_once(story, problems):
    with pytest.raises(Poisoned) as poisoned:
        events.told(_load("observe_tasks", story), "main")
    assert not [problem for problem in problems if problem not in str(poisoned.value)]


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


@pytest.mark.parametrize("story", LOOKS)
def test_looks(story):
    assert _outcome(triggers.load_balancer_request, _load("keep_load_balancers", story)) == LOOKS[story]


@pytest.mark.parametrize("story", WOKEN)
def test_what_wakes_scaling(story):
    assert _outcome(scaling_triggers.woken, _load("decide_scaling", story), "main") == WOKEN[story]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"detail": {}}, "detail.alarmName is missing; detail.state is missing"),
        ({"detail": {"alarmName": "a\nb", "state": {"value": "BAD", "timestamp": "soon"}}}, "detail.alarmName is"),
        ({"detail": {"alarmName": "a", "state": {"value": "BAD", "timestamp": "soon"}}}, "detail.state.timestamp is"),
        ({"detail-type": "ECS Task State Change"}, "CloudWatch Alarm State Change is allowed"),
        ({"detail": None}, "an CloudWatch Alarm State Change event has an object there"),
    ],
)
def test_everything_wrong_with_an_alarm_is_named(changes, said):
    with pytest.raises(Poisoned, match=said):
        scaling_triggers.woken(_load("decide_scaling", "alarm-of-target-tracking") | changes, "main")


@pytest.mark.parametrize("name", ["負荷\u3000高", "charge\xa0CPU", "\U0001f468\u200d\U0001f4bb busy"])
def test_names_may_have_whatever_aws_lets_people_write(name):
    """All alarms of the account are heard: one that were refused for its name would be a dead letter each time."""
    event = _load("decide_scaling", "alarm-of-target-tracking")
    event["detail"]["alarmName"] = name
    assert scaling_triggers.woken(event, "main").alarm == name
    fell_due = {"schema": 1, "service": OWN, "action": name, "at": "2026-03-02T08:00:00Z"}
    assert scaling_triggers.woken(fell_due, "main").action == name


@pytest.mark.parametrize(
    "meant", ['{"service": "prod", "policy": "busy"}', '{"service": "prod/web", "policy": 7}', "{}"]
)
def test_an_alarm_of_ours_says_whom_it_is_about(meant):
    event = _load("decide_scaling", "alarm-of-target-tracking")
    event["detail"]["configuration"]["description"] = f'{{"headcount": {meant}}}'
    with pytest.raises(Poisoned, match=r"headcount\.(service|policy) is"):
        scaling_triggers.woken(event, "main")


@pytest.mark.parametrize(
    "field",
    [{"cause": 7}, {"cause": "x" * 257}, {"cause": ""}, {"action": []}, {"action": "morning"}, {"cause": "a\nb"}],
)
def test_a_request_for_scaling_is_text_that_people_can_read(field):
    with pytest.raises(Poisoned):
        scaling_triggers.woken({"schema": 1, "service": OWN} | field, "main")
