"""What the next pass would do, what is on record, and everything that describe tells of a service in trouble."""

import json

import msgspec

from builders import a_backoff, a_launch, a_task, a_zone_refusal
from headcount import answers, previews
from headcount.model.manifest import CapacitySource
from headcount.model.manifest_parser import parse_manifest
from headcount.model.plan import (
    AdoptTask,
    DeregisterTaskDefinition,
    ForgetTask,
    LookUpLaunch,
    Plan,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import ServiceState, ServiceStatus
from headcount.model.task import ManagedTask, Notice
from headcount.model.values import replace

MANAGED = ManagedTask(deployment="dep-1", launched_at=1.0)
INSTANCE = "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/1"


# -- plan -------------------------------------------------------------------------------------------------------------


def test_plan_shows_what_a_pass_would_do_and_does_nothing(asking):
    asking.apply()
    before = asking.loop.store.partitions
    told = asking.result("plan", service="web")
    starts = [action for action in told["actions"] if action["kind"] == "start"]
    assert sum(action["count"] for action in starts) == 3
    assert {action["deployment"] for action in starts} == {"dep-1"}
    assert all(action["reason"] and action["launch"] for action in starts)
    assert (asking.loop.store.partitions, asking.loop.store.pass_number("prod/web")) == (before, None)
    assert asking.loop.ids() == set()


def test_the_plan_is_what_the_next_pass_then_does(steady):
    steady.result("scale", service="web", desiredCount=5)
    launches = {action["launch"] for action in steady.result("plan", service="web")["actions"]}
    steady.loop.settle()
    assert launches <= {task.observed.launch for task in steady.loop.state().tasks}


def test_a_plan_of_nothing_says_so(steady):
    told = steady.result("plan", service="web")
    assert (told["actions"], told["state"], told["again"]) == ([], "STEADY", False)


def test_every_action_has_a_kind_and_what_applies_to_it():
    launch = a_launch("launch", count=2)
    actions = (
        StartTasks(launch=launch, reason="r"),
        ResumeLaunch(launch=launch, reason="r"),
        LookUpLaunch(launch=launch, reason="r"),
        StopTask(task_id="t", managed=MANAGED, reason="r"),
        AdoptTask(task_id="t", managed=MANAGED, reason="r"),
        ForgetTask(task_id="t", reason="r"),
        DeregisterTaskDefinition(task_definition_arn="web:1", reason="r"),
        RemoveService(reason="r"),
    )
    plan = Plan(actions=actions, decisions=(), status=ServiceStatus(), wake_at=None)
    told = previews.planned("prod/web", plan)["actions"]
    said = [{key: value for key, value in action.items() if value is not None} for action in told]
    place = {"count": 2, "zone": "zone-a", "capacity": "FARGATE", "deployment": "dep-1", "launch": "launch"}
    assert said == [
        {"kind": "start", "reason": "r", **place},
        {"kind": "resume", "reason": "r", **place},
        {"kind": "lookUp", "reason": "r", **place},
        {"kind": "stop", "reason": "r", "task": "t", "deployment": "dep-1"},
        {"kind": "adopt", "reason": "r", "task": "t", "deployment": "dep-1"},
        {"kind": "forget", "reason": "r", "task": "t"},
        {"kind": "deregister", "reason": "r", "taskDefinition": "web:1"},
        {"kind": "remove", "reason": "r"},
    ]
    assert len({frozenset(action) for action in told}) == 1, "every action has every key"


# -- export -----------------------------------------------------------------------------------------------------------


def test_an_export_is_the_state_and_nothing_else(steady):
    steady.result("protect", service="web", tasks=sorted(steady.loop.ids())[:1])
    steady.apply(taskDefinition="web:13")
    steady.loop.run(1)
    steady.result("pause", service="web", mode="freeze")
    exported = json.loads(json.dumps(steady.result("export", service="web"), allow_nan=False))
    assert (exported["service"], exported["schema"]) == ("prod/web", 1)
    assert msgspec.convert(exported["state"], ServiceState) == steady.loop.state()
    assert parse_manifest(exported["manifest"]) == steady.loop.state().declared.manifest


def test_what_does_not_fit_into_an_answer_is_not_sent(steady):
    partition = steady.loop.store.partition("prod/web")
    partition.launches["huge"] = a_launch("huge", request={"overrides": "x" * 6_000_000})
    error = steady.error("export", service="web")
    assert error["type"] == "InvalidRequest"
    assert "5500000" in error["message"]


# -- describe ---------------------------------------------------------------------------------------------------------


def _state(asking, **changes):
    return replace(asking.loop.state(), **changes)


def test_describe_tells_where_tasks_run_and_what_aws_announced(steady):
    notice = Notice(kind="SPOT", at=1.0, reason="interruption", deadline=121.0)
    task = replace(a_task("t", capacity_provider="FARGATE_SPOT", container_instance=INSTANCE), notice=notice)
    (told,) = answers.details(_state(steady, tasks=(task,)), steady.loop.clock())["tasks"]
    assert (told["capacity"], told["containerInstance"]) == ("FARGATE_SPOT", INSTANCE)
    assert told["notice"] == {
        "kind": "SPOT",
        "reason": "interruption",
        "at": "1970-01-01T00:00:01.000Z",
        "deadline": "1970-01-01T00:02:01.000Z",
    }
    assert (told["standby"], told["stopping"]) == (False, None)


def test_describe_tells_how_the_tasks_are_shared(steady):
    declared = steady.loop.state().declared
    sources = (
        CapacitySource(capacity_provider="FARGATE", base=1, weight=1),
        CapacitySource(capacity_provider="FARGATE_SPOT", weight=1),
    )
    manifest = replace(declared.manifest, sources=sources, fallback=(CapacitySource(launch_type="EC2"),))
    carriers = ["FARGATE_SPOT", "FARGATE_SPOT", "EC2", "old"]
    tasks = tuple(a_task(f"t{number}", capacity_provider=name) for number, name in enumerate(carriers))
    state = _state(steady, declared=replace(declared, manifest=manifest), tasks=tasks)
    told = answers.details(state, steady.loop.clock())["capacity"]
    assert [(one["capacity"], one["count"], one["share"], one["level"]) for one in told] == [
        ("FARGATE", 0, 2, 0),
        ("FARGATE_SPOT", 2, 1, 0),
        ("EC2", 1, 0, 1),
        ("old", 1, 0, None),
    ]


def test_tasks_that_are_ending_carry_no_share(steady):
    tasks = (a_task("t1", status="STOPPED"), a_task("t2"))
    told = answers.details(_state(steady, tasks=tasks), steady.loop.clock())["capacity"]
    assert sum(one["count"] for one in told) == 1


def test_describe_tells_what_holds_a_service_back(steady):
    status = replace(
        steady.loop.state().status, backoff=a_backoff(), zones=(a_zone_refusal("zone-a", capacity="FARGATE_SPOT"),)
    )
    told = answers.details(_state(steady, status=status, launches=(a_launch(),)), steady.loop.clock())
    assert (told["zones"][0]["zone"], told["zones"][0]["capacity"]) == ("zone-a", "FARGATE_SPOT")
    assert (told["backoff"]["round"], told["launches"][0]["capacity"]) == (2, "FARGATE")


def test_list_tells_the_count_that_is_kept(steady):
    (told,) = steady.result("list")["services"]
    assert (told["desiredCount"], told["keptCount"]) == (3, 3)
    steady.apply(serviceName="api")
    assert [one["keptCount"] for one in steady.result("list")["services"]] == [None, 3]


# -- why --------------------------------------------------------------------------------------------------------------


def test_why_tells_what_is_wished_of_a_service(steady):
    tasks = sorted(steady.loop.ids())
    steady.result("pause", service="web", reason="migration")
    steady.result("override", service="web", count=9, forSeconds=600)
    steady.result("standby", service="web", tasks=tasks[:1], reason="heap dump")
    steady.result("stopTask", service="web", tasks=tasks[1:2])
    told = "\n".join(steady.result("why", target="web")["now"])
    assert "until somebody resumes it by alice (migration): no task runs" in told
    assert "the count is overridden by 9 until " in told
    assert f"task {tasks[0]} is on standby since " in told
    assert f"task {tasks[1]} is to be stopped since " in told


def test_why_tells_what_is_wished_and_announced_of_a_task(steady):
    task = min(steady.loop.ids())
    steady.result("standby", service="web", tasks=[task], reason="heap dump")
    steady.result("protect", service="web", tasks=[task])
    notice = Notice(kind="RETIREMENT", at=1.0, reason="AWS retires it", deadline=61.0)
    steady.loop.store.partition("prod/web").tasks[task].notice = notice
    told = "\n".join(steady.result("why", target=task)["now"])
    assert "is on standby since" in told
    assert "it is protected until" in told
    assert "AWS retires it; AWS ends it at 1970-01-01T00:01:01.000Z" in told
