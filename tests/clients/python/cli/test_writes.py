"""Conditions and transactions by the AWS CLI, which tells of an exception its name and its message."""

import uuid

ITEM = {"pk": {"S": "a"}, "sk": {"N": "1"}}


def test_a_failed_condition_changes_nothing(aws, table):
    put = ("put-item", "--table-name", table.name, "--condition-expression", "attribute_not_exists(pk)", "--item")
    assert aws(*put, ITEM | {"version": {"N": "1"}}).json == {}
    told = aws(*put, ITEM | {"version": {"N": "2"}}, "--return-values-on-condition-check-failure", "ALL_OLD").refused(
        "ConditionalCheckFailedException"
    )
    assert told == "The conditional request failed"
    assert table.scan(ConsistentRead=True)["Items"] == [{"pk": "a", "sk": 1, "version": 1}]


def test_a_transaction_writes_all_or_nothing_and_reads_by_position(aws, table):
    def put(number: int, **condition: str) -> dict:
        item = {"pk": {"S": "a"}, "sk": {"N": str(number)}}
        return {"Put": {"TableName": table.name, "Item": item} | condition}

    assert aws("transact-write-items", "--transact-items", [put(1), put(2)]).json == {}
    unless_there = {"ConditionExpression": "attribute_not_exists(pk)"}
    aws("transact-write-items", "--transact-items", [put(3), put(2, **unless_there)]).refused(
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",
    )

    keys = [{"pk": {"S": "a"}, "sk": {"N": number}} for number in ("3", "1")]
    gets = [{"Get": {"TableName": table.name, "Key": key}} for key in keys]
    read = aws("transact-get-items", "--transact-items", gets).json
    assert read["Responses"] == [{}, {"Item": keys[1]}]


def test_a_token_makes_a_transaction_happen_once(aws, table):
    def add(number: str) -> list[dict]:
        update = {
            "TableName": table.name,
            "Key": ITEM,
            "UpdateExpression": "ADD visits :n",
            "ExpressionAttributeValues": {":n": {"N": number}},
        }
        return [{"Update": update}]

    token = ("--client-request-token", str(uuid.uuid4()))
    for _ in range(2):
        assert aws("transact-write-items", "--transact-items", add("1"), *token).json == {}
    aws("transact-write-items", "--transact-items", add("2"), *token).refused("IdempotentParameterMismatchException")
    assert table.scan(ConsistentRead=True)["Items"] == [{"pk": "a", "sk": 1, "visits": 1}]
