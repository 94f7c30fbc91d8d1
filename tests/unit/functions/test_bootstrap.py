"""The composition root builds what each function needs from its environment, and says what is missing."""

from collections.abc import Callable

import pytest

from headcount import bootstrap
from headcount.auditing import Auditor
from headcount.control_loop import Reconciler
from headcount.controlling import Controller
from headcount.observing import Observer
from headcount.settings import Settings, WrongSettings
from headcount.waking import Waker

ENVIRONMENT = {
    "HEADCOUNT_TABLE": "table",
    "HEADCOUNT_INSTALL": "blue",
    "HEADCOUNT_CLUSTERS": "prod,staging",
    "HEADCOUNT_RECONCILE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/reconcile.fifo",
    "HEADCOUNT_TIMER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/timers",
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
        (bootstrap.observer, Observer),
        (bootstrap.reconciler, Reconciler),
        (bootstrap.auditor, Auditor),
        (bootstrap.waker, Waker),
        (bootstrap.controller, Controller),
    ],
)
def test_each_function_gets_what_it_needs(build: Callable[[], tuple[object, Settings]], kind: type) -> None:
    built, settings = build()
    assert isinstance(built, kind)
    assert settings.install == "blue"


def test_events_name_the_account_and_region_of_the_queue() -> None:
    reconciler, _ = bootstrap.reconciler()
    assert reconciler.telling.announcer.partition_arn == "arn:aws:ecs:eu-west-1:123456789012"


def test_calls_are_spread_in_order_and_one_call_needs_no_thread() -> None:
    reconciler, _ = bootstrap.reconciler()
    assert list(reconciler.spread(lambda number: number * 2, [1, 2, 3])) == [2, 4, 6]
    assert list(reconciler.spread(lambda number: number * 2, [4])) == [8]


def test_what_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADCOUNT_TABLE")
    monkeypatch.delenv("HEADCOUNT_TIMER_QUEUE_URL")
    with pytest.raises(WrongSettings, match=r"HEADCOUNT_TABLE is not set; HEADCOUNT_TIMER_QUEUE_URL is not set"):
        bootstrap.reconciler()
