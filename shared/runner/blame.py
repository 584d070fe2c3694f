"""Whose fault a failure is: the records' that were handled, or the servers', the machine's, the deployment's.

A record is set aside only for the first kind, and only when three things are seen, in this order: it fails alone; a
transaction without it succeeds; it fails alone again. The setting aside is a transaction too, so while the database is
away nothing is ever set aside. A failure of the second kind is tried again until it passes, whatever the time, in
smaller portions.

| failure | whose |
|---|---|
| any exception of a service's own code in `decode`, `decide`, `load`, `save` | the records' |
| SQLSTATE 21, 22, 23, 38, 39, 44, 54, P0, XX; 57014 (statement timeout) | the records' |
| connection refused, lost or timed out; the pool closed | the server's |
| SQLSTATE 08, 53 (disk full, out of memory, too many connections), 57P.., 58 | the server's |
| SQLSTATE 25, 40, 55 (idle in transaction, deadlock, lock not available) | of the moment |
| SQLSTATE 0A, 28, 3D, 3F, 42 (stale plan, a right or a table that is missing) | the deployment's |
| an epoch that has moved, a database that was put back, a state of a later release | never the records' |
| anything that Kafka says, a clock or a Kafka in doubt | never the records' |

A message that can never be sent is another question: see `delivery`.
"""

from __future__ import annotations

import contextlib
import errno
import ssl
from collections.abc import Iterator

import asyncpg
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from shared.kafka.between import StandstillError
from shared.kafka.sendable import InvalidRecordError
from shared.runner.host import ContradictionError, DoubtError
from shared.runner.service import LaterReleaseError, PolicyMismatchError
from shared.runner.store import FencedError, SetBackError
from shared.trust import ClockDoubtError

_OF_RECORDS = ("21", "22", "23", "38", "39", "44", "54", "P0", "XX")
"""Classes of SQLSTATE that say something of the statement's data: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_STATEMENT_TIMEOUT = "57014"
_NEVER = (
    OSError,
    TimeoutError,
    MemoryError,
    KafkaError,
    FencedError,
    SetBackError,
    PolicyMismatchError,
    LaterReleaseError,
    ContradictionError,
    DoubtError,
    ClockDoubtError,
)

_WORDS = {
    "25006": "Postgres is read-only",
    "28000": "Postgres does not let this service's role in",
    "28P01": "Postgres does not take this service's password",
    "3D000": "Postgres has no database of this name: see where GOODSTANDING_POSTGRES leads",
    "3F000": "a schema is missing in Postgres: make it (goodstanding migrate)",
    "42501": "a right in Postgres is missing: grant it again (\\ddp in psql shows who may do what)",
    "42P01": "a table is missing in Postgres: make it (goodstanding migrate)",
    "53100": "the disk of Postgres is full",
    "53200": "Postgres is out of memory",
    "53300": "Postgres takes no more connections",
    errno.EMFILE: "this process has no file descriptor left",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.ENOSPC: "the disk of this machine is full",
}


def belongs_to_records(error: BaseException) -> bool:
    """Whether trying again with fewer records can tell more than waiting can. See the table."""
    match error:
        case asyncpg.PostgresError():
            return error.sqlstate == _STATEMENT_TIMEOUT or (error.sqlstate or "")[:2] in _OF_RECORDS
        case asyncpg.exceptions._base.DataError():
            return True
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return False
        case _:
            return isinstance(error, Exception) and not isinstance(error, _NEVER)


def in_words(error: BaseException) -> str:
    """For readiness: what went wrong, as far as it is known, and never what a record says."""
    if (sentence := known(error)) is not None:
        return sentence
    name = type(error).__name__
    return f"{name} (SQLSTATE {error.sqlstate})" if isinstance(error, asyncpg.PostgresError) else name


def known(error: BaseException) -> str | None:
    """What went wrong, in a sentence, where there is one for it."""
    match error:
        case asyncpg.PostgresError():
            words = _WORDS.get(error.sqlstate or "")
            return f"{words} (SQLSTATE {error.sqlstate})" if words else None
        case LaterReleaseError():
            return "a later release has written what is stored: start that one"
        case ssl.SSLCertVerificationError():
            return f"the certificate of Postgres cannot be trusted: {error.verify_message}"
        case StandstillError():
            return error.sentence
        case UnknownTopicOrPartitionError():
            return "a topic is missing: make it again (goodstanding topics)"
        case InvalidRecordError():
            return "a topic is compacted that should not be: see which (goodstanding doctor)"
        case MessageSizeTooLargeError() | RecordListTooLargeError():
            return "a topic takes smaller messages than it was made for: see which (goodstanding doctor)"
        case OSError():
            words = _WORDS.get(error.errno or 0)
            return f"{words} ({type(error).__name__})" if words else None
        case _:
            return None


class RecordsFaultError(Exception):
    """A step failed because of what it was to handle, and nothing of it took effect."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def blamed() -> Iterator[None]:
    """Errors that belong to what was to be handled become RecordsFaultError."""
    try:
        yield
    except Exception as error:
        if belongs_to_records(error):
            raise RecordsFaultError(error) from error
        raise
