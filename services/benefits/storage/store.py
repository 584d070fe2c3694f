"""Load and save the standings: whole sets at once, on the connection of the step's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.benefits.core.standing import Held, standing_of
from shared.contracts.erasure import REMEMBERED_MAX, Erased, is_nobody, keyed_name, latest
from shared.postgres import queries
from shared.runner.service import Counted, Db

_SQL = queries(Path(__file__).with_name("queries.sql"))


async def load(db: Db, shard: int, user_ids: Sequence[str], *, fingerprint_key: bytes = b"") -> dict[str, Held]:
    """Those of the people whose score has been seen, or who were erased lately."""
    rows = await db.fetch(_SQL["load"], shard, [bytes.fromhex(user_id) for user_id in user_ids])
    held = {row["user_id"].hex(): Held(standing_of(row)) for row in rows if row["user_id"]}
    if rows[0]["erased"]:
        for user_id, erased in (await guards(db, shard, user_ids, fingerprint_key)).items():
            held[user_id] = Held(held[user_id].standing if user_id in held else None, erased)
    return held


async def guards(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, Erased]:
    """Those of these people who were erased lately, each with the last erasure. Nearly always there is nobody."""
    if not await db.fetchval(_SQL["anybody"], shard):
        return {}
    names = {keyed_name(key, user_id): user_id for user_id in user_ids}
    rows = await db.fetch(_SQL["guards"], shard, list(names))
    return {(id := names[row["person"]]): Erased(id, row["request_id"], row["asked_at"]) for row in rows}


async def save(
    db: Db, shard: int, states: Mapping[str, Held], writes: Sequence[Erased] = (), *, fingerprint_key: bytes = b""
) -> None:
    """Erase first: who has a standing after that is a newcomer. In the order of the user_ids, so that two statements
    never wait for each other's rows."""
    if writes:
        await _erase(db, shard, writes, fingerprint_key)
    found = {user_id: held.standing for user_id, held in states.items() if held.standing is not None}
    user_ids = sorted(found)
    if not user_ids:
        return
    people = [found[user_id] for user_id in user_ids]
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


async def _erase(db: Db, shard: int, marks: Sequence[Erased], key: bytes) -> None:
    last: dict[str, Erased] = {}
    for mark in marks:
        if not is_nobody(mark.user_id):
            last[mark.user_id] = latest([mark, last.get(mark.user_id, mark)])
    if last:
        await db.execute(_SQL["erase"], shard, [bytes.fromhex(user_id) for user_id in sorted(last)])
        people = [
            (keyed_name(key, id), each.asked_at, each.request_id, each.asked_at + REMEMBERED_MAX)
            for id, each in sorted(last.items())
        ]
        await db.execute(_SQL["guard"], shard, *map(list, zip(*people, strict=True)))
    await db.execute(_SQL["forget_guards"], shard, max(mark.asked_at for mark in marks))


async def census(db: Db) -> list[Counted]:
    """How many people are in each tier, in each band of scores, and have a thin file. Reads the whole table."""
    return [Counted(row["by"], row["value"], row["people"]) for row in await db.fetch(_SQL["census"])]
