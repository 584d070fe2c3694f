"""What a shard with state does next: pure, so that it is tested as a table.

A shard has two sources of work, records and timers. The states say what it knows of its timers:

                       records handled, clock moved
          ┌────────────────────────────────────────────────────┐
          ▼                                                    │
        Stale ────── asks ────▶ Asking ──── nothing due ────▶ Asked
          ▲ ▲                   │    │                         │
          │ └─── more may ──────┘    │ clock moved             │ asks, when `due` has come
          │      be due              ▼                         ▼
          └──── any answer ───── Disturbed ◀─ clock moved ── Asking

Asked      all that came is handled, and the timers have said when they are due next
Stale      something was handled since the timers were asked, so they may have become due sooner than is known
Asking     the timers are being asked
Disturbed  the clock was moved meanwhile, so that their answer may be out of date when it comes
Behind     a page is due, and waits for records that had arrived before it; from there as from Stale

Records and timers that are known to be due alternate. A shard that never runs dry asks its timers every few batches;
one that runs dry waits a moment for more before it spends a transaction on asking. Where nothing was handled in
between, as behind a page that fired or a clock that was moved, it asks at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

BATCHES_BEFORE_TIMERS_MAX = 16
"""A question costs one transaction, so with this many batches between two it costs a busy shard a few percent."""


@dataclass(frozen=True, slots=True)
class Asked:
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Stale:
    due: datetime | None
    batches: int = 0
    """How many batches of records were handled since the timers were asked."""


@dataclass(frozen=True, slots=True)
class Asking:
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Disturbed:
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Behind:
    due: datetime | None


Agenda: TypeAlias = Asked | Stale | Asking | Disturbed | Behind


class Next(Enum):
    RECORDS = "handle a batch of records"
    TIMERS = "ask the timers"
    PAUSE = "wait a moment for more records, then ask the timers"
    SLEEP = "wait for records, for the clock to be moved, or until `due`"


def claimed(now: datetime) -> Agenda:
    """Asked at once: under load the shard may not run dry for hours, and a run may be due."""
    return Stale(due=now)


def next_work(agenda: Agenda, now: datetime, records_wait: bool) -> Next:
    """Never called while the timers are being asked."""
    due = agenda.due is not None and agenda.due <= now
    match agenda:
        case Asked():
            if records_wait:
                return Next.RECORDS
            return Next.TIMERS if due else Next.SLEEP
        case Stale(_, batches):
            if (due and batches) or batches > BATCHES_BEFORE_TIMERS_MAX:
                return Next.TIMERS
            if records_wait:
                return Next.RECORDS
            return Next.PAUSE if batches else Next.TIMERS
        case Behind():
            return Next.RECORDS if records_wait else Next.PAUSE
        case Asking() | Disturbed():
            raise AssertionError("the timers are being asked")


def records_handled(agenda: Agenda) -> Agenda:
    return Stale(agenda.due, agenda.batches + 1 if isinstance(agenda, Stale) else 1)


def clock_moved(agenda: Agenda) -> Agenda:
    match agenda:
        case Asking(due) | Disturbed(due):
            return Disturbed(due)
        case Stale() | Behind():
            return agenda
        case Asked(due):
            return Stale(due)


def asking(agenda: Agenda) -> Agenda:
    return Asking(agenda.due)


def ask_again(agenda: Agenda) -> Agenda:
    """There may be more due, or a smaller page is to be tried: ask at once."""
    return Stale(agenda.due)


def page_waits(agenda: Agenda) -> Agenda:
    """What had arrived before the run began is not all folded yet."""
    return Behind(agenda.due)


def nothing_due(agenda: Agenda, next_at: datetime | None) -> Agenda:
    """Until `next_at`; None when only records or a moved clock can change that."""
    return Stale(next_at) if isinstance(agenda, Disturbed) else Asked(next_at)
