"""Brings `tiers.changed` and the database together after one of them was restored from an older copy.

Decision 0014.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from services.benefits.core.policy import Policy
from services.benefits.core.restating import said_again, standing_as_told
from services.benefits.core.standing import Held
from services.benefits.storage.store import guards, load, save
from shared.contracts.erasure import Erased, erased_by, is_followed, is_nobody, is_recent, life, named_by
from shared.contracts.exchange import stated
from shared.contracts.messages import TierChange
from shared.postgres import queries
from shared.runner.service import RESTATE_PAGE_MAX, Db, Record

_SQL = queries(Path(__file__).with_name("restate.sql"))


def told_by(record: Record) -> tuple[str, TierChange] | None:
    """The user_id and the change; None for what cannot be read, or says nothing."""
    return stated(record, TierChange)


def _mark_in(record: Record) -> Erased | None:
    erased = erased_by(record) if record.value is None else None
    return erased if isinstance(erased, Erased) and not is_nobody(erased.user_id) else None


def _life_told(record: Record) -> Erased | None:
    """The erasure behind which a record says where somebody stands: a mark is one itself."""
    return _mark_in(record) if record.value is None else named_by(record)


async def undecided(db: Db, shard: int, messages: Sequence[Record], *, fingerprint_key: bytes) -> int:
    """Those with a version above the person's, or of somebody who is not known or has come back since."""
    told = [(*each, named_by(record)) for record in messages if (each := told_by(record)) is not None]
    rows = await db.fetch(_SQL["versions"], shard, [bytes.fromhex(user_id) for user_id, _, _ in told])
    versions: dict[str, int] = {row["user_id"].hex(): row["version"] for row in rows}
    known = await guards(db, shard, [user_id for user_id, _, erased in told if erased], fingerprint_key)
    return sum(
        change.version > versions.get(user_id, 0)
        or (erased is not None and not is_followed(erased, known.get(user_id)))
        for user_id, change, erased in told
    )


async def erase_again(db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, key: bytes) -> list[Erased]:
    """Follow the recent erasures that the topic knows of and an older copy of the database does not. Returns the marks
    that the topic lacks: of those of whom it says how they stood before."""
    told = {name.decode(): _life_told(record) for name, record in last.items() if _is_about_somebody(record)}
    known = await _guards(db, shard, list(told), key)
    recent = [each for each in told.values() if each is not None and is_recent(each, now)]
    if new := [each for each in recent if not is_followed(each, known.get(each.user_id))]:
        await save(db, shard, {}, new, fingerprint_key=key)
    return [erased for user_id, erased in known.items() if life(erased, told[user_id], now) == "former"]


def _is_about_somebody(record: Record) -> bool:
    return told_by(record) is not None or _mark_in(record) is not None


async def _guards(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, Erased]:
    found: dict[str, Erased] = {}
    for start in range(0, len(user_ids), RESTATE_PAGE_MAX):
        found |= await guards(db, shard, user_ids[start : start + RESTATE_PAGE_MAX], key)
    return found


async def restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, policy: Policy
) -> AsyncIterator[Sequence[tuple[str, TierChange, Erased | None]]]:
    """Page by page what is to be published, with the versions already taken over. What the topic says of a former life
    is nothing that is said of whoever came back."""
    key = policy.fingerprint_key
    said = [(*each, named_by(record)) for record in last.values() if (each := told_by(record)) is not None]
    known = await _guards(db, shard, [user_id for user_id, _, _ in said], key)
    told = {id: change for id, change, erased in said if life(known.get(id), erased, now) != "former"}
    before = b""
    while rows := await db.fetch(_SQL["page"], shard, before, RESTATE_PAGE_MAX):
        before = rows[-1]["user_id"]
        held = await load(db, shard, [row["user_id"].hex() for row in rows], fingerprint_key=key)
        again = {
            user_id: (said_again(each.standing, told.pop(user_id, None), policy), each.erased)
            for user_id, each in held.items()
            if each.standing is not None
        }
        await save(db, shard, {user_id: Held(standing) for user_id, ((standing, _), _) in again.items()})
        yield [(user_id, change, erased) for user_id, ((_, change), erased) in again.items() if change is not None]
    unknown = list(told.items())
    for start in range(0, len(unknown), RESTATE_PAGE_MAX):
        page = dict(unknown[start : start + RESTATE_PAGE_MAX])
        await save(db, shard, {user_id: Held(standing_as_told(change, policy)) for user_id, change in page.items()})
