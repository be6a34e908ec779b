"""Whom the server believes, of those who call by the AWS CLI."""

import pytest


@pytest.fixture
def of_session(session) -> dict[str, str]:
    """The environment of a session of a role."""
    return {name.upper(): value for name, value in session.items()}


def test_temporary_credentials_are_believed(aws, table, of_session):
    item = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    assert aws("put-item", "--table-name", table.name, "--item", item, **of_session).json == {}
    assert aws("get-item", "--table-name", table.name, "--key", item, **of_session).json == {"Item": item}


def test_a_wrong_secret_is_an_invalid_signature(aws):
    aws("list-tables", AWS_SECRET_ACCESS_KEY="wrong").refused(
        "InvalidSignatureException", "The request signature we calculated does not match the signature you provided"
    )


def test_an_unknown_access_key_is_an_unrecognized_client(aws):
    aws("list-tables", AWS_ACCESS_KEY_ID="AKIAUNKNOWNUNKNOWN00").refused(
        "UnrecognizedClientException", "The security token included in the request is invalid."
    )


def test_a_session_with_a_damaged_token_or_none_is_an_unrecognized_client(aws, of_session):
    token = of_session.pop("AWS_SESSION_TOKEN")
    aws("list-tables", **of_session).refused("UnrecognizedClientException")
    aws("list-tables", **of_session, AWS_SESSION_TOKEN=token[:-8]).refused("UnrecognizedClientException")


def test_an_unsigned_request_has_no_token(aws):
    aws("list-tables", "--no-sign-request").refused(
        "MissingAuthenticationTokenException", "Request is missing Authentication Token"
    )


def test_a_reader_reads_and_may_not_write(aws, table, reader):
    of_reader = {name.upper(): value for name, value in reader.items()}
    item = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    table.put_item(Item={"pk": "a", "sk": 1})
    assert aws("get-item", "--table-name", table.name, "--key", item, **of_reader).json == {"Item": item}
    aws("delete-item", "--table-name", table.name, "--key", item, **of_reader).refused(
        "AccessDeniedException",
        "is not authorized to perform: dynamodb:DeleteItem on resource: "
        f"arn:aws:dynamodb:local:000000000000:table/{table.name}",
    )
    assert table.scan(ConsistentRead=True)["Count"] == 1
