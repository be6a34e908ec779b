"""Refusals as the SDK types them, and what every answer carries beside its body."""

import zlib

import pytest

from support import client_with, on_demand, refused, unique

KEY = {"pk": {"S": "a"}, "sk": {"N": "1"}}


def test_a_missing_table_is_a_resource_not_found(client):
    missing = unique("missing")
    with pytest.raises(client.exceptions.ResourceNotFoundException) as refusal:
        client.describe_table(TableName=missing)
    assert refusal.value.response["Error"]["Message"] == f"Requested resource not found: Table: {missing} not found"
    for call in (client.get_item, client.delete_item):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as refusal:
            call(TableName=missing, Key=KEY)
        assert refusal.value.response["Error"]["Message"] == "Requested resource not found"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=missing)


def test_a_table_that_is_there_is_a_resource_in_use(client, table):
    with pytest.raises(client.exceptions.ResourceInUseException) as refusal:
        client.create_table(TableName=table.name, **on_demand())
    assert refusal.value.response["Error"]["Message"] == f"Table already exists: {table.name}"


def test_a_wrong_request_is_a_validation_error_that_says_why(client, table):
    with refused("ValidationException", "The provided key element does not match the schema"):
        client.get_item(TableName=table.name, Key={"pk": {"S": "a"}})
    with refused("ValidationException", "Missing the key sk in the item"):
        client.put_item(TableName=table.name, Item={"pk": {"S": "a"}})
    with refused("ValidationException", 'Syntax error; token: "=", near: "= = b"'):
        client.update_item(TableName=table.name, Key=KEY, UpdateExpression="SET a = = b")
    with refused("ValidationException", "Item size has exceeded the maximum allowed size"):
        client.put_item(TableName=table.name, Item=KEY | {"v": {"S": "x" * 409_600}})
    with refused("ValidationException") as refusal:
        client.put_item(TableName=table.name, Item=KEY | {"n": {"N": "1" * 39}})
    assert "more than 38 significant digits" in refusal.value.response["Error"]["Message"]


def test_every_answer_has_a_request_id_of_its_own(client, table):
    answers = [client.describe_table(TableName=table.name), client.list_tables()]
    with refused("ValidationException") as refusal:
        client.get_item(TableName=table.name, Key={"no": {"S": "key"}})
    answers.append(refusal.value.response)
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    assert all(len(each) == 52 for each in ids)
    assert len(set(ids)) == len(ids)


def test_every_answer_has_the_checksum_of_its_body(table):
    client, checked = client_with(), []

    def check(response_dict, **_):
        headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        checked.append((int(headers["x-amz-crc32"]), zlib.crc32(response_dict["body"])))

    client.meta.events.register("before-parse.dynamodb", check)
    client.put_item(TableName=table.name, Item=KEY | {"v": {"S": "å" * 1000}})
    client.get_item(TableName=table.name, Key=KEY)
    with refused("ResourceNotFoundException"):
        client.get_item(TableName=unique("missing"), Key=KEY)
    assert len(checked) == 3
    assert all(told == counted for told, counted in checked)
