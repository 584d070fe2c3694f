"""Reads one person's explained score from the scorer's view, as the person's own export would."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from services.scorer.core.explain import Explanation, Published, explain
from shared.contracts import zones
from shared.contracts.partition import partition_of

_LATEST = """
select version, as_of, run, policy, evaluation, evaluation_before
from scorer.explain
where shard = $1 and user_id = $2 and ($3::timestamptz is null or as_of < $3)
order by version desc limit 1
"""
_FIRST = "select min(as_of) from scorer.explain where shard = $1 and user_id = $2"


async def explanation(deployment: Deployment, user_id: str, before: datetime | None, advice: str = "") -> Explanation:
    """The person's last score, or the last one before an instant. Raises UserError, with the advice, when there is
    none."""
    db = await asyncpg.connect(deployment.dsn("scorer"))
    try:
        person = (partition_of(user_id), bytes.fromhex(user_id))
        row = await db.fetchrow(_LATEST, *person, before)
        first = await db.fetchval(_FIRST, *person) if row is None and before else None
    finally:
        await db.close()
    if first is not None:
        on = first.astimezone(zones.zone(deployment.settings.zone))
        raise UserError(f"There is no score of this person by then: the first one that is kept is of {on:%Y-%m-%d}.")
    if row is None:
        raise UserError(
            "There is no score of this person" + (" by then." if before else "."),
            advice,
        )
    return explain(Published(**row))
