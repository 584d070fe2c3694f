"""The erasure of people: all rows about them, their edges in other people's rows, and what is remembered of it.

Edges lie in the rows of both people, so an erasure writes into rows of other shards. It does so without waiting for
their owners, who may wait for it: see erasing.sql. No edge to an erased person can slip in between, because whoever
writes one holds a lock that the erasure needs, and looks afterwards for whom to leave out.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zlib import crc32

from services.scorer.core.messages import Edge
from shared.contracts.erasure import ON_THE_WAY_MAX, Erased, is_nobody
from shared.postgres import queries
from shared.runner.service import Db

_SQL = queries(Path(__file__).with_name("erasing.sql"))
_LOCKS = 0x67735F65
"""The class of our advisory locks: the letters gs_e."""
_BUCKETS = 64
"""People share a lock by chance: a step that writes many edges must not fill the server's table of locks."""
_FINGERPRINT_BYTES = 16


def fingerprint(key: bytes, user_id: str) -> bytes:
    """What is kept of an erased person for a while; who has no key cannot tell it from noise."""
    return hmac.digest(key, f"erased\n{user_id}".encode(), "sha256")[:_FINGERPRINT_BYTES]


async def guards(db: Db, user_ids: Iterable[str], key: bytes) -> dict[str, datetime]:
    """Those of these people who were erased lately, with the instant at which it was asked for."""
    if not await db.fetchval(_SQL["anybody"]):
        return {}
    names = {fingerprint(key, user_id): user_id for user_id in user_ids}
    return {names[row["person"]]: row["asked_at"] for row in await db.fetch(_SQL["guards"], list(names))}


async def erase(db: Db, shard: int, marks: Sequence[Erased], key: bytes) -> None:
    """Inside the step's transaction, before anything else of it is written."""
    latest: dict[str, datetime] = {}
    for mark in marks:
        if not is_nobody(mark.user_id):
            latest[mark.user_id] = max(mark.asked_at, latest.get(mark.user_id, mark.asked_at))
    if latest:
        await remove(db, shard, [bytes.fromhex(user_id) for user_id in latest])
        people = [(fingerprint(key, id), at, at + ON_THE_WAY_MAX) for id, at in sorted(latest.items())]
        await db.execute(_SQL["guard"], shard, *map(list, zip(*people, strict=True)))
    await db.execute(_SQL["forget_guards"], shard, max(mark.asked_at for mark in marks))


async def remove(db: Db, shard: int, user_ids: Sequence[bytes]) -> None:
    """All rows about these people of the shard."""
    ordered = sorted(user_ids)
    await db.execute(_SQL["lock_erasures"], _LOCKS, _buckets(ordered))
    await db.execute(_SQL["lock_contacts"], shard, ordered)
    for name in ("erase_contacts", "erase_person", "erase_scores", "erase_consents"):
        await db.execute(_SQL[name], shard, ordered)


async def remove_again(db: Db, shard: int, marks: Sequence[Erased]) -> None:
    """In an older copy of the database: those of whom the topic says last that everything is erased. Who was published
    after that is a newcomer."""
    if marks:
        user_ids, instants = [bytes.fromhex(mark.user_id) for mark in marks], [mark.asked_at for mark in marks]
        if found := await db.fetch(_SQL["published_before"], shard, user_ids, instants):
            await remove(db, shard, [row["user_id"] for row in found])


async def without_erased(db: Db, edges: Sequence[tuple[str, Edge]], key: bytes) -> Sequence[tuple[str, Edge]]:
    """The edges but those to somebody who was erased after they had arrived. Holds the lock of each, so that what is
    not seen here will be seen by the erasure."""
    contacts = {edge.contact for _, edge in edges}
    await db.execute(_SQL["lock_edges"], _LOCKS, _buckets(map(bytes.fromhex, contacts)))
    erased: Mapping[str, datetime] = await guards(db, contacts, key)
    if not erased:
        return edges
    return [each for each in edges if not came_before(each[1], erased.get(each[1].contact))]


def came_before(edge: Edge, asked_at: datetime | None) -> bool:
    return asked_at is not None and edge.came is not None and edge.came <= asked_at


def _buckets(user_ids: Iterable[bytes]) -> list[int]:
    return sorted({crc32(user_id) % _BUCKETS for user_id in user_ids})
