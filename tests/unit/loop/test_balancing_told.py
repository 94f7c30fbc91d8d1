"""What ``control`` tells of load balancing: targets and target groups in ``describe``, ``plan`` and ``export``."""

import json

import msgspec
import pytest

from builders import a_dying_task, a_status, a_task, a_throttle
from headcount import answers, previews
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.instants import iso
from headcount.model.plan import DeregisterTargets, DrainTask, KeepLoadBalancers, Plan, RegisterTargets
from headcount.model.service import ServiceState, ServiceStatus
from headcount.model.target import Balancing, OwnedResource
from headcount.model.task import HostPort, ManagedTask, StopIntent
from headcount.model.values import replace
from headcount.planning.plan import plan as decide
from headcount_simulation.partitions import TargetsRecord

from .asking import Asking
from .balancing import (
    ADDRESS,
    ADMIN,
    DELAY,
    LEAVING,
    LEFT,
    LOAD_BALANCER,
    NOW,
    SICK,
    WEB,
    a_balanced_service,
    a_health,
    a_known_group,
    a_registration,
    an_entry,
    some_targets,
)

INSTANCE = "i-0123456789abcdef0"


def described(state):
    return answers.details(state, NOW)


def the_target(state):
    (task,) = described(state)["tasks"]
    (target,) = task["targets"]
    return target


# -- targets of a task ------------------------------------------------------------------------------------------------


def test_describe_tells_the_targets_of_each_task_in_elbs_words():
    state = a_balanced_service(
        a_task("task-1"), targets=[some_targets(a_registration(), seen=[a_health("unhealthy", **SICK)])]
    )
    assert the_target(state) == {
        "targetGroup": "web",
        "target": ADDRESS,
        "port": 8080,
        "container": "web",
        "state": "unhealthy",
        **SICK,
        "since": iso(NOW - 30.0),
        "registeredAt": iso(NOW - 60.0),
        "leavingAt": None,
        "because": None,
        "drainedAt": None,
    }


def test_a_task_without_load_balancers_has_no_targets(steady):
    told = steady.result("describe", service="web")
    assert {json.dumps(task["targets"]) for task in told["tasks"]} == {"[]"}
    assert (told["targetGroups"], told["loadBalancing"], told["elbThrottle"]) == ([], None, None)


@pytest.mark.parametrize(
    ("registration", "seen", "told"),
    [
        ({}, {"seen": [a_health()]}, ("healthy", None)),
        ({"registered_at": None}, {"seen": None}, ("initial", "Elb.RegistrationInProgress")),
        ({}, {"seen": None}, ("initial", "Elb.RegistrationInProgress")),
        # the address was another task's when ELB said so
        ({"registered_at": NOW - 9.0}, {"seen": [a_health()]}, ("initial", "Elb.RegistrationInProgress")),
        # a target just registered may not show yet
        ({"registered_at": NOW - 19.0}, {"seen": []}, ("initial", "Elb.RegistrationInProgress")),
        ({}, {"seen": []}, ("unused", "Target.NotRegistered")),
        ({}, {"gone": True}, ("unused", "TargetGroupNotFound")),
        # ELB was not told to take it out yet
        (LEAVING, {"seen": [a_health()]}, ("healthy", None)),
        (LEFT, {"seen": [a_health()]}, ("draining", "Target.DeregistrationInProgress")),
        (LEFT, {"seen": [a_health("draining")], "seen_at": NOW - 1.0}, ("draining", None)),
        (LEFT, {"seen": [], "seen_at": NOW - 1.0}, ("unused", "Target.NotRegistered")),
    ],
)
def test_the_state_of_a_target_is_what_elb_said_since_the_last_call_or_what_follows_that(registration, seen, told):
    state = a_balanced_service(a_task("task-1"), targets=[some_targets(a_registration(**registration), **seen)])
    target = the_target(state)
    assert (target["state"], target["reason"]) == told


def test_a_task_that_is_drained_before_its_stop_says_until_when():
    stop = StopIntent(at=NOW - 4.0, reason="scale in to 2")
    leaving, left = a_registration(**LEAVING), a_registration(**LEFT)
    leaves = a_balanced_service(a_task("task-1", stop=stop), targets=[some_targets(leaving)])
    drains = a_balanced_service(a_task("task-1", stop=stop), targets=[some_targets(left)])
    assert described(leaves)["tasks"][0]["stopping"] == "scale in to 2; leaving rotation"
    assert described(drains)["tasks"][0]["stopping"] == f"scale in to 2; draining until {iso(NOW - 3.0 + DELAY)}"
    assert the_target(drains)["drainedAt"] == iso(NOW - 3.0 + DELAY)


