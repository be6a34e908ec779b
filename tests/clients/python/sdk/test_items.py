"""Items: every type there and back, each way of writing and reading them, singly and in batches."""

from decimal import Decimal, Rounded

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

EVERY_TYPE = {
    "S": "åäö \u0000 \U0001f600",
    "S-empty": "",
    "N": Decimal("12345678901234567890123456789012345678"),
    "N-negative": Decimal("-0.00000000000000000000012345678901234567890123456789012345678"),
    "N-large": Decimal("-99999999999999999999999999999999999999"),
    "N-smallest": Decimal("-1E-130"),
    "N-zero": Decimal(0),
    "B": Binary(bytes(range(256))),
    "B-empty": Binary(b""),
    "SS": {"a", "b", ""},
    "NS": {Decimal(-1), Decimal("0.5"), Decimal("1E-100")},
    "BS": {Binary(b"\x00"), Binary(b"\xff\xfe")},
    "BOOL": True,
    "BOOL-false": False,
    "NULL": None,
    "L": ["a", Decimal(1), [], {}, [None, False]],
    "M": {"list": [{"set": {Decimal(1), Decimal(2)}}], " .#[0]": "a name", "null": None},
}


def test_every_type_is_equal_after_a_round_trip_as_a_resource(table):
    item = {"pk": "every-type", "sk": Decimal(0)} | EVERY_TYPE
    table.put_item(Item=item)
    assert table.get_item(Key={"pk": "every-type", "sk": 0}, ConsistentRead=True)["Item"] == item


def test_every_type_is_equal_after_a_round_trip_through_the_type_serializer(client, table):
    item = {"pk": "every-type", "sk": Decimal(0)} | EVERY_TYPE
    serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize
    client.put_item(TableName=table.name, Item={name: serialize(value) for name, value in item.items()})
    answer = client.get_item(TableName=table.name, Key={"pk": {"S": "every-type"}, "sk": {"N": "0"}})
    assert {name: deserialize(value) for name, value in answer["Item"].items()} == item


def test_every_type_keeps_its_own_name_on_the_wire(client, table):
    item = {
        "pk": {"S": "typed"},
        "sk": {"N": "1"},
        "N": {"N": "-123.456"},
        "B": {"B": b"\x00\xff"},
        "SS": {"SS": ["a", "b"]},
        "NS": {"NS": ["1", "2"]},
        "BS": {"BS": [b"\x01", b"\x02"]},
        "M": {"M": {"L": {"L": [{"BOOL": False}, {"NULL": True}]}}},
    }
    client.put_item(TableName=table.name, Item=item)
    key = {"pk": item["pk"], "sk": item["sk"]}
    answer = client.get_item(TableName=table.name, Key=key)["Item"]
    for name in ("SS", "NS", "BS"):
        answer[name][name].sort()
    assert answer == item


def test_numbers_are_exact_and_told_in_one_form(client, table):
    nines = "9" * 38
    for given, told in [
        ("1.50", "1.5"),
        ("1E3", "1000"),
        ("-0", "0"),
        ("0.10E-2", "0.001"),
        (f"{nines}E+88", nines + "0" * 88),
        ("1E-130", f"0.{'0' * 129}1"),
    ]:
        item = {"pk": {"S": "n"}, "sk": {"N": "1"}, "n": {"N": given}}
        client.put_item(TableName=table.name, Item=item)
        answer = client.get_item(TableName=table.name, Key={"pk": {"S": "n"}, "sk": {"N": "1"}})
        assert answer["Item"]["n"]["N"] == told


def test_what_boto3_cannot_hold_is_its_own_refusal_and_not_rounded(client, table):
    # Large numbers come without an exponent, as DynamoDB's do: more places than boto3's 38, of which none is lost
    # while they are text.
    item = {"pk": {"S": "n"}, "sk": {"N": "1"}, "n": {"N": "1E38"}}
    client.put_item(TableName=table.name, Item=item)
    told = client.get_item(TableName=table.name, Key={"pk": {"S": "n"}, "sk": {"N": "1"}})["Item"]["n"]
    assert Decimal(told["N"]) == Decimal("1E38")
    with pytest.raises(Rounded):
        TypeDeserializer().deserialize(told)


