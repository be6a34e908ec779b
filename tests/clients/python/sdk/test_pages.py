"""Pages: the SDK's paginators over more than a page holds, with nothing lost and nothing twice."""

from itertools import chain

import pytest
from boto3.dynamodb.conditions import Key

from support import on_demand, unique

# Twelve items of 200 kB: more than two pages of 1 MB.
LARGE = 12


@pytest.fixture
def large(table):
    with table.batch_writer() as batch:
        for number in range(LARGE):
            batch.put_item(Item={"pk": "a", "sk": number, "large": "x" * 200_000})
    return table


@pytest.fixture
def small(table):
    with table.batch_writer() as batch:
        for number in range(25):
            batch.put_item(Item={"pk": f"{number % 3}", "sk": number})
    return table


def sort_keys(pages) -> list[list[int]]:
    """Of each page, the sort keys of its items."""
    return [[int(item["sk"]["N"]) for item in page["Items"]] for page in pages]


def joined(pages: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(pages))


@pytest.mark.parametrize("forward", [True, False])
def test_a_query_is_split_into_pages_of_a_megabyte(client, large, forward):
    pages = sort_keys(
        client.get_paginator("query").paginate(
            TableName=large.name,
            KeyConditionExpression="pk = :a",
            ExpressionAttributeValues={":a": {"S": "a"}},
            ScanIndexForward=forward,
        )
    )
    in_order = range(LARGE) if forward else reversed(range(LARGE))
    assert joined(pages) == list(in_order)
    # A page ends with the item that passes the megabyte.
    assert [len(page) for page in pages if page] == [6, 6]


def test_a_scan_is_split_into_pages_of_a_megabyte_before_it_is_filtered(client, large):
    pages = sort_keys(
        client.get_paginator("scan").paginate(
            TableName=large.name,
            FilterExpression="sk >= :ten",
            ExpressionAttributeValues={":ten": {"N": "10"}},
        )
    )
    assert sorted(joined(pages)) == [10, 11]
    assert len(pages) > 1
    assert [] in pages, "a page whose items are all filtered out is a page all the same"


@pytest.mark.parametrize("limit", [1, 4, 25, 100])
def test_a_scan_of_a_small_limit_reads_everything_once(client, small, limit):
    pages = sort_keys(client.get_paginator("scan").paginate(TableName=small.name, PaginationConfig={"PageSize": limit}))
    assert max(len(page) for page in pages) == min(limit, 25)
    assert sorted(joined(pages)) == list(range(25))


def test_a_query_of_a_small_limit_reads_everything_once(client, small):
    pages = sort_keys(
        client.get_paginator("query").paginate(
            TableName=small.name,
            KeyConditionExpression="pk = :p AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={":p": {"S": "0"}, ":low": {"N": "3"}, ":high": {"N": "21"}},
            PaginationConfig={"PageSize": 2},
        )
    )
    assert joined(pages) == [3, 6, 9, 12, 15, 18, 21]
    assert max(len(page) for page in pages) == 2


def test_a_paginator_goes_on_from_a_token(client, small):
    seen, token = [], None
    while True:
        pages = client.get_paginator("scan").paginate(
            TableName=small.name,
            PaginationConfig={"MaxItems": 7, "PageSize": 3, "StartingToken": token},
        )
        result = pages.build_full_result()
        seen += [int(item["sk"]["N"]) for item in result["Items"]]
        token = result.get("NextToken")
        if token is None:
            break
    assert sorted(seen) == list(range(25))


def test_a_resource_goes_on_from_the_last_evaluated_key(small):
    seen, start = [], {}
    while True:
        page = small.query(KeyConditionExpression=Key("pk").eq("1"), Limit=3, **start)
        seen += [int(item["sk"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert seen == list(range(1, 25, 3))


def test_an_index_is_read_page_by_page_where_keys_are_equal(make_table, resource, client):
    name = make_table(
        on_demand(
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
                {"AttributeName": "team", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-team",
                    "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
    )
    with resource.Table(name).batch_writer() as batch:
        for number in range(23):
            batch.put_item(Item={"pk": str(number % 5), "sk": number, "team": "red"})
    pages = sort_keys(
        client.get_paginator("query").paginate(
            TableName=name,
            IndexName="by-team",
            KeyConditionExpression="team = :red",
            ExpressionAttributeValues={":red": {"S": "red"}},
            PaginationConfig={"PageSize": 4},
        )
    )
    assert len(pages) >= 6
    assert sorted(joined(pages)) == list(range(23))


def test_tables_are_listed_page_by_page(client, make_table):
    made = sorted(make_table() for _ in range(5))
    pages = list(client.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2}))
    listed = [name for page in pages for name in page["TableNames"]]
    assert max(len(page["TableNames"]) for page in pages) == 2
    assert listed == sorted(set(listed))
    assert set(made) <= set(listed)


def test_a_list_of_tables_begins_behind_a_name_that_need_not_be(client, table):
    before = table.name[:-1]
    assert table.name in client.list_tables(ExclusiveStartTableName=before)["TableNames"]
    assert table.name not in client.list_tables(ExclusiveStartTableName=table.name)["TableNames"]
    assert client.list_tables(ExclusiveStartTableName=unique("zzz"))["TableNames"] == []