def test_the_longest_drain_counts_and_what_ecs_stops_anyway_waits_for_none():
    stop = StopIntent(at=NOW - 4.0, reason="scale in to 2")
    groups = (a_known_group(), a_known_group(ADMIN, delay_seconds=60.0))
    targets = [some_targets(a_registration(**LEFT)), some_targets(a_registration(**LEFT), group=ADMIN)]
    state = a_balanced_service(a_task("task-1", stop=stop), targets=targets, groups=groups)
    assert described(state)["tasks"][0]["stopping"] == f"scale in to 2; draining until {iso(NOW - 3.0 + 60.0)}"
    dying = replace(state, tasks=(a_dying_task("task-1"),))
    assert described(dying)["tasks"][0]["stopping"] == "Your Spot Task was interrupted."


def test_without_a_listener_nothing_is_waited_for():
    unused = a_known_group(load_balancers=())
    state = a_balanced_service(a_task("task-1"), targets=[some_targets(a_registration(**LEFT))], groups=(unused,))
    assert the_target(state)["drainedAt"] == iso(NOW - 3.0)


def test_the_container_is_the_one_whose_port_it_is():
    entries = (an_entry(), an_entry(container_name="sidecar", container_port=9090))
    ports = (
        HostPort(container="web", container_port=8080, host_port=32768),
        HostPort(container="sidecar", container_port=9090, host_port=8080),
    )
    by_port = {8080: ("web", ()), 9090: ("sidecar", ())}
    by_host_port = {32768: ("web", ports), 8080: ("sidecar", ports), 5: (None, ports)}
    for port, (container, known) in (*by_port.items(), *by_host_port.items()):
        target = a_registration(target=INSTANCE, port=port)
        state = a_balanced_service(a_task("task-1", ports=known), targets=[some_targets(target)], entries=entries)
        assert (port, the_target(state)["container"]) == (port, container)


# -- target groups ----------------------------------------------------------------------------------------------------


def test_describe_counts_the_targets_of_each_group():
    tasks = [a_task(f"task-{number}") for number in range(1, 7)]
    addresses = [f"10.0.1.{number}" for number in range(1, 7)]
    states = ["healthy", "healthy", "unhealthy.draining", "initial", "draining"]
    seen = [a_health(state, target=address) for state, address in zip(states, addresses, strict=False)]
    entries = [a_registration(task.task_id, target=address) for task, address in zip(tasks, addresses, strict=True)]
    entries[4] = replace(entries[4], leaving_at=NOW - 21.0, left_at=NOW - 20.0)
    entries[5] = replace(entries[5], leaving_at=NOW - 41.0, left_at=NOW - 40.0)  # ELB has let go of it
    state = a_balanced_service(*tasks, targets=[some_targets(*entries, seen=seen, foreign=2)])
    assert described(state)["targetGroups"] == [
        {
            "name": "web",
            "arn": WEB,
            "targetType": "ip",
            "protocol": "HTTP",
            "loadBalancers": [LOAD_BALANCER],
            "healthy": 2,
            "unhealthy": 1,
            "initial": 1,
            "draining": 1,
            "unused": 0,
            "unavailable": 0,
            "foreign": 2,
            "lastSeen": iso(NOW - 10.0),
            "problem": None,
            "ofGoneTasks": [],
        }
    ]


def test_what_still_drains_of_a_task_that_is_gone_is_told_with_its_group():
    state = a_balanced_service(targets=[some_targets(a_registration("gone", **LEFT))])
    (group,) = described(state)["targetGroups"]
    assert [(one["task"], one["state"]) for one in group["ofGoneTasks"]] == [("gone", "draining")]
    assert group["draining"] == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        ({"groups": (a_known_group(load_balancers=()),)}, "no listener forwards here, so its targets stay unused"),
        ({"targets": [some_targets(gone=True)]}, "Elastic Load Balancing does not know it any more"),
        ({"entries": [an_entry("web", declared={"Name": "web"})], "groups": ()}, "it does not exist yet"),
    ],
)
def test_a_group_that_brings_no_traffic_says_why(changes, told):
    (group,) = described(a_balanced_service(**changes))["targetGroups"]
    assert (group["name"], group["problem"]) == ("web", told)


@pytest.mark.parametrize(
    ("health", "is_told"),
    [
        (a_health("healthy"), False),
        (a_health("unhealthy.draining"), False),
        (a_health("initial", reason="Elb.InitialHealthChecking"), False),
        (a_health("initial", reason="Target.NotInUse"), True),
        (a_health("unused", reason="Target.NotInUse"), True),
        (a_health("draining"), True),
    ],
)
def test_a_listener_that_was_not_found_yet_shows_in_targets_that_elb_checks(health, is_told):
    targets = [some_targets(a_registration(), seen=[health])]
    state = a_balanced_service(a_task("task-1"), targets=targets, groups=(a_known_group(load_balancers=()),))
    (group,) = described(state)["targetGroups"]
    assert (group["problem"] is not None) is is_told


