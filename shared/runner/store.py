"""The shard row and the outbox, behind one door: claim, lock, pending, advance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from shared.postgres import Db, DbOrPool, queries
from shared.runner.answers import Outgoing
from shared.runner.one_story.agreement import Noted

MIGRATIONS = Path(__file__).with_name("migrations")
_SQL = queries(Path(__file__).with_name("store.sql"))
_outbox_encoder = msgspec.msgpack.Encoder()
_outbox_decoder = msgspec.msgpack.Decoder(list[Outgoing])
_offsets_decoder = msgspec.json.Decoder(dict[str, int])
_ids_decoder = msgspec.json.Decoder(dict[str, str])
_NOTHING: Mapping[str, int] = MappingProxyType({})


class SetBackError(Exception):
    """An older copy of the database was put back under the running service: what is in memory is of another time."""


class FencedError(Exception):
    """Another process has claimed the shard since; nothing of this step may take effect."""


async def ensure_shards(db: Db, count: int) -> bool:
    """Make this number of shards where none was ever claimed; elsewhere, say whether there is this number. The
    migration made six."""
    there = await db.fetchrow(_SQL["shards"])
    assert there is not None
    if there["shards"] == count:
        return True
    if there["epoch"]:
        return False
    async with db.transaction():
        await db.execute(_SQL["forget_shards"], count)
        await db.execute(_SQL["make_shards"], count)
    return True


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
    newest: dict[str, int] = field(default_factory=dict)
    """The highest append time folded of each input topic, in milliseconds since 1970: what lies below `offsets` and is
    newer was never folded, so the log is another one than it was (decision 0014)."""

    def advanced_to(self, offsets: Mapping[str, int], newest: Mapping[str, int] = _NOTHING) -> Progress:
        """Never backwards: when records come again, the last of them may lie below an offset that was folded long
        ago."""
        return replace(self, offsets=_highest(self.offsets, offsets), newest=_highest(self.newest, newest))


def _highest(known: dict[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {**known, **{topic: max(number, known.get(topic, 0)) for topic, number in now.items()}}


@dataclass(frozen=True, slots=True)
class Claim:
    """`noted` is what Kafka is compared with: which one the offsets are of, and how far sending is known to be done."""

    epoch: int
    progress: Progress
    noted: Noted
    steps: int
    """How many steps were committed before."""


async def claim(db: DbOrPool, shard: int, *, epoch: int | None) -> Claim:
    """Take the shard over, so that every earlier owner finds the epoch moved.

    With an epoch, only if it is still ours: an owner that must start again cannot take the shard back from a successor.
    Raises FencedError.
    """
    row = await db.fetchrow(_SQL["claim"], shard, epoch)
    if row is None:
        raise FencedError
    return _claimed(row)


async def peek(db: DbOrPool, shard: int) -> Claim:
    """The shard's row as it is, with nothing claimed: what a process may know before it fences another one."""
    row = await db.fetchrow(_SQL["peek"], shard)
    assert row is not None, "`ensure_shards` has made a row for every shard"
    return _claimed(row)


def _claimed(row: Any) -> Claim:
    offsets, barrier, topic_ids, newest, sent = (
        _offsets_decoder.decode(row["offsets"]),
        _offsets_decoder.decode(row["barrier"]),
        _ids_decoder.decode(row["topic_ids"]),
        _offsets_decoder.decode(row["newest"]),
        _offsets_decoder.decode(row["sent"]),
    )
    return Claim(
        row["epoch"],
        Progress(offsets, row["cursor"], row["run"], barrier, newest),
        Noted(row["cluster"], str(row["owner"]), topic_ids, offsets, newest, sent),
        row["steps"],
    )


async def lock(db: Db, shard: int, epoch: int) -> None:
    """Hold the shard's row for the rest of the transaction. Raises FencedError if it is not ours any more."""
    if await db.fetchval(_SQL["lock"], shard) != epoch:
        raise FencedError


async def pending(db: DbOrPool, shard: int, epoch: int) -> AsyncIterator[tuple[int, list[Outgoing]]]:
    """What the outbox still holds, oldest first: (sequence number, messages). Raises FencedError.

    One row at a time: after everything was said again it holds a message about everybody.
    """
    seq = 0
    while (row := await db.fetchrow(_SQL["pending"], shard, epoch, seq)) is not None:
        seq = row["seq"]
        yield seq, _outbox_decoder.decode(row["messages"])
    if await db.fetchval(_SQL["epoch"], shard) != epoch:
        raise FencedError


async def advance(
    db: Db,
    shard: int,
    epoch: int,
    progress: Progress,
    *,
    sent_seq: int,
    outgoing: list[Outgoing],
    settled_at: datetime | None = None,
    sent_ends: Mapping[str, int] = _NOTHING,
    steps: int | None = None,
) -> int | None:
    """Record the step: where it read to, what is to be sent, and that everything up to `sent_seq` has been sent, which
    in the service's own topic was everything before the offset in `sent_ends`. In a transaction it holds the shard's
    row until the end.

    Returns the sequence number of the new outbox row, None when nothing is to be sent. Raises FencedError where the
    shard is not ours any more, and SetBackError where it had not as many `steps` as our last one left it with.
    """
    row = await db.fetchrow(
        _SQL["advance"],
        shard,
        epoch,
        sent_seq,
        _outbox_encoder.encode(outgoing) if outgoing else None,
        _text(progress.offsets),
        progress.cursor,
        progress.run,
        _text(progress.barrier),
        settled_at,
        _text(progress.newest),
        _text(sent_ends),
        steps,
    )
    assert row is not None, "counts come in a row, whatever they are"
    if row["moved"] != 1:
        raise SetBackError if await db.fetchval(_SQL["epoch"], shard) == epoch else FencedError
    seq: int | None = row["seq"]
    return seq


async def write_claim(db: Db, shard: int, epoch: int, claim: Claim) -> None:
    """Write down, at a claim, what Kafka is and where the shard goes on. Raises FencedError."""
    noted, progress = claim.noted, claim.progress
    moved = await db.fetchval(
        _SQL["write_claim"],
        shard,
        epoch,
        noted.cluster,
        _text(noted.topic_ids),
        _text(progress.offsets),
        _text(progress.newest),
        _text(noted.sent),
        progress.run,
        _text(progress.barrier),
    )
    if moved is None:
        raise FencedError


async def replace_row(db: Db, shard: int, seq: int, messages: Sequence[Outgoing]) -> None:
    """Let this row of the outbox hold these messages, under the shard's lock; none, and it is gone."""
    if messages:
        await db.execute(_SQL["replace_row"], shard, seq, _outbox_encoder.encode(messages))
    else:
        await db.execute(_SQL["drop_row"], shard, seq)


async def be_patient(db: Db) -> None:
    """In this transaction: between two statements a service may look at what a topic says of everybody, which takes
    longer than the seconds after which Postgres takes its process for stopped."""
    await db.execute(_SQL["be_patient"])


async def add_to_outbox(db: Db, shard: int, messages: Sequence[Outgoing]) -> None:
    await db.execute(_SQL["fill_outbox"], shard, _outbox_encoder.encode(messages))


def _text(numbers: Mapping[str, int] | Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(numbers)).decode()


async def backlog(db: DbOrPool) -> tuple[int, float]:
    """Outbox rows of all shards that are not known to be sent, and the age of the oldest in seconds."""
    row = await db.fetchrow(_SQL["backlog"])
    assert row is not None
    return row["batches"], row["oldest_s"] or 0.0
