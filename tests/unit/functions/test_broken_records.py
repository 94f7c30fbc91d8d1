"""Records that fuzzing broke: poisoned by name wherever they are read, and only their own service suffers."""

import pytest

from builders import tasks
from fakes.clock import SettableClock
from headcount.aws import service_records
from headcount.aws.dynamodb_control import ControlTable
from headcount.aws.records import key, number, text
from headcount.errors import Poisoned
from headcount.planning.victims import ScaleInOrder, choose_victims

SERVICE = "prod/web"
DEEP = '{"a": ' * 5000 + "1" + "}" * 5000


class _Client:
    """A DynamoDB that holds some items, and answers every question with all of them."""

    def __init__(self, *items):
        self.items = items

    def query(self, **_):
        return {"Items": list(self.items)}

    def get_item(self, **_):
        return {"Item": self.items[0]}

    def batch_get_item(self, **_):
        return {"Responses": {"table": list(self.items)}}


def _table(*items):
    return ControlTable(_Client(*items), "table", "main", SettableClock())


def _item(sort, **attributes):
    return {**key(SERVICE, sort), "schema": number(1), **attributes}


@pytest.mark.parametrize("doc", ["", "{", "[]", "null", '{"desired_count": "3"}', DEEP], ids=lambda doc: doc[:20])
def test_a_broken_document_is_poisoned_wherever_it_is_read(doc):
    item = _item("capacity", doc=text(doc))
    with pytest.raises(Poisoned, match=SERVICE):
        service_records.read_state(SERVICE, "main", [item])
    with pytest.raises(Poisoned, match=SERVICE):
        _table(item).overview([SERVICE])


@pytest.mark.parametrize("entries", ["", DEEP, "[1]", '{"at": 1}', "[[]]", "[NaN]"], ids=lambda entries: entries[:20])
def test_a_broken_history_is_poisoned(entries):
    with pytest.raises(Poisoned, match="history of service prod/web"):
        _table(_item("event#1", doc=text(entries))).history(SERVICE, 10, None)


def test_broken_numbers_of_a_status_are_poisoned():
    with pytest.raises(Poisoned, match="status of service prod/web"):
        _table({"pass": number(1.5)}).pass_number(SERVICE)


def test_broken_whereabouts_are_poisoned():
    with pytest.raises(Poisoned, match="whereabouts of task 1"):
        _table({"service": number(1)}).whereabouts("1")


def test_a_broken_mark_in_the_index_keeps_no_other_service_waiting():
    other = {**key("prod/api", "status"), "pass": number(7)}
    broken, whole = _table(_item("status", **{"pass": text("many")}), other).services("prod")
    assert (broken.service, broken.pass_number) == (SERVICE, None)
    assert (whole.service, whole.pass_number) == ("prod/api", 7)


def test_a_rule_of_a_newer_version_decides_nothing():
    """A rolled-back Headcount reads the manifests of the newer one."""
    newer = ScaleInOrder(prefer=("crowdedZone", "aRuleOfTomorrow", "newest"), deployment="dep-1")
    known = ScaleInOrder(prefer=("crowdedZone", "newest"), deployment="dep-1")
    assert choose_victims(tasks(3), 2, newer) == choose_victims(tasks(3), 2, known)
