"""When a negative record lapses (rules D1 to D6): calendar years by class, to the end of a day in the profile's zone.

The day on which the behavior ended is not counted. The last day is the same calendar date N years on, or that month's
last day where the date does not exist; the record lapses when that day is over. Days are never counted, and neither
the database's nor the process' zone has a part in it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec

from services.retention.core.profile import Profile
from shared.contracts.kinds import RecordClass

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
ENDED_ON_MAX = date(9900, 12, 31)
"""A date has four digits; this leaves room for every number of years that a profile can have."""


class Deadline(msgspec.Struct, frozen=True):
    """`last_day` is the last on which the record counts; `lapses_at` (UTC) the instant at which that day is over."""

    last_day: date
    lapses_at: datetime


class DeadlineError(ValueError):
    """The day is out of the calendar's reach. `str()` is a sentence for the user."""


def deadline(record_class: RecordClass, ended_on: date, profile: Profile) -> Deadline:
    """The deadline of a record whose bad behavior ended on this day. Raises DeadlineError after ENDED_ON_MAX."""
    if ended_on > ENDED_ON_MAX:
        raise DeadlineError(f"The day must not lie after {ENDED_ON_MAX}.")
    last_day = years_on(ended_on, profile.years.of(record_class))
    return Deadline(last_day, end_of(last_day, profile.zone_info))


def years_on(day: date, years: int) -> date:
    """The same calendar date so many years on, or that month's last day: 2024-02-29 + 2 is 2026-02-28."""
    year = day.year + years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def end_of(day: date, zone: tzinfo) -> datetime:
    """The instant (UTC) from which on no clock of the zone shows this day, or an earlier one, any more.

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


def answer(record_class: RecordClass, ended_on: date, profile: Profile) -> dict[str, Any]:
    """What `goodstanding deadline --json` says; `lapses_at` is written in the profile's zone. Raises DeadlineError.

    {"class": "life", "ended_on": "2024-02-29", "profile": "cn", "zone": "Asia/Shanghai", "years": 2,
     "last_day": "2026-02-28", "lapses_at": "2026-03-01T00:00:00+08:00"}
    """
    found = deadline(record_class, ended_on, profile)
    return {
        "class": record_class.value,
        "ended_on": ended_on.isoformat(),
        "profile": profile.name,
        "zone": profile.zone,
        "years": profile.years.of(record_class),
        "last_day": found.last_day.isoformat(),
        "lapses_at": found.lapses_at.astimezone(profile.zone_info).isoformat(),
    }
