"""When a negative record lapses, and when a dispute must be asked about and answered (rules D1 to D6 and D10 to D12):
calendar years by class, to the end of a day in the profile's zone.

The day on which the behavior ended is not counted. The last day is the same calendar date N years on, or that month's
last day where the date does not exist; the record lapses when that day is over. Days are never counted, and neither
the database's nor the process' zone has a part in it (rules D4).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from shared.contracts.kinds import KIND_OF, Ends, RecordClass
from shared.contracts.retention_profile import Profile

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
ENDED_ON_MAX = date(9900, 12, 31)
"""A date has four digits; this leaves room for every number of years that a profile can have."""


class Deadline(msgspec.Struct, frozen=True):
    """A running deadline: the day on which the bad behavior ended, None while it goes on, and the instant (UTC) at
    which the record lapses."""

    ended_on: date | None
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
    last_day = years_on(ended_on, profile.years.of(record_class))
    return working_day_from(last_day, profile) if profile.calendar.shifts_lapses else last_day


def clock_of(kind: str, began_on: date, ended_on: date | None, profile: Profile) -> Deadline | None:
    """The deadline of a record of this kind; None while the behavior goes on and no deadline is set (rules D5). For a
    kind that ends at once, the day on which it began is also the day of its end (rules R5)."""
    record_class, at_once = KIND_OF[kind].record_class, KIND_OF[kind].ends is Ends.AT_ONCE
    assert record_class is not None, "the kind is a record's"
    if at_once:
        ended_on = began_on
    if profile.clock == "beginning":
        delay = timedelta(0 if at_once else profile.delay_days.of(record_class))
        return Deadline(ended_on, deadline_of(record_class, began_on + delay, profile).lapses_at)
    return None if ended_on is None else deadline_of(record_class, ended_on, profile)


def answer_by(received_on: date, profile: Profile, *, extended: bool = False) -> date:
    """The last day on which a dispute that came on this day may be answered (rules D10)."""
    months, days = profile.answer_months, profile.answer_days
    if extended:
        months, days = months + profile.extension.months, days + profile.extension.days
    last_day = months_on(received_on, months) + timedelta(days)
    return working_day_from(last_day, profile) if profile.calendar.shifts_answers else last_day


def asked_by(received_on: date, profile: Profile) -> date | None:
    """The last day on which the provider may be asked about a dispute that came on this day (rules D12); None where the
    profile names none."""
    if not profile.asked_within:
        return None
    last_day = received_on
    for _ in range(profile.asked_within):
        last_day = working_day_from(last_day + _DAY, profile)
    return last_day


def early_at(ended_on: date, paid_on: date, reported_on: date | None, profile: Profile) -> datetime | None:
    """The instant at which a record that was paid so soon lapses already (rules D11); None where it was not."""
    early = profile.early
    if early is None or reported_on is None or paid_on > reported_on + timedelta(early.paid_within_days):
        return None
    return end_of(months_on(ended_on, early.months), profile.zone_info)


def days_before(instant: datetime, days: int, profile: Profile, now: datetime) -> datetime | None:
    """When a warning so many days ahead of the day that ends at this instant is due: as that day begins. None where the
    profile has no warning, or it would come too late to be one."""
    if not days:
        return None
    at = end_of(last_day_before(instant, profile) - timedelta(days) - _DAY, profile.zone_info)
    return at if at > now else None


def last_day_before(instant: datetime, profile: Profile) -> date:
    """The day that ends at this instant, which is one that `end_of` gave."""
    return (instant - _SECOND).astimezone(profile.zone_info).date()


def day_of(instant: datetime, profile: Profile) -> date:
    return instant.astimezone(profile.zone_info).date()


def working_day_from(day: date, profile: Profile) -> date:
    """The day itself if it is a working day, or else the next one."""
    while not profile.calendar.works_on(day):
        day += _DAY
    return day


def years_on(day: date, years: int) -> date:
    """The same calendar date so many years on, or that month's last day: 2024-02-29 + 2 is 2026-02-28 (rules D2)."""
    return months_on(day, 12 * years)


def months_on(day: date, months: int) -> date:
    """The same day so many months on, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


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
