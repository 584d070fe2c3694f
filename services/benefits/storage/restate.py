"""Brings `tiers.changed` and the database together after one of them was restored from an older copy.

Decision 0014.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from services.benefits.core.policy import Policy
from services.benefits.core.restating import said_again, standing_as_told
from services.benefits.storage.store import load, save
from shared.contracts.erasure import Erased, erased_by
from shared.contracts.exchange import stated
from shared.contracts.messages import TierChange
from shared.postgres import queries
from shared.runner.service import RESTATE_PAGE_MAX, Db, Record

_SQL = queries(Path(__file__).with_name("restate.sql"))


def told_by(record: Record) -> tuple[str, TierChange] | None:
    """The user_id and the change; None for what cannot be read, or says nothing."""
    return stated(record, TierChange)


def _erased_by(record: Record) -> Erased | None:
    erased = erased_by(record) if record.value is None else None
    return erased if isinstance(erased, Erased) else None


async def _erase(db: Db, shard: int, erased: Sequence[Erased]) -> None:
    """Of whom the topic says last that everything is erased, an older copy of the database has to forget as well; but
    not of who came later."""
    if erased:
        user_ids, instants = [bytes.fromhex(each.user_id) for each in erased], [each.asked_at for each in erased]
        await db.execute(_SQL["erase_again"], shard, user_ids, instants)


async def undecided(db: Db, shard: int, messages: Sequence[Record]) -> int:
    """Those with a version above the person's, or of somebody who is not known."""
    told = [each for each in map(told_by, messages) if each is not None]
    rows = await db.fetch(_SQL["versions"], shard, [bytes.fromhex(user_id) for user_id, _ in told])
    versions = {row["user_id"].hex(): row["version"] for row in rows}
    return sum(change.version > versions.get(user_id, 0) for user_id, change in told)


async def restate(
    db: Db, shard: int, last: Mapping[bytes, Record], policy: Policy
) -> AsyncIterator[Sequence[tuple[str, TierChange]]]:
    """Page by page what is to be published, with the versions already taken over."""
    told = dict(each for each in map(told_by, last.values()) if each is not None)
    await _erase(db, shard, [each for each in map(_erased_by, last.values()) if each is not None])
    before = b""
    while rows := await db.fetch(_SQL["page"], shard, before, RESTATE_PAGE_MAX):
        before = rows[-1]["user_id"]
        standings = await load(db, shard, [row["user_id"].hex() for row in rows])
        said = {
            user_id: said_again(standing, told.pop(user_id, None), policy) for user_id, standing in standings.items()
        }
        await save(db, shard, {user_id: standing for user_id, (standing, _) in said.items()})
        yield [(user_id, change) for user_id, (_, change) in said.items() if change is not None]
    unknown = list(told.items())
    for start in range(0, len(unknown), RESTATE_PAGE_MAX):
        page = dict(unknown[start : start + RESTATE_PAGE_MAX])
        await save(db, shard, {user_id: standing_as_told(change, policy) for user_id, change in page.items()})
