"""The erasure of people: all rows about them, their edges in other people's rows, and what is remembered of it.

Edges lie in the rows of both people, so an erasure writes into rows of other shards. It does so without waiting for
their owners, who may wait for it: see erasing.sql. No edge to an erased person can slip in between, because whoever
writes one holds a lock that the erasure needs, and looks afterwards for whom to leave out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from zlib import crc32

from services.scorer.core.messages import Edge
from shared.contracts.erasure import REMEMBERED_MAX, Erased, is_nobody, keyed_name, latest
from shared.postgres import queries
from shared.runner.service import Db

_SQL = queries(Path(__file__).with_name("erasing.sql"))
_LOCKS = 0x67735F65
"""The class of our advisory locks: the letters gs_e."""
_BUCKETS = 64
"""People share a lock by chance: a step that writes many edges must not fill the server's table of locks."""


async def guards(db: Db, user_ids: Iterable[str], key: bytes) -> dict[str, Erased]:
    """Those of these people who were erased lately, each with the last erasure."""
    if not await db.fetchval(_SQL["anybody"]):
        return {}
    names = {keyed_name(key, user_id): user_id for user_id in user_ids}
    rows = await db.fetch(_SQL["guards"], list(names))
    return {(id := names[row["person"]]): Erased(id, row["request_id"], row["asked_at"]) for row in rows}


async def erase(db: Db, shard: int, marks: Sequence[Erased], key: bytes) -> None:
    """Inside the step's transaction, before anything else of it is written."""
    last: dict[str, Erased] = {}
    for mark in marks:
        if not is_nobody(mark.user_id):
            last[mark.user_id] = latest([mark, last.get(mark.user_id, mark)])
    if last:
        await remove(db, shard, [bytes.fromhex(user_id) for user_id in last])
        people = [
            (keyed_name(key, id), each.asked_at, each.request_id, each.asked_at + REMEMBERED_MAX)
            for id, each in sorted(last.items())
        ]
        await db.execute(_SQL["guard"], shard, *map(list, zip(*people, strict=True)))
    await db.execute(_SQL["forget_guards"], shard, max(mark.asked_at for mark in marks))


async def remove(db: Db, shard: int, user_ids: Sequence[bytes]) -> None:
    """All rows about these people of the shard."""
    ordered = sorted(user_ids)
    await db.execute(_SQL["lock_erasures"], _LOCKS, _buckets(ordered))
    await db.execute(_SQL["lock_contacts"], shard, ordered)
    for name in ("erase_contacts", "erase_person", "erase_scores", "erase_consents"):
        await db.execute(_SQL[name], shard, ordered)


async def without_erased(db: Db, edges: Sequence[tuple[str, Edge]], key: bytes) -> Sequence[tuple[str, Edge]]:
    """The edges but those to somebody who was erased after they had arrived. Holds the lock of each, so that what is
    not seen here will be seen by the erasure."""
    contacts = {edge.contact for _, edge in edges}
    await db.execute(_SQL["lock_edges"], _LOCKS, _buckets(map(bytes.fromhex, contacts)))
    erased = await guards(db, contacts, key)
    if not erased:
        return edges
    return [each for each in edges if not came_before(each[1], erased.get(each[1].contact))]


def came_before(edge: Edge, erased: Erased | None) -> bool:
    return erased is not None and edge.arrived is not None and edge.arrived <= erased.asked_at


def _buckets(user_ids: Iterable[bytes]) -> list[int]:
    return sorted({crc32(user_id) % _BUCKETS for user_id in user_ids})
