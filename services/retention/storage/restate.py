"""Brings `records.changed` and the database together after one of them was restored from an older copy (decision 0014).

The topic is not compacted, and what is older than its retention is gone, so nothing tells the highest version that was
ever published of a record. Every version therefore rises by a stated jump, of all records and of those to come, and
each record that is held is said again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from services.retention.core.bounds import VERSIONS_MAX
from services.retention.core.fingerprint import fingerprint, of_deleted
from services.retention.core.record import Known, Unreported
from services.retention.storage.store import records_of
from shared.contracts.exchange import stated
from shared.contracts.messages import RecordChange
from shared.postgres import queries
from shared.runner.service import RESTATE_PAGE_MAX, Db, Record

_SQL = queries(Path(__file__).with_name("restate.sql"))

JUMP = 1_000_000
"""More than a record can have versions, so that two restores never meet."""
assert JUMP > VERSIONS_MAX


async def undecided(db: Db, shard: int, messages: Sequence[Record], *, fingerprint_key: bytes) -> int:
    """Those with a version above the record's, or of a record that is not known and has not been either."""
    told = [each for each in map(_told_by, messages) if each is not None]
    base = int(await db.fetchval(_SQL["base"], shard) or 0)
    rows = await db.fetch(_SQL["versions"], shard, list({user_id for user_id, _ in told}))
    versions = {(row["user_id"], row["record_id"].hex()): base + row["version"] for row in rows}
    names = {
        change.record_id: (
            fingerprint(fingerprint_key, change.record_id),
            of_deleted(fingerprint_key, change.record_id),
        )
        for _, change in told
    }
    gone = {
        row["record"] for row in await db.fetch(_SQL["gone"], shard, [name for pair in names.values() for name in pair])
    }
    return sum(
        change.version > versions.get((user_id, change.record_id), 0)
        for user_id, change in told
        # Of what is gone no version is kept, but none was higher than this.
        if gone.isdisjoint(names[change.record_id]) or change.version > base + VERSIONS_MAX
    )


async def restate(db: Db, shard: int) -> AsyncIterator[tuple[int, Mapping[str, Mapping[str, Known]]]]:
    """Raises the base of all versions, then yields it, page by page, with the records held: by person, then by id."""
    base = int(await db.fetchval(_SQL["raise_base"], shard, JUMP))
    before = b""
    while rows := await db.fetch(_SQL["people"], shard, before, RESTATE_PAGE_MAX):
        before = rows[-1]["user_id"]
        found = await records_of(db, shard, [row["user_id"] for row in rows])
        held = {
            user_id: {id: each for id, each in sorted(kept.items()) if not isinstance(each, Unreported)}
            for user_id, kept in sorted(found.items())
        }
        yield base, {user_id: records for user_id, records in held.items() if records}


def _told_by(record: Record) -> tuple[bytes, RecordChange] | None:
    said = stated(record, RecordChange)
    return None if said is None else (bytes.fromhex(said[0]), said[1])
