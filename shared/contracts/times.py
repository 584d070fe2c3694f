"""Times and days of strangers, read strictly. Every instant is aware and in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import msgspec

from shared.contracts.faults import Code

YEAR_MIN, YEAR_MAX = 1900, 2199
"""Keeps month numbers and deadlines (plus seven years) well inside what date, datetime and timestamptz can hold."""

TIME_SENTENCE = (
    "A time is written as in RFC 3339, 00:00:00 to 23:59:59, with an offset of -12:00 to +14:00 and without"
    " leap second: 2024-02-29T08:00:00+08:00."
)
NO_SUCH_DAY_SENTENCE = "The calendar does not have this day; check its month and its year."
DAY_SENTENCE = "A day is written YYYY-MM-DD, for example 2024-02-29."
RANGE_SENTENCE = f"A time or day lies in the years {YEAR_MIN} to {YEAR_MAX}."

# datetime.fromisoformat alone takes more than RFC 3339 does: weeks, commas, no separators, offsets with seconds or of
# 99 minutes, and the hour 24 from Python 3.14 on. So all ranges are in the pattern; only the calendar is left to it.
CLOCK_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
"""Hour and minute, 00:00 to 23:59. The end of a day is written as 00:00 of the next."""
CLOCK_SECOND = r"[0-5][0-9](?:\.[0-9]{1,9})?"
"""A second with its fraction. A leap second, 60, is refused: it has no datetime, and no event needs it."""


def offset_pattern(between: str) -> str:
    """The pattern of an offset in numbers, by what stands between its hours and minutes (rules E15)."""
    # No clock of the years that are taken was ever further from UTC than 14 hours ahead and 12 behind.
    return rf"[+-](?:0[0-9]|1[01]){between}[0-5][0-9]|[+-]12{between}00|\+1[23]{between}[0-5][0-9]|\+14{between}00"


_RFC_3339 = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt]{CLOCK_MINUTE}:{CLOCK_SECOND}(?:[Zz]|{offset_pattern(':')})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ENCODER = msgspec.json.Encoder()


class TimeError(ValueError):
    """A time that is not taken. `code` is TIME_FORMAT or TIME_RANGE; `sentence` never quotes the text."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def instant(text: str) -> datetime:
    """The instant of an RFC 3339 time, in UTC; fractions beyond the microsecond are cut off. Raises TimeError."""
    if not _RFC_3339.fullmatch(text):
        raise TimeError(Code.TIME_FORMAT, TIME_SENTENCE)
    try:
        time = datetime.fromisoformat(text.upper())
    except ValueError:  # February 30th
        raise TimeError(Code.TIME_FORMAT, NO_SUCH_DAY_SENTENCE) from None
    if YEAR_MIN < time.year < YEAR_MAX:  # then no offset moves it out of the years, as with every time but a slip
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    return in_utc(time)


def in_utc(time: datetime) -> datetime:
    """The same instant in UTC, where one instant has one spelling. Raises TimeError for a naive or far-off time."""
    if time.tzinfo is None:
        raise TimeError(Code.TIME_FORMAT, TIME_SENTENCE)
    # Before and after: an extreme year has no equivalent in UTC, and an offset can move a time over the limit.
    within_years(time)
    if time.tzinfo is UTC:
        return time
    time = time.astimezone(UTC)
    within_years(time)
    return time


def day(text: str) -> date:
    """The day of `YYYY-MM-DD`. Raises TimeError."""
    if not _DAY.fullmatch(text):
        raise TimeError(Code.TIME_FORMAT, DAY_SENTENCE)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise TimeError(Code.TIME_FORMAT, NO_SUCH_DAY_SENTENCE) from None
    if not YEAR_MIN <= found.year <= YEAR_MAX:
        raise TimeError(Code.TIME_RANGE, RANGE_SENTENCE)
    return found


def within_years(value: date) -> None:
    """Raises TimeError outside the years that the platform can calculate with."""
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise TimeError(Code.TIME_RANGE, RANGE_SENTENCE)


def rfc3339_of_utc(time: datetime) -> bytes:
    """The same spelling, for a time that is in UTC already: for where every message pays."""
    return _ENCODER.encode(time)[1:-1]


def rfc3339(time: datetime) -> str:
    """The one spelling that we write: UTC with `Z`, microseconds only where there are any."""
    # msgspec writes just this, in a tenth of the time that `isoformat` takes.
    return rfc3339_of_utc(time.astimezone(UTC)).decode()
