"""All that is held about one person, as one document: from each service's own part, and nothing about anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import replace

from goodstanding.person import current
from goodstanding.platform.deployment import Deployment
from services.retention.core.record import Amended, Asked, Confirmed, Dispute, Unverifiable, Waiting
from services.scorer.core.explain import Explanation, Published, explain
from services.scorer.core.messages import instant_of
from services.scorer.core.state import HASH_BYTES, State, amount_of, decode, unpack_figures, vectors
from services.scorer.core.vectors import COUNT, LATE, SUM, WORST, limit_of
from shared.contracts.kinds import KIND_OF_CODE
from shared.contracts.months import month_name
from shared.contracts.partition import partition_of


class Behavior(msgspec.Struct, frozen=True, kw_only=True):
    """What was summed up of one kind in one month. Amounts are in minor units of the document's currency."""

    month: str
    kind: str
    count: int
    amount: int
    late: int
    """How many of them were late."""
    worst_days_late: int
    limit: int | None
    """Of cards: what could be charged to them at most; None where that is not known."""


class HeldFact(msgspec.Struct, frozen=True):
    """The latest word on a fact."""

    kind: str
    value: str
    at: datetime


class HeldFigure(msgspec.Struct, frozen=True):
    """A figure of means for a month."""

    kind: str
    month: str
    amount: int


class HeldConsent(msgspec.Struct, frozen=True):
    """A consent, and what became of it."""

    partner: str
    consent_id: str
    purpose: str | None
    given_at: datetime | None
    withdrawn_at: datetime | None


class HeldQuestion(msgspec.Struct, frozen=True):
    """Why the person says that a record is wrong."""

    reason: str
    text: str | None = None


class HeldDispute(msgspec.Struct, frozen=True):
    """A dispute of a record: what its provider was asked, and what came of it. `outcome` is None until an answer came
    or the time for it was over. `asked_on` and `answer_by` are kept until then."""

    id: str
    outcome: str | None
    questions: tuple[HeldQuestion, ...]
    asked_on: date | None = None
    answer_by: date | None = None


class HeldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A negative record. `lapses_at` is None while no deadline is known, and `counts_from` unless the record does not
    count yet. `early_at` is when it lapses already if nothing else is held then."""

    record_id: str
    partner: str
    report_id: str
    kind: str
    status: str
    amount: int | None
    began_on: date
    ended_on: date | None
    lapses_at: datetime | None
    dispute: str | None = None
    answer_by: date | None = None
    statement: str | None = None
    counts: bool = True
    counts_from: datetime | None = None
    early_at: datetime | None = None
    disputes: tuple[HeldDispute, ...] = ()


class HeldWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner has said of a record that nobody has reported yet. It is kept until its report comes, or `until`
    then. `outcome` says that it is a correction or a deletion; without one it is a settlement."""

    partner: str
    report_id: str
    kind: str
    began_on: date | None
    ended_on: date | None
    amount: int | None
    outcome: str | None
    until: datetime


class FreeReport(msgspec.Struct, frozen=True):
    """A report of all that is held which was free, and the year that it counts in."""

    request_id: str
    year: int


class HeldPermission(msgspec.Struct, frozen=True):
    """That a subscriber may look, until the permission was taken back."""

    subscriber: str
    given_at: datetime
    withdrawn_at: datetime | None


class HeldLook(msgspec.Struct, frozen=True):
    """Somebody has looked at something of the person."""

    at: datetime
    who: str
    what: str


class HeldTier(msgspec.Struct, frozen=True):
    """The tier and what is open by it, as benefits has published it."""

    tier: str | None
    in_force: tuple[str, ...]
    restrictions: tuple[str, ...]
    version: int
    as_of: datetime
    falls_at: datetime | None = None
    """When the tier falls to `falls_to`, unless the score recovers; null where it does not."""
    falls_to: str | None = None


class HeldContacts(msgspec.Struct, frozen=True):
    """How many people the person counts among the contacts; who they are is theirs."""

    present: int
    no_longer: int


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that Goodstanding holds about one person."""

    format: str = "goodstanding.export.v1"
    user_id: str
    made_at: datetime
    currency: str
    zone: str
    records: tuple[HeldRecord, ...]
    behavior: tuple[Behavior, ...]
    facts: tuple[HeldFact, ...]
    figures: tuple[HeldFigure, ...]
    consents: tuple[HeldConsent, ...]
    contacts: HeldContacts
    scores: tuple[Explanation, ...]
    """Every publication that is kept, the earliest first, with the items that sum to it."""
    tier: HeldTier | None
    waiting: tuple[HeldWaiting, ...] = ()
    free_reports: tuple[FreeReport, ...] = ()
    permissions: tuple[HeldPermission, ...] = ()
    looks: tuple[HeldLook, ...] = ()
    """All of them, where there is a portal."""


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
    )


async def _records(deployment: Deployment, user_id: str) -> tuple[HeldRecord, ...]:
    disputes = await current.disputes(deployment, user_id)
    found: tuple[HeldRecord, ...] = _each(HeldRecord, await current.records(deployment, user_id))
    return tuple(replace(each, disputes=_disputes(disputes.get(each.record_id))) for each in found)


_OUTCOMES: Mapping[type[Dispute], str | None] = {
    Asked: None,
    Confirmed: "confirmed",
    Amended: "corrected",
    Unverifiable: "unverifiable",
}


def _disputes(kept: str | None) -> tuple[HeldDispute, ...]:
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
