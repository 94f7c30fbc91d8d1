import pytest

from headcount_cli.waiting import steady
from unit.cli.fake_control import a_service


def test_a_steady_service_with_what_was_announced_is_done() -> None:
    assert steady(desired_count=1, deployment="dep-3", generation=3)(a_service())


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "RECONCILING"},
        {"runningCount": 0},
        {"desiredCount": 2, "runningCount": 2},
        {"deployment": "dep-2"},
        {"generation": 2},
        {"generation": None},
    ],
)
def test_what_is_still_as_before_the_change_is_not_done(changes: dict[str, object]) -> None:
    assert not steady(desired_count=1, deployment="dep-3", generation=3)(a_service(**changes))


def test_no_answer_is_not_done() -> None:
    assert not steady()({})
