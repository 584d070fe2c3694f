"""Reads one person's scores from the scorer's views, as the person's own export would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from services.scorer.core.explain import Published
from services.scorer.core.features.months import Circle
from services.scorer.core.features.stated import CONTACTS_MIN
from services.scorer.core.reasons.hints import Present
from services.scorer.core.state import decode
from shared.contracts import zones
from shared.contracts.months import month_of
from shared.contracts.partition import partition_of

_PUBLISHED = """
select version, as_of, run, policy, evaluation, evaluation_before
from scorer.explain
where shard = $1 and user_id = $2 and ($3::timestamptz is null or as_of < $3)
order by version
"""
_FIRST = "select min(as_of) from scorer.explain where shard = $1 and user_id = $2"
_PRESENT = "select state, run, contacts, influence, stability from scorer.present where shard = $1 and user_id = $2"


async def published(
    deployment: Deployment, user_id: str, before: datetime | None, advice: str = ""
) -> Sequence[Published]:
    """The person's scores that are kept, or those before an instant, the earliest first and at least one. Raises
    UserError, with the advice, when there is none."""
    db = await asyncpg.connect(deployment.dsn("scorer"))
    try:
        person = (partition_of(user_id), bytes.fromhex(user_id))
        rows = await db.fetch(_PUBLISHED, *person, before)
        first = await db.fetchval(_FIRST, *person) if not rows and before else None
    finally:
        await db.close()
    if first is not None:
        on = first.astimezone(zones.zone(deployment.settings.zone))
        raise UserError(f"There is no score of this person by then: the first one that is kept is of {on:%Y-%m-%d}.")
    if not rows:
        raise UserError(
            "There is no score of this person" + (" by then." if before else "."),
            advice,
        )
    return [Published(**row) for row in rows]


async def present(deployment: Deployment, user_id: str, now: datetime) -> Present | None:
    """The person as known now: what hints are computed from. None of somebody whose state is kept no more."""
    db = await asyncpg.connect(deployment.dsn("scorer"))
    try:
        row = await db.fetchrow(_PRESENT, partition_of(user_id), bytes.fromhex(user_id))
    finally:
        await db.close()
    if row is None or not row["state"]:
        return None
    circle = None
    if row["contacts"] is not None:
        circle = Circle(row["contacts"], row["influence"] or CONTACTS_MIN, row["stability"] or 0)
    return Present(decode(row["state"]), circle, month_of(now, zones.zone(deployment.settings.zone)))
