"""Tables, their items and their settings, all by the AWS CLI."""

import json
import time

from support import QUICKLY, unique, until


def test_a_table_is_made_waited_for_described_and_deleted(aws, client):
    name = unique("cli")
    made = aws(
        *("create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST"),
        *("--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=N"),
        *("AttributeName=team,AttributeType=S", "AttributeName=score,AttributeType=N"),
        *("--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE"),
        "--local-secondary-indexes",
        "IndexName=by-score,KeySchema=[{AttributeName=pk,KeyType=HASH},{AttributeName=score,KeyType=RANGE}],"
        "Projection={ProjectionType=KEYS_ONLY}",
        "--global-secondary-indexes",
        "IndexName=by-team,KeySchema=[{AttributeName=team,KeyType=HASH}],Projection={ProjectionType=ALL}",
        *("--tags", "Key=of,Value=tests"),
    )
    assert made.json["TableDescription"]["TableStatus"] == "CREATING"
    assert aws("wait", "table-exists", "--table-name", name).json == {}

    described = aws("describe-table", "--table-name", name).json["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert [index["IndexName"] for index in described["LocalSecondaryIndexes"]] == ["by-score"]
    assert [index["IndexStatus"] for index in described["GlobalSecondaryIndexes"]] == ["ACTIVE"]
    tags = aws("list-tags-of-resource", "--resource-arn", described["TableArn"]).json
    assert tags["Tags"] == [{"Key": "of", "Value": "tests"}]

    assert aws("delete-table", "--table-name", name).json["TableDescription"]["TableStatus"] == "DELETING"
    # The CLI's own waiter would come back after twenty seconds, if it were too early.
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=QUICKLY)
    assert aws("wait", "table-not-exists", "--table-name", name).json == {}
    aws("describe-table", "--table-name", name).refused("ResourceNotFoundException", f"Table: {name} not found")


def test_every_type_is_equal_after_a_round_trip(aws, table, tmp_path):
    item = {
        "pk": {"S": "every-type"},
        "sk": {"N": "-12345678901234567890123456789012345678"},
        "S": {"S": "åäö"},
        "S-empty": {"S": ""},
        "N": {"N": "0.00000000012345678901234567890123456789"},
        "SS": {"SS": ["a", "b"]},
        "NS": {"NS": ["-1", "2.5"]},
        "BOOL": {"BOOL": True},
        "NULL": {"NULL": True},
        "L": {"L": [{"S": "x"}, {"L": []}, {"M": {}}]},
        "M": {"M": {"deep": {"M": {"er": {"N": "1"}}}}},
    }
    # The CLI takes binaries as they are and tells them in base64.
    binaries = {"B": {"B": "raw"}, "B-empty": {"B": ""}, "BS": {"BS": ["a", "b"]}}
    in_base64 = {"B": {"B": "cmF3"}, "B-empty": {"B": ""}, "BS": {"BS": ["YQ==", "Yg=="]}}

    file = tmp_path / "item.json"
    file.write_text(json.dumps(item | binaries))
    assert aws("put-item", "--table-name", table.name, "--item", f"file://{file}").json == {}
    key = {"pk": item["pk"], "sk": item["sk"]}
    answer = aws("get-item", "--table-name", table.name, "--key", key, "--consistent-read").json["Item"]
    for name in ("SS", "NS", "BS"):
        answer[name][name].sort()
    assert answer == item | in_base64


def test_an_item_is_put_updated_queried_scanned_and_deleted(aws, table):
    of_table = ("--table-name", table.name)
    aws("put-item", *of_table, "--item", {"pk": {"S": "a"}, "sk": {"N": "1"}, "count": {"N": "1"}})
    updated = aws(
        *("update-item", *of_table, "--key", {"pk": {"S": "a"}, "sk": {"N": "1"}}),
        *("--update-expression", "SET #c = #c + :two, #n = :n"),
        *("--expression-attribute-names", {"#c": "count", "#n": "name"}),
        *("--expression-attribute-values", {":two": {"N": "2"}, ":n": {"S": "one"}}),
        *("--return-values", "UPDATED_NEW"),
    )
    assert updated.json["Attributes"] == {"count": {"N": "3"}, "name": {"S": "one"}}

    batch = {table.name: [{"PutRequest": {"Item": {"pk": {"S": "a"}, "sk": {"N": str(n)}}}} for n in range(2, 6)]}
    assert aws("batch-write-item", "--request-items", batch).json == {"UnprocessedItems": {}}
    keys = {table.name: {"Keys": [{"pk": {"S": "a"}, "sk": {"N": str(n)}} for n in range(4, 8)]}}
    got = aws("batch-get-item", "--request-items", keys).json
    assert sorted(item["sk"]["N"] for item in got["Responses"][table.name]) == ["4", "5"]
    assert got["UnprocessedKeys"] == {}

    queried = aws(
        *("query", *of_table, "--no-scan-index-forward", "--projection-expression", "sk"),
        *("--key-condition-expression", "pk = :a AND sk BETWEEN :low AND :high"),
        *("--expression-attribute-values", {":a": {"S": "a"}, ":low": {"N": "2"}, ":high": {"N": "4"}}),
    )
    assert queried.json["Items"] == [{"sk": {"N": "4"}}, {"sk": {"N": "3"}}, {"sk": {"N": "2"}}]

    scanned = aws(
        *("scan", *of_table, "--filter-expression", "attribute_exists(#n)"),
        *("--expression-attribute-names", {"#n": "name"}, "--query", "[Count, ScannedCount, Items[0].name.S]"),
    )
    assert scanned.json == [1, 5, "one"]

    gone = aws(*("delete-item", *of_table, "--key", {"pk": {"S": "a"}, "sk": {"N": "1"}}, "--return-values", "ALL_OLD"))
    assert gone.json["Attributes"]["count"] == {"N": "3"}


