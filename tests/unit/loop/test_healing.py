"""What is lost on the way is made good: nothing that is not well goes long without a look."""

import json

from builders import SERVICE
from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from headcount.aws.history import entry
from headcount.errors import NewerSchema
from headcount.model.service import Decision
from headcount.model.values import replace
from headcount.ports.auditing import Roster


def test_a_plan_whose_kicks_all_died_is_carried_out_by_the_audit():
    loop = FakeLoop()
    loop.declare(3)
    while loop.kicks.waiting:
        loop.deliver_kick(Tripwire("runtime.launch"))
        loop.clock.advance(26)
    assert loop.kicks.dead, "every delivery died between the record of the plan and RunTask"
    assert loop.runtime.calls["launch"] == 0
    loop.kicks.dead.clear()
    loop.run(5)
    loop.assert_exactly(3)


def test_a_running_event_whose_kick_was_lost_does_not_leave_the_service_unsettled():
    loop = FakeLoop()
    loop.declare(2)
    loop.deliver_kick()
    loop.runtime.step_all()
    loop.kicks.refuse_next = 100
    while loop.runtime.step_all():
        pass
    for sighting in list(loop.runtime.events):
        loop.store.record_sighting(SERVICE, sighting)
    loop.runtime.events.clear()
    loop.kicks.refuse_next = 0
    loop.run(7)
    assert loop.state().status.state == "STEADY"


def test_a_service_that_cannot_be_read_does_not_keep_the_audit_from_the_others():
    loop = FakeLoop().running(2)
    loop.store.partition("prod/broken").manifest = replace(loop.declared(), generation=1)

    def roster(service: str) -> Roster:
        if service == "prod/broken":
            raise NewerSchema("record prod/broken status has schema 2")
        return Roster(tasks=loop.store.state(service).tasks)

    loop.auditor.store = _Overriding(loop.store, roster=roster)
    loop.runtime.crash(min(loop.ids()))
    loop.runtime.events.clear()
    findings = loop.auditor.audit(["prod"], lambda: 50.0)
    assert any("prod/broken" in trouble for trouble in findings.troubles)
    loop.drain()
    loop.assert_exactly(2)


def test_a_cluster_in_trouble_does_not_keep_the_audit_from_the_others():
    loop = FakeLoop().running(1)
    services = loop.store.services

    def troubled(cluster: str) -> object:
        if cluster == "staging":
            raise NewerSchema("the index of staging")
        return services(cluster)

    loop.auditor.store = _Overriding(loop.store, services=troubled)
    findings = loop.auditor.audit(["staging", "prod"], lambda: 50.0)
    assert findings.services == 1
    assert findings.troubles == ["cluster staging: the index of staging"]


def test_a_launch_that_is_refused_when_it_is_sent_again_keeps_the_tasks_it_had_started():
    loop = FakeLoop()
    loop.runtime.lose_answer("launch", 1)
    loop.declare(4, zones=("zone-a",))
    loop.deliver_kick()
    assert len(loop.ids()) == 4, "ECS started them, and nobody was told"
    loop.runtime.refusal = "AccessDeniedException: not any more"
    loop.run(5)
    loop.runtime.refusal = None
    loop.run(20)
    loop.assert_exactly(4)
    assert len(loop.runtime.tasks) == 4, "none was started twice"


def test_a_zone_whose_requests_are_refused_leaves_its_share_to_the_others():
    loop = FakeLoop()
    loop.declare(6)
    launch = loop.runtime.launch

    def refusing(request: dict) -> object:
        subnets = request["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        loop.runtime.refusal = "InvalidParameterException: no such subnet" if "subnet-a" in subnets else None
        return launch(request)

    loop.runtime = _Overriding(loop.runtime, launch=refusing)
    loop.run(3)
    loop.assert_exactly(6)


def test_a_new_revision_does_not_wait_for_what_another_one_was_refused():
    loop = FakeLoop()
    loop.runtime.refusal = "ClientException: TaskDefinition is inactive"
    loop.declare(2)
    loop.run(10)
    loop.runtime.refusal = None
    loop.deploy()
    loop.drain()
    loop.assert_exactly(2)


def test_reasons_are_cut_in_the_history_so_that_its_records_stay_small():
    long = Decision(kind="lost", reason="CannotPullContainerError: " + "x" * 5000)
    assert len(json.dumps(entry(long, 1, 1_790_000_000.0))) < 800


class _Overriding:
    """An object with some of its methods replaced."""

    def __init__(self, inner: object, **methods: object) -> None:
        self._inner = inner
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
