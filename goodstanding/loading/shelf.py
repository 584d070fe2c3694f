"""What is to be sent of a past that is loaded, sorted by month, and what became of it: a file of SQLite.

Files come in any order, sorted by customer or by day, of one partner after the other, and the clock goes through their
months once. So every piece of them is put on the shelf of its month first, and leaves it when all services have taken
it. After a kill the shelf has all that may not have arrived. It lies beside the deployment's secrets, where only the
operator reads, since it holds what partners' files hold; `goodstanding go-live` removes it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from aiokafka import TopicPartition

from goodstanding.loading.pieces import Piece
from shared.postgres import queries

_SCHEMA = queries(Path(__file__).with_name("shelf.sql"))["schema"]
_FILE = "shelf.sqlite"


class Shelved(NamedTuple):
    """A piece with the month and the shard in which its event counts."""

    month: int
    shard: int
    piece: Piece


class Refused(NamedTuple):
    """Why an event of a file is not taken; `number` is that of its line or member."""

    number: int
    code: str
    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read to its end, by its number on the shelf, with the counts of its events."""

    id: int
    partner: str
    name: str
    head: bytes
    events: int
    skipped: int
    outside: int


class Shelf:
    """Make one with `open_shelf`. What a method writes is written when it returns."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # -- files -----------------------------------------------------------------------------------------------------

    def find(self, partner: str, digest: bytes, read_by: bytes) -> File | None:
        """The file of this content, if it was read to its end before by the same mapping, for the same days."""
        where = "where partner = ? and digest = ? and read_by = ? and events is not null"
        row = self._db.execute(f"{_FILES} {where}", (partner, digest, read_by)).fetchone()
        return File(*row) if row else None

    def files(self) -> list[File]:
        return [File(*row) for row in self._db.execute(f"{_FILES} where events is not null order by id")]

    def begin(self, partner: str, digest: bytes, read_by: bytes, name: str, head: bytes) -> int:
        """A number for a file that is read now. What is left of an earlier reading of this content is gone: that was
        interrupted, or by another mapping."""
        with self._db:
            self._db.execute("delete from file where partner = ? and digest = ?", (partner, digest))
            written = self._db.execute(
                "insert into file (partner, digest, read_by, name, head) values (?, ?, ?, ?, ?)",
                (partner, digest, read_by, name, head),
            )
        assert written.lastrowid is not None
        return written.lastrowid

    def put(self, file: int, pieces: Iterable[Shelved], refused: Iterable[Refused]) -> None:
        with self._db:
            self._put(file, pieces, refused)

    def put_again(
        self, file: int, judged: Iterable[Piece], pieces: Iterable[Shelved], refused: Iterable[Refused]
    ) -> None:
        """What has become of pieces of a file that was read to its end, and that were `judged` once more."""
        numbers = ((file, number) for piece in judged for number in piece.numbers)
        with self._db:
            self._db.executemany("delete from refusal where file = ? and number = ?", numbers)
            self._put(file, pieces, refused)

    def _put(self, file: int, pieces: Iterable[Shelved], refused: Iterable[Refused]) -> None:
        rows = ((each.month, file, each.shard, self._place(file, each.piece), each.piece) for each in pieces)
        written = ((*where, piece.number, piece.count, piece.value, piece.alike) for *where, piece in rows)
        self._db.executemany("insert or replace into piece values (?, ?, ?, ?, ?, ?, ?, ?)", written)
        self._refuse(file, refused)

    def end(self, file: int, events: int, skipped: int, outside: int) -> None:
        """The file is read to its end; from now on it is known by its content."""
        with self._db:
            self._db.execute("delete from first_alike where file = ?", (file,))
            self._db.execute(
                "update file set events = ?, skipped = ?, outside = ? where id = ?", (events, skipped, outside, file)
            )

    def crowded(self, file: int, most: int) -> tuple[int, int] | None:
        """The first piece of more than `most` that are alike, and how many they are; None where there are none."""
        counts = (
            "select place, sum(count) as found from piece where file = ? and alike <> x'' group by month, shard, place"
        )
        found = self._db.execute(f"select * from ({counts}) where found > ? order by place", (file, most)).fetchone()
        return None if found is None else tuple(found)

    # -- pieces ----------------------------------------------------------------------------------------------------

    def first_month(self) -> int | None:
        """The earliest month of which something is to be sent."""
        month: int | None = self._db.execute(f"select min(month) from piece where file in ({_WHOLE})").fetchone()[0]
        return month

    def last_month(self) -> int | None:
        """The latest month of which something was sent or is to be."""
        months = f"select month from piece where file in ({_WHOLE}) union select month from taken"
        month: int | None = self._db.execute(f"select max(month) from ({months})").fetchone()[0]
        return month

    def waiting(self) -> Mapping[int, int]:
        """How many events are to be sent of each month, the earliest first."""
        counts = f"select month, sum(count) from piece where file in ({_WHOLE}) group by month order by month"
        return dict(self._db.execute(counts))

    def groups(self, month: int) -> Iterator[tuple[int, int, Iterator[Piece]]]:
        """What is to be sent of a month: for each file and shard the pieces in the order of the file, but those that
        are alike together."""
        where = f"select distinct file, shard from piece where month = ? and file in ({_WHOLE}) order by file, shard"
        for file, shard in self._db.execute(where, (month,)).fetchall():
            where = "where month = ? and file = ? and shard = ? order by place, number"
            of = f"select number, value, count, alike from piece {where}"
            yield file, shard, (Piece(*row) for row in self._db.execute(of, (month, file, shard)))

    def taken(self, month: int, refused: Mapping[int, Iterable[Refused]], heard: Mapping[TopicPartition, int]) -> None:
        """All services are done with what the shelf had of the month. What is refused is given by file, and `heard`
        says how far the refusals were read."""
        with self._db:
            self._db.execute(f"delete from piece where month = ? and file in ({_WHOLE})", (month,))
            self._db.execute("insert or ignore into taken values (?)", (month,))
            self._hear(refused, heard)

    def hear(self, refused: Mapping[int, Iterable[Refused]], heard: Mapping[TopicPartition, int]) -> None:
        """Refusals that came later than what was sent with them."""
        with self._db:
            self._hear(refused, heard)

    def heard(self) -> dict[TopicPartition, int]:
        """How far the refusals were read, by partition; empty before anything was sent."""
        return {TopicPartition(*row[:2]): row[2] for row in self._db.execute("select topic, shard, offset from heard")}

    def refusals(self, file: int) -> Iterator[Refused]:
        """In the order of the file."""
        of = "select number, code, field, sentence from refusal where file = ? order by number"
        return (Refused(*row) for row in self._db.execute(of, (file,)))

    def refused_as(self, file: int, code: str) -> set[int]:
        """The numbers of the events of the file that are refused for this reason."""
        return {
            row[0] for row in self._db.execute("select number from refusal where file = ? and code = ?", (file, code))
        }

    def refused(self, file: int) -> int:
        """How many events of the file are refused."""
        count: int = self._db.execute("select count(*) from refusal where file = ?", (file,)).fetchone()[0]
        return count

    def _place(self, file: int, piece: Piece) -> int:
        """The number of the first piece of the file that is alike."""
        if not piece.alike:
            return piece.number
        about = file, piece.alike, piece.number
        self._db.execute("insert or ignore into first_alike values (?, ?, ?)", about)
        of = "select number from first_alike where file = ? and alike = ?"
        place: int = self._db.execute(of, about[:2]).fetchone()[0]
        return place

    def _hear(self, refused: Mapping[int, Iterable[Refused]], heard: Mapping[TopicPartition, int]) -> None:
        for file, each in refused.items():
            self._refuse(file, each)
        rows = [(*at, offset) for at, offset in heard.items()]
        self._db.executemany("insert or replace into heard values (?, ?, ?)", rows)

    def _refuse(self, file: int, refused: Iterable[Refused]) -> None:
        # What is sent again because its sender was killed is refused again.
        rows = ((file, *each) for each in refused)
        self._db.executemany("insert or replace into refusal values (?, ?, ?, ?, ?)", rows)


_FILES = "select id, partner, name, head, events, skipped, outside from file"
_WHOLE = "select id from file where events is not null"
"""Of a file that was not read to its end nothing is sent: it is read again."""


@contextlib.contextmanager
def open_shelf(directory: Path) -> Iterator[Shelf]:
    """The shelf in this directory, made if there is none. Raises OSError and sqlite3.Error."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(directory / _FILE)
    try:
        db.execute("pragma foreign_keys = on")
        # What partners' files hold is gone when it leaves the shelf, and not some time later.
        db.execute("pragma secure_delete = on")
        # A killed program loses nothing. After a power cut the last moments may be missing, and are sent again.
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.executescript(_SCHEMA)
        yield Shelf(db)
    finally:
        db.close()
