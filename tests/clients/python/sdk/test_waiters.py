"""The SDK's own waiters as they are: they ask at once, and then every twenty seconds.

So a table that is created or deleted has to be so when they first ask.
"""

import os

import botocore.waiter
import pytest

from support import client_with, on_demand, unique

DEVELOPMENT = "CAIRN_TEST_DEVELOPMENT_ENDPOINT"


@pytest.fixture
def asked_once(monkeypatch) -> None:
    """Fails a waiter that would sleep before it asks again."""

    class Clock:
        @staticmethod
        def sleep(seconds: float) -> None:
            pytest.fail(f"the waiter would sleep for {seconds} s")

    monkeypatch.setattr(botocore.waiter, "time", Clock)


@pytest.mark.parametrize(
    ("endpoint", "answered"),
    [("AWS_ENDPOINT_URL_DYNAMODB", "CREATING"), (DEVELOPMENT, "ACTIVE")],
)
def test_a_table_is_there_and_gone_when_a_waiter_first_asks(asked_once, endpoint, answered):
    client, name = client_with(endpoint_url=os.environ[endpoint]), unique("waited")
    created = client.create_table(TableName=name, **on_demand())["TableDescription"]
    assert created["TableStatus"] == answered
    client.get_waiter("table_exists").wait(TableName=name)
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name)


def test_a_server_for_development_answers_when_a_new_index_is_filled():
    client, name = client_with(endpoint_url=os.environ[DEVELOPMENT]), unique("waited")
    client.create_table(TableName=name, **on_demand())
    client.put_item(TableName=name, Item={"pk": {"S": "a"}, "sk": {"N": "1"}, "team": {"S": "red"}})
    index = {
        "IndexName": "by-team",
        "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    updated = client.update_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "team", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )["TableDescription"]
    assert updated["TableStatus"] == "ACTIVE"
    [described] = updated["GlobalSecondaryIndexes"]
    assert (described["IndexStatus"], described["ItemCount"]) == ("ACTIVE", 1)
    client.delete_table(TableName=name)
