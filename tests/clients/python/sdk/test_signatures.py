"""Who is believed: every way of signing a request that the SDK has, and what becomes of those that are not right."""

import datetime
import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable

import boto3
import pytest
from botocore import UNSIGNED, auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from support import client_with, refused


def own_credentials() -> dict[str, str]:
    return {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }


def shifted(**off: int) -> Callable[..., datetime.datetime]:
    """The SDK's clock, off by so much."""
    now = auth.get_current_datetime
    return lambda *args, **kwargs: now(*args, **kwargs) + datetime.timedelta(**off)


def test_a_client_made_of_the_environment_is_believed(client):
    assert client.meta.endpoint_url == os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
    assert client.list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_any_region_will_do():
    assert client_with(region_name="eu-north-1").list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_temporary_credentials_read_and_write(table, session):
    of_session = boto3.resource("dynamodb", **session).Table(table.name)
    of_session.put_item(Item={"pk": "a", "sk": 1, "by": "a session"})
    assert of_session.get_item(Key={"pk": "a", "sk": 1})["Item"]["by"] == "a session"


def test_a_wrong_secret_is_an_invalid_signature():
    wrong = client_with(**own_credentials() | {"aws_secret_access_key": "wrong"})
    with refused("InvalidSignatureException", "The request signature we calculated does not match") as refusal:
        wrong.list_tables()
    metadata = refusal.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400
    assert metadata["RetryAttempts"] == 0


def test_the_wrong_secret_of_a_session_is_an_invalid_signature(session):
    wrong = client_with(**session | {"aws_secret_access_key": "wrong"})
    with refused("InvalidSignatureException"):
        wrong.list_tables()


def test_an_unknown_access_key_is_an_unrecognized_client():
    unknown = client_with(aws_access_key_id="AKIAUNKNOWNUNKNOWN00", aws_secret_access_key="any")
    with refused("UnrecognizedClientException", "The security token included in the request is invalid."):
        unknown.list_tables()


def test_a_session_without_its_token_is_an_unrecognized_client(session):
    without = {name: value for name, value in session.items() if name != "aws_session_token"}
    with refused("UnrecognizedClientException"):
        client_with(**without).list_tables()


def test_a_session_with_a_damaged_token_is_an_unrecognized_client(session):
    token = session["aws_session_token"]
    middle = len(token) // 2
    damaged = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    with refused("UnrecognizedClientException"):
        client_with(**session | {"aws_session_token": damaged}).list_tables()


def test_a_token_beside_the_key_of_a_user_is_an_unrecognized_client(session):
    mixed = own_credentials() | {"aws_session_token": session["aws_session_token"]}
    with refused("UnrecognizedClientException"):
        client_with(**mixed).list_tables()


def test_an_unsigned_request_has_no_token():
    with refused("MissingAuthenticationTokenException", "Request is missing Authentication Token"):
        client_with(config=Config(signature_version=UNSIGNED)).list_tables()


