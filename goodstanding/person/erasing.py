"""What operators see of erasures: those under way, and how long the last byte stays at most, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from goodstanding.platform.deployment import Deployment, partners
from services.retention.core.erasure import OVERDUE_AFTER
from shared.contracts.topics import Topic, topics

_MILLISECOND = timedelta(milliseconds=1)
_CLEANER_LOOKS = timedelta(minutes=5)
"""How often a broker looks for segments to delete or to compact, by Kafka's defaults, and some room for the work."""
_REWRITTEN_DAILY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UnderWay:
    request_id: str
    asked_at: datetime
    state: str
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """How long something of an erased person or record stays at most in one place."""

    where: str
    at_most: timedelta
    because: str


async def look(deployment: Deployment) -> tuple[list[UnderWay], list[Bound]]:
    """What is under way, the oldest first, and the bounds of each place."""
    db = await asyncpg.connect(deployment.dsn("retention"))
    try:
        rows = await db.fetch(_UNDER_WAY)
    finally:
        await db.close()
    now = await deployment.now()
    return [
        UnderWay(row["request_id"], row["asked_at"], _state(row, now), _is_overdue(row, now)) for row in rows
    ], bounds()


_UNDER_WAY = """
select request_id, asked_at, erased_at, confirmed_at from retention.erasures order by asked_at, request_id
"""


def _state(row: asyncpg.Record, now: datetime) -> str:
    if row["confirmed_at"] is not None:
        return "erased everywhere; remembered, so that what is older is dropped"
    return "overdue: a service has not said so" if _is_overdue(row, now) else "being erased"


def _is_overdue(row: asyncpg.Record, now: datetime) -> bool:
    return row["confirmed_at"] is None and now - row["erased_at"] > OVERDUE_AFTER


def bounds() -> list[Bound]:
    """By place, computed from the settings of the topics; what rests on the operator says so."""
    table = topics(partners())
    kept = {topic.retention for topic in table if topic.retention is not None}
    longest = max((topic for topic in table if topic.retention), key=lambda topic: topic.retention or timedelta())
    compacted = next(topic for topic in table if topic.cleanup == "compact")
    return [
        Bound("rows that a query finds", OVERDUE_AFTER, "all services running; later is the alert ErasureOverdue"),
        Bound(
            "files of Postgres",
            OVERDUE_AFTER + _REWRITTEN_DAILY,
            "erasures --rewrite each day; without it, until other rows take the place",
        ),
        Bound(
            "compacted topics: scores, tiers, records, crosswalks",
            _compacted(compacted),
            "max.compaction.lag.ms, segment.ms",
        ),
        Bound(
            "the mark itself, there", _tombstone(compacted), "delete.retention.ms, max.compaction.lag.ms, segment.ms"
        ),
        Bound("topics of people and records", _deleted(min(kept)), "retention.ms, segment.ms"),
        Bound("refusals, dead letters", _deleted(longest.retention or timedelta()), "retention.ms, segment.ms"),
    ]


def _setting(topic: Topic, name: str) -> timedelta:
    return int(topic.settings(1)[name]) * _MILLISECOND


def _deleted(retention: timedelta) -> timedelta:
    """A segment goes when its last record is too old, and is closed a day after its first."""
    return retention + timedelta(days=1) + _CLEANER_LOOKS


def _compacted(topic: Topic) -> timedelta:
    """The next mark about nobody comes an hour after the segment may be closed, at the latest. In the first hour all
    services follow an erasure, and the hour of a record's end is over."""
    closed = _setting(topic, "segment.ms") + timedelta(hours=1)
    return OVERDUE_AFTER + closed + _setting(topic, "max.compaction.lag.ms") + _CLEANER_LOOKS


def _tombstone(topic: Topic) -> timedelta:
    """It stays for a while after the compaction that first met it, and needs one more."""
    again = _setting(topic, "segment.ms") + timedelta(hours=2) + _setting(topic, "max.compaction.lag.ms")
    return _compacted(topic) + _setting(topic, "delete.retention.ms") + again


_FORGET_VALUES = """
select pg_clear_attribute_stats(schemaname, tablename, attname, inherited)
from pg_stats join pg_class on pg_class.oid = format('%I.%I', schemaname, tablename)::regclass
where reltuples = 0 and schemaname not in ('pg_catalog', 'information_schema')
"""
"""Of a table that is empty by now, `analyze` keeps what was known of the values that were there."""


async def rewrite(deployment: Deployment) -> None:
    """Write every table anew, so that no deleted row is left in a file. A plain vacuum frees a row and leaves its bytes
    until another one takes the place; and what Postgres knows of common values has to be looked at again first."""
    for server in deployment.addresses.by_postgres(deployment.settings.stateful):
        db = await asyncpg.connect(server)
        try:
            # Before release 18 nobody but a superuser can make Postgres forget values.
            forget = (_FORGET_VALUES,) if db.get_server_version() >= (18,) else ()
            for statement in ("analyze", *forget, "vacuum (full)", "checkpoint"):
                await db.execute(statement, timeout=None)
        finally:
            await db.close()
