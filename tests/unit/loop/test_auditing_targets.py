"""The audit asks ELB once a minute, in turn, writes only what differs, and tells whom it concerns."""

import itertools
from collections.abc import Callable

import pytest

from builders import NOW, SERVICE
from fakes.clock import SettableClock
from fakes.crashing import Tripwire
from fakes.loop import FakeLoop
from headcount.auditing import Findings
from headcount.errors import NewerSchema, Throttled, TransientError
from headcount.model.target import GroupTargets, Registration, TargetHealth, TargetsSeen
from headcount.model.values import replace
from headcount.ports import ServiceMark
from headcount.ports.auditing import Roster

WEB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ADMIN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/admin/fedcba9876543210"
STRANGER = ("10.9.9.9", 80)
NEWS = (SERVICE, "the audit found news")


@pytest.fixture
def loop() -> FakeLoop:
    """Three tasks in rotation, a minute after the audit found nothing to do."""
    loop = FakeLoop().in_service(3, WEB)
    loop.run(1)
    loop.kicks.sent.clear()
    return loop


def _audit(loop: FakeLoop, remaining: Callable[[], float] = lambda: 50.0) -> Findings:
    """A minute later, when what was told has been heard."""
    loop.begin_a_pass()
    loop.clock.advance(60.0)
    return loop.auditor.audit(["prod"], remaining)


def _kicks(loop: FakeLoop) -> list[tuple[str, str]]:
    return [(message.service, message.cause) for message in loop.kicks.sent]


def _on_record(loop: FakeLoop, group: str = WEB) -> TargetsSeen:
    (seen,) = (one.seen for one in loop.state().targets if one.group == group)
    assert seen is not None
    return seen


def _first(loop: FakeLoop) -> tuple[str, int]:
    return min(loop.groups.registered(WEB))


def test_a_quiet_minute_is_one_question_a_group_and_no_write(loop):
    wire = Tripwire()
    loop.auditor.store = wire.guard(loop.store, "store")
    loop.auditor.target_groups = wire.guard(loop.groups, "groups")
    for _ in range(3):
        findings = _audit(loop)
    assert wire.calls == ["store.services", "groups.health"] * 3
    assert (findings.groups, findings.targets, findings.troubles) == (1, 3, [])
    assert _kicks(loop) == []


def test_a_service_without_targets_is_asked_nothing_about():
    loop = FakeLoop().running(2)
    loop.run(1)
    assert _audit(loop).groups == 0
    assert loop.groups.calls["health"] == 0


def test_a_target_that_became_unhealthy_is_written_and_its_service_kicked_once(loop):
    sick = _first(loop)
    loop.groups.fail_checks(WEB, sick)
    at = loop.clock() + 60.0
    for _ in range(3):
        _audit(loop)
    assert _kicks(loop) == [NEWS]
    seen = {one.endpoint: one for one in _on_record(loop).targets}
    assert (seen[sick].state, seen[sick].since, seen[sick].reason) == ("unhealthy", at, "Target.ResponseCodeMismatch")
    assert {one.state for endpoint, one in seen.items() if endpoint != sick} == {"healthy"}
    assert all(one.since < at for endpoint, one in seen.items() if endpoint != sick), "they have long been so"


def test_a_target_that_is_well_again_is_news_too(loop):
    loop.groups.fail_checks(WEB, _first(loop))
    _audit(loop)
    loop.kicks.sent.clear()
    loop.groups.pass_checks(WEB)
    _audit(loop)
    assert _kicks(loop) == [NEWS]


def test_a_target_that_somebody_took_out_comes_back(loop):
    lost = _first(loop)
    loop.groups.drop(WEB, lost)
    _audit(loop)
    assert _kicks(loop) == [NEWS]
    loop.run(1)
    assert lost in loop.groups.in_rotation(WEB)


def test_a_group_that_is_deleted_is_told_and_so_is_that_it_is_back(loop):
    loop.groups.delete_group(WEB)
    for _ in range(2):
        _audit(loop)
    assert _on_record(loop).gone
    assert _kicks(loop) == [NEWS]
    loop.groups.add_group(WEB)
    _audit(loop)
    assert not _on_record(loop).gone
    assert _kicks(loop) == [NEWS] * 2


def test_targets_of_others_are_counted_and_concern_nobody(loop):
    loop.groups.add_foreign(WEB, STRANGER)
    _audit(loop)
    assert _on_record(loop).foreign == 1
    loop.groups.fail_checks(WEB, STRANGER)
    before = _on_record(loop)
    _audit(loop)
    assert _on_record(loop) == before
    assert _kicks(loop) == []


