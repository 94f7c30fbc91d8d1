"""Announcements about places: strict about what is read, blind to the rest, and nonsense named in full."""

import pytest

from headcount import events
from headcount.errors import Poisoned

CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
INSTANCE = "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/5a9e02c7d4184f0f8b36e1720c9dfa64"
TASK = "8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d"
TASK_ARN = f"arn:aws:ecs:eu-west-1:123456789012:task/prod/{TASK}"
CHANGE = {"containerInstanceArn": INSTANCE, "clusterArn": CLUSTER, "status": "DRAINING"}
SPOT = {"instance-id": "i-0b64c1f2de9a83751", "instance-action": "terminate"}
RETIREMENT = {
    "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
    "startTime": "Wed, 11 Mar 2026 08:00:00 GMT",
    "affectedEntities": [{"entityValue": TASK_ARN}],
}
KINDS = {
    "ECS Container Instance State Change": CHANGE,
    "EC2 Spot Instance Interruption Warning": SPOT,
    "AWS Health Event": RETIREMENT,
}


def _event(kind, **changes):
    detail = {name: value for name, value in (KINDS[kind] | changes).items() if value is not ...}
    return {"detail-type": kind, "time": "2026-03-02T11:15:40Z", "detail": detail}


def _told(event):
    return events.told(event, "main")


def _instance(**changes):
    return _event("ECS Container Instance State Change", **changes)


def _spot(**changes):
    return _event("EC2 Spot Instance Interruption Warning", **changes)


def _retirement(*entities, **changes):
    values = {"affectedEntities": [{"entityValue": one} for one in entities]} if entities else {}
    return _event("AWS Health Event", **values, **changes)


@pytest.mark.parametrize(
    "event", [None, 7, [], {}, {"detail-type": None}, {"detail-type": ["AWS Health Event"]}], ids=str
)
def test_an_event_of_no_kind_is_poisoned(event):
    with pytest.raises(Poisoned, match="detail-type is"):
        _told(event)


@pytest.mark.parametrize("kind", ["Scheduled Event", "EC2 Instance Rebalance Recommendation", "x" * 100_000])
def test_an_event_that_no_rule_delivers_is_poisoned_in_few_words(kind):
    with pytest.raises(Poisoned) as poisoned:
        _told({"detail-type": kind, "detail": {}})
    assert len(str(poisoned.value)) < 500


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("detail", [None, 5, "x", [1], ...], ids=str)
def test_an_announcement_without_a_detail_is_poisoned(kind, detail):
    event = _event(kind) | {"detail": detail}
    if detail is ...:
        del event["detail"]
    with pytest.raises(Poisoned, match="detail is"):
        _told(event)


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, detail in KINDS.items() for field in detail if field != "instance-action"],
)
def test_every_missing_or_wrong_field_is_named(kind, field):
    with pytest.raises(Poisoned, match=rf"detail\.{field} is missing"):
        _told(_event(kind, **{field: ...}))
    with pytest.raises(Poisoned, match=rf"detail\.{field} is"):
        _told(_event(kind, **{field: 17}))


@pytest.mark.parametrize("field", ["clusterArn", "status", "ec2InstanceId"])
@pytest.mark.parametrize("said", ["DRAINING \ud800", f"{CLUSTER} or 1==1", "x" * 10_000], ids=lambda said: said[:9])
def test_what_is_told_of_an_instance_can_be_logged_and_recorded(field, said):
    with pytest.raises(Poisoned, match=rf"detail\.{field} is") as poisoned:
        _told(_instance(**{field: said}))
    assert len(str(poisoned.value).encode()) < 500


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "time",
    [None, 5, "yesterday", "2026-03-02T11:15:40", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00", "x" * 9999],
)
def test_an_announcement_has_a_time_with_a_zone_that_people_can_be_shown(kind, time):
    with pytest.raises(Poisoned, match="time is") as poisoned:
        _told(_event(kind) | {"time": time})
    assert len(str(poisoned.value)) < 500


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "5a9e02c7d4184f0f8b36e1720c9dfa64",
        f"{INSTANCE} or 1==1",
        INSTANCE.replace(":ecs:", ":s3:"),
        INSTANCE + "x" * 400,
    ],
    ids=lambda arn: arn[-30:],
)
def test_what_is_no_container_instance_is_poisoned(arn):
    with pytest.raises(Poisoned, match="containerInstanceArn"):
        _told(_instance(containerInstanceArn=arn))


def test_an_instance_in_the_old_form_of_arns_is_one_of_the_cluster_that_is_named_beside():
    arn = INSTANCE.replace("/prod/", "/")
    change = _told(_instance(containerInstanceArn=arn))
    assert (change.cluster, change.instance.instance) == ("prod", arn)


@pytest.mark.parametrize("instance", ["", "i-", "i-0B64", "i-0123456789 or status == ACTIVE", "i-" + "0" * 18])
def test_what_would_be_another_filter_than_an_instance_is_poisoned(instance):
    with pytest.raises(Poisoned, match="instance-id"):
        _told(_spot(**{"instance-id": instance}))


@pytest.mark.parametrize("action", [5, "", "terminate; drop", "x" * 41])
def test_an_action_is_a_word(action):
    with pytest.raises(Poisoned, match="instance-action"):
        _told(_spot(**{"instance-action": action}))


def test_a_spot_warning_without_an_action_is_one_of_termination():
    assert _told(_spot(**{"instance-action": ...})).action == "terminate"


@pytest.mark.parametrize(
    ("entity", "tasks"),
    [
        (TASK_ARN, (("prod", TASK),)),
        (TASK, ((None, TASK),)),
        (TASK_ARN.replace("/prod/", "/"), ((None, TASK),)),
        ("8f2b6c1d-4e9a-4b7f-9c0d-1e2f3a4b5c6d", ((None, "8f2b6c1d-4e9a-4b7f-9c0d-1e2f3a4b5c6d"),)),
        ("prod|web", ()),
        ("arn:aws:ecs:eu-west-1:123456789012:service/prod/web", ()),
        ("", ()),
        ("web", ()),
    ],
)
def test_tasks_are_named_by_arn_or_id_and_services_are_not_ours(entity, tasks):
    assert _told(_retirement(entity)).tasks == tasks


@pytest.mark.parametrize("entities", [None, 5, "x", {}, [5], [{}], [{"entityValue": None}], [{"entityValue": TASK}, 5]])
def test_affected_entities_that_are_none_are_poisoned(entities):
    with pytest.raises(Poisoned, match="affectedEntities"):
        _told(_retirement(affectedEntities=entities))


@pytest.mark.parametrize(
    "start",
    ["", "soon", "2026-03-11T08:00:00Z", "Wed, 11 Mar 2026 08:00:00 -0000", "Wed, 11 Mar 1969 08:00:00 GMT", [1]],
)
def test_a_retirement_has_a_date_as_aws_health_writes_them(start):
    with pytest.raises(Poisoned, match="startTime"):
        _told(_retirement(startTime=start))


def test_another_event_of_aws_health_is_poisoned():
    with pytest.raises(Poisoned, match="AWS_ECS_SECURITY_EVENT"):
        _told(_retirement(eventTypeCode="AWS_ECS_SECURITY_EVENT"))
