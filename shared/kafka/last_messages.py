"""The last message of each key of a topic, in SQLite's temporary database: there may be one of everybody, and with what
Python needs for each a service would have no memory left for its work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView

import msgspec

from shared.kafka.records import ReadRecord
from shared.kafka.unreadable import Record

_CACHE_KIB = 16_384
_AT_ONCE = 500
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ReadRecord)


class LastMessages(Mapping[bytes, Record]):
    """In the order of the keys."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", f"cache_size = -{_CACHE_KIB}"):
            self._db.execute(f"pragma {pragma}")
        self._db.execute("create table message (key blob primary key, record blob not null) without rowid")

    def take(self, records: Iterable[Record]) -> None:
        """In the order of the log. Those without a key are passed over."""
        rows = [(record.key, _encoder.encode(record)) for record in records if record.key is not None]
        self._db.execute("begin")
        self._db.executemany("insert or replace into message values (?, ?)", rows)
        self._db.execute("commit")

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from message").fetchone()[0])

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self.rows())

    def __getitem__(self, key: bytes) -> Record:
        row = self._db.execute("select record from message where key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return _decoder.decode(row[0])

    def values(self) -> ValuesView[Record]:
        return _Values(self)

    def items(self) -> ItemsView[bytes, Record]:
        return _Items(self)

    def rows(self) -> Iterator[tuple[bytes, Record]]:
        cursor = self._db.execute("select key, record from message order by key")
        while page := cursor.fetchmany(_AT_ONCE):
            for key, record in page:
                yield key, _decoder.decode(record)


class _Values(ValuesView[Record]):
    """In one pass, and not by a question for each key."""

    _mapping: LastMessages

    def __iter__(self) -> Iterator[Record]:
        return (record for _, record in self._mapping.rows())


class _Items(ItemsView[bytes, Record]):
    """The same."""

    _mapping: LastMessages

    def __iter__(self) -> Iterator[tuple[bytes, Record]]:
        return self._mapping.rows()