def test_a_live_table_gains_an_index_and_loses_it(aws, client, table):
    def indexes() -> list[tuple[str, str]]:
        described = client.describe_table(TableName=table.name)["Table"]
        busy = described["TableStatus"] != "ACTIVE"
        told = described.get("GlobalSecondaryIndexes", [])
        return [("table", "UPDATING")] if busy else [(index["IndexName"], index["IndexStatus"]) for index in told]

    table.put_item(Item={"pk": "a", "sk": 1, "team": "red"})
    create = {
        "IndexName": "by-team",
        "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    updated = aws(
        *("update-table", "--table-name", table.name),
        *("--attribute-definitions", "AttributeName=team,AttributeType=S"),
        *("--global-secondary-index-updates", [{"Create": create}]),
    )
    assert updated.json["TableDescription"]["TableStatus"] == "UPDATING"
    until(lambda: indexes() == [("by-team", "ACTIVE")])
    queried = aws(
        *("query", "--table-name", table.name, "--index-name", "by-team"),
        *("--key-condition-expression", "team = :red", "--expression-attribute-values", {":red": {"S": "red"}}),
    )
    assert queried.json["Items"] == [{"pk": {"S": "a"}, "sk": {"N": "1"}, "team": {"S": "red"}}]

    delete = [{"Delete": {"IndexName": "by-team"}}]
    aws("update-table", "--table-name", table.name, "--global-secondary-index-updates", delete)
    until(lambda: indexes() == [])


def test_time_to_live_is_turned_on_and_items_expire(aws, table):
    specification = "Enabled=true,AttributeName=until"
    turned_on = aws("update-time-to-live", "--table-name", table.name, "--time-to-live-specification", specification)
    assert turned_on.json["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "until"}
    described = aws("describe-time-to-live", "--table-name", table.name).json["TimeToLiveDescription"]
    assert described["AttributeName"] == "until"
    assert described["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    past = {"pk": {"S": "past"}, "sk": {"N": "1"}, "until": {"N": str(int(time.time()) - 60)}}
    assert aws("put-item", "--table-name", table.name, "--item", past).json == {}
    until(lambda: table.scan(ConsistentRead=True)["Items"] == [])


def test_tags_and_a_resource_policy_come_and_go(aws, client, table):
    arn = client.describe_table(TableName=table.name)["Table"]["TableArn"]
    of_table = ("--resource-arn", arn)
    assert aws("tag-resource", *of_table, "--tags", "Key=a,Value=1", "Key=b,Value=2").json == {}
    assert aws("untag-resource", *of_table, "--tag-keys", "a").json == {}
    assert aws("list-tags-of-resource", *of_table).json["Tags"] == [{"Key": "b", "Value": "2"}]

    statement = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:DeleteItem", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    put = aws("put-resource-policy", *of_table, "--policy", policy).json
    got = aws("get-resource-policy", *of_table).json
    assert json.loads(got["Policy"]) == policy
    assert got["RevisionId"] == put["RevisionId"]
    key = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    aws("delete-item", "--table-name", table.name, "--key", key).refused("AccessDeniedException")
    aws("delete-resource-policy", *of_table)
    aws("get-resource-policy", *of_table).refused("PolicyNotFoundException")


def test_the_limits_and_the_endpoint_are_described(aws, client):
    limits = client.describe_limits()
    del limits["ResponseMetadata"]
    assert aws("describe-limits").json == limits
    [endpoint] = aws("describe-endpoints").json["Endpoints"]
    assert endpoint["Address"] == client.meta.endpoint_url.removeprefix("http://")
