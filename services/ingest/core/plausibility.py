"""Which times and days of an event are plausible (rules E6 and E15): one table, which holds for all that a mapping
reads.

A day that stands for none, such as 1970-01-01 or 1900-01-01, and a time counted in seconds where milliseconds are
meant, lie decades back. Taken as they are they would make an unpaid bill one that was paid early, and a new record an
old one. So every time and day has a first year: before every honest one, and after the years in which those two lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Literal

from services.ingest.core.tree import Flat, Refuse
from shared.contracts.faults import Code
from shared.contracts.kinds import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far back a time or a day may lie: to the start of the calendar year that lies so many years before that of
    the event's arrival (`@latest`) or of its own time (`@time`). Where `future` is false, it must not be after the
    arrival."""

    name: str
    shapes: tuple[Shape, ...]
    years_back: int
    before: Literal["@latest", "@time"] = "@latest"
    future: bool = False
    too_old: Code = Code.IMPLAUSIBLE_DATE
    counted: bool = False
    """Whether it is written as a count of seconds or of parts of them."""


LIFETIME_YEARS = 20
"""The longest time for which a claim can be enforced at all in the law of the first deployment (Civil Code of the
People's Republic of China, article 188). An older debt, consent or event is a slip."""

EVENT = Bounds(name="time of the event", shapes=tuple(Shape), years_back=LIFETIME_YEARS, too_old=Code.TOO_LATE)
"""A month that old is closed in every policy (rules E5)."""
CLEARED = Bounds(name="day of clearing", shapes=(Shape.OBLIGATION,), years_back=1, before="@time")
"""The event tells that something was cleared, so it was not long before: since the start of the year before it."""
DUE = Bounds(name="day it was due", shapes=(Shape.OBLIGATION,), years_back=LIFETIME_YEARS, before="@time", future=True)
"""It may lie ahead, as far as EARLY_DAYS_MAX allows."""
GIVEN = Bounds(name="time of a consent", shapes=(Shape.FIGURE,), years_back=LIFETIME_YEARS)
BEGAN = Bounds(name="first day of a record", shapes=(Shape.RECORD,), years_back=LIFETIME_YEARS)
ENDED = Bounds(name="last day of a record", shapes=(Shape.RECORD,), years_back=LIFETIME_YEARS)

PLAUSIBILITY = (EVENT, CLEARED, DUE, GIVEN, BEGAN, ENDED)
"""All times and days that a mapping can name."""

EARLY_DAYS_MAX = 732
"""How long before its day something may be cleared, which is on time. Two years: whoever pays off a plan of 24
instalments at once pays the last one that early. -999, which stands for no value in many systems, is earlier."""
_EARLY_SENTENCE = (
    f"Cleared more than {EARLY_DAYS_MAX} days before it was due; check both days. Send nothing for a day that is not "
    "known, and no event for what is not cleared."
)


def judge_time(value: datetime, flat: Flat, label: str, bounds: Bounds) -> None:
    """Raises Refuse for a time that lies after the event's arrival (rules E6), or before the first year of its bounds
    (rules E15)."""
    latest: datetime = flat["@latest"]
    if value > latest:
        raise Refuse(
            Code.IN_FUTURE, label, "The time is later than the event's arrival; check the clock and the offset."
        )
    if value.year < latest.year - bounds.years_back:
        raise _too_old(label, bounds)


def judge_day(value: date, flat: Flat, label: str, bounds: Bounds, zone: tzinfo) -> None:
    """Raises Refuse for a day that has not begun in the zone when the event arrives, or before its first year."""
    if value >= flat["@latest"].date():
        _refuse_later_day(value, flat, label, zone)
    if value.year < flat[bounds.before].year - bounds.years_back:
        raise _too_old(label, bounds)


def judge_obligation(due: date, cleared: date, flat: Flat, labels: tuple[str, str], zone: tzinfo) -> int:
    """Days from the day it was due to the day it was cleared. Raises Refuse where the two are not plausible, alone or
    beside each other; `labels` are theirs."""
    if cleared >= flat["@latest"].date():
        _refuse_later_day(cleared, flat, labels[1], zone)
    days_late = (cleared - due).days
    if days_late < -EARLY_DAYS_MAX:
        raise Refuse(Code.DATES_CONTRADICT, labels[1], _EARLY_SENTENCE)
    event_year = flat["@time"].year
    if cleared.year < event_year - CLEARED.years_back:
        raise _too_old(labels[1], CLEARED)
    if due.year < event_year - DUE.years_back:
        raise _too_old(labels[0], DUE)
    return days_late


def _refuse_later_day(value: date, flat: Flat, label: str, zone: tzinfo) -> None:
    # No zone is a whole day behind UTC, so the zone need not be asked about a day before that of UTC.
    if value > flat["@latest"].astimezone(zone).date():
        raise Refuse(Code.IN_FUTURE, label, "The day is later than today.")


def _too_old(label: str, bounds: Bounds) -> Refuse:
    return Refuse(bounds.too_old, label, _COUNTED_SENTENCE if bounds.counted else _SENTENCES[bounds.too_old])


_COUNTED_SENTENCE = (
    "The time lies decades back, in a month that is closed; check whether it is counted in seconds or in milliseconds."
)
_SENTENCES = {
    Code.TOO_LATE: "The time lies decades back, in a month that is closed; send nothing for a time that is not known: "
    "1970-01-01 and 1900-01-01 often stand for none.",
    Code.IMPLAUSIBLE_DATE: "This lies too far back to be meant; check its unit, and send nothing for a day that is not "
    "known: 1970-01-01 and 1900-01-01 often stand for none.",
}
