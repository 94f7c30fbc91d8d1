"""Of several announcements about a task's place, the one that says most stands, in whatever order they come."""

from itertools import product

import pytest

from headcount.errors import NewerSchema
from headcount.model.notices import BY_WEIGHT, OF_THE_INSTANCE, after
from headcount.model.task import Notice

from .values import begin, record_task


def _notice(kind, at=5.0, deadline=None):
    return Notice(kind=kind, at=at, reason=f'it is {kind}, "deadline":9.0, {{"kind":"GONE"', deadline=deadline)


def _on_record(table):
    (task,) = begin(table).tasks
    return task.notice


def test_whatever_comes_after_whatever_the_record_is_what_the_rule_says(table):
    record_task(table, "t1")
    for first, second in product((None, *BY_WEIGHT), repeat=2):
        _clear(table)
        for notice in (first and _notice(first), second and _notice(second, at=7.0)):
            standing = _on_record(table)
            assert table.store.record_notice(table.service, "t1", notice), "the task is on record"
            assert _on_record(table) == after(notice, standing), (first, second)


@pytest.mark.parametrize(("standing", "coming"), [("DRAINING", "SPOT"), ("SPOT", "GONE"), ("DISCONNECTED", "DRAINING")])
def test_the_one_that_says_more_stands_in_either_order(table, standing, coming):
    record_task(table, "t1")
    for order in ((standing, coming), (coming, standing)):
        _clear(table)
        for kind in order:
            table.store.record_notice(table.service, "t1", _notice(kind))
        assert _on_record(table).kind == coming


def test_a_repeated_notice_keeps_the_first_time_and_another_deadline_is_news(table):
    record_task(table, "t1")
    for at, deadline in ((1.0, 9.0), (2.0, 9.0), (3.0, 1773216000.0), (4.0, 1773216000.0)):
        table.store.record_notice(table.service, "t1", _notice("RETIREMENT", at=at, deadline=deadline))
        assert _on_record(table).at == {9.0: 1.0, 1773216000.0: 3.0}[deadline]


@pytest.mark.parametrize("kind", [kind for kind in BY_WEIGHT if kind not in OF_THE_INSTANCE])
def test_what_aws_announced_is_not_taken_back_with_what_was_said_of_the_instance(table, kind):
    record_task(table, "t1")
    table.store.record_notice(table.service, "t1", _notice(kind))
    assert table.store.record_notice(table.service, "t1", None)
    assert _on_record(table).kind == kind


@pytest.mark.parametrize("notice", [None, _notice("DRAINING")], ids=["taken back", "given"])
def test_a_notice_revives_no_task_and_leaves_a_newer_record_alone(table, notice):
    assert not table.store.record_notice(table.service, "t1", notice)
    assert begin(table).tasks == ()
    record_task(table, "t1")
    table.make_newer("task#t1")
    with pytest.raises(NewerSchema):
        table.store.record_notice(table.service, "t1", notice)


def _clear(table):
    """The task is launched anew: nothing is said of its place."""
    table.store.forget(table.service, ["t1"])
    record_task(table, "t1")
