"""Where each part of `held` comes from: the services' own views of one person, and nothing about anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import replace

from goodstanding.person import current
from goodstanding.person.held import (
    Behavior,
    Export,
    FreeReport,
    HeldConsent,
    HeldContacts,
    HeldDispute,
    HeldFact,
    HeldFigure,
    HeldLook,
    HeldPermission,
    HeldQuestion,
    HeldRecord,
    HeldRequest,
    HeldTier,
    HeldWaiting,
    HeldWord,
    is_number_of,
)
from goodstanding.platform.deployment import Deployment
from services.retention.core.record import Amended, Asked, Confirmed, Dispute, Unverifiable, Waiting
from services.scorer.core.explain import Published, explain
from services.scorer.core.messages import instant_of
from services.scorer.core.state import HASH_BYTES, State, amount_of, decode, unpack_figures, vectors
from services.scorer.core.vectors import COUNT, LATE, SUM, WORST, limit_of
from shared.contracts.kinds import KIND_OF_CODE
from shared.contracts.months import month_name
from shared.contracts.partition import partition_of


async def export(deployment: Deployment, user_id: str, now: datetime) -> Export:
    """Reads the services' views; of somebody of whom nothing is held it is empty."""
    tier = await current.benefits(deployment, user_id)
    state, published, contacts = await _of_scorer(deployment, user_id)
    return Export(
        user_id=user_id,
        made_at=now,
        currency=deployment.settings.currency,
        zone=deployment.settings.zone,
        records=await _records(deployment, user_id),
        behavior=_behavior(state),
        facts=tuple(
            HeldFact(KIND_OF_CODE[code].name, value, instant_of(at)) for code, (at, _, value) in state.facts.items()
        ),
        figures=_figures(state),
        consents=_each(HeldConsent, await current.consents(deployment, user_id)),
        contacts=contacts,
        scores=tuple(explain(row) for row in published),
        tier=None if tier is None else _each(HeldTier, [tier])[0],
        waiting=_waiting(await current.waiting(deployment, user_id)),
        free_reports=_each(FreeReport, await current.free_reports(deployment, user_id)),
        permissions=_each(HeldPermission, await current.permissions(deployment, user_id)),
        looks=_each(HeldLook, await current.looks(deployment, user_id)),
        asked=_each(HeldRequest, await current.asked(deployment, user_id)),
        told=tuple(
            HeldWord(row["at"], msgspec.json.decode(row["body"])) for row in await current.told(deployment, user_id)
        ),
    )


async def is_granted(deployment: Deployment, user_id: str, number: str) -> bool:
    """Whether a request for the document was granted that has this id, or whose id begins with what the page shows of
    it, or more. What is handed over for it is the report that it counts as, and no further one (rules R26)."""
    ids = {str(row["request_id"]) for row in await current.free_reports(deployment, user_id)}
    for row in await current.told(deployment, user_id):
        said = msgspec.json.decode(row["body"])
        if said.get("request") == "export" and said["status"] == "done":
            ids.add(said["request_id"])
    return any(is_number_of(each, number) for each in ids)


async def _records(deployment: Deployment, user_id: str) -> tuple[HeldRecord, ...]:
    beside = await current.beside(deployment, user_id)
    found: tuple[HeldRecord, ...] = _each(HeldRecord, await current.records(deployment, user_id))
    return tuple(_with(each, beside[each.record_id]) if each.record_id in beside else each for each in found)


def _with(record: HeldRecord, beside: asyncpg.Record) -> HeldRecord:
    return replace(
        record,
        disputes=disputes_of(beside["disputes"]),
        reported_on=beside["reported_on"],
        other_beginnings=_days.decode(beside["began_before"] or "[]"),
        other_ends=_days.decode(beside["overtaken"] or "[]"),
    )


_OUTCOMES: Mapping[type[Dispute], str | None] = {
    Asked: None,
    Confirmed: "confirmed",
    Amended: "corrected",
    Unverifiable: "unverifiable",
}


def disputes_of(kept: str | None) -> tuple[HeldDispute, ...]:
    """The disputes of a record as retention keeps them, the last one at the end."""
    return tuple(
        HeldDispute(
            each.id,
            _OUTCOMES[type(each)],
            tuple(HeldQuestion(question.reason, question.text) for question in each.questions),
            each.since if isinstance(each, Asked) else None,
            each.answer_by if isinstance(each, Asked) else None,
        )
        for each in _dispute.decode(kept or "[]")
    )


def _waiting(rows: Sequence[asyncpg.Record]) -> tuple[HeldWaiting, ...]:
    return tuple(
        HeldWaiting(
            partner=row["partner"],
            report_id=row["report_id"],
            kind=each.kind,
            began_on=each.began_on,
            ended_on=each.ended_on,
            amount=each.amount,
            outcome=each.outcome,
            until=row["until"],
        )
        for row in rows
        for each in _told_ahead.decode(row["waiting"])
    )


_days = msgspec.json.Decoder(tuple[date, ...])
_dispute = msgspec.json.Decoder(tuple[Dispute, ...])
_told_ahead = msgspec.json.Decoder(tuple[Waiting, ...])


def _each(cls: Any, rows: Sequence[Mapping[str, Any] | asyncpg.Record]) -> tuple[Any, ...]:
    """A column that a view does not have, or that is not shown, is left out."""
    return tuple(
        cls(**{name: _plain(value) for name, value in row.items() if name in cls.__struct_fields__}) for row in rows
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


async def _of_scorer(deployment: Deployment, user_id: str) -> tuple[State, list[Published], HeldContacts]:
    db = await asyncpg.connect(deployment.dsn("scorer"))
    try:
        person = (partition_of(user_id), bytes.fromhex(user_id))
        row = await db.fetchrow("select state from scorer.present where shard = $1 and user_id = $2", *person)
        rows = await db.fetch(_PUBLISHED, *person)
        contacts = await db.fetchrow(_CONTACTS, *person)
    finally:
        await db.close()
    state = decode(row["state"]) if row and row["state"] else State()
    assert contacts is not None, "a sum has one row"
    return state, [Published(**each) for each in rows], HeldContacts(contacts["present"], contacts["no_longer"])


_PUBLISHED = """
select version, as_of, run, policy, evaluation, evaluation_before
from scorer.explain where shard = $1 and user_id = $2 order by version
"""
_CONTACTS = """
select coalesce(sum(present), 0)::bigint as present, coalesce(sum(known - present), 0)::bigint as no_longer
from scorer.contacts where shard = $1 and user_id = $2
"""


_LAST_MONTH = 2**31


def _behavior(state: State) -> tuple[Behavior, ...]:
    found = []
    for month, of_month in vectors(state, 0, _LAST_MONTH):
        for code, vector in of_month.items():
            padded = [*vector, 0, 0, 0, 0]
            found.append(
                Behavior(
                    month=month_name(month),
                    kind=KIND_OF_CODE[code].name,
                    count=padded[COUNT],
                    amount=padded[SUM],
                    late=padded[LATE],
                    worst_days_late=padded[WORST],
                    limit=limit_of(vector) if KIND_OF_CODE[code].has_limit else None,
                )
            )
    return tuple(found)


def _figures(state: State) -> tuple[HeldFigure, ...]:
    return tuple(
        HeldFigure(KIND_OF_CODE[key[HASH_BYTES]].name, month_name(month), amount_of(figure))
        for key, packed in state.figures.items()
        for month, figure in unpack_figures(packed).items()
    )