def test_groups_stand_in_the_manifests_order_and_those_that_it_no_longer_names_come_last():
    old = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/old/0123456789abcdef"
    state = a_balanced_service(
        entries=[an_entry(ADMIN), an_entry("web", declared={"Name": "web"})],
        groups=[a_known_group(key="web"), a_known_group(ADMIN), a_known_group(key="sorry", target_type="lambda")],
        targets=[
            some_targets(a_registration("gone", **LEAVING), group=old),
            some_targets(group=ADMIN),
            some_targets(group=old.replace("old", "forgotten")),  # nothing is left there
        ],
    )
    told = described(state)["targetGroups"]
    assert [one["name"] for one in told] == ["admin", "web", "web", "old"]
    assert [one["targetType"] for one in told] == ["ip", "ip", "lambda", None]


def test_a_service_that_nobody_declares_still_tells_what_is_registered():
    state = a_balanced_service(
        a_task("task-1"), targets=[some_targets(a_registration())], declared=None, balancing=None
    )
    told = described(state)
    assert [one["name"] for one in told["targetGroups"]] == ["web"]
    assert told["tasks"][0]["targets"][0]["container"] is None


def test_describe_tells_what_headcount_created_and_what_stands_against_it():
    owned = OwnedResource(kind="targetGroup", key="web", arn=WEB)
    fingerprint = balancing_fingerprint(a_balanced_service().declared)
    balancing = Balancing(
        generation=3, fingerprint=fingerprint, checked_at=NOW, owned=(owned,), problems=("no listener at web-alb:80",)
    )
    status = a_status(elb_throttle=a_throttle(reason="ELB: Throttling", until=NOW + 5.0))
    told = described(a_balanced_service(balancing=balancing, status=status))
    assert told["loadBalancing"] == {
        "generation": 3,
        "upToDate": True,
        "checkedAt": iso(NOW),
        "owned": [{"kind": "targetGroup", "key": "web", "arn": WEB}],
        "problems": ["no listener at web-alb:80"],
    }
    before = replace(balancing, fingerprint="another")
    assert described(a_balanced_service(balancing=before))["loadBalancing"]["upToDate"] is False
    assert told["elbThrottle"] == {"times": 1, "until": iso(NOW + 5.0), "reason": "ELB: Throttling"}


def test_patience_that_is_over_is_not_told():
    status = a_status(elb_throttle=a_throttle(until=NOW))
    assert described(a_balanced_service(status=status))["elbThrottle"] is None


def test_what_people_do_with_tasks_and_counts_has_load_balancing_not_looked_at(steady):
    """Looking costs a dozen calls: only another declaration of it is a reason."""
    before = steady.loop.state().declared.generation
    steady.result("protect", service="web", tasks=sorted(steady.loop.ids())[:1], expiresInMinutes=1)
    assert steady.loop.state().declared.generation == before + 1
    state = a_balanced_service(a_task("task-1"), targets=[some_targets(a_registration(), seen=[a_health()])])
    changed = replace(state, declared=replace(state.declared, generation=2))
    assert not [action for action in decide(changed, NOW, 0.5).actions if isinstance(action, KeepLoadBalancers)]


# -- plan and export --------------------------------------------------------------------------------------------------


def test_actions_of_load_balancing_say_which_targets_of_which_tasks():
    actions = (
        DrainTask(task_id="task-1", managed=ManagedTask(deployment="dep-1", launched_at=1.0), reason="r"),
        RegisterTargets(group=WEB, targets=((ADDRESS, 8080),), reason="r"),
        DeregisterTargets(group=ADMIN, targets=((ADDRESS, 9090),), reason="r"),
        KeepLoadBalancers(reason="r"),
    )
    ledgers = (some_targets(a_registration("task-2")),)
    plan = Plan(actions=actions, decisions=(), status=ServiceStatus(), wake_at=None, ledgers=ledgers)
    told = previews.planned("prod/web", plan)["actions"]
    assert [{key: value for key, value in action.items() if value is not None} for action in told] == [
        {"kind": "drain", "reason": "r", "task": "task-1", "deployment": "dep-1"},
        {
            "kind": "registerTargets",
            "reason": "r",
            "targetGroup": "web",
            "targetGroupArn": WEB,
            "targets": [{"task": "task-2", "target": ADDRESS, "port": 8080}],
        },
        {
            "kind": "deregisterTargets",
            "reason": "r",
            "targetGroup": "admin",
            "targetGroupArn": ADMIN,
            "targets": [{"task": None, "target": ADDRESS, "port": 9090}],
        },
        {"kind": "keepLoadBalancers", "reason": "r"},
    ]
    assert len({frozenset(action) for action in told}) == 1, "every action has every key"


