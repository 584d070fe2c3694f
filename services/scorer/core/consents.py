"""The ledger of consents: to whom a person gave which, for what, since when, and whether it was taken back (rules I10).

A row combines everything that was said about one consent, in whichever order it came: it has the earliest time at which
the consent was given, with the purpose that was stated with it, and the earliest withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.scorer.core.messages import Event, Withdrawal, instant_of

WITHDRAWN_MAX = 1_000
"""How many consents one person can withdraw: each leaves a hash in the person's state for good."""


class ConsentNews(msgspec.Struct, frozen=True):
    """What an event or a request says of a consent."""

    partner: str
    consent_id: str
    said_at: datetime
    """Of several times the latest is kept: it says when something was last heard about the consent."""
    purpose: str | None = None
    given_at: datetime | None = None
    withdrawn_at: datetime | None = None


def cited_by(event: Event) -> ConsentNews:
    """What a figure says about the consent under which it is given."""
    consent = event.body.consent
    assert consent is not None
    return ConsentNews(event.partner, consent.id, instant_of(event.time_us), consent.purpose, consent.given_at)


def taken_back(asked: Withdrawal) -> ConsentNews:
    return ConsentNews(asked.partner, asked.consent_id, asked.time, withdrawn_at=asked.time)


def merged(news: Iterable[ConsentNews]) -> list[ConsentNews]:
    """One for each consent, in the order of partners and ids."""
    found: dict[tuple[str, str], ConsentNews] = {}
    for each in news:
        name = (each.partner, each.consent_id)
        found[name] = _both(found[name], each) if name in found else each
    return [found[name] for name in sorted(found)]


def _both(one: ConsentNews, other: ConsentNews) -> ConsentNews:
    given = min(filter(lambda each: each.given_at is not None, (one, other)), key=_given, default=one)
    withdrawn = [each.withdrawn_at for each in (one, other) if each.withdrawn_at is not None]
    return ConsentNews(
        one.partner,
        one.consent_id,
        max(one.said_at, other.said_at),
        given.purpose,
        given.given_at,
        min(withdrawn, default=None),
    )


def _given(news: ConsentNews) -> tuple[datetime, str]:
    assert news.given_at is not None
    return news.given_at, news.purpose or ""
