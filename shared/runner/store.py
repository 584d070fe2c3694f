"""The shard row and the outbox, behind one door: claim, lock, pending, advance."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from shared.postgres import queries
from shared.runner.service import Db, Outgoing

if TYPE_CHECKING:
    from asyncpg import Pool

    DbOrPool: TypeAlias = Db | Pool

MIGRATIONS = Path(__file__).with_name("migrations")
_SQL = queries(Path(__file__).with_name("store.sql"))
_outbox_encoder = msgspec.msgpack.Encoder()
_outbox_decoder = msgspec.msgpack.Decoder(list[Outgoing])
_offsets_decoder = msgspec.json.Decoder(dict[str, int])


class FencedError(Exception):
    """Another process has claimed the shard since; nothing of this step may take effect."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shard has come. `offsets` is the next offset to fold of each input topic.

    `run` is the timer run in hand and `barrier` the offsets that must be folded before its pages; both are stored, so
    that a kill resumes the same run behind the same barrier.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    cursor: str = ""
    run: str | None = None
    barrier: dict[str, int] = field(default_factory=dict)

    def read_past(self, offsets: dict[str, int]) -> Progress:
        """Never backwards: of records that come again, the last may lie below what was folded long ago."""
        further = {topic: max(offset, self.offsets.get(topic, 0)) for topic, offset in offsets.items()}
        return replace(self, offsets={**self.offsets, **further})


@dataclass(frozen=True, slots=True)
class Claim:
    epoch: int
    progress: Progress


async def claim(db: DbOrPool, shard: int, *, epoch: int | None) -> Claim:
    """Take the shard over, so that every earlier owner finds the epoch moved.

    With an epoch, only if it is still ours: an owner that must start again cannot take the shard back from a successor.
    Raises FencedError.
    """
    row = await db.fetchrow(_SQL["claim"], shard, epoch)
    if row is None:
        raise FencedError
    return Claim(
        row["epoch"],
        Progress(
            _offsets_decoder.decode(row["offsets"]), row["cursor"], row["run"], _offsets_decoder.decode(row["barrier"])
        ),
    )


async def lock(db: Db, shard: int, epoch: int) -> None:
    """Hold the shard's row for the rest of the transaction. Raises FencedError if it is not ours any more."""
    if await db.fetchval(_SQL["lock"], shard) != epoch:
        raise FencedError


async def pending(db: DbOrPool, shard: int, epoch: int) -> list[tuple[int, list[Outgoing]]]:
    """What the outbox still holds, oldest first: (sequence number, messages). Raises FencedError."""
    rows = await db.fetch(_SQL["pending"], shard, epoch)
    if not rows and await db.fetchval(_SQL["epoch"], shard) != epoch:
        raise FencedError
    return [(row["seq"], _outbox_decoder.decode(row["messages"])) for row in rows]


async def advance(
    db: Db,
    shard: int,
    epoch: int,
    progress: Progress,
    *,
    sent_seq: int,
    outgoing: list[Outgoing],
    settled_at: datetime | None = None,
) -> int | None:
    """Record the step: where it read to, what is to be sent, and that everything up to `sent_seq` has been sent.

    Returns the sequence number of the new outbox row, None when nothing is to be sent. Raises FencedError.
    """
    row = await db.fetchrow(
        _SQL["advance"],
        shard,
        epoch,
        sent_seq,
        _outbox_encoder.encode(outgoing) if outgoing else None,
        msgspec.json.encode(progress.offsets).decode(),
        progress.cursor,
        progress.run,
        msgspec.json.encode(progress.barrier).decode(),
        settled_at,
    )
    if row is None or row["moved"] != 1:
        raise FencedError
    seq: int | None = row["seq"]
    return seq


async def backlog(db: DbOrPool) -> tuple[int, float]:
    """Outbox rows of all shards that are not known to be sent, and the age of the oldest in seconds."""
    row = await db.fetchrow(_SQL["backlog"])
    assert row is not None
    return row["batches"], row["oldest_s"] or 0.0
