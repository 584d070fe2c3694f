"""Reads what is now held of one person: records, consents and benefits, from the services' views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from goodstanding.person.held import state_of
from goodstanding.platform.deployment import Deployment
from shared.contracts.partition import partition_of

_RECORDS = """
select record_id, kind, status, began_on, ended_on, lapses_at, early_at, amount, partner, report_id, dispute, answer_by,
    counts_from, statement
from retention.current where shard = $1 and user_id = $2 order by began_on, record_id
"""
_CONSENTS = """
select partner, consent_id, purpose, given_at, withdrawn_at
from scorer.consents where shard = $1 and user_id = $2 order by partner, given_at, consent_id
"""
_BESIDE = """
select record_id, disputes, reported_on, began_before, overtaken from retention.current
where shard = $1 and user_id = $2
"""
_WAITING = """
select partner, report_id, waiting, until from retention.waiting where shard = $1 and user_id = $2
order by partner, report_id
"""
_FREE_REPORTS = """
select request_id, year from retention.free_report where shard = $1 and user_id = $2 order by year, request_id
"""
_PERMISSIONS = """
select subscriber, given_at, withdrawn_at from portal.permission where shard = $1 and user_id = $2 order by subscriber
"""
_LOOKS = "select at, who, what from portal.look where shard = $1 and user_id = $2 order by at"
_ASKED = "select at, request_id, request, record_id from portal.asked where shard = $1 and user_id = $2 order by at"
_TOLD = "select at, body from portal.told where shard = $1 and user_id = $2 order by at, id"
_BENEFITS = """
select version, tier, in_force, restrictions, score, thin, score_version, as_of, falls_at, falls_to
from benefits.current where shard = $1 and user_id = $2
"""


_STATUS_OF_DISPUTE = {
    "Asked": "disputed",
    "Confirmed": "confirmed",
    "Amended": "corrected",
    "Unverifiable": "unverifiable",
}


async def records(deployment: Deployment, user_id: str) -> list[dict[str, Any]]:
    """The records that are held, the oldest first. What has lapsed or was deleted is not there any more."""
    rows = [dict(row) for row in await _rows(deployment, "retention", _RECORDS, user_id)]
    for row in rows:
        row["dispute"] = _STATUS_OF_DISPUTE.get(row["dispute"])
        row["status"] = row["dispute"] or state_of(row["status"], row["ended_on"])
        row["counts"] = row["counts_from"] is None and row["status"] not in ("disputed", "unverifiable")
    return rows


async def beside(deployment: Deployment, user_id: str) -> Mapping[str, asyncpg.Record]:
    """By its id, what else is kept of each record: its disputes, the day of its first report, and the days of its
    beginning and of its end that were told beside those that count. Days and disputes are JSON."""
    return {row["record_id"]: row for row in await _rows(deployment, "retention", _BESIDE, user_id)}


async def waiting(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """What waits for the report of a record; `waiting` is JSON, as retention keeps it."""
    return await _rows(deployment, "retention", _WAITING, user_id)


async def free_reports(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """The free reports that are remembered."""
    return await _rows(deployment, "retention", _FREE_REPORTS, user_id)


async def permissions(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """Whom the person lets look, where there is a portal."""
    return await _rows(deployment, "portal", _PERMISSIONS, user_id) if deployment.settings.portal_key else []


async def looks(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """Who has looked at what, where there is a portal."""
    return await _rows(deployment, "portal", _LOOKS, user_id) if deployment.settings.portal_key else []


async def asked(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """What the person asked of the platform, where there is a portal."""
    return await _rows(deployment, "portal", _ASKED, user_id) if deployment.settings.portal_key else []


async def told(deployment: Deployment, user_id: str) -> list[asyncpg.Record]:
    """What the person was answered and told, each body as JSON, where there is a portal."""
    return await _rows(deployment, "portal", _TOLD, user_id) if deployment.settings.portal_key else []


async def benefits(deployment: Deployment, user_id: str) -> Mapping[str, Any] | None:
    """The person's tier and benefits; None for somebody who never had a score."""
    rows = await _rows(deployment, "benefits", _BENEFITS, user_id)
    return dict(rows[0]) if rows else None


async def consents(deployment: Deployment, user_id: str) -> list[Mapping[str, Any]]:
    """The ledger of the person's consents, by partner."""
    return [dict(row) for row in await _rows(deployment, "scorer", _CONSENTS, user_id)]


async def _rows(deployment: Deployment, service: str, query: str, user_id: str) -> list[asyncpg.Record]:
    db = await asyncpg.connect(deployment.dsn(service))
    try:
        return list(await db.fetch(query, partition_of(user_id), bytes.fromhex(user_id)))
    finally:
        await db.close()
