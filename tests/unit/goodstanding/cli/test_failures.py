"""What a command says of an error that is none of its own: the server's words where they help, and never its text."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Never

import asyncpg
import pytest
import typer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from goodstanding.cli import partner
from goodstanding.cli.failures import explain_failure
from goodstanding.partner.sending import _in_words
from shared.kafka.sendable import InvalidRecordError
from tests.support.command_line import ask


def postgres(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "secret text", "S": "ERROR"})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (postgres("53300"), "Postgres takes no more connections (SQLSTATE 53300). See what runs"),
        (postgres("25006"), "Postgres is read-only (SQLSTATE 25006). See what runs"),
        (postgres("53100"), "The disk of Postgres is full (SQLSTATE 53100). See what runs"),
        (postgres("42501"), "Postgres could not do what was asked (InsufficientPrivilegeError). See what runs"),
        (UnknownTopicOrPartitionError(), "A topic is missing: make it again (goodstanding topics). See what runs"),
        (
            InvalidRecordError(),
            "A topic is compacted that should not be: see which (goodstanding doctor).",
        ),
        (KafkaError(), "Kafka could not do what was asked (KafkaError). See what runs"),
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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (postgres("53300"), "Postgres takes no more connections (SQLSTATE 53300)"),
        (postgres("57P01"), "Postgres does not answer"),
        (ConnectionRefusedError(), "Postgres does not answer"),
    ],
)
def test_why_nobody_was_waited_for(error: Exception, said: str) -> None:
    assert _in_words(error) == said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_a_sending_is_told_how_to_see_what_was_sent(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: object) -> Never:
        os.kill(os.getpid(), number)
        await asyncio.sleep(60)  # it is interrupted, and never gets there
        raise AssertionError

    monkeypatch.setattr(partner, "send", interrupted)
    monkeypatch.setenv("GOODSTANDING_KAFKA", "127.0.0.1:1")
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n")
    told = ask("partner", "send", "bank", str(file))
    assert (told.exit_code, "Send the file again" in told.stderr) == (130, True)