@pytest.mark.parametrize(
    ("entry", "before", "now", "told"),
    [
        ({}, "healthy", "unhealthy", True),
        ({}, "healthy", "draining", True),
        ({}, "healthy", None, True),
        ({}, None, "healthy", True),
        ({}, None, "initial", False),
        ({"registered_at": None}, None, "healthy", False),
        ({"leaving_at": NOW - 9.0}, "healthy", "unhealthy", False),
        ({"leaving_at": NOW - 9.0, "left_at": NOW - 8.0}, "healthy", "draining", False),
        ({"leaving_at": NOW - 9.0, "left_at": NOW - 8.0}, "draining", None, False),
        ({"leaving_at": NOW - 9.0, "left_at": NOW - 8.0}, "draining", "initial", True),
        ({"leaving_at": NOW - 9.0, "left_at": NOW - 8.0}, None, "healthy", True),
    ],
)
def test_what_a_pass_waits_for_is_written_and_only_what_it_does_not_expect_is_told(entry, before, now, told):
    """The auditor has seen the group once, so that what was not well is told already."""
    registration = replace(
        Registration(task="t1", target="10.0.0.1", port=8080, at=NOW - 20.0, registered_at=NOW - 19.0), **entry
    )
    store, groups = _Store({"prod/web": [_ledger(before, registration)]}), _Groups()
    auditor = FakeLoop().new_auditor(store=store, target_groups=groups, clock=SettableClock(NOW))
    groups.answer = _health(before)
    auditor.audit(["prod"], lambda: 50.0)
    auditor.kicks.sent.clear()
    groups.answer = _health(now)
    auditor.audit(["prod"], lambda: 50.0)
    assert bool(auditor.kicks.sent) == told
    assert store.written == ([] if before == now else [now])


def test_a_roster_that_lags_behind_a_pass_is_read_again_before_anything_is_written(loop):
    """A pass looked after the roster was read, and what it saw is what ELB says still."""
    sick = _first(loop)
    _audit(loop)
    loop.groups.fail_checks(WEB, sick)
    told = loop.groups.health(WEB)
    ours = tuple(replace(one, since=loop.clock()) for one in told)
    loop.store.record_targets_seen(SERVICE, WEB, TargetsSeen(seen_at=loop.clock() + 1.0, targets=ours))
    before = _on_record(loop)
    _audit(loop)
    assert _on_record(loop) == before
    assert _kicks(loop) == []


def test_what_was_not_well_when_an_auditor_died_is_told_by_the_next(loop):
    loop.groups.fail_checks(WEB, _first(loop))
    loop.kicks.refuse_next = 1
    _audit(loop)
    assert _kicks(loop) == [], "it died between the record and the kick"
    loop.auditor = loop.new_auditor()
    _audit(loop)
    _audit(loop)
    assert _kicks(loop) == [NEWS]


def test_news_that_could_not_be_told_are_told_by_the_next_audit(loop):
    loop.groups.fail_checks(WEB, _first(loop))
    loop.kicks.refuse_next = 1
    assert any("kick of prod/web" in trouble for trouble in _audit(loop).troubles)
    _audit(loop)
    _audit(loop)
    assert _kicks(loop) == [NEWS]


def test_a_group_that_elb_will_not_tell_of_keeps_no_other_from_being_seen(loop):
    loop = FakeLoop().in_service(2, ADMIN, WEB)
    loop.run(1)
    loop.groups.fail_checks(WEB, _first(loop))
    answer = loop.groups.health

    def silent(group: str) -> tuple[TargetHealth, ...] | None:
        if group == ADMIN:
            raise TransientError("DescribeTargetHealth: HealthUnavailable: internal error")
        return answer(group)

    loop.auditor.target_groups = _Overriding(silent)
    findings = _audit(loop)
    assert findings.groups == 1
    assert [trouble for trouble in findings.troubles if ADMIN in trouble and SERVICE in trouble]
    assert {one.state for one in _on_record(loop).targets} == {"healthy", "unhealthy"}


def test_five_groups_without_an_answer_end_the_round_and_the_next_goes_on_behind_them():
    asked: list[str] = []

    def silent(group: str) -> None:
        asked.append(group)
        raise TransientError("DescribeTargetHealth: AccessDenied: not authorized")

    auditor = _auditor_of(12, silent)
    for _ in range(2):
        findings = auditor.audit(["prod"], lambda: 50.0)
        assert len(findings.troubles) == 5
    assert asked == [f"group-{number:03}" for number in range(10)]


