"""Load and save the standings: whole sets at once, on the connection of the step's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.benefits.core.standing import Standing, standing_of
from shared.contracts.erasure import Erased
from shared.postgres import queries
from shared.runner.service import Counted, Db

_SQL = queries(Path(__file__).with_name("queries.sql"))


async def load(db: Db, shard: int, user_ids: Sequence[str]) -> dict[str, Standing]:
    """The standings of those of the people whose score has been seen."""
    rows = await db.fetch(_SQL["load"], shard, [bytes.fromhex(user_id) for user_id in user_ids])
    return {row["user_id"].hex(): standing_of(row) for row in rows}


async def save(db: Db, shard: int, standings: Mapping[str, Standing], writes: Sequence[Erased] = ()) -> None:
    """Erase first: who has a standing after that is a newcomer. In the order of the user_ids, so that two statements
    never wait for each other's rows."""
    if writes:
        await db.execute(_SQL["erase"], shard, sorted({bytes.fromhex(each.user_id) for each in writes}))
    user_ids = sorted(standings)
    if not user_ids:
        return
    people = [standings[user_id] for user_id in user_ids]
    await db.execute(
        _SQL["save"],
        shard,
        [bytes.fromhex(user_id) for user_id in user_ids],
        [person.score_version for person in people],
        [person.score for person in people],
        [person.thin for person in people],
        [person.as_of for person in people],
        [person.version for person in people],
        [person.tier for person in people],
        [person.kept for person in people],
        ["\n".join(person.in_force) for person in people],
        ["\n".join(person.restrictions) for person in people],
        ["\n".join(fall.tier for fall in person.falls) for person in people],
        ["\n".join(fall.until.isoformat() for fall in person.falls) for person in people],
        [person.falls_at for person in people],
        [person.falls_to for person in people],
        [person.table_from for person in people],
    )


async def census(db: Db) -> list[Counted]:
    """How many people are in each tier, in each band of scores, and have a thin file. Reads the whole table."""
    return [Counted(row["by"], row["value"], row["people"]) for row in await db.fetch(_SQL["census"])]
