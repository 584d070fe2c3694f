"""Brings `scores.changed` and the database together after one of them was restored from an older copy (decision 0014).

Where the topic has gone further than the database, versions continue above it; where what it says is not what the
database has, the person is published again. Where it lacks a version, the same bytes are said again, from the history.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from services.scorer.core import score
from services.scorer.core.decide import Publication
from services.scorer.storage import erasing
from shared.contracts.erasure import Erased, erased_by, is_followed, is_nobody, is_recent, life, named_by
from shared.contracts.exchange import stated
from shared.contracts.messages import ScoreChange
from shared.postgres import queries
from shared.runner.service import RESTATE_PAGE_MAX, Db, Record

if TYPE_CHECKING:
    import asyncpg

_SQL = queries(Path(__file__).with_name("restate.sql"))

Said: TypeAlias = tuple[tuple[str, Erased | None], Publication]
"""What is to be published: the user_id, the last erasure that is remembered, and the publication."""
_Of: TypeAlias = tuple[str, Publication]


class OnTopic(NamedTuple):
    """What the topic says of a person: the version, what subscribers act on, and the erasure that the message names."""

    version: int
    as_of: datetime
    result: tuple[int, bool, tuple[str, ...]]
    erased: Erased | None


def told_by(record: Record) -> tuple[bytes, OnTopic] | None:
    """The user_id and what the message says; None for what cannot be read, or says nothing."""
    if (said := stated(record, ScoreChange)) is None:
        return None
    user_id, change = said
    return bytes.fromhex(user_id), OnTopic(
        change.version, change.as_of, (change.score, change.thin, tuple(change.restrictions)), named_by(record)
    )


async def undecided(db: Db, shard: int, messages: Sequence[Record]) -> int:
    """Those with a version above the person's, or of somebody who is not known."""
    told = [each for each in map(told_by, messages) if each is not None]
    rows = await db.fetch(_SQL["versions"], shard, [user_id for user_id, _ in told])
    versions = {row["user_id"]: row["version"] for row in rows}
    return sum(each.version > versions.get(user_id, 0) for user_id, each in told)


def _marks(records: Iterable[Record]) -> list[Erased]:
    marks = [erased_by(record) for record in records if record.value is None]
    return [each for each in marks if isinstance(each, Erased) and not is_nobody(each.user_id)]


async def follow_ahead(db: Db, shard: int, ahead: Sequence[Record], key: bytes) -> list[Erased]:
    """Follow the erasures that lie ahead on the input before anything else is read: else what a newcomer has sent could
    be read before the mark, and would go with it (rules I12). Returns those that are new."""
    marks = _marks(ahead)
    known = await _guards(db, [mark.user_id for mark in marks], key)
    if new := [each for each in dict.fromkeys(marks) if not is_followed(each, known.get(each.user_id))]:
        await erasing.erase(db, shard, new, key)
    return new


async def erase_ahead(
    db: Db, shard: int, last: Mapping[bytes, Record], ahead: Sequence[Record], now: datetime, key: bytes
) -> list[Erased]:
    """The same where a server was restored, also of the recent erasures that the topic knows of. Returns the marks that
    the topic lacks: of people of whom it has nothing, or says how they were before."""
    told = dict(each for each in map(told_by, last.values()) if each is not None)
    on_topic = {user_id.hex(): each.erased for user_id, each in told.items()}
    on_topic |= {mark.user_id: mark for mark in _marks(last.values())}
    to_come = _marks(ahead)
    found = [*to_come, *(each for each in on_topic.values() if each is not None and is_recent(each, now))]
    known = await _guards(db, [*on_topic, *(mark.user_id for mark in to_come)], key)
    if new := [each for each in found if not is_followed(each, known.get(each.user_id))]:
        await erasing.erase(db, shard, new, key)
    lacks = {mark: mark for mark in to_come if life(mark, on_topic.get(mark.user_id), now) == "former"}
    for user_id, erased in known.items():
        if user_id in on_topic and life(erased, on_topic[user_id], now) == "former":
            lacks[erased] = erased
    return list(lacks)


async def _guards(db: Db, user_ids: Sequence[str], key: bytes) -> dict[str, Erased]:
    found: dict[str, Erased] = {}
    for start in range(0, len(user_ids), RESTATE_PAGE_MAX):
        found |= await erasing.guards(db, user_ids[start : start + RESTATE_PAGE_MAX], key)
    return found


async def restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, policy: str, key: bytes
) -> AsyncIterator[Sequence[Said]]:
    """Page by page what is to be published, with the versions already taken over. What the topic says of a former life
    is nothing that is said of whoever came back."""
    told = dict(each for each in map(told_by, last.values()) if each is not None)
    erased = await _guards(db, [user_id.hex() for user_id in told], key)
    for user_id, known in erased.items():
        if life(known, told[name := bytes.fromhex(user_id)].erased, now) == "former":
            del told[name]
    before = b""
    while rows := await db.fetch(_SQL["page"], shard, before, RESTATE_PAGE_MAX):
        before = rows[-1]["user_id"]
        erased |= await erasing.guards(db, [row["user_id"].hex() for row in rows], key)
        said = [each for row in rows if (each := _said(row, told.get(row["user_id"]), now, policy))]
        if fresh := [each for each, is_fresh in said if is_fresh]:
            await db.execute(_SQL["publish"], shard, *_columns(fresh))
        taken = {row["user_id"]: _reached(told[row["user_id"]]) for row in rows if row["user_id"] in told}
        await _take_over(db, shard, taken | {bytes.fromhex(user_id): _reached(each) for (user_id, each), _ in said})
        yield [((user_id, erased.get(user_id)), each) for (user_id, each), _ in said]
    unknown = [(user_id, _reached(each)) for user_id, each in told.items()]
    for start in range(0, len(unknown), RESTATE_PAGE_MAX):
        await _take_over(db, shard, dict(unknown[start : start + RESTATE_PAGE_MAX]))


def _reached(said: OnTopic | Publication) -> tuple[int, datetime]:
    return said.version, said.as_of


async def _take_over(db: Db, shard: int, reached: Mapping[bytes, tuple[int, datetime]]) -> None:
    """A version and its instant only ever rise, so whoever has a higher one keeps it."""
    if reached:
        versions, instants = map(list, zip(*reached.values(), strict=True))
        await db.execute(_SQL["take_over"], shard, list(reached), versions, instants)


def _said(row: asyncpg.Record, told: OnTopic | None, now: datetime, policy: str) -> tuple[_Of, bool] | None:
    """What is to be published of a person, and whether it is a version that the history does not have."""
    user_id, version = row["user_id"].hex(), row["version"]
    if not row["evaluation"]:
        return None
    if told is None or told.version < version:
        if row["published"] is None:
            return None if not version else _fresh(row, version + 1, now, policy)
        evaluation = score.decode(row["published"])
        return (user_id, Publication(version, row["as_of"], row["published_run"], row["policy"], evaluation)), False
    if told.result == score.decode(row["published"] or row["evaluation"]).result:
        return None
    return _fresh(row, told.version + 1, now, policy)


def _fresh(row: asyncpg.Record, version: int, now: datetime, policy: str) -> tuple[_Of, bool]:
    as_of = max(now, row["last_as_of"] or now)
    evaluation = score.decode(row["evaluation"])
    return (row["user_id"].hex(), Publication(version, as_of, row["run"], policy, evaluation)), True


def _columns(said: Sequence[_Of]) -> Iterator[list[object]]:
    rows = [(bytes.fromhex(user_id), p.version, p.as_of, p.run, p.policy, p.column) for user_id, p in said]
    return map(list, zip(*rows, strict=True))
