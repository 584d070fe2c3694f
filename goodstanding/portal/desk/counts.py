"""Counts what the portal keeps, for the desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from shared.postgres import DbOrPool, queries

_SQL = queries(Path(__file__).with_name("counts.sql"))
BAND = 50


class Distribution(msgspec.Struct, frozen=True):
    """How many people there are by tier code, by the score at which their band begins, and by the monthly publication
    that their last score is of (the latest first; None for a score that is of none)."""

    tiers: dict[str | None, int]
    bands: dict[int, int]
    publications: Sequence[tuple[int | None, int]] = ()


class Work(msgspec.Struct, frozen=True):
    """What an operator deals with. Refusals are of the last 30 days, by partner and code, the most frequent first."""

    asked: Sequence[tuple[str, str, int]]
    erasures: Sequence[tuple[datetime, str]]
    refusals: Sequence[tuple[str, str, int]] = ()


async def distribution(db: DbOrPool) -> Distribution:
    tiers, bands = await db.fetch(_SQL["tiers"]), await db.fetch(_SQL["bands"], BAND)
    publications = await db.fetch(_SQL["publications"])
    return Distribution(
        {row["tier"]: row["people"] for row in tiers},
        {row["band"]: row["people"] for row in bands},
        [tuple(row) for row in publications],
    )


async def work(db: DbOrPool) -> Work:
    rows = [await db.fetch(_SQL[name]) for name in ("asked", "erasures", "refusals")]
    asked, erasures, refusals = ([tuple(row) for row in each] for each in rows)
    return Work(asked, erasures, refusals)
