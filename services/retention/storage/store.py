"""Load, save and due: whole sets at once, on the connection of the step's transaction.

A person is loaded whole, but only what a decision has changed is written: one report about somebody with very many
records costs one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from services.retention.core.deadline import Deadline
from services.retention.core.decide import Person, Writes
from services.retention.core.fingerprint import fingerprint
from services.retention.core.messages import Due, Message
from services.retention.core.record import NEW, Case, Facts, Kept, Open, Settled, Unreported, Waiting
from services.retention.core.timers import due_at
from shared.postgres import queries
from shared.runner.service import Db, DuePage

if TYPE_CHECKING:
    import asyncpg

MIGRATIONS = Path(__file__).with_name("migrations")
_SQL = queries(Path(__file__).with_name("queries.sql"))
_waiting = msgspec.json.Decoder(tuple[Waiting, ...])
_overtaken = msgspec.json.Decoder(tuple[date, ...])
_case = msgspec.json.Decoder(Case)


class _Row(NamedTuple):
    """A record as the table has it, in the order of the statement `save`."""

    user_id: bytes
    record_id: bytes
    partner: str
    report_id: str
    status: str
    version: int = 0
    kind: str | None = None
    began_on: date | None = None
    amount: int | None = None
    ended_on: date | None = None
    due_at: datetime | None = None
    waiting: str | None = None
    overtaken: str | None = None
    amount_at: datetime | None = None
    lapses_at: datetime | None = None
    beside: str | None = None


async def load(db: Db, shard: int, user_ids: Sequence[str], *, fingerprint_key: bytes) -> dict[str, Person]:
    """Those of these people who have a record, or had one."""
    found = {fingerprint(fingerprint_key, user_id): user_id for user_id in user_ids}
    gone: dict[str, dict[bytes, datetime]] = {}
    left_by: dict[str, dict[bytes, bytes]] = {}
    for row in await db.fetch(_SQL["load_gone"], shard, list(found)):
        user_id = found[row["person"]]
        gone.setdefault(user_id, {})[row["record"]] = row["until"]
        if row["partner"] is not None:
            left_by.setdefault(user_id, {})[row["record"]] = row["partner"]
    records = await records_of(db, shard, [bytes.fromhex(user_id) for user_id in user_ids])
    base = await version_base(db, shard)
    known = set(user_ids) if base else records.keys() | gone.keys()
    return {each: Person(records.get(each, {}), gone.get(each, {}), base, left_by.get(each, {})) for each in known}


async def version_base(db: Db, shard: int) -> int:
    """What is added to the versions of this shard's records where they are published."""
    return int(await db.fetchval(_SQL["base"], shard) or 0)


async def records_of(db: Db, shard: int, user_ids: Sequence[bytes]) -> dict[str, dict[str, Kept]]:
    """The records of these people: by user_id, and then by the record's id."""
    records: dict[str, dict[str, Kept]] = {}
    for row in await db.fetch(_SQL["load"], shard, user_ids):
        records.setdefault(row["user_id"].hex(), {})[row["record_id"].hex()] = _record(row)
    return records


async def save(
    db: Db, shard: int, states: Mapping[str, Person], writes: Sequence[Writes], *, fingerprint_key: bytes
) -> None:
    """Write what the decisions have changed, in the order of the user_ids, so that two statements never wait for each
    other's rows. Of several decisions about one record the last one stands."""
    after: dict[tuple[bytes, bytes], Kept | None] = {}
    for each in writes:
        user_id = bytes.fromhex(each.user_id)
        after.update({(user_id, bytes.fromhex(id)): record for id, record in each.kept.items()})
        after.update({(user_id, bytes.fromhex(id)): None for id in each.erased})
    erased, kept = [], []
    for names in sorted(after):
        if (record := after[names]) is None:
            erased.append(names)
        else:
            kept.append(_row(*names, record))
    if erased:
        await db.execute(_SQL["erase"], shard, *_columns(erased))
    if kept:
        await db.execute(_SQL["save"], shard, *_columns(kept))
    gone = {
        (fingerprint(fingerprint_key, each.user_id), name): (until, each.left_by.get(name))
        for each in writes
        for name, until in each.gone.items()
    }
    if gone:
        await db.execute(_SQL["save_gone"], shard, *_columns([(*names, *gone[names]) for names in sorted(gone)]))


async def due(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = ()
) -> DuePage[Message, Person]:
    """The people of the earliest deadline that has come.

    A page never has two deadlines: its messages are sent person by person, and records must expire in the order of
    their deadlines. The cursor is not needed, since what has expired is no longer in the table; for the same reason
    the people to be skipped must be named. Fingerprints are not read, since a deadline only adds to them.
    """
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
    deadline = Deadline(row["ended_on"], row["lapses_at"]) if row["lapses_at"] else None
    case = _case.decode(row["beside"]) if row["beside"] else NEW
    if row["status"] == "open":
        return Open(facts, row["version"], deadline, case)
    assert deadline is not None, "the table's checks see to it"
    return Settled(facts, row["version"], deadline, _overtaken.decode(row["overtaken"] or "[]"), case)


def _row(user_id: bytes, record_id: bytes, record: Kept) -> _Row:
    if isinstance(record, Unreported):
        return _Row(
            user_id,
            record_id,
            partner=record.partner,
            report_id=record.report_id,
            status="unreported",
            due_at=record.waits_until,
            waiting=msgspec.json.encode(record.waiting).decode(),
        )
    facts, deadline = record.facts, record.deadline
    overtaken = record.overtaken if isinstance(record, Settled) else ()
    return _Row(
        user_id,
        record_id,
        partner=facts.partner,
        report_id=facts.report_id,
        status="open" if isinstance(record, Open) else "settled",
        version=record.version,
        kind=facts.kind,
        began_on=facts.began_on,
        amount=facts.amount,
        ended_on=deadline.ended_on if deadline else None,
        due_at=due_at(record),
        overtaken=msgspec.json.encode(overtaken).decode() if overtaken else None,
        amount_at=facts.amount_at,
        lapses_at=deadline.lapses_at if deadline else None,
        beside=msgspec.json.encode(record.case).decode() if record.case != NEW else None,
    )


def _columns(rows: Sequence[tuple[object, ...]]) -> Iterable[list[object]]:
    return map(list, zip(*rows, strict=True))
