"""When a negative record lapses (rules D1 to D6): calendar years by class, to the end of a day in the profile's zone.

The day on which the behavior ended is not counted. The last day is the same calendar date N years on, or that month's
last day where the date does not exist; the record lapses when that day is over. Days are never counted, and neither
the database's nor the process' zone has a part in it (rules D4).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
ENDED_ON_MAX = date(9900, 12, 31)
"""A date has four digits; this leaves room for every number of years that a profile can have."""


class Deadline(msgspec.Struct, frozen=True):
    """A running deadline: the day on which the bad behavior ended, and the instant (UTC) at which the record lapses."""

    ended_on: date
    lapses_at: datetime


class DeadlineError(ValueError):
    """The day is out of the calendar's reach. `str()` is a sentence for the user."""


def deadline_of(record_class: RecordClass, ended_on: date, profile: Profile) -> Deadline:
    """The deadline of a record whose bad behavior ended on this day (rules D1). Raises DeadlineError after
    ENDED_ON_MAX."""
    return Deadline(ended_on, end_of(last_day_of(record_class, ended_on, profile), profile.zone_info))


def last_day_of(record_class: RecordClass, ended_on: date, profile: Profile) -> date:
    """The last day on which such a record counts. Raises DeadlineError after ENDED_ON_MAX."""
    if ended_on > ENDED_ON_MAX:
        raise DeadlineError(f"The day must not lie after {ENDED_ON_MAX}.")
    return years_on(ended_on, profile.years.of(record_class))


def years_on(day: date, years: int) -> date:
    """The same calendar date so many years on, or that month's last day: 2024-02-29 + 2 is 2026-02-28 (rules D2)."""
    year = day.year + years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def end_of(day: date, zone: tzinfo) -> datetime:
    """The instant (UTC) from which on no clock of the zone shows this day, or an earlier one, any more (rules D3).

    Where the next midnight is skipped that is the end of the gap, since a gap over a midnight begins at it (the one
    exception of the last hundred years and more, Toronto in 1919, comes out half an hour late). Where it comes twice,
    because the clocks go back over it, the day goes on until the second one; unless they go back just to midnight,
    which repeats an hour of the next day only.
    """
    midnight = datetime.combine(day + _DAY, time(), zone)
    first = midnight.astimezone(UTC)
    second = midnight.replace(fold=1).astimezone(UTC)
    if second > first and (second - _SECOND).astimezone(zone).date() <= day:
        return second
    return first
