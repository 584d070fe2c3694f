"""What waits for the operator's word, and the words that were given: rows beside the shards' own.

A contradiction is written down by whoever meets it and read by `goodstanding offsets` and `goodstanding clock`; a word
names exactly one contradiction and is kept for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.postgres import DbOrPool, queries

_SQL = queries(Path(__file__).with_name("operator_word.sql"))


@dataclass(frozen=True, slots=True)
class Found:
    """A contradiction as the operator is told of it. `token` names exactly this one."""

    token: str
    sentence: str
    remedy: str


async def report(db: DbOrPool, shard: int, found: Sequence[Found]) -> set[str]:
    """Write down, for the operator's command, what keeps the shard from its work; an empty `found` says that nothing
    does any more. Returns the tokens for which the operator has given word."""
    tokens = [each.token for each in found]
    told = ([each.sentence for each in found], [each.remedy for each in found])
    await db.execute(_SQL["report"], shard, tokens, *told)
    return {row["token"] for row in await db.fetch(_SQL["words"], tokens)} if tokens else set()


@dataclass(frozen=True, slots=True)
class Met:
    """A contradiction that waits for the operator's word, as the shard last met it."""

    shard: int
    found: Found
    seen_at: datetime


async def waiting_for_word(db: DbOrPool) -> list[Met]:
    return [
        Met(row["shard"], Found(row["token"], row["sentence"], row["remedy"]), row["seen_at"])
        for row in await db.fetch(_SQL["without_word"])
    ]


async def not_taken_up(db: DbOrPool) -> bool:
    """Whether a shard has not acted yet on what the operator has decided: no process has looked since."""
    return bool(await db.fetchval(_SQL["not_applied"]))


async def give_word(db: DbOrPool, found: Found) -> None:
    """The operator's decision, kept for good with its time."""
    await db.execute(_SQL["give_word"], found.token, found.sentence, found.remedy)


async def mark_applied(db: DbOrPool, tokens: Sequence[str]) -> None:
    """The operator's word for these has taken effect."""
    await db.execute(_SQL["mark_applied"], tokens)
