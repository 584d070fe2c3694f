"""What the clock makes due: first a table that has begun, for everybody who stands by an older one, then the ends of
grace. Both go on from the rows themselves, so that a killed process is followed by one that does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from services.benefits.core.messages import Message, Passed
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held
from services.benefits.core.table import TierTable
from shared.postgres import queries
from shared.runner.service import Db, DuePage, PolicyMismatchError

_SQL = queries(Path(__file__).with_name("due.sql"))


async def due(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = (), *, policy: Policy
) -> DuePage[Message, Held]:
    """The next page. Each has the name of a run, so that all scores that had arrived before are taken in first: a grace
    does not end over the head of a score that waits to be read.

    Raises PolicyMismatchError where other processes have begun with a table that this one does not have.
    """
    left_out = [bytes.fromhex(user_id) for user_id in skip]
    table = policy.at(now)
    await _check_begun(db, table)
    if table.effective_on is not None and policy.begins(table) <= now:
        page = await _by_older_tables(db, shard, table, limit, left_out, cursor, policy)
        if page is not None:
            return page
    rows = await db.fetch(_SQL["falling"], shard, left_out, now, limit)
    if rows:
        messages = tuple(Passed(row["user_id"].hex(), row["falls_at"]) for row in rows)
        return DuePage(messages, cursor, None, f"grace until {messages[0].at:%Y-%m-%d}", done=1.0)
    following = policy.following(now.astimezone(policy.zone).date())
    instants = [await db.fetchval(_SQL["next_fall"], shard, left_out), following and policy.begins(following)]
    return DuePage((), cursor, min((each for each in instants if each is not None), default=None))


async def _check_begun(db: Db, table: TierTable) -> None:
    begun = await db.fetchval(_SQL["begun"])
    if begun is not None and begun > table.day:
        raise PolicyMismatchError(
            f"the tier table of {begun} has begun, and this process has none that begins after {table.day}"
        )


async def _by_older_tables(
    db: Db, shard: int, table: TierTable, limit: int, left_out: Sequence[bytes], cursor: str, policy: Policy
) -> DuePage[Message, Held] | None:
    """A page of those who stand by an older table than the one in force; None where nobody does."""
    rows = await db.fetch(_SQL["by_older_tables"], shard, table.day, left_out, limit + 1)
    if not rows:
        return None
    await db.execute(_SQL["begin"], table.day, table.id)
    begun_with = await db.fetchval(_SQL["begun_with"], table.day)
    if begun_with != table.id:
        raise PolicyMismatchError(
            f"the tier table of {table.day} has begun as {begun_with}, and this process has {table.id}"
        )
    instant = policy.begins(table)
    messages = tuple(Passed(row["user_id"].hex(), instant) for row in rows[:limit])
    # Pseudonyms are spread evenly, so the place of the last one tells how many have passed.
    done = 1.0 if len(rows) <= limit else int(messages[-1].user_id[:8], 16) / 2**32
    return DuePage(messages, cursor, None, f"tiers from {table.day}", done=done)
