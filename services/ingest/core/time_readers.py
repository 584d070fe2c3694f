"""The converters of times and days, in each form that a mapping can name (rules E6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Literal, TypeVar

from services.ingest.core.number_readers import WITHOUT, counted
from services.ingest.core.patterns import NoSuchTimeError, Pattern, Shown
from services.ingest.core.readers import Reader, Source, present, text
from services.ingest.core.tree import Flat, Refuse
from shared.contracts import times
from shared.contracts.faults import Code
from shared.contracts.fields import TEXT_CHARACTERS_MAX

T = TypeVar("T")

_LOCAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{times.CLOCK_MINUTE}(?::{times.CLOCK_SECOND})?")
_COMPACT_DAY = re.compile(r"[0-9]{8}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS = range(
    int(datetime(times.YEAR_MIN, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(times.YEAR_MAX + 1, 1, 1, tzinfo=UTC).timestamp()),
)
"""The years that the platform can calculate with, counted as an epoch counts them."""


def instant(value: Reader[Any], label: str, format: str | Pattern, zone: tzinfo) -> Reader[datetime]:
    """An instant in UTC. `zone` is where `local` times are, and those of a pattern without an offset."""
    if isinstance(format, Pattern):
        return _of_text(value, label, lambda word: _of_pattern(word, format, zone), format.sentence)
    if format == "rfc3339":
        return _of_text(value, label, times.instant, times.TIME_SENTENCE)
    if format == "local":
        return _of_text(value, label, lambda word: _local(word, zone), _LOCAL_SENTENCE)
    per_second, unit = _EPOCHS[format]

    def read(flat: Flat) -> datetime:
        count = value(flat)
        if count // per_second not in _EPOCH_SECONDS:
            raise Refuse(Code.TIME_RANGE, label, times.RANGE_SENTENCE)
        since_epoch: timedelta = count * unit
        return _EPOCH + since_epoch

    return read


_EPOCHS = {
    "epoch-seconds": (1, timedelta(seconds=1)),
    "epoch-millis": (1000, timedelta(milliseconds=1)),
    "epoch-micros": (1_000_000, timedelta(microseconds=1)),
}


def of_day(day: Reader[date], at: Literal["start", "noon", "end"], zone: tzinfo) -> Reader[datetime]:
    """An instant in UTC that stands for a day in the zone (rules E23). Its end is the last microsecond of it."""
    clock = {"start": time(), "noon": time(12), "end": time.max}[at]

    def read(flat: Flat) -> datetime:
        # Where the clocks skip midnight, the day begins when they go on.
        return datetime.combine(day(flat), clock, zone).astimezone(UTC)

    return read


def day(value: Reader[Any], label: str, format: str | Pattern, zone: tzinfo) -> Reader[date]:
    """A day; that of an instant is the one in `zone`."""
    if isinstance(format, Pattern) and not format.has_time:
        return _of_text(value, label, lambda word: _pattern_day(word, format), format.sentence)
    if format == "epoch-days":
        return _epoch_day(value, label)
    if format == "date":
        return _of_text(value, label, times.day, times.DAY_SENTENCE)
    if format == "compact-date":
        return _of_text(value, label, _compact_day, _COMPACT_SENTENCE)
    instant_of = instant(value, label, format, zone)

    def read(flat: Flat) -> date:
        found = instant_of(flat).astimezone(zone).date()
        try:
            # At the ends of the years that we can calculate with, the zone can move the day beyond them.
            times.within_years(found)
        except times.TimeError as error:
            raise Refuse(error.code, label, error.sentence) from None
        return found

    return read


def _epoch_day(value: Reader[Any], label: str) -> Reader[date]:
    def read(flat: Flat) -> date:
        count = value(flat)
        if count * 86_400 not in _EPOCH_SECONDS:
            raise Refuse(Code.TIME_RANGE, label, times.RANGE_SENTENCE)
        return _EPOCH.date() + timedelta(days=count)

    return read


def _shown(word: str, pattern: Pattern) -> Shown:
    try:
        shown = pattern.read(word)
    except NoSuchTimeError:
        raise times.TimeError(Code.TIME_FORMAT, times.NO_SUCH_DAY_SENTENCE) from None
    if shown is None:
        raise times.TimeError(Code.TIME_FORMAT, pattern.sentence)
    times.within_years(shown.time)
    return shown


def _pattern_day(word: str, pattern: Pattern) -> date:
    return _shown(word, pattern).time.date()


def _of_pattern(word: str, pattern: Pattern, zone: tzinfo) -> datetime:
    shown = _shown(word, pattern)
    if shown.offset is None:
        return _in_zone(shown.time.replace(tzinfo=UTC), zone)
    return times.in_utc(shown.time.replace(tzinfo=timezone(shown.offset)))


def number(source: Source, absent: Code) -> Reader[Any]:
    """A whole number that counts time; digits are one where the format has only texts."""
    value_of, label, typed = present(source, absent), source.label, source.typed
    sentence = f"A time is a whole number, counted from 1970-01-01T00:00:00Z and written {WITHOUT[typed]}."

    def read(flat: Flat) -> int:
        value = value_of(flat) if typed else counted(value_of(flat))
        if type(value) is not int:
            raise Refuse(Code.TIME_FORMAT, label, sentence)
        return value

    return read


def joined(sources: Sequence[Source]) -> Reader[str]:
    """The texts of several fields, such as a date's and a time's, as one."""
    readers = [text(source, TEXT_CHARACTERS_MAX) for source in sources]
    if len(readers) == 2:
        date_of, time_of = readers
        return lambda flat: f"{date_of(flat)} {time_of(flat)}"
    return lambda flat: " ".join([read(flat) for read in readers])


def _of_text(value_of: Reader[Any], label: str, parse: Callable[[str], T], sentence: str) -> Reader[T]:
    """What a text says; `parse` raises TimeError, and `sentence` says how such a text is written."""

    def read(flat: Flat) -> T:
        value = value_of(flat)
        if type(value) is not str:
            raise Refuse(Code.TIME_FORMAT, label, f"Send a text, in quotes. {sentence}")
        try:
            return parse(value)
        except times.TimeError as error:
            raise Refuse(error.code, label, error.sentence) from None

    return read


def _compact_day(word: str) -> date:
    if not _COMPACT_DAY.fullmatch(word):
        raise times.TimeError(Code.TIME_FORMAT, _COMPACT_SENTENCE)
    return times.day(f"{word[:4]}-{word[4:6]}-{word[6:]}")  # what it may say now is that there is no such day


_COMPACT_SENTENCE = "A day is written YYYYMMDD, for example 20240229."


def _local(word: str, zone: tzinfo) -> datetime:
    if not _LOCAL.fullmatch(word):
        raise times.TimeError(Code.TIME_FORMAT, _LOCAL_SENTENCE)
    try:
        shown = datetime.fromisoformat(f"{word}+00:00")
    except ValueError:
        raise times.TimeError(Code.TIME_FORMAT, times.NO_SUCH_DAY_SENTENCE) from None
    return _in_zone(shown, zone)


def _in_zone(shown: datetime, zone: tzinfo) -> datetime:
    """The instant at which the clocks of the zone show what is `shown`, which is labelled with UTC."""
    offset = _steady_offset(zone, shown.date())
    if offset is not None and times.YEAR_MIN < shown.year < times.YEAR_MAX:
        return shown - offset
    return _near_a_change(shown, zone)


@lru_cache(maxsize=4096)
def _steady_offset(zone: tzinfo, day: date) -> timedelta | None:
    """The zone's offset if it is the same from the day before until the day after; no zone changes its offset twice
    within an hour. Then no clock of that day is shown twice, or skipped."""
    midnight = datetime.combine(day, time())
    try:
        offsets = {zone.utcoffset(midnight + timedelta(hours=hours)) for hours in range(-24, 49)}
    except OverflowError:
        return None
    return offsets.pop() if len(offsets) == 1 else None


def _near_a_change(shown: datetime, zone: tzinfo) -> datetime:
    local = datetime.combine(shown, shown.time(), zone)
    # If the clocks show an hour twice, the first one is meant. An hour that they skip comes back from UTC as another
    # one; two times of one zone compare by what its clocks show.
    found = times.in_utc(local)
    if found.astimezone(zone) != local:
        raise times.TimeError(Code.TIME_FORMAT, "The clocks of the partner's zone skip this time.")
    return found


_LOCAL_SENTENCE = (
    "A local time is written YYYY-MM-DD HH:MM:SS, 00:00:00 to 23:59:59, without offset or leap second,"
    " for example 2024-02-29 08:00:00."
)
