"""Pages as the AWS CLI makes them: of its own accord, in sizes that it is told, and one at a time by tokens."""

import pytest

NUMBERS = list(range(25))


@pytest.fixture
def filled(table):
    with table.batch_writer() as batch:
        for number in NUMBERS:
            batch.put_item(Item={"pk": "a", "sk": number})
    return table


def sort_keys(answer: dict) -> list[int]:
    return [int(item["sk"]["N"]) for item in answer["Items"]]


def test_a_page_size_changes_the_calls_and_not_the_answer(aws, filled):
    scanned = aws("scan", "--table-name", filled.name, "--page-size", "10", "--debug")
    assert sort_keys(scanned.json) == NUMBERS
    assert scanned.json["ScannedCount"] == 25
    assert scanned.requests == [200, 200, 200]


def test_items_are_told_so_many_at_a_time_by_tokens(aws, filled):
    query = (
        *("query", "--table-name", filled.name, "--key-condition-expression", "pk = :a"),
        *("--expression-attribute-values", {":a": {"S": "a"}}, "--max-items", "9", "--page-size", "4"),
    )
    parts, token = [], ()
    while token is not None:
        answer = aws(*query, *token).json
        parts.append(sort_keys(answer))
        token = ("--starting-token", answer["NextToken"]) if "NextToken" in answer else None
    assert parts == [NUMBERS[:9], NUMBERS[9:18], NUMBERS[18:]]


def test_without_pagination_a_call_is_one_page(aws, filled):
    page = aws("scan", "--table-name", filled.name, "--no-paginate", "--limit", "10").json
    assert sort_keys(page) == NUMBERS[:10]
    start = page["LastEvaluatedKey"]
    assert start == {"pk": {"S": "a"}, "sk": {"N": "9"}}
    rest = aws("scan", "--table-name", filled.name, "--no-paginate", "--exclusive-start-key", start).json
    assert sort_keys(rest) == NUMBERS[10:]
    assert "LastEvaluatedKey" not in rest


def test_a_query_of_more_than_a_megabyte_is_asked_for_page_by_page(aws, table):
    with table.batch_writer() as batch:
        for number in range(12):
            batch.put_item(Item={"pk": "a", "sk": number, "large": "x" * 200_000})
    queried = aws(
        *("query", "--table-name", table.name, "--key-condition-expression", "pk = :a"),
        *("--projection-expression", "sk", "--expression-attribute-values", {":a": {"S": "a"}}, "--debug"),
    )
    assert sort_keys(queried.json) == list(range(12))
    assert len(queried.requests) >= 2


def test_tables_are_listed_page_by_page(aws, make_table):
    made = {make_table() for _ in range(3)}
    listed = aws("list-tables", "--page-size", "1", "--debug")
    assert made <= set(listed.json["TableNames"])
    assert len(listed.requests) >= 3
    some = aws("list-tables", "--max-items", "2").json
    assert len(some["TableNames"]) == 2
    assert "NextToken" in some
