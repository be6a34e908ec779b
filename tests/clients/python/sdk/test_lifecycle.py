"""Tables from their making to their end, and the settings that they have in between."""

import json
import time

import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import WaiterError

from support import QUICKLY, attributes, client_with, key_schema, on_demand, refused, unique, until

INDEXED = on_demand(
    AttributeDefinitions=attributes(pk="S", sk="N", team="S", score="N"),
    LocalSecondaryIndexes=[
        {
            "IndexName": "by-score",
            "KeySchema": key_schema("pk", "score"),
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["team"]},
        }
    ],
    GlobalSecondaryIndexes=[
        {
            "IndexName": "by-team",
            "KeySchema": key_schema("team", "score"),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
)


def test_a_table_is_made_described_and_deleted_by_a_client(client):
    name = unique("lifecycle")
    made = client.create_table(TableName=name, **INDEXED, Tags=[{"Key": "of", "Value": "tests"}])
    assert made["TableDescription"]["TableStatus"] == "CREATING"
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=QUICKLY)

    described = client.describe_table(TableName=name)["Table"]
    assert described["TableName"] == name
    assert described["TableStatus"] == "ACTIVE"
    assert described["TableArn"] == f"arn:aws:dynamodb:local:000000000000:table/{name}"
    assert described["KeySchema"] == INDEXED["KeySchema"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["ItemCount"] == 0
    assert abs(described["CreationDateTime"].timestamp() - time.time()) < 60
    [local] = described["LocalSecondaryIndexes"]
    assert local["IndexName"] == "by-score"
    assert local["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["team"]}
    [of_all] = described["GlobalSecondaryIndexes"]
    assert (of_all["IndexName"], of_all["IndexStatus"]) == ("by-team", "ACTIVE")
    tags = client.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert tags == [{"Key": "of", "Value": "tests"}]

    assert client.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=QUICKLY)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_table(TableName=name)


def test_a_table_is_made_and_deleted_as_a_resource(resource):
    table = resource.create_table(TableName=unique("resource"), **on_demand())
    table.wait_until_exists(WaiterConfig=QUICKLY)
    table.reload()
    assert table.table_status == "ACTIVE"
    assert table.key_schema == on_demand()["KeySchema"]
    assert table in resource.tables.all()
    table.delete()
    table.wait_until_not_exists(WaiterConfig=QUICKLY)
    assert table not in resource.tables.all()


def test_a_waiter_gives_up_on_a_table_that_does_not_come(client):
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        client.get_waiter("table_exists").wait(
            TableName=unique("missing"), WaiterConfig={"Delay": 0.01, "MaxAttempts": 3}
        )


def test_the_table_and_its_indexes_are_queried(make_table, resource):
    table = resource.Table(make_table(INDEXED))
    with table.batch_writer() as batch:
        for number in range(6):
            batch.put_item(
                Item={
                    "pk": f"player-{number % 2}",
                    "sk": number,
                    "team": "red" if number < 4 else "blue",
                    "score": 100 - number,
                    "note": "not projected",
                }
            )
        batch.put_item(Item={"pk": "player-0", "sk": 99, "note": "in no index"})

    by_key = table.query(KeyConditionExpression=Key("pk").eq("player-0") & Key("sk").between(1, 5))
    assert [item["sk"] for item in by_key["Items"]] == [2, 4]

    by_score = table.query(IndexName="by-score", KeyConditionExpression=Key("pk").eq("player-0"), ConsistentRead=True)
    assert by_score["Items"] == [
        {"pk": "player-0", "sk": 4, "score": 96, "team": "blue"},
        {"pk": "player-0", "sk": 2, "score": 98, "team": "red"},
        {"pk": "player-0", "sk": 0, "score": 100, "team": "red"},
    ]

    by_team = table.query(
        IndexName="by-team",
        KeyConditionExpression=Key("team").eq("red") & Key("score").gt(97),
        ScanIndexForward=False,
    )
    assert by_team["Items"] == [
        {"pk": "player-0", "sk": 0, "score": 100, "team": "red"},
        {"pk": "player-1", "sk": 1, "score": 99, "team": "red"},
        {"pk": "player-0", "sk": 2, "score": 98, "team": "red"},
    ]


def test_a_live_table_gains_an_index_of_what_it_has_and_loses_it(client, table):
    with table.batch_writer() as batch:
        for number in range(50):
            batch.put_item(Item={"pk": str(number), "sk": 0, "team": "red" if number % 2 else "blue"})

    added = {
        "IndexName": "by-team",
        "KeySchema": key_schema("team"),
        "Projection": {"ProjectionType": "ALL"},
    }
    client.update_table(
        TableName=table.name,
        AttributeDefinitions=attributes(pk="S", sk="N", team="S"),
        GlobalSecondaryIndexUpdates=[{"Create": added}],
    )
    # Written while the index is being filled, or after: in either case it has an entry.
    table.put_item(Item={"pk": "later", "sk": 0, "team": "red"})

    def indexes():
        table.reload()
        return [(index["IndexName"], index["IndexStatus"]) for index in table.global_secondary_indexes or []]

    until(lambda: indexes() == [("by-team", "ACTIVE")] and table.table_status == "ACTIVE")
    red = table.query(IndexName="by-team", KeyConditionExpression=Key("team").eq("red"))["Items"]
    assert {item["pk"] for item in red} == {str(number) for number in range(1, 50, 2)} | {"later"}

    client.update_table(TableName=table.name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-team"}}])
    until(lambda: indexes() == [] and table.table_status == "ACTIVE")
    with refused("ValidationException", "The table does not have the specified index: by-team"):
        table.query(IndexName="by-team", KeyConditionExpression=Key("team").eq("red"))


def test_items_expire_by_time_to_live(client, table):
    assert client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }
    wanted = {"Enabled": True, "AttributeName": "until"}
    answer = client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=wanted)
    assert answer["TimeToLiveSpecification"] == wanted
    until(
        lambda: (
            client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
            == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
        )
    )

    now = int(time.time())
    table.put_item(Item={"pk": "past", "sk": 0, "until": now - 60})
    table.put_item(Item={"pk": "future", "sk": 0, "until": now + 3600})
    table.put_item(Item={"pk": "never", "sk": 0, "until": "a word, and no time"})
    until(lambda: "Item" not in table.get_item(Key={"pk": "past", "sk": 0}, ConsistentRead=True))
    assert {item["pk"] for item in table.scan(ConsistentRead=True)["Items"]} == {"future", "never"}


