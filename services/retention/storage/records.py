"""Load, save and what is due, a batch at a time, on the connection of the step's transaction.

A person is loaded whole, and of a decision only what it has changed is written: one report about somebody of whom very
much is held costs one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from services.retention.core.deadline import Deadline
from services.retention.core.decide import Person, Writes
from services.retention.core.fingerprint import fingerprint
from services.retention.core.messages import Due, Message
from services.retention.core.record import Facts, Kept, Open, Settled, Settlement, Unreported, due_at
from shared.postgres import queries
from shared.runner.service import Db, DuePage

if TYPE_CHECKING:
    import asyncpg

MIGRATIONS = Path(__file__).with_name("migrations")
_SQL = queries(Path(__file__).with_name("records.sql"))
_waiting = msgspec.json.Decoder(tuple[Settlement, ...])
_overtaken = msgspec.json.Decoder(tuple[date, ...])


class Written(msgspec.Struct, frozen=True):
    """What one decision about a person has changed."""

    user_id: str
    writes: Writes


async def load(db: Db, shard: int, user_ids: Sequence[str], *, fingerprint_key: bytes) -> dict[str, Person]:
    """The people of whom there is a record, or was one."""
    found = {fingerprint(fingerprint_key, user_id): user_id for user_id in user_ids}
    gone: dict[str, set[bytes]] = {}
    for row in await db.fetch(_SQL["load_gone"], shard, list(found)):
        gone.setdefault(found[row["person"]], set()).add(row["record"])
    records = await records_of(db, shard, [bytes.fromhex(user_id) for user_id in user_ids])
    base = await version_base(db, shard)
    known = set(user_ids) if base else records.keys() | gone.keys()
    return {each: Person(records.get(each, {}), frozenset(gone.get(each, ())), base) for each in known}


async def version_base(db: Db, shard: int) -> int:
    """What is added to the versions of this shard's records where they are published."""
    return int(await db.fetchval(_SQL["base"], shard) or 0)


async def records_of(db: Db, shard: int, user_ids: Sequence[bytes]) -> dict[str, dict[str, Kept]]:
    """What is kept of these people: the records by their ids, by the person's user_id."""
    records: dict[str, dict[str, Kept]] = {}
    for row in await db.fetch(_SQL["load"], shard, user_ids):
        records.setdefault(row["user_id"].hex(), {})[row["record_id"].hex()] = _record(row)
    return records


async def save(
    db: Db, shard: int, states: Mapping[str, Person], writes: Sequence[Written], *, fingerprint_key: bytes
) -> None:
    """Write what the decisions have changed, in the order of the user_ids, so that two statements never wait for each
    other's rows. Of several decisions about one record the last one stands."""
    after: dict[tuple[str, str], Kept | None] = {}
    for each in writes:
        after.update({(each.user_id, id): record for id, record in each.writes.kept.items()})
        after.update({(each.user_id, id): None for id in each.writes.erased})
    erased = [_names(names) for names in sorted(after) if after[names] is None]
    if erased:
        await db.execute(_SQL["erase"], shard, *_transposed(erased))
    kept = [(*_names(names), *_columns(record)) for names in sorted(after) if (record := after[names]) is not None]
    if kept:
        await db.execute(_SQL["save"], shard, *_transposed(kept))
    gone = sorted({(fingerprint(fingerprint_key, each.user_id), name) for each in writes for name in each.writes.gone})
    if gone:
        await db.execute(_SQL["save_gone"], shard, *_transposed(gone))


async def due(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = ()
) -> DuePage[Message, Person]:
    """The people of the earliest deadline that has come. A page never has two deadlines, because what it leads to is
    sent by person: only so do records expire in the order of their deadlines. The cursor is not needed, since what has
    expired is not there any more; so whoever is to be skipped must be named. Of what is gone nothing is read: a
    deadline only adds to it."""
    skipped = [bytes.fromhex(user_id) for user_id in skip]
    next_at: datetime | None = await db.fetchval(_SQL["next_due"], shard, skipped)
    if next_at is None or next_at > now:
        return DuePage((), cursor, next_at)
    user_ids = [row["user_id"] for row in await db.fetch(_SQL["due"], shard, next_at, limit, skipped)]
    base = await version_base(db, shard)
    found = (await records_of(db, shard, user_ids)).items()
    people = {user_id: Person(records, version_base=base) for user_id, records in found}
    return DuePage([Due(user_id.hex(), next_at) for user_id in user_ids], cursor, next_at, states=people)


def _record(row: asyncpg.Record) -> Kept:
    if row["status"] == "unreported":
        return Unreported(row["partner"], row["report_id"], _waiting.decode(row["waiting"]), row["due_at"])
    facts = Facts(row["partner"], row["report_id"], row["kind"], row["began_on"], row["amount"], row["amount_at"])
    deadline = Deadline(row["ended_on"], row["due_at"]) if row["due_at"] else None
    if row["status"] == "open":
        return Open(facts, row["version"], deadline)
    assert deadline is not None, "the table's checks see to it"
    return Settled(facts, row["version"], deadline, _overtaken.decode(row["overtaken"] or "[]"))


def _columns(record: Kept) -> tuple[object, ...]:
    """The columns after user_id and record_id."""
    if isinstance(record, Unreported):
        waiting = msgspec.json.encode(record.settlements).decode()
        names = (record.partner, record.report_id, "unreported", 0)
        return (*names, None, None, None, None, record.waits_until, waiting, None, None)
    facts, status = record.facts, "open" if isinstance(record, Open) else "settled"
    ended_on = record.deadline.ended_on if record.deadline else None
    overtaken = record.overtaken if isinstance(record, Settled) else ()
    return (
        *(facts.partner, facts.report_id, status, record.version, facts.kind, facts.began_on, facts.amount),
        *(ended_on, due_at(record), None, msgspec.json.encode(overtaken).decode() if overtaken else None),
        facts.amount_at,
    )


def _names(names: tuple[str, str]) -> tuple[bytes, bytes]:
    user_id, id = names
    return bytes.fromhex(user_id), bytes.fromhex(id)


def _transposed(rows: Iterable[tuple[object, ...]]) -> Iterable[list[object]]:
    return map(list, zip(*rows, strict=True))
