"""What partners mean by an event, and what subscribers hear of it, in words that no format and no topic has.

The demos' people live by these events, the watchers make news of messages, and the recount expects news of events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as its partner means it, in the platform's words. `person` and `contact` are accounts, `amount` and the
    `limit` of a card's statement are in minor units; `report`, `began_on` and `ended_on` are those of a negative
    record, which has ended if it has a day."""

    partner: str
    person: str
    id: str
    time: datetime
    kind: str
    count: int = 1
    amount: int = 0
    limit: int | None = None
    days_late: int = 0
    reverses: bool = False
    value: str = ""
    contact: str = ""
    consent: str = ""
    report: str = ""
    began_on: date | None = None
    ended_on: date | None = None
    outcome: Literal["", "confirmed", "deleted"] = ""
    """How the provider answers the dispute of this number."""
    dispute: str = ""


class ScoreNews(NamedTuple):
    """What `scores.changed` says of a person, without what only explains it."""

    as_of: datetime
    score: int
    thin: bool
    restrictions: tuple[str, ...]


class TierNews(NamedTuple):
    """What `tiers.changed` says."""

    as_of: datetime
    tier: str | None
    granted: tuple[str, ...]
    revoked: tuple[str, ...]
    in_force: tuple[str, ...]
    restrictions: tuple[str, ...]
    falls_at: datetime | None = None


class RecordNews(NamedTuple):
    """What `records.changed` says; `heard_at` is the instant that the clock showed when it was said. Of a record that
    has expired or was deleted it says nothing but that."""

    heard_at: datetime
    kind: str | None
    status: str
    began_on: date | None
    ended_on: date | None
    lapses_at: datetime | None
    counts: bool = False