def test_elb_is_left_alone_for_a_minute_when_it_asks_for_patience():
    asked: list[str] = []

    def throttled(group: str) -> tuple[TargetHealth, ...]:
        asked.append(group)
        if len(asked) == 3:
            raise Throttled("DescribeTargetHealth: Throttling: Rate exceeded")
        return ()

    auditor = _auditor_of(4, throttled)
    assert len(auditor.audit(["prod"], lambda: 50.0).troubles) == 1
    auditor.audit(["prod"], lambda: 50.0)
    assert asked == [f"group-{number:03}" for number in (0, 1, 2, 2, 3, 0, 1)]


def test_many_groups_are_asked_for_in_turn_as_many_a_minute_as_elb_allows_at_once():
    clock, asked = SettableClock(NOW), []

    def answer(group: str) -> tuple[TargetHealth, ...]:
        asked.append(group)
        return ()

    auditor = _auditor_of(50, answer, clock)
    assert auditor.audit(["prod"], lambda: 50.0).groups == 40
    assert asked == [f"group-{number:03}" for number in range(40)]
    clock.advance(60.0)
    auditor.audit(["prod"], lambda: 50.0)
    assert asked[40:42] == ["group-040", "group-041"]
    assert asked[50] == "group-000", "and round"


def test_an_audit_without_time_left_goes_on_where_it_stopped():
    asked: list[str] = []

    def answer(group: str) -> tuple[TargetHealth, ...]:
        asked.append(group)
        return ()

    auditor = _auditor_of(6, answer)
    assert auditor.audit(["prod"], lambda: 50.0 - 46.0 * (len(asked) == 4)).out_of_time
    auditor.audit(["prod"], lambda: 50.0)
    assert asked == [f"group-{number:03}" for number in (0, 1, 2, 3, 4, 5, 0, 1, 2, 3)]


def test_a_record_that_cannot_be_written_keeps_no_other_group_from_it():
    store = _Store({"prod/web": [_ledger("healthy", _entry(), group) for group in ("a", "b")]})
    store.broken = {"a"}
    groups = _Groups(_health("unhealthy"))
    auditor = FakeLoop().new_auditor(store=store, target_groups=groups, clock=SettableClock(NOW))
    findings = auditor.audit(["prod"], lambda: 50.0)
    assert len(findings.troubles) == 1
    assert store.written == ["unhealthy"]


# -- worlds of one question -------------------------------------------------------------------------------------------


def _entry() -> Registration:
    return Registration(task="t1", target="10.0.0.1", port=8080, at=NOW - 20.0, registered_at=NOW - 19.0)


def _health(state: str | None) -> tuple[TargetHealth, ...]:
    return () if state is None else (TargetHealth(target="10.0.0.1", port=8080, state=state),)


def _ledger(state: str | None, entry: Registration, group: str = "group") -> GroupTargets:
    seen = TargetsSeen(seen_at=NOW - 5.0, targets=_health(state))
    return GroupTargets(group=group, registrations=(entry,), seen=seen)


class _Store:
    """Services that do not change, each looked at by one pass a minute.

    ``written``: the states that were recorded, one a write.
    """

    def __init__(self, ledgers: dict[str, list[GroupTargets]]) -> None:
        self.ledgers = ledgers
        self.written: list[str | None] = []
        self.broken: set[str] = set()
        self.passes = itertools.count(1)

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        number = next(self.passes)
        return tuple(ServiceMark(service=service, pass_number=number) for service in self.ledgers)

    def roster(self, service: str) -> Roster:
        return Roster(targets=tuple(self.ledgers[service]))

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        if group in self.broken:
            raise NewerSchema(f"record {service} {group} has schema 2")
        self.written.append(seen.targets[0].state if seen.targets else None)
        self.ledgers[service] = [
            replace(one, seen=seen) if one.group == group else one for one in self.ledgers[service]
        ]


class _Groups:
    def __init__(self, answer: tuple[TargetHealth, ...] | None = ()) -> None:
        self.answer = answer

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        return self.answer


class _Overriding:
    """ELB, for one question."""

    def __init__(self, health: Callable[[str], tuple[TargetHealth, ...] | None]) -> None:
        self.health = health


def _auditor_of(groups: int, health: Callable[[str], object], clock: SettableClock | None = None):
    """An auditor of so many groups, each with a target that ELB has not been seen to know."""
    ledgers = [_ledger(None, _entry(), f"group-{number:03}") for number in range(groups)]
    clock = clock or SettableClock(NOW)
    store = _Store({"prod/web": ledgers})
    return FakeLoop().new_auditor(store=store, target_groups=_Overriding(health), clock=clock)
