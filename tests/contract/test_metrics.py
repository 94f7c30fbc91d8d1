"""Values of metrics over CloudWatch: many policies in one call, and what each of them may rely on."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import ANY, Stubber

from headcount.aws.cloudwatch import CloudWatchMetrics
from headcount.errors import Throttled
from headcount.model.metrics import MetricQuery, MetricSeries, MetricStat
from headcount.model.scaling_resources import MetricsWanted

NOW = 1_790_000_000.0  # not at the beginning of a minute


def stat(name="Busy", period=60, **more):
    return MetricStat(namespace="Test", name=name, period=period, dimensions=(("Service", "web"),), **more)


def wanted(policy, *queries, periods=5):
    return MetricsWanted(policy=policy, queries=queries, periods=periods)


def one_metric(policy, name="Busy", periods=5, period=60):
    return wanted(policy, MetricQuery(query_id="m1", stat=stat(name, period)), periods=periods)


# -- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def metrics(world):
    yield CloudWatchMetrics(world.client("cloudwatch"))
    world.faults.clear()


def put(world, name, *values, before=0):
    """One value a minute, the last in the minute before the one that is under way."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=len(values) + before)
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "Service", "Value": "web"}],
            "Timestamp": minute + timedelta(minutes=number),
            "Value": value,
        }
        for number, value in enumerate(values)
    ]
    world.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=data)
    return minute.timestamp()


def test_the_values_of_each_policy_come_oldest_first_and_periods_without_data_are_not_there(world, metrics):
    began = put(world, "Calm", 1.0, 2.0, before=1)
    put(world, "Busy", 70.0, 80.0, 90.0)
    now = datetime.now(UTC).timestamp()
    read = metrics.read([one_metric("calm", "Calm"), one_metric("busy"), one_metric("silent", "Silent")], now)
    assert read["calm"]["m1"] == MetricSeries(points=((began, 1.0), (began + 60.0, 2.0)), period=60)
    assert [value for _, value in read["busy"]["m1"].points] == [70.0, 80.0, 90.0]
    assert read["silent"]["m1"].points == ()


def test_all_policies_are_asked_in_one_call(world, metrics):
    before = len(world.calls.select("monitoring", "GetMetricData"))
    metrics.read([one_metric(f"policy{number}") for number in range(30)], datetime.now(UTC).timestamp())
    assert len(world.calls.select("monitoring", "GetMetricData")) == before + 1


def test_being_throttled_is_not_an_answer(world, metrics):
    world.faults.throttle("monitoring", "GetMetricData", times=5)
    with pytest.raises(Throttled):
        metrics.read([one_metric("busy")], datetime.now(UTC).timestamp())


# -- what CloudWatch is sent and answers, in AWS's own shapes ---------------------------------------------------------


