"""What the loop may rely on of ECS: tokens, shortfalls, refusals, patience."""

import pytest

from headcount.errors import Throttled, TransientError
from headcount.ports.tasks import TaskPage

UNKNOWN_INSTANCE = f"arn:aws:ecs:eu-west-1:123456789012:container-instance/c1/{'0' * 32}"


def _ids(sightings):
    return {sighting.task_id for sighting in sightings}


def _pages(ecs):
    after = None
    while True:
        page = ecs.runtime.sweep(ecs.cluster, after)
        yield page
        after = page.goes_on
        if after is None:
            return


def _swept(ecs):
    return [task_id for page in _pages(ecs) for task_id in page.task_ids]


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
    assert len(_swept(ecs)) == 2


def test_a_launch_whose_answer_was_lost_is_resumed_with_the_same_tasks(ecs):
    ecs.lose_answer("launch")
    with pytest.raises(TransientError):
        ecs.runtime.launch(ecs.request("cccccccccccccccccccc"))
    resumed = ecs.runtime.launch(ecs.request("cccccccccccccccccccc"))
    assert _ids(resumed.tasks) == set(_swept(ecs))
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


def test_a_cluster_without_instances_lacks_capacity_and_refuses_nothing(ecs):
    answer = ecs.runtime.launch(ecs.on_instances("kkkkkkkkkkkkkkkkkkkk"))
    assert (answer.tasks, answer.refused) == ((), None)
    assert answer.shortfall


def test_more_than_ten_tasks_a_call_are_refused(ecs):
    assert ecs.runtime.launch(ecs.request("gggggggggggggggggggg", 11)).refused is not None


@pytest.mark.parametrize(
    "operation", ["launch", "stop", "describe", "sweep", "instances", "on_instance", "instances_of", "deregister"]
)
def test_throttling_is_transient_and_has_no_effect(ecs, operation):
    request = ecs.request("hhhhhhhhhhhhhhhhhhhh")
    calls = {
        "launch": lambda: ecs.runtime.launch(request),
        "stop": lambda: ecs.runtime.stop(ecs.cluster, "0" * 32, "test"),
        "describe": lambda: ecs.runtime.describe(ecs.cluster, ["0" * 32]),
        "sweep": lambda: ecs.runtime.sweep(ecs.cluster),
        "instances": lambda: ecs.runtime.instances(ecs.cluster, [UNKNOWN_INSTANCE]),
        "on_instance": lambda: ecs.runtime.on_instance(ecs.cluster, UNKNOWN_INSTANCE),
        "instances_of": lambda: ecs.runtime.instances_of(ecs.cluster, "i-0123456789abcdef0"),
        "deregister": lambda: ecs.runtime.deregister(ecs.ec2_definition),
    }
    ecs.throttle(operation)
    with pytest.raises(Throttled):
        calls[operation]()
    assert _swept(ecs) == []
    assert ecs.definition_status() == "ACTIVE"


def test_a_stopped_task_is_dying_under_a_higher_version_and_no_longer_swept(ecs):
    first, second = ecs.runtime.launch(ecs.request("iiiiiiiiiiiiiiiiiiii")).tasks
    seen = ecs.runtime.stop(ecs.cluster, first.task_id, "scale in to 1")
    assert seen.observed.desired_status == "STOPPED"
    assert seen.observed.version > first.observed.version
    assert (seen.observed.stop_code, seen.observed.stopped_reason) == ("UserInitiated", "scale in to 1")
    assert _swept(ecs) == [second.task_id]


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
    assert [len(page.task_ids) for page in _pages(ecs)] == [100, 10]
    assert set(_swept(ecs)) == started


def test_a_sweep_goes_on_after_ecs_has_lost_its_patience(ecs):
    started = set()
    for number in range(11):
        started |= _ids(ecs.runtime.launch(ecs.request(f"ssssssssssssssssss{number:02}", 10)).tasks)
    first = ecs.runtime.sweep(ecs.cluster)
    ecs.throttle("sweep")
    with pytest.raises(Throttled):
        ecs.runtime.sweep(ecs.cluster, first.goes_on)
    rest = ecs.runtime.sweep(ecs.cluster, first.goes_on)
    assert rest.goes_on is None
    assert {*first.task_ids, *rest.task_ids} == started


def test_tasks_of_another_install_are_foreign(ecs):
    request = ecs.request("qqqqqqqqqqqqqqqqqqqq", startedBy="hc/other/qqqqqqqqqqqqqqqqqqqq")
    assert {sighting.service for sighting in ecs.runtime.launch(request).tasks} == {None}