def test_an_item_is_put_updated_and_deleted(table):
    key = {"pk": "a", "sk": 1}
    assert "Attributes" not in table.put_item(Item=key | {"count": 1, "names": {"x"}})
    old = table.put_item(Item=key | {"count": 5, "list": [1]}, ReturnValues="ALL_OLD")
    assert old["Attributes"] == key | {"count": 1, "names": {"x"}}

    updated = table.update_item(
        Key=key,
        UpdateExpression="SET #c = #c + :one, #l = list_append(#l, :more) ADD tags :tags REMOVE nothing",
        ExpressionAttributeNames={"#c": "count", "#l": "list"},
        ExpressionAttributeValues={":one": 1, ":more": [2, 3], ":tags": {"t"}},
        ReturnValues="ALL_NEW",
    )
    assert updated["Attributes"] == key | {"count": 6, "list": [1, 2, 3], "tags": {"t"}}

    told = table.update_item(
        Key=key,
        UpdateExpression="SET #c = :c",
        ExpressionAttributeNames={"#c": "count"},
        ExpressionAttributeValues={":c": 7},
        ReturnValues="UPDATED_OLD",
    )
    assert told["Attributes"] == {"count": 6}

    some = table.get_item(Key=key, ProjectionExpression="#l[1], tags", ExpressionAttributeNames={"#l": "list"})
    assert some["Item"] == {"list": [2], "tags": {"t"}}

    gone = table.delete_item(Key=key, ReturnValues="ALL_OLD")
    assert gone["Attributes"]["count"] == 7
    assert "Item" not in table.get_item(Key=key)


def test_a_scan_filters_and_counts(table):
    with table.batch_writer() as batch:
        for number in range(20):
            batch.put_item(Item={"pk": str(number), "sk": number, "even": number % 2 == 0})
    found = table.scan(FilterExpression=Attr("even").eq(True) & (Attr("sk").lt(10) | Attr("pk").begins_with("18")))
    assert {item["sk"] for item in found["Items"]} == {0, 2, 4, 6, 8, 18}
    assert (found["Count"], found["ScannedCount"]) == (6, 20)
    counted = table.scan(Select="COUNT", FilterExpression=Attr("even").eq(False))
    assert counted["Count"] == 10
    assert "Items" not in counted


def test_a_query_reads_backwards_filters_and_projects(table):
    with table.batch_writer() as batch:
        for number in range(10):
            batch.put_item(Item={"pk": "a", "sk": number, "third": number % 3 == 0, "other": "x"})
    found = table.query(
        KeyConditionExpression=Key("pk").eq("a") & Key("sk").gte(2),
        FilterExpression=Attr("third").eq(True),
        ProjectionExpression="sk",
        ScanIndexForward=False,
        ReturnConsumedCapacity="TOTAL",
    )
    assert found["Items"] == [{"sk": 9}, {"sk": 6}, {"sk": 3}]
    assert found["ScannedCount"] == 8
    assert found["ConsumedCapacity"] == {"TableName": table.name, "CapacityUnits": Decimal("0.5")}


@pytest.mark.parametrize("segments", [1, 4])
def test_the_segments_of_a_parallel_scan_are_the_whole_table(table, segments):
    numbers = range(120)
    with table.batch_writer() as batch:
        for number in numbers:
            batch.put_item(Item={"pk": str(number), "sk": number})
    seen = [
        [item["sk"] for item in table.scan(Segment=segment, TotalSegments=segments)["Items"]]
        for segment in range(segments)
    ]
    assert all(seen), "a segment has nothing of 120 partitions"
    assert sorted(number for segment in seen for number in segment) == list(numbers)


def test_the_batch_writer_puts_and_deletes_more_than_one_call_may(table):
    with table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
        for number in range(60):
            # The earlier of two is dropped by the writer: a call may not name a key twice.
            batch.put_item(Item={"pk": "a", "sk": number, "version": 1})
            batch.put_item(Item={"pk": "a", "sk": number, "version": 2})
    with table.batch_writer() as batch:
        for number in range(0, 60, 2):
            batch.delete_item(Key={"pk": "a", "sk": number})
    left = table.query(KeyConditionExpression=Key("pk").eq("a"))["Items"]
    assert left == [{"pk": "a", "sk": number, "version": 2} for number in range(1, 60, 2)]


def test_a_batch_get_leaves_what_is_beyond_16_mb_to_the_next(make_table, resource):
    definition = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 20_000, "WriteCapacityUnits": 20_000},
    }
    table = resource.Table(make_table(definition))
    large = "x" * 390_000
    with table.batch_writer() as batch:
        for number in range(48):
            batch.put_item(Item={"pk": number, "large": large})

    asked = {table.name: {"Keys": [{"pk": number} for number in range(50)], "ConsistentRead": True}}
    sizes, found = [], {}
    while asked:
        answer = resource.batch_get_item(RequestItems=asked)
        items = answer["Responses"][table.name]
        assert not found.keys() & {item["pk"] for item in items}
        found |= {item["pk"]: item["large"] for item in items}
        sizes.append(len(items))
        asked = answer["UnprocessedKeys"]
        for rest in asked.values():
            assert rest["ConsistentRead"] is True
    assert found == dict.fromkeys(range(48), large)
    assert len(sizes) > 1
    assert max(sizes) * len(large) <= 16 * 1024 * 1024
