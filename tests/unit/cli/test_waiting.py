from collections.abc import Sequence

import pytest

from headcount_cli.waiting import balancing_lacks, on_one_line, steady
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


def test_a_service_that_is_kept_at_another_count_is_done_at_that() -> None:
    overridden = a_service(desiredCount=1, keptCount=5, runningCount=5)
    assert steady(deployment="dep-3")(overridden)
    assert steady(kept_count=5)(overridden)
    assert not steady(kept_count=4)(overridden)
    assert not steady()(a_service(desiredCount=5, keptCount=1, runningCount=5))


BALANCED = {"loadBalancers": [{"containerName": "web", "containerPort": 8080}]}


def balancing(*problems: str, looked_at: bool = True, owned: Sequence[str] = ()) -> dict[str, object]:
    return {"generation": 2, "upToDate": looked_at, "checkedAt": None, "owned": list(owned), "problems": list(problems)}


@pytest.mark.parametrize(
    ("manifest", "told", "lacks"),
    [
        (BALANCED, None, ["its load balancing has not been looked at since the manifest changed"]),
        (
            BALANCED,
            balancing("of the manifest before", looked_at=False),
            ["its load balancing has not been looked at since the manifest changed"],
        ),
        (BALANCED, balancing("rule 10 is another's"), ["rule 10 is another's"]),
        (BALANCED, balancing(), []),
        (
            {"functionTargets": [{}]},
            balancing(looked_at=False),
            ["its load balancing has not been looked at since the manifest changed"],
        ),
        (
            {"elasticLoadBalancers": [{}]},
            balancing(looked_at=False),
            ["its load balancing has not been looked at since the manifest changed"],
        ),
        ({}, None, []),
        (
            {},
            balancing(looked_at=False, owned=["a rule"]),
            ["its load balancing has not been looked at since the manifest changed"],
        ),  # that is to be deleted
        ({}, balancing(looked_at=False), []),  # nobody looks again where nothing is declared and nothing is left
    ],
)
def test_tasks_that_run_are_not_enough_where_load_balancing_is_not_as_declared(
    manifest: dict[str, object], told: dict[str, object] | None, lacks: list[str]
) -> None:
    answer = a_service(generation=3, manifest=manifest, loadBalancing=told)
    assert balancing_lacks(answer) == lacks
    assert steady(generation=3)(answer) is not bool(lacks)


@pytest.mark.parametrize("text", ["short", "a reason that is\nlonger than a line " * 9])
def test_progress_is_one_line_of_the_terminal(text: str) -> None:
    line = on_one_line(text, 77)
    assert line.cell_len <= 77
    assert "\n" not in line.plain
