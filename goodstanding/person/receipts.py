"""Whether a receipt is one of this deployment, and whether its stores hold nothing of whom it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from goodstanding.errors import UserError
from goodstanding.partner.crosswalks import holding
from goodstanding.person import current
from goodstanding.person.score import present
from goodstanding.platform.deployment import Deployment
from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import between
from services.retention.core.erasure import digest
from services.scorer.core.state import short_hash
from shared.contracts.faults import Fault
from shared.contracts.identity import is_user_id
from shared.contracts.messages import read
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt
from shared.contracts.topics import RECORDS_HELD, SCORES_CHANGED, SCORES_EXPLAINED, TIERS_CHANGED

_VIEWS = {
    "retention": ("current", "waiting", "free_report"),
    "scorer": ("present", "explain", "consents", "contacts"),
    "benefits": ("current",),
}
"""What each service shows of a person; where a view has no row, the tables behind it have none."""
_OF_PORTAL = {"portal": ("person", "score", "told", "ending", "asked", "permission", "look", "consent")}
"""The portal's tables, where there is one."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`is_ours`: the receipt was made by this deployment, for this person. `left`: the stores that hold something that
    they should not. `untold`: the webhooks that still wait to say that the person is erased."""

    is_ours: bool
    left: tuple[str, ...]
    untold: int = 0


def receipt_in(told: Mapping[str, Any]) -> tuple[str, ErasureReceipt]:
    """The user_id and the receipt in what `tail answers --json` or `subject erase --json` tells. Raises UserError."""
    user_id, answers = told.get("user_id"), told.get("answers")
    for answer in [told, *(answers if isinstance(answers, list) else ())]:
        if not isinstance(answer, Mapping) or not isinstance(user_id, str) or not is_user_id(user_id):
            continue
        fields = {name: value for name, value in answer.items() if name in ErasureReceipt.__slots__}
        if str(answer.get("type")).startswith("goodstanding.erasure.receipted."):
            said = read(ErasureReceipt, json.dumps(fields).encode())
            if isinstance(said, Fault):
                raise UserError(f"The receipt cannot be read: {said.field}: {said.sentence}")
            return user_id, said
    raise UserError("There is no receipt in it.", "Give what subject erase --json or tail answers --json has answered.")


async def verify(deployment: Deployment, user_id: str, said: ErasureReceipt) -> Verified:
    """Who came back after the erasure is found again: then the receipt is true, and the stores hold what came later."""
    is_ours = said.digest == digest(user_id, said, bytes.fromhex(deployment.settings.fingerprint_key))
    if said.what == "record":
        return Verified(is_ours, await _record_left(deployment, user_id, said.record_id or ""))
    left = (*await _rows_left(deployment, user_id), *await _messages_left(deployment, user_id))
    left = (*left, *await holding(deployment, user_id))
    if not deployment.settings.portal_key:
        return Verified(is_ours, left)
    news, untold = await _undelivered(deployment, user_id)
    return Verified(is_ours, (*left, *(("portal.delivery",) if news else ())), untold)


async def _undelivered(deployment: Deployment, user_id: str) -> tuple[int, int]:
    """How many messages webhooks hold of the person: news, and the word that the person is erased."""
    db = await asyncpg.connect(deployment.dsn("portal"))
    try:
        rows = await db.fetch(_UNDELIVERED, partition_of(user_id), bytes.fromhex(user_id))
    finally:
        await db.close()
    untold = sum(row["message"].startswith("erased/") for row in rows)
    return len(rows) - untold, untold


_UNDELIVERED = "select message from portal.delivery where shard = $1 and user_id = $2"


async def _record_left(deployment: Deployment, user_id: str, record_id: str) -> tuple[str, ...]:
    """Where the record is held: with retention, or in the state of which the score is made."""
    held = [each["record_id"] for each in await current.records(deployment, user_id)]
    now = await present(deployment, user_id, await deployment.now())
    known = None if now is None else now.state.records.get(short_hash(record_id))
    return (
        *(("retention.current",) if record_id in held else ()),
        *(("scorer.present",) if known is not None and not known.gone else ()),
        *(await _record_left_in_portal(deployment, user_id, record_id) if deployment.settings.portal_key else ()),
    )


async def _record_left_in_portal(deployment: Deployment, user_id: str, record_id: str) -> list[str]:
    """The portal's tables that still say what the record was. They may say that it is gone, as long as the person is
    known."""
    db = await asyncpg.connect(deployment.dsn("portal"))
    try:
        rows = await db.fetch(_RECORD_IN_PORTAL, partition_of(user_id), bytes.fromhex(user_id), record_id)
    finally:
        await db.close()
    return [row["store"] for row in rows]


_RECORD_IN_PORTAL = """
select distinct store from (
    select 'portal.person' as store, jsonb_array_elements(convert_from(records, 'UTF8')::jsonb -> 'records') as said
    from portal.person where shard = $1 and user_id = $2
    union all
    select 'portal.told', convert_from(body, 'UTF8')::jsonb from portal.told where shard = $1 and user_id = $2
    union all
    select 'portal.asked', jsonb_build_object('record_id', record_id, 'kind', request)
    from portal.asked where shard = $1 and user_id = $2
) as stores
where said ->> 'record_id' = $3 and said ? 'kind' order by store
"""


async def _rows_left(deployment: Deployment, user_id: str) -> list[str]:
    left: list[str] = []
    shard, person = partition_of(user_id), bytes.fromhex(user_id)
    for service, views in {**_VIEWS, **(_OF_PORTAL if deployment.settings.portal_key else {})}.items():
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            for view in views:
                query = f"select exists (select from {service}.{view} where shard = $1 and user_id = $2)"
                if await db.fetchval(query, shard, person):
                    left.append(f"{service}.{view}")
        finally:
            await db.close()
    return left


async def _messages_left(deployment: Deployment, user_id: str) -> list[str]:
    """The compacted topics whose last word of the person is not the erasure."""
    of_portal = (RECORDS_HELD, SCORES_EXPLAINED) if deployment.settings.portal_key else ()
    kafka, topics = deployment.kafka, (SCORES_CHANGED, TIERS_CHANGED, *of_portal)
    last: dict[str, bytes | None] = {}
    async with asking(kafka) as offsets:
        kept = {tp: at for tp, at in (await offsets.kept(topics)).items() if tp.partition == partition_of(user_id)}
    start, end = {tp: at.start for tp, at in kept.items()}, {tp: at.stop for tp, at in kept.items()}
    async for record in between(kafka, start, end):
        if record.key == user_id.encode():
            last[record.topic] = record.value
    return [topic for topic in topics if last.get(topic) is not None]
