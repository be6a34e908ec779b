"""What the AWS CLI says of refusals, and the parameters from before there were expressions."""

from support import unique

KEY = {"pk": {"S": "a"}, "sk": {"N": "1"}}


def test_a_refusal_is_named_and_explained_and_the_status_is_not_zero(aws, table):
    missing = unique("missing")
    told = aws("get-item", "--table-name", missing, "--key", KEY).refused("ResourceNotFoundException")
    assert told == "Requested resource not found"

    again = aws(
        *("create-table", "--table-name", table.name, "--billing-mode", "PAY_PER_REQUEST"),
        *("--attribute-definitions", "AttributeName=pk,AttributeType=S"),
        *("--key-schema", "AttributeName=pk,KeyType=HASH"),
    )
    assert again.refused("ResourceInUseException") == f"Table already exists: {table.name}"

    wrong = aws("get-item", "--table-name", table.name, "--key", {"pk": {"S": "a"}})
    assert wrong.refused("ValidationException") == "The provided key element does not match the schema"


def test_legacy_parameters_mean_what_they_meant(aws, table):
    of_table = ("--table-name", table.name)
    item = KEY | {"count": {"N": "1"}}
    unless_there = ("--expected", {"pk": {"Exists": False}})
    assert aws("put-item", *of_table, "--item", item, *unless_there).json == {}
    aws("put-item", *of_table, "--item", item, *unless_there).refused("ConditionalCheckFailedException")
    updated = aws(
        *("update-item", *of_table, "--key", KEY, "--return-values", "ALL_NEW"),
        *("--attribute-updates", {"count": {"Action": "ADD", "Value": {"N": "41"}}}),
    )
    assert updated.json["Attributes"] == KEY | {"count": {"N": "42"}}
    queried = aws(
        *("query", *of_table, "--attributes-to-get", "count"),
        *("--key-conditions", {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}}),
    )
    assert queried.json["Items"] == [{"count": {"N": "42"}}]
