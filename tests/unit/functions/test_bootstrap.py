"""The composition root builds what each function needs from its environment, and says what is missing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from headcount import bootstrap
from headcount.auditing import Auditor
from headcount.aws import clients
from headcount.control_loop import Reconciler
from headcount.controlling import Controller
from headcount.deciding_scaling import ScalingDecider
from headcount.keeping_load_balancers import LoadBalancerKeeper
from headcount.observing import Intake
from headcount.settings import Settings, WrongSettings
from headcount.waking import Waker

ENVIRONMENT = {
    "HEADCOUNT_TABLE": "table",
    "HEADCOUNT_INSTALL": "blue",
    "HEADCOUNT_CLUSTERS": "prod,staging",
    "HEADCOUNT_RECONCILE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/reconcile.fifo",
    "HEADCOUNT_TIMER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/timers",
    "HEADCOUNT_BALANCER_FUNCTION": "headcount-KeepLoadBalancers",
    "HEADCOUNT_SCALING_FUNCTION": "headcount-DecideScaling",
    "HEADCOUNT_SCHEDULE_GROUP": "headcount",
    "HEADCOUNT_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/headcount-ScheduleRole",
    "HEADCOUNT_EVENT_DEAD_LETTERS_ARN": "arn:aws:sqs:eu-west-1:123456789012:headcount-EventDeadLetters",
    "AWS_LAMBDA_FUNCTION_NAME": "headcount-DecideScaling-1A2B3C",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (bootstrap.observer, Intake),
        (bootstrap.reconciler, Reconciler),
        (bootstrap.auditor, Auditor),
        (bootstrap.waker, Waker),
        (bootstrap.keeper, LoadBalancerKeeper),
        (bootstrap.decider, ScalingDecider),
        (bootstrap.controller, Controller),
    ],
)
def test_each_function_gets_what_it_needs(build: Callable[[], tuple[object, Settings]], kind: type) -> None:
    built, settings = build()
    assert isinstance(built, kind)
    assert settings.install == "blue"


def test_the_observer_makes_no_client_of_ecs_before_an_announcement_comes() -> None:
    clients.client.cache_clear()
    intake, settings = bootstrap.observer()
    assert clients.client.cache_info().currsize == 2, "DynamoDB and SQS"
    announcements = intake.announcements()
    assert clients.client.cache_info().currsize == 3
    assert announcements.clusters == settings.clusters == ("prod", "staging")
    assert intake.announcements() is announcements, "what it remembers lives as long as the process"


@pytest.mark.parametrize(
    ("build", "made"),
    [
        (bootstrap.reconciler, 4),
        (bootstrap.auditor, 3),
        (bootstrap.waker, 2),
        (bootstrap.keeper, 2),
        (bootstrap.decider, 2),
    ],
)
def test_no_client_is_made_before_something_is_asked_of_it_but_those_that_every_invocation_needs(build, made) -> None:
    clients.client.cache_clear()
    build()
    assert clients.client.cache_info().currsize == made


def test_a_client_that_comes_later_is_made_once_whoever_asks_first() -> None:
    clients.client.cache_clear()
    later = clients.Later("elbv2")
    with ThreadPoolExecutor(max_workers=8) as pool:
        methods = list(pool.map(lambda _: later.describe_target_health.__self__, range(8)))
    assert len(set(map(id, methods))) == 1
    assert clients.client.cache_info().currsize == 1


@pytest.mark.parametrize("may", ["true", "false"])
def test_whether_load_balancers_may_be_managed_is_told_by_the_environment(monkeypatch, may) -> None:
    monkeypatch.setenv("HEADCOUNT_MANAGE_LOAD_BALANCERS", may)
    keeper, _ = bootstrap.keeper()
    controller, _ = bootstrap.controller()
    assert (keeper.may_manage, controller.registry.may_manage) == (may == "true", may == "true")


def test_events_name_the_account_and_region_of_the_queue() -> None:
    reconciler, _ = bootstrap.reconciler()
    assert reconciler.telling.announcer.partition_arn == "arn:aws:ecs:eu-west-1:123456789012"


def test_schedules_invoke_the_function_that_makes_them() -> None:
    decider, _ = bootstrap.decider()
    assert decider.schedules.target.function == (
        "arn:aws:lambda:eu-west-1:123456789012:function:headcount-DecideScaling-1A2B3C"
    )


def test_a_users_function_is_waited_for_as_long_as_its_policy_says_and_asked_once() -> None:
    for seconds in (0.5, 5.0):
        config = clients.lambda_for(seconds).meta.config
        assert (config.read_timeout, config.retries["total_max_attempts"]) == (seconds, 1)


def test_clients_of_users_functions_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time is short they are waited for any number of seconds."""
    session = SimpleNamespace(create_client=lambda *_, **given: given["config"])
    monkeypatch.setattr(clients, "session", lambda: session)
    clients.lambda_for.cache_clear()
    for number in range(200):
        clients.lambda_for(7.0 + number / 1000)
    assert clients.lambda_for.cache_info().currsize <= clients.LAMBDA_CLIENTS
    clients.lambda_for.cache_clear()


def test_calls_are_spread_in_order_and_one_call_needs_no_thread() -> None:
    reconciler, _ = bootstrap.reconciler()
    assert list(reconciler.spread(lambda number: number * 2, [1, 2, 3])) == [2, 4, 6]
    assert list(reconciler.spread(lambda number: number * 2, [4])) == [8]


def test_what_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADCOUNT_TABLE")
    monkeypatch.delenv("HEADCOUNT_TIMER_QUEUE_URL")
    with pytest.raises(WrongSettings, match=r"HEADCOUNT_TABLE is not set; HEADCOUNT_TIMER_QUEUE_URL is not set"):
        bootstrap.reconciler()
