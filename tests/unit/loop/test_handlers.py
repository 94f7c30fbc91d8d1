"""A batch: each record on its own, and only the failed ones come back."""

import pytest
from aws_lambda_powertools import Logger

from headcount.errors import NewerSchema, Poisoned, Throttled
from headcount.handlers import each_record, remaining_seconds

EVENT = {"Records": [{"messageId": str(number), "body": ""} for number in range(4)]}


def _work(failures):
    done = []

    def work(record):
        done.append(record["messageId"])
        if (error := failures.get(record["messageId"])) is not None:
            raise error

    return done, work


def test_records_that_fail_come_back_and_do_not_keep_the_others():
    done, work = _work({"1": Poisoned("not json"), "2": Throttled("patience"), "3": NewerSchema("schema 2")})
    answer = each_record(EVENT, Logger(service="test"), work)
    assert done == ["0", "1", "2", "3"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": number} for number in ("1", "2", "3")]}


def test_a_batch_that_went_well_reports_nothing():
    assert each_record(EVENT, Logger(service="test"), _work({})[1]) == {"batchItemFailures": []}
    assert each_record({}, Logger(service="test"), _work({})[1]) == {"batchItemFailures": []}


def test_what_nobody_expected_fails_the_whole_batch():
    """Lambda delivers it again, and it is an error of the function, with an alarm."""
    with pytest.raises(ZeroDivisionError):
        each_record(EVENT, Logger(service="test"), _work({"1": ZeroDivisionError()})[1])


def test_time_left_is_in_seconds():
    class Context:
        def get_remaining_time_in_millis(self):
            return 4_900

    assert remaining_seconds(Context())() == 4.9
