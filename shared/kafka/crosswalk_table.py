"""The entries of crosswalks as one reading of their topics has them, in SQLite's temporary database: in memory while
there are few, in a file without a name when there are many, so that a million customers do not fill the process.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import structlog
from aiokafka import ConsumerRecord

from shared.contracts.crosswalk import is_entry

log = structlog.get_logger("kafka")

_CACHE_KIB = 65_536
_CACHE_OF_FORMER_KIB = 2_048
_TABLE = """
create table entry (
    number blob primary key, user_id blob not null, told_ms integer not null, topic text not null
) without rowid;
create index of_person on entry (user_id);
"""


class Told(NamedTuple):
    """Where an entry lies: its topic, and the key of its message."""

    topic: str
    key: bytes


class Entry(NamedTuple):
    """Whose a number is, and when the broker took the entry."""

    user_id: str
    told_ms: int


class Table:
    """The first entry of a number holds, however often it is told, until a tombstone takes it away."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", f"cache_size = -{_CACHE_KIB}"):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(_TABLE)

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from entry").fetchone()[0])

    def entry(self, key: bytes) -> Entry:
        """The entry with this key of its message. Raises KeyError."""
        row = self._db.execute("select user_id, told_ms from entry where number = ?", (_packed(key),)).fetchone()
        if row is None:
            raise KeyError("no entry")
        return Entry(row[0].hex(), row[1])

    def numbers_of(self, user_id: str, told_until_ms: int | None) -> Sequence[Told]:
        """The entries of a person that the broker had taken by then."""
        query = "select topic, number from entry where user_id = ? and told_ms <= ? order by topic, number"
        rows = self._db.execute(query, (bytes.fromhex(user_id), told_until_ms)).fetchall()
        return [Told(topic, number.hex().encode()) for topic, number in rows]

    def take(self, records: Iterable[ConsumerRecord]) -> bool:
        """Whether an entry may have been taken away."""
        forgot = False
        self._db.execute("begin")
        try:
            for record in records:
                forgot |= self._take(record)
        finally:
            # Whatever failed: while this one is open, no other could begin, and nothing would be taken any more.
            if self._db.in_transaction:
                self._db.execute("commit")
        return forgot

    def _take(self, record: ConsumerRecord) -> bool:
        if not is_entry(record.key, record.value):
            log.warning("passed over what is no entry", topic=record.topic, offset=record.offset)
        elif record.value is None:
            self._db.execute("delete from entry where number = ?", (_packed(record.key),))
            return True
        else:
            values = (_packed(record.key), _packed(record.value), record.timestamp, record.topic)
            self._db.execute("insert or ignore into entry values (?, ?, ?, ?)", values)
        return False

    @contextlib.contextmanager
    def making_room(self) -> Iterator[None]:
        """Keep little in memory for as long as another table is made, which is to take this one's place."""
        self._db.execute(f"pragma cache_size = -{_CACHE_OF_FORMER_KIB}")
        try:
            yield
        finally:
            self._db.execute(f"pragma cache_size = -{_CACHE_KIB}")


def _packed(hexadecimal: bytes) -> bytes:
    return bytes.fromhex(hexadecimal.decode())