def test_a_cluster_that_is_gone_has_no_tasks(ecs):
    assert ecs.runtime.sweep("gone") == TaskPage()
    assert ecs.runtime.describe("gone", ["0" * 32]) == ()
    assert ecs.runtime.started_by("gone", "rrrrrrrrrrrrrrrrrrrr") == ()
    assert ecs.runtime.instances("gone", [UNKNOWN_INSTANCE]) == ()
    assert ecs.runtime.on_instance("gone", UNKNOWN_INSTANCE) == ()
    assert ecs.runtime.instances_of("gone", "i-0123456789abcdef0") == ()


def test_tasks_on_container_instances_say_on_which(ecs):
    instances = {ecs.add_instance(), ecs.add_instance()}
    answer = ecs.runtime.launch(ecs.on_instances("ssssssssssssssssssss", 4))
    assert {sighting.observed.container_instance for sighting in answer.tasks} == instances
    assert len(answer.tasks) == 4


def test_the_tasks_of_an_instance_are_those_that_should_run_there(ecs):
    ecs.runtime.launch(ecs.request("tttttttttttttttttttt"))
    first, _ = ecs.add_instance(), ecs.add_instance()
    tasks = ecs.runtime.launch(ecs.on_instances("uuuuuuuuuuuuuuuuuuuu", 4)).tasks
    there = {one.task_id for one in tasks if one.observed.container_instance == first}
    assert len(there) == 2
    assert _ids(ecs.runtime.on_instance(ecs.cluster, first)) == there
    stopped = min(there)
    ecs.runtime.stop(ecs.cluster, stopped, "test")
    assert _ids(ecs.runtime.on_instance(ecs.cluster, first)) == there - {stopped}


def test_an_instance_that_drains_keeps_its_tasks_and_gets_no_others(ecs):
    first = ecs.add_instance()
    ecs.runtime.launch(ecs.on_instances("vvvvvvvvvvvvvvvvvvvv", 2))
    ecs.drain(first)
    (seen,) = ecs.runtime.instances(ecs.cluster, [first])
    assert (seen.instance, seen.status, seen.agent_connected) == (first, "DRAINING", True)
    assert len(ecs.runtime.on_instance(ecs.cluster, first)) == 2
    second = ecs.add_instance()
    more = ecs.runtime.launch(ecs.on_instances("wwwwwwwwwwwwwwwwwwww", 2)).tasks
    assert {sighting.observed.container_instance for sighting in more} == {second}


def test_an_agent_that_is_disconnected_is_seen_so(ecs):
    instance = ecs.add_instance()
    ecs.disconnect(instance)
    (seen,) = ecs.runtime.instances(ecs.cluster, [instance])
    assert (seen.status, seen.agent_connected) == ("ACTIVE", False)


def test_instances_that_ecs_does_not_know_are_left_out_of_pages_of_a_hundred(ecs):
    instance = ecs.add_instance()
    unknown = [f"{instance.rpartition('/')[0]}/{number:032x}" for number in range(1000, 1250)]
    assert [one.instance for one in ecs.runtime.instances(ecs.cluster, [*unknown, instance])] == [instance]
    assert ecs.runtime.instances(ecs.cluster, []) == ()
    assert ecs.runtime.on_instance(ecs.cluster, unknown[0]) == ()


def test_an_ec2_instance_is_found_in_its_own_cluster_only(ecs):
    instance, other = ecs.add_instance(), ecs.add_instance()
    (seen,) = ecs.runtime.instances(ecs.cluster, [instance])
    assert seen.ec2_instance
    assert ecs.runtime.instances_of(ecs.cluster, seen.ec2_instance) == (instance,)
    assert ecs.runtime.instances_of("elsewhere", seen.ec2_instance) == ()
    assert ecs.runtime.instances_of(ecs.cluster, "i-0123456789abcdef0") == ()
    assert other != instance


def test_deregistering_a_task_definition_twice_or_an_unknown_one_is_no_error(ecs):
    assert ecs.definition_status() == "ACTIVE"
    for _ in range(2):
        ecs.runtime.deregister(ecs.ec2_definition)
    assert ecs.definition_status() == "INACTIVE"
    ecs.runtime.deregister("arn:aws:ecs:eu-west-1:123456789012:task-definition/nobody:7")