@pytest.mark.parametrize(("minutes", "told"), [(-20, "Signature expired: "), (20, "Signature not yet current: ")])
def test_a_clock_twenty_minutes_off_is_told_and_not_corrected(monkeypatch, minutes, told):
    monkeypatch.setattr(auth, "get_current_datetime", shifted(minutes=minutes))
    with refused("InvalidSignatureException", told) as refusal:
        client_with().list_tables()
    assert refusal.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_clock_four_minutes_off_is_believed(monkeypatch):
    monkeypatch.setattr(auth, "get_current_datetime", shifted(minutes=4))
    assert client_with().list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_body_changed_after_it_was_signed_is_refused(client, table):
    tampered = client_with()

    def change(request, **_):
        request.body = request.body.replace(b"honest", b"forged")

    tampered.meta.events.register("before-send.dynamodb.PutItem", change)
    with refused("InvalidSignatureException"):
        tampered.put_item(TableName=table.name, Item={"pk": {"S": "honest"}, "sk": {"N": "1"}})
    assert client.scan(TableName=table.name, ConsistentRead=True)["Items"] == []


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict]:
    """Status and answer of a request that nothing of the SDK is in."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def exception(answer: dict) -> str:
    return answer["__type"].partition("#")[2]


HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.DescribeTable"}


def test_a_presigned_url_of_the_client_is_believed(client, table):
    # The client presigns nothing but an empty body, which is believed, and is then no request of this protocol.
    url = client.generate_presigned_url("describe_table", Params={"TableName": table.name}, HttpMethod="POST")
    status, answer = post(url, b"", HEADERS)
    assert (status, exception(answer)) == (400, "SerializationException")
    status, answer = post(url, json.dumps({"TableName": table.name}).encode(), HEADERS)
    assert (status, exception(answer)) == (400, "InvalidSignatureException")


class PresignedBody(auth.SigV4QueryAuth):
    """The SDK's signer of URLs, for requests that have a body."""

    def __init__(self, body: bytes, expires: int = 60, **credentials: str):
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        super().__init__(Credentials(*map(credentials.get, names)), "dynamodb", "local", expires)
        self._body = body

    def payload(self, request) -> str:
        return hashlib.sha256(self._body).hexdigest()

    def url(self, endpoint: str) -> str:
        request = AWSRequest("POST", f"{endpoint}/", headers=dict(HEADERS))
        self.add_auth(request)
        return request.url


@pytest.mark.parametrize("temporary", [False, True])
def test_a_presigned_url_with_a_body_is_answered_until_any_of_it_is_changed(client, table, session, temporary):
    body = json.dumps({"TableName": table.name}).encode()
    url = PresignedBody(body, **session if temporary else own_credentials()).url(client.meta.endpoint_url)
    status, answer = post(url, body, HEADERS)
    assert status == 200, answer
    assert answer["Table"]["TableName"] == table.name

    for changed in [
        (url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), body, HEADERS),
        (url, body + b" ", HEADERS),
        (url, body, HEADERS | {"X-Amz-Target": "DynamoDB_20120810.DeleteTable"}),
    ]:
        status, answer = post(*changed)
        assert (status, exception(answer)) == (400, "InvalidSignatureException")


def test_a_presigned_url_is_over_when_it_says(client, table, monkeypatch):
    body = json.dumps({"TableName": table.name}).encode()
    monkeypatch.setattr(auth, "get_current_datetime", shifted(minutes=-2))
    expired = PresignedBody(body, expires=60, **own_credentials()).url(client.meta.endpoint_url)
    status, answer = post(expired, body, HEADERS)
    assert (status, exception(answer)) == (400, "InvalidSignatureException")
    assert "Signature expired" in (answer.get("message") or answer["Message"])


def test_a_reader_reads_and_may_not_write(client, table, reader):
    item = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    client.put_item(TableName=table.name, Item=item)
    of_reader = client_with(**reader)
    assert of_reader.get_item(TableName=table.name, Key=item)["Item"] == item
    assert of_reader.scan(TableName=table.name)["Count"] == 1
    arn = f"arn:aws:dynamodb:local:000000000000:table/{table.name}"
    writes = {
        "PutItem": lambda: of_reader.put_item(TableName=table.name, Item=item),
        "DeleteItem": lambda: of_reader.delete_item(TableName=table.name, Key=item),
        "UpdateItem": lambda: of_reader.update_item(TableName=table.name, Key=item),
        "BatchWriteItem": lambda: of_reader.batch_write_item(
            RequestItems={table.name: [{"PutRequest": {"Item": item}}]}
        ),
        "DeleteTable": lambda: of_reader.delete_table(TableName=table.name),
    }
    for action, write in writes.items():
        with refused("AccessDeniedException", f"is not authorized to perform: dynamodb:{action} on resource: {arn}"):
            write()
    assert client.scan(TableName=table.name)["Items"] == [item]
