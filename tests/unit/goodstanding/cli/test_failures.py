"""What a command says of an error that is none of its own: the server's words where they help, and never its text."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import sqlite3
import ssl
from pathlib import Path
from typing import Never

import asyncpg
import pytest
import typer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from goodstanding.cli import partner
from goodstanding.cli.failures import explain_failure
from goodstanding.partner.sending import _in_words
from shared.kafka import clients
from shared.kafka.sendable import InvalidRecordError
from tests.support.command_line import ask


def postgres(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "secret text", "S": "ERROR"})


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (postgres("53300"), "Postgres takes no more connections (SQLSTATE 53300). See what runs"),
        (postgres("25006"), "Postgres is read-only (SQLSTATE 25006). See what runs"),
        (postgres("53100"), "The disk of Postgres is full (SQLSTATE 53100). See what runs"),
        (postgres("42501"), "A right in Postgres is missing: grant it again (\\ddp in psql shows"),
        (postgres("42P01"), "A table is missing in Postgres: make it (goodstanding migrate) (SQLSTATE 42P01)."),
        (postgres("22012"), "Postgres could not do what was asked (DivisionByZeroError). See what runs"),
        (UnknownTopicOrPartitionError(), "A topic is missing: make it again (goodstanding topics). See what runs"),
        (
            InvalidRecordError(),
            "A topic is compacted that should not be: see which (goodstanding doctor).",
        ),
        (KafkaError(), "Kafka could not do what was asked (KafkaError). See what runs"),
        (TopicAuthorizationFailedError("secret text"), "Kafka does not let this user do that. Use the login"),
        (ssl.SSLError(), "Postgres could not do what was asked (SSLError). See what runs"),
        (untrusted(), "The certificate of Postgres cannot be trusted: self-signed certificate. See what runs"),
        (socket.gaierror(socket.EAI_NONAME, "secret text"), "The name of a server is not known. Mend its address"),
        (OSError(errno.EHOSTUNREACH, "secret text"), "A server does not answer. Have everything run"),
        # A name with several addresses, as asyncio tells it.
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), "
                "[Errno 111] Connect call failed ('127.0.0.1', 5432)"
            ),
            "A server does not answer at ::1:5432. Have everything run",
        ),
    ],
)
def test_a_server_that_says_what_is_wrong_is_heard(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        explain_failure(error)
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told


def test_a_login_that_kafka_refuses_is_called_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library tells a refused login as it tells a broker that is away."""
    monkeypatch.setattr(clients, "refusals", lambda: ["Kafka refuses the password of bank"])
    with pytest.raises(typer.Exit):
        explain_failure(KafkaConnectionError("Unable to bootstrap from [('secret', 1)]"))
    assert "Kafka refuses the password of bank. See what this command logs in with" in capsys.readouterr().err


def test_an_import_that_has_no_room_is_told_to_go_on_when_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("pragma max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as full:
        db.execute("create table piece (value blob)")
    with pytest.raises(typer.Exit):
        explain_failure(full.value)
    assert "cannot be written: database or disk is full. Make room" in capsys.readouterr().err
    with pytest.raises(sqlite3.OperationalError) as bug:
        db.execute("no statement")
    explain_failure(bug.value)
    explain_failure(sqlite3.OperationalError("what Python itself finds has no code of SQLite"))


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "no such file", "events"), OSError("a bug"), OSError()]
)
def test_an_error_that_no_server_brings_keeps_its_traceback(error: OSError) -> None:
    explain_failure(error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (postgres("53300"), "Postgres takes no more connections (SQLSTATE 53300)"),
        (postgres("42P01"), "a table is missing in Postgres: make it (goodstanding migrate) (SQLSTATE 42P01)"),
        (postgres("57014"), "QueryCanceledError (SQLSTATE 57014)"),
        (postgres("57P01"), "Postgres does not answer"),
        (postgres("08006"), "Postgres does not answer"),
        (ConnectionRefusedError(), "Postgres does not answer"),
    ],
)
def test_why_nobody_was_waited_for(error: Exception, said: str) -> None:
    assert _in_words(error) == said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_who_interrupts_a_sending_is_told_how_to_see_what_was_sent(
    number: signal.Signals, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: object) -> Never:
        os.kill(os.getpid(), number)
        await asyncio.sleep(60)  # it is interrupted, and never gets there
        raise AssertionError

    monkeypatch.setattr(partner, "send", interrupted)
    monkeypatch.setenv("GOODSTANDING_KAFKA", "127.0.0.1:1")
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n")
    told = ask("partner", "send", "bank", str(file), *options)
    assert (told.exit_code, "Send the file again" in told.stderr) == (130, True)
    if options:
        assert list(json.loads(told.stderr)) == ["warning"]