def test_tags_are_put_on_listed_and_taken_off(client, table):
    arn = client.describe_table(TableName=table.name)["Table"]["TableArn"]
    tags = [{"Key": f"tag-{number:02}", "Value": str(number)} for number in range(30)]
    client.tag_resource(ResourceArn=arn, Tags=tags)
    client.untag_resource(ResourceArn=arn, TagKeys=["tag-00", "tag-29"])
    pages = client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    listed = sorted((tag for page in pages for tag in page["Tags"]), key=lambda tag: tag["Key"])
    assert listed == tags[1:-1]


def test_a_resource_policy_is_put_counts_and_is_deleted(client, table, reader):
    arn = client.describe_table(TableName=table.name)["Table"]["TableArn"]
    of_reader = client_with(**reader)
    item = {"pk": {"S": "a"}, "sk": {"N": "0"}}
    with refused("AccessDeniedException"):
        of_reader.put_item(TableName=table.name, Item=item)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "dynamodb:PutItem",
                "Resource": arn,
            }
        ],
    }

    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))
    got = client.get_resource_policy(ResourceArn=arn)
    assert json.loads(got["Policy"]) == policy
    assert got["RevisionId"] == put["RevisionId"]
    of_reader.put_item(TableName=table.name, Item=item)

    with pytest.raises(client.exceptions.PolicyNotFoundException):
        client.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId="of-another")
    client.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=put["RevisionId"])
    with refused("AccessDeniedException"):
        of_reader.put_item(TableName=table.name, Item=item)
    with pytest.raises(client.exceptions.PolicyNotFoundException):
        client.get_resource_policy(ResourceArn=arn)


def test_the_limits_and_the_endpoint_are_described(client):
    limits = client.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] > 0
    assert limits["TableMaxWriteCapacityUnits"] > 0
    assert limits["AccountMaxReadCapacityUnits"] >= limits["TableMaxReadCapacityUnits"]
    assert limits["AccountMaxWriteCapacityUnits"] >= limits["TableMaxWriteCapacityUnits"]

    [endpoint] = client.describe_endpoints()["Endpoints"]
    assert endpoint["Address"] == client.meta.endpoint_url.removeprefix("http://")
    assert endpoint["CachePeriodInMinutes"] > 0
