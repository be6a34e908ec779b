"""What the Python suites share: names, table definitions, clients and waiting."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

# For the SDK's waiters, which would ask every twenty seconds.
QUICKLY = {"Delay": 0.05, "MaxAttempts": 400}

# What a call must not do again, where a test counts or a refusal is wanted.
NO_RETRIES = Config(retries={"total_max_attempts": 1})

# Attempts enough that chance, by which the SDK waits between them, has no say in whether one succeeds.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})


def unique(name: str) -> str:
    """A table name that nothing else has."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def key_schema(partition: str, sort: str | None = None) -> list[dict]:
    """A key of a table or an index."""
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort is not None:
        schema.append({"AttributeName": sort, "KeyType": "RANGE"})
    return schema


def attributes(**types: str) -> list[dict]:
    """The definitions of key attributes, each by its type."""
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def on_demand(**definition: Any) -> dict:
    """An on-demand table with a partition key `pk` and a sort key `sk`, except for what `definition` says."""
    ordinary = {
        "AttributeDefinitions": attributes(pk="S", sk="N"),
        "KeySchema": key_schema("pk", "sk"),
        "BillingMode": "PAY_PER_REQUEST",
    }
    return ordinary | definition


def provisioned(units: int) -> dict:
    """A table with a partition key `pk` and so many units a second, of reads and of writes."""
    return {
        "AttributeDefinitions": attributes(pk="S"),
        "KeySchema": key_schema("pk"),
        "ProvisionedThroughput": {"ReadCapacityUnits": units, "WriteCapacityUnits": units},
    }


def overdraw(client, table: str) -> None:
    """Leaves a table of one unit a second without capacity for minutes: one call may overdraw it."""
    client.put_item(TableName=table, Item={"pk": {"S": "large"}, "v": {"S": "x" * 300_000}})


def relieve(client, table: str) -> None:
    """Gives such a table the capacity of an on-demand one, and waits until it has it."""
    client.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig=QUICKLY)


def client_with(**settings: Any):
    """A client of the server, in a session of its own."""
    return boto3.session.Session().client("dynamodb", **settings)


def until(question: Callable[[], Any], seconds: float = 20) -> Any:
    """The first answer to `question` that is true, or a failure after so many seconds without one."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)
    return answer


@contextmanager
def refused(code: str, containing: str = "") -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """Expects the server to refuse a call by this exception's name, with this in the message."""
    with pytest.raises(ClientError) as refusal:
        yield refusal
    error = refusal.value.response["Error"]
    assert error["Code"] == code, refusal.value
    assert containing in error["Message"], refusal.value
