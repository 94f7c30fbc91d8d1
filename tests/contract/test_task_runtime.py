"""What the loop may rely on of ECS: tokens, shortfalls, refusals, patience."""

import pytest

from headcount.errors import Throttled, TransientError


def _ids(sightings):
    return {sighting.task_id for sighting in sightings}


def test_a_launch_starts_its_tasks_under_the_name_of_its_service(ecs):
    answer = ecs.runtime.launch(ecs.request("aaaaaaaaaaaaaaaaaaaa", 3))
    assert len(_ids(answer.tasks)) == 3
    assert answer.refused is None
    for sighting in answer.tasks:
        assert sighting.service == f"{ecs.cluster}/web"
        assert sighting.observed.launch == "aaaaaaaaaaaaaaaaaaaa"
        assert (sighting.observed.version, sighting.observed.last_status) == (1, "PROVISIONING")
        assert sighting.observed.created_at is not None
        assert sighting.observed.availability_zone is not None


def test_the_same_request_gives_the_same_tasks(ecs):
    first = ecs.runtime.launch(ecs.request("bbbbbbbbbbbbbbbbbbbb"))
    again = ecs.runtime.launch(ecs.request("bbbbbbbbbbbbbbbbbbbb"))
    assert _ids(again.tasks) == _ids(first.tasks)
    assert len(list(ecs.runtime.sweep(ecs.cluster))) == 2


def test_a_launch_whose_answer_was_lost_is_resumed_with_the_same_tasks(ecs):
    ecs.lose_answer("launch")
    with pytest.raises(TransientError):
        ecs.runtime.launch(ecs.request("cccccccccccccccccccc"))
    resumed = ecs.runtime.launch(ecs.request("cccccccccccccccccccc"))
    assert _ids(resumed.tasks) == set(ecs.runtime.sweep(ecs.cluster))
    assert len(resumed.tasks) == 2


def test_a_conflict_of_tokens_takes_the_tasks_of_the_first_request(ecs):
    first = ecs.runtime.launch(ecs.request("dddddddddddddddddddd"))
    changed = ecs.runtime.launch(ecs.request("dddddddddddddddddddd", count=3))
    assert _ids(changed.tasks) == _ids(first.tasks)
    assert changed.refused is None


def test_a_zone_that_runs_full_starts_some_and_says_why(ecs):
    ecs.leave_room_for(1)
    answer = ecs.runtime.launch(ecs.request("eeeeeeeeeeeeeeeeeeee", 3))
    assert len(answer.tasks) == 1
    assert "Capacity is unavailable" in answer.shortfall


def test_what_ecs_will_never_start_is_refused_in_its_own_words(ecs):
    ecs.refuse()
    answer = ecs.runtime.launch(ecs.request("ffffffffffffffffffff"))
    assert answer.tasks == ()
    assert answer.refused == "ClientException: TaskDefinition is inactive"


def test_more_than_ten_tasks_a_call_are_refused(ecs):
    assert ecs.runtime.launch(ecs.request("gggggggggggggggggggg", 11)).refused is not None


@pytest.mark.parametrize("operation", ["launch", "stop", "describe", "sweep"])
def test_throttling_is_transient_and_has_no_effect(ecs, operation):
    request = ecs.request("hhhhhhhhhhhhhhhhhhhh")
    calls = {
        "launch": lambda: ecs.runtime.launch(request),
        "stop": lambda: ecs.runtime.stop(ecs.cluster, "0" * 32, "test"),
        "describe": lambda: ecs.runtime.describe(ecs.cluster, ["0" * 32]),
        "sweep": lambda: list(ecs.runtime.sweep(ecs.cluster)),
    }
    ecs.throttle(operation)
    with pytest.raises(Throttled):
        calls[operation]()
    assert list(ecs.runtime.sweep(ecs.cluster)) == []


def test_a_stopped_task_is_dying_under_a_higher_version_and_no_longer_swept(ecs):
    first, second = ecs.runtime.launch(ecs.request("iiiiiiiiiiiiiiiiiiii")).tasks
    seen = ecs.runtime.stop(ecs.cluster, first.task_id, "scale in to 1")
    assert seen.observed.desired_status == "STOPPED"
    assert seen.observed.version > first.observed.version
    assert (seen.observed.stop_code, seen.observed.stopped_reason) == ("UserInitiated", "scale in to 1")
    assert list(ecs.runtime.sweep(ecs.cluster)) == [second.task_id]


def test_stopping_twice_says_the_same(ecs):
    first, _ = ecs.runtime.launch(ecs.request("jjjjjjjjjjjjjjjjjjjj")).tasks
    once = ecs.runtime.stop(ecs.cluster, first.task_id, "one")
    twice = ecs.runtime.stop(ecs.cluster, first.task_id, "two")
    assert twice.observed.stopped_reason == once.observed.stopped_reason == "one"


def test_stopping_a_task_that_nobody_knows_is_none(ecs):
    assert ecs.runtime.stop(ecs.cluster, "0" * 32, "gone") is None


def test_describing_leaves_out_what_ecs_does_not_know(ecs):
    answer = ecs.runtime.launch(ecs.request("kkkkkkkkkkkkkkkkkkkk"))
    asked = [*_ids(answer.tasks), "0" * 32]
    assert _ids(ecs.runtime.describe(ecs.cluster, asked)) == _ids(answer.tasks)
    assert ecs.runtime.describe(ecs.cluster, []) == ()


def test_describing_pages_through_more_than_a_hundred(ecs):
    ids = [f"{number:032x}" for number in range(250)]
    answer = ecs.runtime.launch(ecs.request("llllllllllllllllllll"))
    assert _ids(ecs.runtime.describe(ecs.cluster, [*ids, *_ids(answer.tasks)])) == _ids(answer.tasks)


def test_the_tasks_of_one_launch_are_found_by_its_name(ecs):
    mine = ecs.runtime.launch(ecs.request("mmmmmmmmmmmmmmmmmmmm"))
    ecs.runtime.launch(ecs.request("nnnnnnnnnnnnnnnnnnnn"))
    assert _ids(ecs.runtime.started_by(ecs.cluster, "mmmmmmmmmmmmmmmmmmmm")) == _ids(mine.tasks)
    assert ecs.runtime.started_by(ecs.cluster, "oooooooooooooooooooo") == ()


def test_a_sweep_pages_through_all_tasks(ecs):
    started = set()
    for number in range(11):
        started |= _ids(ecs.runtime.launch(ecs.request(f"pppppppppppppppppp{number:02}", 10)).tasks)
    assert len(started) == 110
    assert set(ecs.runtime.sweep(ecs.cluster)) == started


def test_tasks_of_another_install_are_foreign(ecs):
    request = ecs.request("qqqqqqqqqqqqqqqqqqqq", startedBy="hc/other/qqqqqqqqqqqqqqqqqqqq")
    assert {sighting.service for sighting in ecs.runtime.launch(request).tasks} == {None}


def test_a_cluster_that_is_gone_has_no_tasks(ecs):
    assert list(ecs.runtime.sweep("gone")) == []
    assert ecs.runtime.describe("gone", ["0" * 32]) == ()
    assert ecs.runtime.started_by("gone", "rrrrrrrrrrrrrrrrrrrr") == ()
