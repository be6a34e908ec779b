"""Writes with a condition: what is told when it does not hold, and that nothing is changed then."""

import pytest
from boto3.dynamodb.conditions import Attr
from boto3.dynamodb.types import TypeDeserializer

from support import refused

KEY = {"pk": "a", "sk": 1}


def told_item(refusal) -> dict:
    """The item that a refusal carries, as Python's values."""
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in refusal.value.response["Item"].items()}


@pytest.fixture
def item(table) -> dict:
    item = KEY | {"version": 3, "names": {"x", "y"}}
    table.put_item(Item=item)
    return item


def writes(table) -> dict:
    """Each write that may have a condition."""
    return {
        "put": lambda **condition: table.put_item(Item=KEY | {"version": 9}, **condition),
        "update": lambda **condition: table.update_item(
            Key=KEY,
            UpdateExpression="SET version = :nine",
            ExpressionAttributeValues={":nine": 9},
            **condition,
        ),
        "delete": lambda **condition: table.delete_item(Key=KEY, **condition),
    }


@pytest.mark.parametrize("write", ["put", "update", "delete"])
def test_a_failed_condition_is_typed_and_changes_nothing(table, item, write):
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as refusal:
        writes(table)[write](ConditionExpression=Attr("version").lt(3))
    assert refusal.value.response["Error"]["Message"] == "The conditional request failed"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Item" not in refusal.value.response
    assert table.get_item(Key=KEY, ConsistentRead=True)["Item"] == item


@pytest.mark.parametrize("write", ["put", "update", "delete"])
def test_a_failed_condition_tells_the_item_when_asked(table, item, write):
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as refusal:
        writes(table)[write](ConditionExpression=Attr("version").lt(3), ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert told_item(refusal) == item


def test_a_failed_condition_on_no_item_has_none_to_tell(table):
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException) as refusal:
        table.put_item(
            Item=KEY,
            ConditionExpression=Attr("pk").exists(),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert "Item" not in refusal.value.response
    assert "Item" not in table.get_item(Key=KEY, ConsistentRead=True)


@pytest.mark.parametrize("write", ["put", "update", "delete"])
def test_a_condition_that_holds_lets_the_write_through(table, item, write):
    writes(table)[write](
        ConditionExpression=Attr("version").between(3, 3)
        & Attr("names").contains("x")
        & Attr("names").size().eq(2)
        & ~Attr("missing").exists()
    )
    left = table.get_item(Key=KEY, ConsistentRead=True).get("Item", {})
    assert left.get("version") == (None if write == "delete" else 9)


def test_a_condition_that_cannot_be_is_no_failed_one(table):
    with refused("ValidationException", "Invalid ConditionExpression"):
        table.put_item(Item=KEY, ConditionExpression="attribute_exists(")
