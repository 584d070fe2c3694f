"""Whose fault a failure is: each row of the table that the module states."""

from __future__ import annotations

import errno
import ssl

import asyncpg
import msgspec
import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from shared.kafka.between import StandstillError
from shared.runner.blame import belongs_to_records, in_words
from shared.runner.service import LaterReleaseError, PolicyMismatchError
from shared.runner.store import FencedError


def told(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "secret text", "S": "ERROR"})


RECORDS = ["21000", "22003", "22021", "23505", "23514", "38000", "39000", "44000", "54000", "57014", "P0001", "XX000"]
SERVERS = [
    *("08000", "08003", "08006", "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "58000", "58030"),
    *("25006", "25P03", "40001", "40P01", "55P03", "55006"),
    *("0A000", "26000", "28000", "28P01", "3D000", "3F000", "42501", "42P01", "42703", "F0000", "72000"),
]


@pytest.mark.parametrize("sqlstate", RECORDS)
def test_of_records(sqlstate: str) -> None:
    assert belongs_to_records(told(sqlstate))


@pytest.mark.parametrize("sqlstate", SERVERS)
def test_of_servers_and_deployments(sqlstate: str) -> None:
    assert not belongs_to_records(told(sqlstate))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("x"), True),
        (KeyError("x"), True),
        (msgspec.DecodeError("x"), True),
        (AssertionError("x"), True),
        (RecursionError("x"), True),
        (asyncpg.exceptions._base.DataError("x"), True),
        (asyncpg.InterfaceError("connection is closed"), False),
        (asyncpg.InternalClientError("x"), False),
        (ConnectionResetError("x"), False),
        (OSError(errno.EMFILE, "x"), False),
        (TimeoutError("x"), False),
        (MemoryError("x"), False),
        (FencedError("x"), False),
        (PolicyMismatchError("x"), False),
        (LaterReleaseError(), False),
        (KafkaConnectionError("x"), False),
        (MessageSizeTooLargeError("x"), False),
        (ProducerFenced("x"), False),
    ],
)
def test_of_errors_without_a_code(error: Exception, expected: bool) -> None:
    assert belongs_to_records(error) is expected


def expired() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "secret text")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (told("53100"), "the disk of Postgres is full (SQLSTATE 53100)"),
        (told("53200"), "Postgres is out of memory (SQLSTATE 53200)"),
        (told("53300"), "Postgres takes no more connections (SQLSTATE 53300)"),
        (told("28P01"), "Postgres does not take this service's password (SQLSTATE 28P01)"),
        (told("28000"), "Postgres does not let this service's role in (SQLSTATE 28000)"),
        (expired(), "the certificate of Postgres cannot be trusted: certificate has expired"),
        (told("54000"), "ProgramLimitExceededError (SQLSTATE 54000)"),
        (OSError(errno.EMFILE, "x"), "this process has no file descriptor left (OSError)"),
        (OSError(errno.ENOSPC, "x"), "the disk of this machine is full (OSError)"),
        (ConnectionResetError("secret text"), "ConnectionResetError"),
        (LaterReleaseError("secret text"), "a later release has written what is stored: start that one"),
        (StandstillError("Kafka gives out nothing.", "Look."), "Kafka gives out nothing."),
        (ValueError("secret text"), "ValueError"),
    ],
)
def test_in_words_and_without_a_records_content(error: Exception, words: str) -> None:
    assert in_words(error) == words


def test_a_missing_topic_is_no_silence_of_kafka() -> None:
    assert "goodstanding topics" in in_words(UnknownTopicOrPartitionError())


@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), RecordListTooLargeError()])
def test_a_topic_that_takes_less_than_it_should_is_told_with_the_command_that_names_it(error: Exception) -> None:
    assert "goodstanding doctor" in in_words(error)