@pytest.fixture
def stubbed():
    client = boto3.client("cloudwatch", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def expect(stub, *results, queries=ANY, start=ANY, end=ANY, token=None, next_token=None, **response):
    asked = {"MetricDataQueries": queries, "StartTime": start, "EndTime": end, "ScanBy": "TimestampAscending"}
    answer = {"MetricDataResults": list(results)} | response
    stub.add_response(
        "get_metric_data",
        answer | ({"NextToken": next_token} if next_token else {}),
        asked | ({"NextToken": token} if token else {}),
    )


def result(query_id, *values, status="Complete", label="", at=NOW - 60, **more):
    times = [datetime.fromtimestamp(at + 60 * number, UTC) for number in range(len(values))]
    return {
        "Id": query_id, "Label": label, "Timestamps": times, "Values": list(values), "StatusCode": status, **more,
    }  # fmt: skip


def documents(*wants):
    """The queries that CloudWatch is sent."""
    sent = []

    class Client:
        def get_paginator(self, _):
            return self

        def paginate(self, **request):
            sent.append(request)
            return [{"MetricDataResults": []}]

    CloudWatchMetrics(Client()).read(wants, NOW)
    return sent


def test_ids_are_told_apart_by_policy_also_where_expressions_name_them():
    used = MetricQuery(query_id="used", stat=stat("Used"), returned=False)
    (request,) = documents(
        one_metric("first"),
        wanted("second", used, MetricQuery(query_id="m1", expression='100 * used / SUM([used]) + FILL("used", m2)')),
    )
    queries = {query["Id"]: query for query in request["MetricDataQueries"]}
    assert list(queries) == ["p0_m1", "p1_used", "p1_m1"]
    assert queries["p1_m1"]["Expression"] == '100 * p1_used / SUM([p1_used]) + FILL("used", m2)'
    assert [query["ReturnData"] for query in queries.values()] == [True, False, True]


def test_who_is_alone_is_asked_for_in_his_own_words():
    """What CloudWatch says of them is told to people, and an id of 255 characters has no room for more."""
    long = MetricQuery(query_id="m" * 255, stat=stat())
    (request,) = documents(wanted("nothing"), wanted("p", long))
    assert [query["Id"] for query in request["MetricDataQueries"]] == ["m" * 255]


def test_statistic_unit_and_dimensions_are_those_of_the_policy():
    (request,) = documents(wanted("p", MetricQuery(query_id="m1", stat=stat(statistic="p99.9", unit="Percent"))))
    assert request["MetricDataQueries"][0]["MetricStat"] == {
        "Metric": {
            "Namespace": "Test",
            "MetricName": "Busy",
            "Dimensions": [{"Name": "Service", "Value": "web"}],
        },
        "Period": 60,
        "Stat": "p99.9",
        "Unit": "Percent",
    }


def test_the_range_of_time_begins_with_a_period_of_everybody_and_ends_now():
    (request,) = documents(one_metric("slow", period=300, periods=3), one_metric("odd", period=120, periods=2))
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    assert start % 600 == 0
    assert NOW - 600 < start + 3 * 300 <= NOW
    assert end == NOW


def test_an_expression_over_all_metrics_of_a_call_has_one_for_itself():
    all_of_them = wanted(
        "all",
        MetricQuery(query_id="m1", stat=stat(), returned=False),
        MetricQuery(query_id="e", expression="MAX(METRICS())"),
    )
    requests = documents(one_metric("first"), all_of_them, one_metric("second"))
    assert sorted([query["Id"] for query in request["MetricDataQueries"]] for request in requests) == [
        ["m1", "e"], ["p0_m1", "p2_m1"],
    ]  # fmt: skip


def test_a_call_has_no_more_than_five_hundred_queries_and_no_policy_is_torn_apart():
    two = [MetricQuery(query_id=f"m{number}", stat=stat()) for number in range(2)]
    requests = documents(*(wanted(f"policy{number}", *two) for number in range(251)), one_metric("odd"))
    sizes = [len(request["MetricDataQueries"]) for request in requests]
    assert sizes == [500, 3]


def test_fine_grained_values_are_not_asked_for_from_further_back_than_they_are_kept():
    requests = documents(one_metric("fine", period=10, periods=6), one_metric("long", period=3600, periods=24))
    by_length = sorted(
        (NOW - request["StartTime"].timestamp(), request["MetricDataQueries"][0]["Id"]) for request in requests
    )
    assert [query for _, query in by_length] == ["p0_m1", "p1_m1"]
    assert by_length[0][0] < 3 * 3600


def test_values_that_come_in_pages_are_one_series(stubbed):
    client, stub = stubbed
    expect(stub, result("m1", 1.0, status="PartialData"), next_token="more")
    expect(stub, result("m1", 2.0, at=NOW), token="more")
    read = CloudWatchMetrics(client).read([one_metric("p")], NOW)
    assert [value for _, value in read["p"]["m1"].points] == [1.0, 2.0]


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_what_is_not_whole_in_the_end_is_no_series_and_concerns_its_own_policy_only(stubbed, status):
    client, stub = stubbed
    said = [{"Code": "X", "Value": "not today"}]
    expect(stub, result("p0_m1", 1.0), result("p1_m1", 1.0, status=status, Messages=said))
    read = CloudWatchMetrics(client).read([one_metric("whole"), one_metric("torn")], NOW)
    assert read["torn"] == f"CloudWatch answers {status} for m1: not today"
    assert read["whole"]["m1"].points == ((NOW - 60, 1.0),)


def test_an_expression_that_gives_several_series_gives_none(stubbed):
    client, stub = stubbed
    expect(stub, result("m1", 1.0, label="a"), result("m1", 2.0, label="b"))
    read = CloudWatchMetrics(client).read([one_metric("p")], NOW)
    assert read["p"] == "m1 gives 2 series: one is allowed"


def test_a_query_that_is_refused_concerns_its_own_policy_only(stubbed):
    client, stub = stubbed
    stub.add_client_error("get_metric_data", "ValidationError", "Error in expression 'p1_m1'")
    expect(stub, result("m1", 1.0))
    stub.add_client_error("get_metric_data", "ValidationError", "Error in expression 'm1'")
    read = CloudWatchMetrics(client).read([one_metric("good"), one_metric("bad")], NOW)
    assert read["good"]["m1"].points == ((NOW - 60, 1.0),)
    assert read["bad"] == "ValidationError: Error in expression 'm1'"


def test_whoever_wants_no_metrics_gets_none():
    assert documents(wanted("nothing")) == []
