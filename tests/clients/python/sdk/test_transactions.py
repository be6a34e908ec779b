"""Transactions: all or nothing, reasons by position, and tokens that make them happen once."""

import uuid

import pytest

from support import refused


def key(number: int) -> dict:
    return {"pk": "a", "sk": number}


def put(table, number: int, **attributes) -> dict:
    return {"Put": {"TableName": table.name, "Item": key(number) | attributes}}


def get(table, number: int) -> dict:
    return {"Get": {"TableName": table.name, "Key": key(number)}}


def items(table) -> list:
    return table.scan(ConsistentRead=True)["Items"]


@pytest.fixture
def of_resource(resource):
    """The client of the resource: it takes and gives Python's values."""
    return resource.meta.client


def test_a_transaction_writes_in_each_way_and_in_several_tables(of_resource, make_table, resource):
    one, other = resource.Table(make_table()), resource.Table(make_table())
    one.put_item(Item=key(1) | {"count": 1})
    one.put_item(Item=key(2))
    one.put_item(Item=key(3))
    of_resource.transact_write_items(
        TransactItems=[
            put(other, 0, of="other"),
            {
                "Update": {
                    "TableName": one.name,
                    "Key": key(1),
                    "UpdateExpression": "ADD #c :one",
                    "ExpressionAttributeNames": {"#c": "count"},
                    "ExpressionAttributeValues": {":one": 1},
                }
            },
            {"Delete": {"TableName": one.name, "Key": key(2)}},
            {
                "ConditionCheck": {
                    "TableName": one.name,
                    "Key": key(3),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
    )
    assert items(one) == [key(1) | {"count": 2}, key(3)]
    assert items(other) == [key(0) | {"of": "other"}]


def test_a_transaction_reads_by_position(of_resource, make_table, resource):
    one, other = resource.Table(make_table()), resource.Table(make_table())
    one.put_item(Item=key(1) | {"name": "one"})
    other.put_item(Item=key(2) | {"name": "two", "more": {"x"}})
    some = {"Get": {"TableName": other.name, "Key": key(2), "ProjectionExpression": "more"}}
    answer = of_resource.transact_get_items(TransactItems=[some, get(one, 9), get(one, 1)])
    assert answer["Responses"] == [
        {"Item": {"more": {"x"}}},
        {},
        {"Item": key(1) | {"name": "one"}},
    ]


def test_a_cancelled_transaction_tells_a_reason_for_each_action_and_writes_nothing(of_resource, table):
    table.put_item(Item=key(1) | {"name": "there"})
    unless_there = {"ConditionExpression": "attribute_not_exists(pk)"}
    telling = unless_there | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(of_resource.exceptions.TransactionCanceledException) as refusal:
        of_resource.transact_write_items(
            TransactItems=[
                put(table, 0),
                {"Put": put(table, 1)["Put"] | telling},
                {"Put": put(table, 2)["Put"] | unless_there},
                {"Delete": {"TableName": table.name, "Key": key(3), "ConditionExpression": "attribute_exists(pk)"}},
            ]
        )
    assert refusal.value.response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, None, ConditionalCheckFailed]"
    )
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    item = {"pk": {"S": "a"}, "sk": {"N": "1"}, "name": {"S": "there"}}
    assert refusal.value.response["CancellationReasons"] == [
        {"Code": "None"},
        failed | {"Item": item},
        {"Code": "None"},
        failed,
    ]
    assert items(table) == [key(1) | {"name": "there"}]


def test_a_transaction_with_a_token_happens_once(of_resource, table):
    token = str(uuid.uuid4())
    add = {
        "Update": {
            "TableName": table.name,
            "Key": key(1),
            "UpdateExpression": "ADD visits :one",
            "ExpressionAttributeValues": {":one": 1},
        }
    }
    for _ in range(3):
        of_resource.transact_write_items(TransactItems=[add], ClientRequestToken=token)
    assert items(table) == [key(1) | {"visits": 1}]
    # Without a token of the caller's, the SDK makes one a call.
    of_resource.transact_write_items(TransactItems=[add])
    assert items(table) == [key(1) | {"visits": 2}]


def test_a_token_of_another_transaction_is_refused(of_resource, table):
    token = str(uuid.uuid4())
    of_resource.transact_write_items(TransactItems=[put(table, 1)], ClientRequestToken=token)
    with pytest.raises(of_resource.exceptions.IdempotentParameterMismatchException):
        of_resource.transact_write_items(TransactItems=[put(table, 2)], ClientRequestToken=token)
    assert items(table) == [key(1)]


def test_a_transaction_names_an_item_once(of_resource, table):
    with refused("ValidationException", "Transaction request cannot include multiple operations on one item"):
        of_resource.transact_write_items(TransactItems=[put(table, 1), put(table, 1)])


def test_a_transaction_on_a_missing_table_is_refused_whole(of_resource, table):
    missing = {"Put": {"TableName": f"{table.name}-missing", "Item": key(1)}}
    with pytest.raises(of_resource.exceptions.ResourceNotFoundException):
        of_resource.transact_write_items(TransactItems=[put(table, 1), missing])
    assert items(table) == []