def test_an_export_holds_ledgers_health_and_what_was_created(steady):
    task = min(steady.loop.ids())
    partition = steady.loop.store.partition("prod/web")
    partition.balancing = Balancing(groups=(a_known_group(),), owned=(OwnedResource(kind="rule", key="a", arn="b"),))
    recorded = some_targets(a_registration(task, **LEFT), seen=[a_health("draining")], foreign=1)
    partition.targets[WEB] = TargetsRecord(managed=recorded.registrations, observed=recorded.seen, suspect_at=7.0)
    exported = json.loads(json.dumps(steady.result("export", service="web"), allow_nan=False))
    state = msgspec.convert(exported["state"], ServiceState)
    assert state == steady.loop.state()
    assert (state.balancing, state.targets) == (partition.balancing, (replace(recorded, suspect_at=7.0),))


# -- as passes make it ------------------------------------------------------------------------------------------------


@pytest.fixture
def in_service():
    """A steady service of three tasks in rotation; a target drains for 40 seconds."""
    asking = Asking()
    asking.loop.in_service(3, WEB, delay=40.0)
    return asking


def test_a_task_is_followed_from_its_registration_to_its_stop(in_service):
    told = in_service.result("describe", service="web")
    assert {target["state"] for task in told["tasks"] for target in task["targets"]} == {"healthy"}
    assert (told["targetGroups"][0]["healthy"], told["targetGroups"][0]["draining"]) == (3, 0)

    in_service.result("scale", service="web", desiredCount=2)
    actions = {action["kind"]: action for action in in_service.result("plan", service="web")["actions"]}
    leaving = actions["drain"]["task"]
    assert [target["task"] for target in actions["deregisterTargets"]["targets"]] == [leaving]

    in_service.loop.drain()
    told = in_service.result("describe", service="web")
    (task,) = [one for one in told["tasks"] if one["taskId"] == leaving]
    assert task["stopping"] == f"scale in to 2; draining until {task['targets'][0]['drainedAt']}"
    assert (told["targetGroups"][0]["healthy"], told["targetGroups"][0]["draining"]) == (2, 1)
    now = in_service.result("why", target=leaving)["now"]
    assert any(one.startswith("out of rotation in target group web since") and "draining until" in one for one in now)

    in_service.loop.settle()
    events = in_service.result("why", target=leaving)["events"]
    kinds = [event["kind"] for event in events]
    assert kinds.index("register") < kinds.index("deregister") < len(kinds) - 1 - kinds[::-1].index("stop")
    assert in_service.result("describe", service="web")["targetGroups"][0]["draining"] == 0


def test_a_task_on_standby_leaves_rotation_and_says_so(in_service):
    task = min(in_service.loop.ids())
    in_service.result("standby", service="web", tasks=[task], reason="heap dump")
    in_service.loop.drain()
    told = "\n".join(in_service.result("why", target=task)["now"])
    assert "out of rotation in target group web since" in told
    assert "on standby" in told


def test_too_many_sick_tasks_are_said_to_be_left_alone(in_service):
    in_service.loop.groups.stuck = {(f"10.0.0.{number}", 8080) for number in range(4, 30)}  # replacements are no better
    sick = sorted(in_service.loop.ids())
    in_service.loop.groups.fail_checks(WEB, *(in_service.loop.endpoint(task) for task in sick))
    in_service.loop.run(2)
    assert any(one.startswith("frozen: ") for one in in_service.result("why", target="web")["now"])
    told = in_service.result("why", target=sick[0])["now"]
    assert any(one.startswith("not healthy in target group web since") for one in told)
    assert any(one.startswith("frozen: ") for one in told)
    assert in_service.result("describe", service="web")["targetGroups"][0]["unhealthy"] == 3


def test_a_plan_of_an_export_is_the_plan(in_service):
    in_service.result("scale", service="web", desiredCount=1)
    state = msgspec.convert(in_service.result("export", service="web")["state"], ServiceState)
    next_pass = replace(state, pass_number=state.pass_number + 1)
    told = previews.planned("prod/web", decide(next_pass, in_service.loop.clock() + 1.0, 0.5))
    assert told == in_service.result("plan", service="web")
    assert {"drain", "deregisterTargets"} <= {action["kind"] for action in told["actions"]}
