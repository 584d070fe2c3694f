"""What an error that a command lets out means to the person at the keyboard."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import sqlite3
import ssl
from typing import Any, NoReturn

import asyncpg
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from goodstanding.cli.frame import fail, wants_json
from goodstanding.platform.servers import ServersError
from goodstanding.simulation.real_data.source import DataError
from shared.kafka import clients
from shared.kafka.between import StandstillError
from shared.runner.blame import known
from shared.toml_file import ConfigError

_NO_WAY = (errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH)
_NO_ROOM = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
"""What SQLite says of a disk or a limit that takes no more, without the part that says where that was."""
_OF_SEVERAL = "Multiple exceptions: "
"""How asyncio begins an error, without a number, of a name that has several addresses of which none answers."""


def explain_failure(error: BaseException) -> None:
    """End with a sentence and what to do next, or return, if the error is a bug and its traceback what helps."""
    match error:
        case ConfigError():
            if wants_json.get():
                others = [{"line": each.line, "key": each.key, "error": each.sentence} for each in error.others]
                more: dict[str, Any] = {"others": others} if others else {}
                fail(error.sentence, file=str(error.file), line=error.line, key=error.key, **more)
            fail("\n".join(map(str, (error, *error.others))))
        case ServersError() | DataError():
            fail(str(error))
        case StandstillError():
            fail(error.sentence, error.advice)
        case KafkaConnectionError() if refused := clients.refusals():
            fail(
                f"{refused[0][0].upper()}{refused[0][1:]}.", "See what this command logs in with: GOODSTANDING_KAFKA_*"
            )
        case (
            TopicAuthorizationFailedError()
            | GroupAuthorizationFailedError()
            | ClusterAuthorizationFailedError()
            | TransactionalIdAuthorizationFailed()
        ):
            fail(
                "Kafka does not let this user do that.",
                "Use the login that was made for it, or have the operator grant it: goodstanding acl check",
            )
        case KafkaConnectionError() | ConnectionError() | TimeoutError():
            _tell_away(error)
        case socket.gaierror():  # as of a container that does not run
            fail("The name of a server is not known.", "Mend its address, or have it run: goodstanding local up")
        case OSError() if error.errno in _NO_WAY or str(error).startswith(_OF_SEVERAL):
            _tell_away(error)
        case sqlite3.OperationalError() if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_ROOM:
            fail(
                f"What an import puts aside cannot be written: {error}.",
                "Make room below the platform's directory (goodstanding local status), and repeat the command: it goes "
                "on.",
            )
        case (
            KafkaError()
            | ssl.SSLError()
            | asyncpg.PostgresError()
            | asyncpg.InterfaceError()
            | asyncio.CancelledError()
        ):
            # The last resort. A client library lets a cancellation out, now and then, when its broker goes away.
            server = "Kafka" if isinstance(error, KafkaError | asyncio.CancelledError) else "Postgres"
            words = known(error) or f"{server} could not do what was asked ({type(error).__name__})"
            fail(
                f"{words[0].upper()}{words[1:]}.",
                "See what runs, and have everything run: goodstanding local status, then goodstanding local up",
            )


def _tell_away(error: BaseException) -> NoReturn:
    fail(f"A server does not answer{_address_in(error)}.", "Have everything run: goodstanding local up")


def _address_in(error: BaseException) -> str:
    """Where the server should be, out of a library's words for it, which are not for people."""
    found = re.search(r"\(['\"]([^'\"]+)['\"], (\d+)", str(error))
    return f" at {found[1]}:{found[2]}" if found else ""
