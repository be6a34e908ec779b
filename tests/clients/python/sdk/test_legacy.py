"""The parameters from before there were expressions."""

import pytest

from support import refused

KEY = {"pk": "a", "sk": 1}


def test_writes_with_expected_and_attribute_updates(table):
    table.put_item(Item=KEY | {"count": 1, "old": "x"}, Expected={"pk": {"Exists": False}})
    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException):
        table.put_item(Item=KEY, Expected={"count": {"Value": 2}})

    updated = table.update_item(
        Key=KEY,
        AttributeUpdates={
            "count": {"Action": "ADD", "Value": 41},
            "name": {"Action": "PUT", "Value": "put"},
            "old": {"Action": "DELETE"},
        },
        Expected={
            "count": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [1, 5]},
            "other": {"ComparisonOperator": "EQ", "AttributeValueList": [0]},
        },
        ConditionalOperator="OR",
        ReturnValues="ALL_NEW",
    )
    assert updated["Attributes"] == KEY | {"count": 42, "name": "put"}

    with pytest.raises(table.meta.client.exceptions.ConditionalCheckFailedException):
        table.delete_item(Key=KEY, Expected={"name": {"ComparisonOperator": "NULL"}})
    table.delete_item(Key=KEY, Expected={"name": {"ComparisonOperator": "NOT_NULL"}})
    assert "Item" not in table.get_item(Key=KEY)


def test_reads_with_key_conditions_filters_and_attributes_to_get(table):
    with table.batch_writer() as batch:
        for number in range(6):
            batch.put_item(Item={"pk": "a", "sk": number, "name": f"n{number}", "other": "x"})
    found = table.query(
        KeyConditions={
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": ["a"]},
            "sk": {"ComparisonOperator": "GT", "AttributeValueList": [2]},
        },
        QueryFilter={"name": {"ComparisonOperator": "NE", "AttributeValueList": ["n4"]}},
        AttributesToGet=["sk", "name"],
    )
    assert found["Items"] == [{"sk": 3, "name": "n3"}, {"sk": 5, "name": "n5"}]
    scanned = table.scan(
        ScanFilter={"name": {"ComparisonOperator": "IN", "AttributeValueList": ["n1", "n2", "none"]}},
        AttributesToGet=["sk"],
    )
    assert sorted(item["sk"] for item in scanned["Items"]) == [1, 2]


def test_legacy_parameters_and_expressions_do_not_mix(table):
    with refused("ValidationException", "Can not use both expression and non-expression parameters"):
        table.put_item(Item=KEY, Expected={"pk": {"Exists": False}}, ConditionExpression="attribute_not_exists(pk)")
