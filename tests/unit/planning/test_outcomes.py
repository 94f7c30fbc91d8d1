"""What ECS answered, as the next pass will find it."""

from builders import NOW, a_backoff, a_declared_service, a_launch, a_status, a_throttle, zones_named
from headcount.model.service import ServiceStatus
from headcount.model.values import replace
from headcount.planning.outcomes import Absorbed, LaunchOutcome, absorb

LAUNCH = a_launch(count=10, request={"launchType": "FARGATE", "count": 10})
NO_ROOM = "Capacity is unavailable at this time"


def absorbed(
    *outcomes: LaunchOutcome,
    status: ServiceStatus | None = None,
    stops_unknown: str | None = None,
    now: float = NOW,
    jitter: float = 1.0,
) -> Absorbed:
    return absorb(status or a_status(), a_declared_service(), outcomes, stops_unknown, now, jitter)


def answered(started: int) -> LaunchOutcome:
    return LaunchOutcome(launch=LAUNCH, kind="answered", started=started, reason=NO_ROOM if started < 10 else "")


def refused(launch_id: str = "launch-1") -> LaunchOutcome:
    return LaunchOutcome(launch=a_launch(launch_id), kind="refused", reason="TaskDefinition is inactive")


UNKNOWN = LaunchOutcome(launch=LAUNCH, kind="unknown", reason="ThrottlingException: Rate exceeded")


def test_a_full_answer_changes_nothing_but_what_is_left_of_the_account_s_limit() -> None:
    status = a_status()
    paid = replace(status, launches_paid_at=NOW + 10 / 20.0)
    assert absorbed(answered(10), status=status) == Absorbed(status=paid, decisions=(), wake_at=None, again=False)


def test_after_being_throttled_nothing_is_left_of_the_account_s_limit() -> None:
    assert absorbed(UNKNOWN).status.launches_paid_at == NOW + 100 / 20.0


def test_a_shortfall_makes_the_zone_skipped_and_another_pass() -> None:
    result = absorbed(answered(7))
    assert result.again
    assert [(refusal.zone, refusal.until) for refusal in result.status.zones] == [("zone-a", NOW + 7.5)]
    [decision] = result.decisions
    assert (decision.kind, decision.level, decision.event_name) == (
        "refused",
        "ERROR",
        "SERVICE_TASK_PLACEMENT_FAILURE",
    )
    assert decision.reason == f"FARGATE in zone-a did not start 3 tasks of 10: {NO_ROOM}; skipped until 14:13:27Z"


def test_refusals_of_one_pass_make_one_round() -> None:
    result = absorbed(refused("launch-1"), refused("launch-2"))
    assert result.status.backoff is not None
    assert (result.status.backoff.round, result.status.backoff.refused) == (1, True)
    assert result.wake_at == result.status.backoff.until == NOW + 5.0
    assert len(result.decisions) == 2
    assert not result.again


def test_a_refusal_is_the_service_s_state_at_once() -> None:
    status = absorbed(refused()).status
    assert status.backoff is not None
    assert (status.state, status.state_reason, status.steady_since) == ("BACKING_OFF", status.backoff.reason, None)


def test_a_refusal_at_the_very_moment_a_round_of_failures_began_is_kept() -> None:
    just_failed = a_status(backoff=a_backoff(round=1, began_at=NOW, until=NOW))
    result = absorbed(refused(), status=just_failed)
    assert result.status.backoff is not None
    assert result.status.backoff.refused
    assert result.wake_at == result.status.backoff.until > NOW


def test_a_success_lifts_the_refusal_but_not_the_rounds_of_failures() -> None:
    assert absorbed(answered(10), status=a_status(backoff=a_backoff(refused=True))).status.backoff is None
    failing = a_backoff(refused=False)
    assert absorbed(answered(10), status=a_status(backoff=failing)).status.backoff == failing


def test_patience_doubles_while_ecs_asks_for_it() -> None:
    status, waits, now = a_status(), [], NOW
    for _ in range(7):
        status = absorbed(UNKNOWN, status=status, now=now).status
        assert status.throttle is not None
        waits.append(status.throttle.until - now)
        now = status.throttle.until
    assert waits == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


def test_patience_begins_anew_where_something_got_through() -> None:
    """The limit is shared: it was this service's turn, and may be again."""
    before = a_status(throttle=a_throttle(times=5, until=NOW - 1.0))
    result = absorbed(answered(10), UNKNOWN, status=before)
    assert result.status.throttle is not None
    assert (result.status.throttle.times, result.wake_at) == (1, NOW + 1.0)


def test_patience_is_jittered_down_to_half() -> None:
    assert absorbed(UNKNOWN, jitter=0.0).wake_at == NOW + 0.5


def test_a_throttled_stop_asks_for_patience_too() -> None:
    result = absorbed(stops_unknown="ThrottlingException")
    assert result.wake_at == NOW + 1.0
    assert [decision.event_name for decision in result.decisions] == ["ECS_OPERATION_THROTTLED"]


def test_an_answer_ends_the_patience() -> None:
    assert absorbed(answered(10), status=a_status(throttle=a_throttle())).status.throttle is None


def test_every_outcome_that_is_no_success_gives_a_reason() -> None:
    result = absorbed(answered(1), refused(), UNKNOWN)
    assert len(result.decisions) == 3
    assert all(decision.reason for decision in result.decisions)


def test_a_refusal_that_is_over_wakes_nobody() -> None:
    over = a_status(backoff=a_backoff(refused=True, until=NOW - 1.0))
    assert absorbed(status=over).wake_at is None


def test_a_zone_that_refuses_after_an_older_refusal_is_over_is_followed_by_another_zone_at_once() -> None:
    over = a_status(backoff=a_backoff(refused=True, until=NOW - 1.0))
    service = a_declared_service(zones=zones_named("zone-a", "zone-b"))
    result = absorb(over, service, (refused(),), None, NOW, 1.0)
    assert result.again or result.wake_at is not None
