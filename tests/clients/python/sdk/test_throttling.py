"""Tables without capacity left: what is told without retries, and that the SDK's own retries get there."""

import boto3
import pytest
from botocore.config import Config

from support import (
    NO_RETRIES,
    PATIENT,
    attributes,
    client_with,
    key_schema,
    on_demand,
    overdraw,
    provisioned,
    refused,
    relieve,
)


def put_small(client, table: str, number: int = 0) -> dict:
    return client.put_item(TableName=table, Item={"pk": {"S": f"small-{number}"}})


@pytest.fixture
def of_one_unit(make_table) -> str:
    """A table of one read and one write unit a second."""
    return make_table(provisioned(1))


def test_without_retries_a_burst_is_throttled(of_one_unit):
    client = client_with(config=NO_RETRIES)
    overdraw(client, of_one_unit)
    for number in range(5):
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refusal:
            put_small(client, of_one_unit, number)
        answer = refusal.value.response
        assert "The level of configured provisioned throughput for the table was exceeded" in answer["Error"]["Message"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert answer["ResponseMetadata"]["RetryAttempts"] == 0
        [reason] = answer["ThrottlingReasons"]
        assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
        assert reason["resource"].endswith(f":table/{of_one_unit}")


def test_reads_are_throttled_by_themselves(of_one_unit):
    client = client_with(config=NO_RETRIES)
    overdraw(client, of_one_unit)
    read = {"TableName": of_one_unit, "Key": {"pk": {"S": "large"}}, "ConsistentRead": True}
    assert "Item" in client.get_item(**read)
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refusal:
        client.get_item(**read)
    [reason] = refusal.value.response["ThrottlingReasons"]
    assert reason["reason"] == "TableReadProvisionedThroughputExceeded"


@pytest.mark.parametrize("retries", [None, {"mode": "legacy"}, {"mode": "adaptive"}], ids=str)
def test_with_retries_the_same_burst_succeeds(client, of_one_unit, retries):
    retrying, sent = client_with(config=Config(retries=retries)), []

    def relieve_at_the_second(**_):
        sent.append(1)
        if len(sent) == 2:
            relieve(client, of_one_unit)

    retrying.meta.events.register("before-send.dynamodb.PutItem", relieve_at_the_second)
    overdraw(client, of_one_unit)
    answers = [put_small(retrying, of_one_unit, number) for number in range(5)]
    retries_seen = [answer["ResponseMetadata"]["RetryAttempts"] for answer in answers]
    assert retries_seen[0] > 0
    assert len(sent) == 5 + sum(retries_seen)


def test_retries_come_to_an_end(client, of_one_unit):
    retrying, sent = client_with(config=Config(retries={"mode": "standard", "total_max_attempts": 3})), []
    retrying.meta.events.register("before-send.dynamodb.PutItem", lambda **_: sent.append(1))
    overdraw(client, of_one_unit)
    with pytest.raises(retrying.exceptions.ProvisionedThroughputExceededException) as refusal:
        put_small(retrying, of_one_unit)
    metadata = refusal.value.response["ResponseMetadata"]
    assert (metadata["RetryAttempts"], metadata["MaxAttemptsReached"]) == (2, True)
    assert len(sent) == 3


def test_an_on_demand_table_is_throttled_at_the_most_that_it_was_given(make_table):
    most = {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1}
    key = {"AttributeDefinitions": attributes(pk="S"), "KeySchema": key_schema("pk")}
    table = make_table(on_demand(**key, OnDemandThroughput=most))
    client = client_with(config=NO_RETRIES)
    overdraw(client, table)
    with refused("ThrottlingException", "maximum OnDemandThroughput configured"):
        put_small(client, table)


def test_the_batch_writer_sends_again_what_was_not_written(make_table):
    resource = boto3.session.Session().resource("dynamodb", config=PATIENT)
    table = resource.Table(make_table(provisioned(1)))
    sent = []

    def count(params, **_):
        sent.append(len(params["RequestItems"][table.name]))

    resource.meta.client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", count)
    with table.batch_writer() as batch:
        # Each is a few units more than a new table has: the second has to wait for some seconds.
        for number in range(2):
            batch.put_item(Item={"pk": str(number), "v": "x" * 66_000})
    assert sent[0] == 2
    assert sent[1:] == [1] * len(sent[1:])
    assert len(sent) > 1
    assert {item["pk"] for item in table.scan()["Items"]} == {"0", "1"}


def test_keys_that_a_table_has_no_capacity_for_are_left_to_be_asked_for_again(make_table):
    resource = boto3.session.Session().resource("dynamodb", config=PATIENT)
    table = resource.Table(make_table(provisioned(1)))
    keys = [{"pk": "0"}, {"pk": "1"}]
    # 64 units to read: a few more than a new table has.
    table.put_item(Item=keys[0] | {"v": "x" * 260_000})
    asked = {table.name: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "pk"}}
    found, left = [], []
    while asked:
        answer = resource.batch_get_item(RequestItems=asked)
        found += answer["Responses"][table.name]
        asked = answer["UnprocessedKeys"]
        left.append(asked)
    assert found == [keys[0]]
    assert left[0] == {table.name: {"Keys": [keys[1]], "ConsistentRead": True, "ProjectionExpression": "pk"}}
