"""The environment, read once, with every problem named."""

import pytest

from headcount.settings import Settings, WrongSettings, read_settings

WHOLE = {
    "HEADCOUNT_TABLE": "headcount-Table",
    "HEADCOUNT_INSTALL": "blue",
    "HEADCOUNT_CLUSTERS": "prod, staging,",
    "HEADCOUNT_RECONCILE_QUEUE_URL": "https://sqs/kicks.fifo",
    "HEADCOUNT_TIMER_QUEUE_URL": "https://sqs/timers",
    "HEADCOUNT_BALANCER_FUNCTION": "headcount-KeepLoadBalancers",
    "HEADCOUNT_EVENT_BUS": "own",
    "HEADCOUNT_HISTORY_DAYS": "7",
    "HEADCOUNT_METRICS_PER_SERVICE": "True",
    "HEADCOUNT_MANAGE_LOAD_BALANCERS": "true",
}


def test_everything_is_read():
    assert read_settings(*WHOLE, environment=WHOLE) == Settings(
        table="headcount-Table",
        install="blue",
        clusters=("prod", "staging"),
        reconcile_queue_url="https://sqs/kicks.fifo",
        timer_queue_url="https://sqs/timers",
        balancer_function="headcount-KeepLoadBalancers",
        event_bus="own",
        history_days=7.0,
        metrics_per_service=True,
        manage_load_balancers=True,
    )


def test_what_is_not_asked_for_may_be_missing():
    assert read_settings(environment={}) == Settings()


def test_every_problem_is_named_at_once():
    wrong = {
        "HEADCOUNT_TABLE": "",
        "HEADCOUNT_INSTALL": "Main!",
        "HEADCOUNT_HISTORY_DAYS": "0",
        "HEADCOUNT_METRICS_PER_SERVICE": "maybe",
        "HEADCOUNT_MANAGE_LOAD_BALANCERS": "1",
    }
    with pytest.raises(WrongSettings) as refused:
        read_settings("HEADCOUNT_TABLE", "HEADCOUNT_CLUSTERS", environment=wrong)
    problems = str(refused.value).split("; ")
    assert [problem.split()[0] for problem in problems] == [
        "HEADCOUNT_TABLE",
        "HEADCOUNT_CLUSTERS",
        "HEADCOUNT_INSTALL",
        "HEADCOUNT_HISTORY_DAYS",
        "HEADCOUNT_METRICS_PER_SERVICE",
        "HEADCOUNT_MANAGE_LOAD_BALANCERS",
    ]


@pytest.mark.parametrize("install", ["", "a" * 9, "a-b", "A"])
def test_an_install_must_fit_into_started_by(install):
    with pytest.raises(WrongSettings, match="HEADCOUNT_INSTALL"):
        read_settings(environment={"HEADCOUNT_INSTALL": install})
