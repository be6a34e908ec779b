"""Tables without capacity left: what is told without retries, and that the SDK's own retries get there."""

import boto3
import pytest
from botocore.config import Config

from support import NO_RETRIES, PATIENT, attributes, client_with, key_schema, on_demand, provisioned, refused


def put(client, table, name, size=0):
    return client.put_item(TableName=table, Item={"pk": {"S": name}, "v": {"S": "x" * size}})


@pytest.fixture
def of_one_unit(make_table) -> str:
    """A table of one read and one write unit a second."""
    return make_table(provisioned(1))


def test_without_retries_a_burst_is_throttled(of_one_unit):
    client = client_with(config=NO_RETRIES)
    # A call may overdraw what there is, and this one does by minutes.
    put(client, of_one_unit, "large", 300_000)
    for number in range(5):
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refusal:
            put(client, of_one_unit, f"small-{number}")
        answer = refusal.value.response
        assert "The level of configured provisioned throughput for the table was exceeded" in answer["Error"]["Message"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert answer["ResponseMetadata"]["RetryAttempts"] == 0
        [reason] = answer["ThrottlingReasons"]
        assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
        assert reason["resource"].endswith(f":table/{of_one_unit}")


def test_reads_are_throttled_by_themselves(of_one_unit):
    client = client_with(config=NO_RETRIES)
    put(client, of_one_unit, "large", 300_000)
    read = {"TableName": of_one_unit, "Key": {"pk": {"S": "large"}}, "ConsistentRead": True}
    assert "Item" in client.get_item(**read)
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refusal:
        client.get_item(**read)
    [reason] = refusal.value.response["ThrottlingReasons"]
    assert reason["reason"] == "TableReadProvisionedThroughputExceeded"


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_with_retries_the_same_writes_all_succeed(make_table, mode):
    table = make_table(provisioned(1))
    client = client_with(config=Config(retries=PATIENT.retries | {"mode": mode}))
    # Two units more than there are, which is two seconds to wait.
    answers = [put(client, table, "large", 2_500), put(client, table, "small")]
    retries = [answer["ResponseMetadata"]["RetryAttempts"] for answer in answers]
    assert retries[0] == 0
    assert retries[1] > 0


def test_the_retries_of_an_unchanged_client_see_a_throttled_write_through(of_one_unit):
    client, attempts = client_with(), []
    client.meta.events.register("before-send.dynamodb.PutItem", lambda **_: attempts.append(1))
    put(client, of_one_unit, "large", 300_000)
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as refusal:
        put(client, of_one_unit, "small")
    retried = refusal.value.response["ResponseMetadata"]
    assert retried["MaxAttemptsReached"] is True
    assert len(attempts) == 2 + retried["RetryAttempts"]


def test_an_on_demand_table_is_throttled_at_the_most_that_it_was_given(make_table):
    most = {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 1}
    key = {"AttributeDefinitions": attributes(pk="S"), "KeySchema": key_schema("pk")}
    table = make_table(on_demand(**key, OnDemandThroughput=most))
    client = client_with(config=NO_RETRIES)
    put(client, table, "large", 300_000)
    with refused("ThrottlingException", "maximum OnDemandThroughput configured"):
        put(client, table, "small")


def test_the_batch_writer_sends_again_what_was_not_written(make_table):
    resource = boto3.session.Session().resource("dynamodb", config=PATIENT)
    table = resource.Table(make_table(provisioned(1)))
    sent = []

    def count(params, **_):
        sent.append(len(params["RequestItems"][table.name]))

    resource.meta.client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", count)
    with table.batch_writer() as batch:
        for number in range(3):
            batch.put_item(Item={"pk": str(number), "v": "x" * 900})
    assert sent[0] == 3
    assert len(sent) > 1
    assert {item["pk"] for item in table.scan()["Items"]} == {"0", "1", "2"}


def test_keys_that_a_table_has_no_capacity_for_are_left_to_be_asked_for_again(make_table):
    resource = boto3.session.Session().resource("dynamodb", config=PATIENT)
    table = resource.Table(make_table(provisioned(1)))
    keys = [{"pk": "0"}, {"pk": "1"}]
    # Eight kilobytes, which are two units to read: one more than there is.
    table.put_item(Item=keys[0] | {"v": "x" * 8_000})
    asked = {table.name: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "pk"}}
    found, left = [], []
    while asked:
        answer = resource.batch_get_item(RequestItems=asked)
        found += answer["Responses"][table.name]
        asked = answer["UnprocessedKeys"]
        left.append(asked)
    assert found == [keys[0]]
    assert left[0] == {table.name: {"Keys": [keys[1]], "ConsistentRead": True, "ProjectionExpression": "pk"}}
