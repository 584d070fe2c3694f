"""Brings `scores.changed` and the database together after one of them was restored from an older copy (decision 0014).

Where the topic has gone further than the database, versions continue above it; where what it says is not what the
database has, the person is published again. Where it lacks a version, the same bytes are said again, from the history.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from services.scorer.core import score
from services.scorer.core.decide import Publication
from services.scorer.storage import erasing
from shared.contracts.erasure import Erased, erased_by
from shared.contracts.exchange import stated
from shared.contracts.messages import ScoreChange
from shared.postgres import queries
from shared.runner.service import RESTATE_PAGE_MAX, Db, Record

if TYPE_CHECKING:
    import asyncpg

_SQL = queries(Path(__file__).with_name("restate.sql"))

Said: TypeAlias = tuple[str, Publication]
"""What is to be published: the user_id and the publication."""


class OnTopic(NamedTuple):
    """What the topic says of a person: the version, and what subscribers act on."""

    version: int
    as_of: datetime
    result: tuple[int, bool, tuple[str, ...]]


def told_by(record: Record) -> tuple[bytes, OnTopic] | None:
    """The user_id and what the message says; None for what cannot be read, or says nothing."""
    if (said := stated(record, ScoreChange)) is None:
        return None
    user_id, change = said
    return bytes.fromhex(user_id), OnTopic(
        change.version, change.as_of, (change.score, change.thin, tuple(change.restrictions))
    )


async def undecided(db: Db, shard: int, messages: Sequence[Record]) -> int:
    """Those with a version above the person's, or of somebody who is not known."""
    told = [each for each in map(told_by, messages) if each is not None]
    rows = await db.fetch(_SQL["versions"], shard, [user_id for user_id, _ in told])
    versions = {row["user_id"]: row["version"] for row in rows}
    return sum(each.version > versions.get(user_id, 0) for user_id, each in told)


async def restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, policy: str
) -> AsyncIterator[Sequence[Said]]:
    """Page by page what is to be published, with the versions already taken over."""
    told = dict(each for each in map(told_by, last.values()) if each is not None)
    marks = [erased_by(record) for record in last.values() if record.value is None]
    await erasing.remove_again(db, shard, [each for each in marks if isinstance(each, Erased)])
    before = b""
    while rows := await db.fetch(_SQL["page"], shard, before, RESTATE_PAGE_MAX):
        before = rows[-1]["user_id"]
        said = [each for row in rows if (each := _said(row, told.get(row["user_id"]), now, policy))]
        if fresh := [each for each, is_fresh in said if is_fresh]:
            await db.execute(_SQL["publish"], shard, *_columns(fresh))
        taken = {row["user_id"]: _reached(told[row["user_id"]]) for row in rows if row["user_id"] in told}
        await _take_over(db, shard, taken | {bytes.fromhex(user_id): _reached(each) for (user_id, each), _ in said})
        yield [each for each, _ in said]
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


def _said(row: asyncpg.Record, told: OnTopic | None, now: datetime, policy: str) -> tuple[Said, bool] | None:
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


def _fresh(row: asyncpg.Record, version: int, now: datetime, policy: str) -> tuple[Said, bool]:
    as_of = max(now, row["last_as_of"] or now)
    evaluation = score.decode(row["evaluation"])
    return (row["user_id"].hex(), Publication(version, as_of, row["run"], policy, evaluation)), True


def _columns(said: Sequence[Said]) -> Iterator[list[object]]:
    rows = [(bytes.fromhex(user_id), p.version, p.as_of, p.run, p.policy, p.column) for user_id, p in said]
    return map(list, zip(*rows, strict=True))
