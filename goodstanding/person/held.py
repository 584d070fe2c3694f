"""All that is held about one person, as one document (docs/people.md); `export` reads it together."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from services.scorer.core.explain import Explanation


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
    count yet. `early_at` is when it lapses already if nothing else is held then. `other_beginnings` and `other_ends`
    are days that were told beside those that count, and are kept so that they are recognized when they come again."""

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
    reported_on: date | None = None
    """The day of its first report; None of a record that is older than this."""
    other_beginnings: tuple[date, ...] = ()
    other_ends: tuple[date, ...] = ()


def state_of(status: str, ended_on: date | str | None) -> str:
    """The one word for a record's state, wherever somebody reads it. What ends at once is settled from the beginning,
    though nobody reports a settlement of it (rules R5), and the services call it `open` with the day of its end."""
    return "settled" if status == "open" and ended_on is not None else status


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


class HeldRequest(msgspec.Struct, frozen=True):
    """What the person asked of the platform in the portal."""

    at: datetime
    request_id: str
    request: str
    record_id: str | None = None


class HeldWord(msgspec.Struct, frozen=True):
    """What the person was answered or told, as it was on `subject.answers`."""

    at: datetime
    said: dict[str, Any]


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
    asked: tuple[HeldRequest, ...] = ()
    told: tuple[HeldWord, ...] = ()
    """These four where there is a portal, and then all of them."""


SHOWN = 8
"""So many characters of a request's id the person's page shows as its number."""


def is_number_of(request_id: str, number: str) -> bool:
    """Whether this request is meant by a number: its whole id, or what the page shows of it, or more."""
    id, said = request_id.lower(), number.lower()
    return said == id or (len(said) >= SHOWN and id.startswith(said))
