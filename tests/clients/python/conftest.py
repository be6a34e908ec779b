"""Fixtures of all suites: clients made of nothing but the environment, and tables that do not outlive their test."""

import os
from collections.abc import Callable, Iterator

import boto3
import pytest

from support import QUICKLY, on_demand, unique

# Given by the program that starts a server and then this suite. Without them an SDK would look elsewhere: for other
# servers, and for credentials that are none of a test's business.
ENVIRONMENT = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SHARED_CREDENTIALS_FILE",
    "CAIRN_TEST_DEVELOPMENT_ENDPOINT",
    "CAIRN_TEST_READER_ACCESS_KEY_ID",
    "CAIRN_TEST_READER_SECRET_ACCESS_KEY",
    "CAIRN_TEST_SESSION_ACCESS_KEY_ID",
    "CAIRN_TEST_SESSION_SECRET_ACCESS_KEY",
    "CAIRN_TEST_SESSION_TOKEN",
]


def pytest_sessionstart() -> None:
    missing = [name for name in ENVIRONMENT if name not in os.environ]
    if missing:
        pytest.exit(f"run by `with-server -- .venv/bin/pytest`: {', '.join(missing)} not set", returncode=2)


@pytest.fixture(scope="session")
def client():
    return boto3.client("dynamodb")


@pytest.fixture(scope="session")
def resource():
    return boto3.resource("dynamodb")


@pytest.fixture(scope="session")
def reader() -> dict[str, str]:
    """The credentials of a user who may only read."""
    return {
        "aws_access_key_id": os.environ["CAIRN_TEST_READER_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["CAIRN_TEST_READER_SECRET_ACCESS_KEY"],
    }


@pytest.fixture(scope="session")
def session() -> dict[str, str]:
    """The temporary credentials of a session of a role that may do anything."""
    return {
        "aws_access_key_id": os.environ["CAIRN_TEST_SESSION_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["CAIRN_TEST_SESSION_SECRET_ACCESS_KEY"],
        "aws_session_token": os.environ["CAIRN_TEST_SESSION_TOKEN"],
    }


@pytest.fixture
def make_table(client) -> Iterator[Callable[..., str]]:
    """Makes tables, each with a name of its own which it answers with once the table may be used."""
    made = []

    def make(definition: dict | None = None) -> str:
        name = unique("table")
        client.create_table(TableName=name, **(definition or on_demand()))
        made.append(name)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=QUICKLY)
        return name

    yield make
    for name in made:
        client.delete_table(TableName=name)


@pytest.fixture
def table(make_table, resource):
    """An on-demand table with keys `pk` (S) and `sk` (N)."""
    return resource.Table(make_table())
