"""A table without capacity left, and the retries of the AWS CLI."""

import pytest

from support import overdraw, provisioned, relieve


@pytest.fixture
def put_small(client, make_table) -> tuple:
    """The arguments of a small write to a table that has been overdrawn."""
    table = make_table(provisioned(1))
    overdraw(client, table)
    return ("put-item", "--table-name", table, "--item", {"pk": {"S": "small"}})


def test_with_a_single_attempt_a_write_is_throttled(aws, put_small):
    once = aws(*put_small, "--debug", AWS_MAX_ATTEMPTS="1")
    once.refused(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded",
    )
    assert once.requests == [400]


def test_the_attempts_are_as_many_as_it_is_told(aws, put_small):
    twice = aws(*put_small, "--debug", AWS_RETRY_MODE="standard", AWS_MAX_ATTEMPTS="2")
    twice.refused("ProvisionedThroughputExceededException")
    assert twice.requests == [400, 400]


@pytest.mark.parametrize("settings", [{}, {"AWS_RETRY_MODE": "standard"}, {"AWS_RETRY_MODE": "adaptive"}], ids=str)
def test_with_retries_the_same_write_succeeds(aws, client, put_small, settings):
    table, patient = put_small[2], settings | {"AWS_MAX_ATTEMPTS": "10"}
    retried = aws.meeting_refusal(lambda: relieve(client, table), *put_small, **patient)
    assert retried.json == {}
    *throttled, last = retried.requests
    assert last == 200
    assert set(throttled) == {400}
