"""Raw events into requests: strict about what is read, blind to the rest, and nonsense named in full."""

import json

import pytest

from headcount import events, triggers
from headcount.errors import NewerSchema, Poisoned
from headcount.messages import DueTimer, LookRequest

TASK = {
    "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d",
    "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
    "lastStatus": "RUNNING",
    "desiredStatus": "RUNNING",
    "version": 4,
    "group": "headcount:web",
    "startedBy": "hc/main/mfrggzdfmztwq2lknnwg",
}


def _record(body):
    return {"messageId": "1", "body": body if isinstance(body, str) else json.dumps(body)}


def test_a_task_event_names_task_service_and_launch():
    sighting = events.task_event({"detail": TASK | {"updatedAt": "2026-03-02T10:00:31.5Z"}}, "main")
    assert sighting.task_id == "8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d"
    assert (sighting.service, sighting.observed.launch) == ("prod/web", "mfrggzdfmztwq2lknnwg")
    assert (sighting.observed.version, sighting.at) == (4, 1772445631.5)


@pytest.mark.parametrize("event", [None, 7, [], {}, {"detail": None}, {"detail": "x"}, {"detail": [1]}], ids=str)
def test_an_event_without_a_task_is_poisoned(event):
    with pytest.raises(Poisoned, match="detail is"):
        events.task_event(event, "main")


def test_every_missing_field_is_named_at_once():
    with pytest.raises(Poisoned) as poisoned:
        events.task_event({"detail": {"group": "headcount:web"}}, "main")
    for field in ("taskArn", "clusterArn", "lastStatus", "desiredStatus", "version"):
        assert f"detail.{field} is missing" in str(poisoned.value)


def test_every_wrong_field_is_named_with_its_value():
    wrong = TASK | {"taskArn": 5, "lastStatus": None, "version": "four"}
    with pytest.raises(Poisoned) as poisoned:
        events.task_event({"detail": wrong}, "main")
    for said in ("detail.taskArn is 5", "detail.lastStatus is null", "detail.version is 'four'"):
        assert said in str(poisoned.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": True},
        {"createdAt": "yesterday"},
        {"startedAt": [1]},
        {"containers": 5},
        {"containers": [5]},
        {"containers": [{"name": "app", "exitCode": "one"}]},
        {"containers": [{"networkBindings": 5}]},
        {"containers": [{"networkBindings": ["x"]}]},
        {"attachments": [{"details": ["x"]}]},
        {"availabilityZone": {"zone": "a"}},
        {"stoppedReason": 17},
    ],
    ids=str,
)
def test_what_no_pass_could_read_is_poisoned_and_never_recorded(wrong):
    with pytest.raises(Poisoned):
        events.task_event({"detail": TASK | wrong}, "main")


@pytest.mark.parametrize(
    "foreign", [{"startedBy": "hc/other/mfrg"}, {"startedBy": "me"}, {"group": "family:web"}, {"group": "service:web"}]
)
def test_tasks_of_others_belong_to_no_service_of_ours(foreign):
    assert events.task_event({"detail": TASK | foreign}, "main").service is None


def _bound(inside, outside, address="0.0.0.0", protocol="tcp"):
    return {"bindIP": address, "containerPort": inside, "hostPort": outside, "protocol": protocol}


def _ports(*containers):
    named = [{"name": f"c{number}", "networkBindings": bindings} for number, bindings in enumerate(containers, 1)]
    observed = events.task_event({"detail": TASK | {"containers": named}}, "main").observed
    return [(port.container, port.container_port, port.host_port) for port in observed.ports]


def test_the_ports_of_every_container_are_known_where_its_instance_has_them():
    ports = _ports([_bound(8080, 32771), _bound(9090, 32772)], [], [_bound(53, 53, protocol="udp")])
    assert ports == [("c1", 8080, 32771), ("c1", 9090, 32772), ("c3", 53, 53)]


def test_a_port_that_is_bound_for_ipv6_too_is_the_one_of_ipv4():
    assert _ports([_bound(8080, 49153, "::"), _bound(8080, 49154)]) == [("c1", 8080, 49154)]
    assert _ports([_bound(8080, 32771), _bound(8080, 32771, "::")]) == [("c1", 8080, 32771)]
    assert _ports([_bound(8080, 49153, "::")]) == [("c1", 8080, 49153)]


def test_one_port_over_two_protocols_is_two_ports():
    assert _ports([_bound(53, 32771), _bound(53, 32900, protocol="udp")]) == [("c1", 53, 32771), ("c1", 53, 32900)]


@pytest.mark.parametrize(
    "binding",
    [
        {"containerPortRange": "8000-8010", "hostPortRange": "32800-32810", "bindIP": "0.0.0.0", "protocol": "tcp"},
        _bound(8080, 0),
        _bound(8080, 65536),
        _bound(8080, None),
        _bound("8080", 32771),
        _bound(True, 32771),
        {},
    ],
    ids=str,
)
def test_what_is_no_single_port_is_left_out(binding):
    assert _ports([binding, _bound(9090, 32772)]) == [("c1", 9090, 32772)]


def test_a_kick_names_a_service_and_its_times():
    request = triggers.kick(_record({"schema": 1, "service": "prod/web", "eventAt": 5, "sentAt": 6.5, "new": "field"}))
    assert (request.service, request.event_at, request.sent_at) == ("prod/web", 5.0, 6.5)


def test_a_timer_names_a_service_and_its_time_to_the_last_digit():
    body = json.dumps({"schema": 1, "service": "prod/web", "at": 1790000060.123456})
    assert triggers.timer(_record(body)) == DueTimer(service="prod/web", at=1790000060.123456)


def test_a_timer_of_scaling_says_so():
    of_scaling = {"schema": 1, "service": "prod/web", "at": 5.0, "for": "scaling"}
    assert triggers.timer(_record(of_scaling)) == DueTimer(service="prod/web", at=5.0, of_scaling=True)
    with pytest.raises(Poisoned, match="for is 'lunch': scaling is allowed, or nothing"):
        triggers.timer(_record(of_scaling | {"for": "lunch"}))


def test_a_request_for_load_balancers_names_a_service():
    asked = {"schema": 1, "service": "prod/web", "new": "field"}
    assert triggers.load_balancer_request(asked) == LookRequest(service="prod/web")


def _request(record):
    """What a record holds, as an invocation has it."""
    try:
        asked = json.loads(record["body"])
    except ValueError:
        asked = record["body"]
    return triggers.load_balancer_request(asked)


READERS = pytest.mark.parametrize("read", [triggers.kick, triggers.timer, _request])


@READERS
@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        '"x"',
        "null",
        {},
        {"schema": 0, "service": "prod/web", "at": 1},
        {"schema": "1", "service": "prod/web", "at": 1},
        {"schema": 1, "at": 1},
        {"schema": 1, "service": "web", "at": 1},
        {"schema": 1, "service": "prod/web/x", "at": 1},
        {"schema": 1, "service": 7, "at": 1},
        {"schema": 1, "service": f"prod/{'x' * 246}", "at": 1},
    ],
    ids=str,
)
def test_nonsense_in_a_queue_is_poisoned(read, body):
    with pytest.raises(Poisoned):
        read(_record(body))


@pytest.mark.parametrize("at", [None, "soon", True, [5]], ids=str)
def test_a_timer_needs_a_time(at):
    with pytest.raises(Poisoned, match="at is"):
        triggers.timer(_record({"schema": 1, "service": "prod/web", "at": at}))


@READERS
def test_a_message_of_a_newer_version_is_left_to_it(read):
    with pytest.raises(NewerSchema):
        read(_record({"schema": 2, "service": 7}))
