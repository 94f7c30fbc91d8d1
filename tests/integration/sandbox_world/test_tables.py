"""DynamoDB as Headcount uses it: what moto honours already stays proven here."""

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import World

TABLE = "t"


@pytest.fixture(scope="module")
def table(world: World) -> Any:
    dynamodb = world.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "cluster")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "services",
                "KeySchema": [
                    {"AttributeName": "cluster", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["pass", "nextWake"]},
            }
        ],
    )
    return dynamodb


def key(pk: str, sk: str = "a") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(pk: str, sk: str = "a", **attributes: Any) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": {**key(pk, sk), **attributes}}}


def query(table: Any, pk: str, **options: Any) -> dict[str, Any]:
    condition = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": pk}}}
    return table.query(TableName=TABLE, ConsistentRead=True, **condition, **options)


def test_a_query_pages_at_one_megabyte(table: Any) -> None:
    for number in range(15):
        table.put_item(TableName=TABLE, Item={**key("big", f"{number:02}"), "doc": {"S": "x" * 100_000}})
    first = query(table, "big")
    assert 9 <= first["Count"] <= 10
    rest = query(table, "big", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert first["Count"] + rest["Count"] == 15
    assert "LastEvaluatedKey" not in rest


def test_a_lost_condition_shows_the_old_item(table: Any) -> None:
    table.put_item(TableName=TABLE, Item={**key("seen"), "version": {"N": "4"}})
    with pytest.raises(ClientError) as caught:
        table.update_item(
            TableName=TABLE,
            Key=key("seen"),
            UpdateExpression="SET version = :v",
            ConditionExpression="attribute_not_exists(version) OR version < :v",
            ExpressionAttributeValues={":v": {"N": "3"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert caught.value.response["Item"]["version"] == {"N": "4"}


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns so often that what is not one step comes apart."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_conditions_hold_among_many_writers(table: Any) -> None:
    won: list[int] = []

    def claim(race: int) -> None:
        try:
            table.update_item(
                TableName=TABLE,
                Key=key("race", str(race)),
                UpdateExpression="SET winner = :n",
                ConditionExpression="attribute_not_exists(winner)",
                ExpressionAttributeValues={":n": {"N": "1"}},
            )
        except ClientError:
            return
        won.append(race)

    for race in range(10):
        threads = [threading.Thread(target=claim, args=(race,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert won == list(range(10))


def test_a_transaction_is_all_or_nothing_and_names_the_condition_that_failed(table: Any) -> None:
    table.put_item(TableName=TABLE, Item={**key("tx", "status"), "pass": {"N": "2"}})
    check = {
        "ConditionCheck": {
            "TableName": TABLE,
            "Key": key("tx", "status"),
            "ConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": "pass"},
            "ExpressionAttributeValues": {":p": {"N": "1"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    with pytest.raises(ClientError) as caught:
        table.transact_write_items(TransactItems=[put("tx", "new"), check])
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["pass"] == {"N": "2"}
    assert [item["sk"]["S"] for item in query(table, "tx")["Items"]] == ["status"]


def test_a_failed_transaction_takes_back_updates_puts_and_deletes(table: Any) -> None:
    before = [{**key("back", sk), "n": {"N": "1"}} for sk in ("deleted", "put", "updated")]
    for item in before:
        table.put_item(TableName=TABLE, Item=item)
    update = {
        "TableName": TABLE,
        "Key": key("back", "updated"),
        "UpdateExpression": "ADD n :one SET m = :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    delete = {"TableName": TABLE, "Key": key("back", "deleted")}
    check = {"TableName": TABLE, "Key": key("back", "none"), "ConditionExpression": "attribute_exists(pk)"}
    actions = [{"Update": update}, put("back", "put"), {"Delete": delete}, put("elsewhere"), {"ConditionCheck": check}]
    with pytest.raises(ClientError):
        table.transact_write_items(TransactItems=actions)
    assert query(table, "back")["Items"] == before
    assert query(table, "elsewhere")["Items"] == []
    table.transact_write_items(TransactItems=actions[:-1])
    assert [(item["sk"]["S"], item.get("n")) for item in query(table, "back")["Items"]] == [
        ("put", None),
        ("updated", {"N": "2"}),
    ]


def test_a_transaction_takes_100_actions_and_not_more(table: Any) -> None:
    actions = [put("many", f"{number:03}") for number in range(101)]
    with pytest.raises(ClientError) as caught:
        table.transact_write_items(TransactItems=actions)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    table.transact_write_items(TransactItems=actions[:100])
    assert query(table, "many")["Count"] == 100


def test_a_transaction_refuses_two_actions_on_one_item(table: Any) -> None:
    with pytest.raises(ClientError) as caught:
        table.transact_write_items(TransactItems=[put("twice"), put("twice")])
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_repeated_transaction_token_writes_once(table: Any) -> None:
    add = {
        "Update": {
            "TableName": TABLE,
            "Key": key("counter"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(2):
        table.transact_write_items(TransactItems=[add], ClientRequestToken="once")
    assert table.get_item(TableName=TABLE, Key=key("counter"))["Item"]["n"] == {"N": "1"}


def test_a_batch_write_takes_25_requests_and_not_more(table: Any) -> None:
    requests = [{"PutRequest": {"Item": key("batch", f"{number:02}")}} for number in range(26)]
    with pytest.raises(ClientError) as caught:
        table.batch_write_item(RequestItems={TABLE: requests})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert table.batch_write_item(RequestItems={TABLE: requests[:25]})["UnprocessedItems"] == {}


def test_the_index_is_sparse_and_projects_what_it_includes(table: Any) -> None:
    extra = {"cluster": {"S": "prod"}, "pass": {"N": "1"}, "doc": {"S": "{}"}}
    table.put_item(TableName=TABLE, Item={**key("prod/web", "status"), **extra})
    table.put_item(TableName=TABLE, Item={**key("prod/web", "task#1"), "doc": {"S": "{}"}})
    found = table.query(
        TableName=TABLE,
        IndexName="services",
        KeyConditionExpression="#c = :c",
        ExpressionAttributeNames={"#c": "cluster"},
        ExpressionAttributeValues={":c": {"S": "prod"}},
    )["Items"]
    assert [sorted(item) for item in found] == [["cluster", "pass", "pk", "sk"]]


def test_the_index_has_no_consistent_reads(table: Any) -> None:
    with pytest.raises(ClientError) as caught:
        table.query(
            TableName=TABLE,
            IndexName="services",
            ConsistentRead=True,
            KeyConditionExpression="#c = :c",
            ExpressionAttributeNames={"#c": "cluster"},
            ExpressionAttributeValues={":c": {"S": "prod"}},
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_items_end_at_400_kilobytes(table: Any) -> None:
    with pytest.raises(ClientError) as caught:
        table.put_item(TableName=TABLE, Item={**key("huge"), "doc": {"S": "x" * 409_601}})
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_every_type_comes_back_as_it_went_in(table: Any) -> None:
    values = {
        "s": {"S": "ü\n"},
        "n": {"N": "1790000000.123"},
        "b": {"B": b"\x00\xff"},
        "yes": {"BOOL": True},
        "null": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"M": {"k": {"N": "1"}}}]},
        "map": {"M": {"doc": {"S": json.dumps({"a": 1})}}},
        "ss": {"SS": ["a"]},
        "bs": {"BS": [b"\x01"]},
    }
    table.put_item(TableName=TABLE, Item={**key("types"), **values})
    assert table.get_item(TableName=TABLE, Key=key("types"), ConsistentRead=True)["Item"] == {**key("types"), **values}
    assert query(table, "types")["Items"] == [{**key("types"), **values}]


def test_an_item_that_is_not_there(table: Any) -> None:
    assert "Item" not in table.get_item(TableName=TABLE, Key=key("nobody"))


def test_an_update_answers_the_new_attributes(table: Any) -> None:
    answer = table.update_item(
        TableName=TABLE,
        Key=key("gather"),
        UpdateExpression="ADD gather :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    assert answer["Attributes"] == {"gather": {"N": "1"}}
