"""Times and days as a mapping names them: the reader of each, within the bounds of its meaning (rules E6 and E15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, TypeVar

from services.ingest.core import readers, time_readers
from services.ingest.core.mapping import DAYS, MappingError, Moment
from services.ingest.core.paths import Key, Paths
from services.ingest.core.patterns import Pattern, PatternError, pattern
from services.ingest.core.plausibility import Bounds, judge_day, judge_obligation, judge_time
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Flat
from shared.contracts.faults import Code

T = TypeVar("T")
_SAMPLE = datetime(2024, 2, 29, 8, tzinfo=UTC)
"""What the sample texts of a pattern show."""


def instant(
    paths: Paths, spec: str | Moment, key: Key, bounds: Bounds, absent: Code = Code.MISSING_FIELD
) -> Reader[datetime]:
    """An instant in UTC within its bounds, which is not later than the event's arrival; of a day that stands for an
    instant the day is not later."""
    if isinstance(spec, Moment) and spec.at is not None:
        return _of_day(paths, spec, key, bounds, absent)
    read, label = _instant(paths, spec, key, absent), paths.label(spec)
    if isinstance(spec, Moment) and (spec.format or "").startswith("epoch"):
        bounds = replace(bounds, counted=True)

    def judged(flat: Flat) -> datetime:
        value = read(flat)
        judge_time(value, flat, label, bounds)
        return value

    return judged


def _instant(paths: Paths, spec: str | Moment, key: Key, absent: Code) -> Reader[datetime]:
    """RFC 3339 where the mapping says nothing else."""
    moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="rfc3339")
    format = _format(moment, key)
    if is_day(format):
        named = (*key, "as" if moment.pattern is None else "pattern")
        raise MappingError(named, 'A day is no instant; say which one is meant, as in `at = "noon"`, or another form.')
    zone = _zone(paths, moment, format, key)
    read = time_readers.instant(_word(paths, moment, key, absent), paths.label(spec), format, zone)
    return _tried_moment(paths, spec, format, key, read)


def _of_day(paths: Paths, moment: Moment, key: Key, bounds: Bounds, absent: Code) -> Reader[datetime]:
    if not is_day(_format(moment, key)):
        raise MappingError((*key, "at"), "`at` is for what gives a day only; this gives an instant. Leave it out.")
    if paths.zone is None:
        raise MappingError((*key, "at"), "An instant of a day needs the file to state its `zone`.")
    assert moment.at is not None
    day_of, label, zone = _day(paths, moment, key, absent), paths.label(moment), paths.zone

    def judged(flat: Flat) -> date:
        value = day_of(flat)
        judge_day(value, flat, label, bounds, zone)
        return value

    return time_readers.of_day(judged, moment.at, zone)


def is_day(format: str | Pattern) -> bool:
    """Whether a form gives a day only."""
    return not format.has_time if isinstance(format, Pattern) else format in DAYS


def _format(moment: Moment, key: Key) -> str | Pattern:
    if moment.pattern is None:
        assert moment.format is not None
        return moment.format
    try:
        return pattern(moment.pattern)
    except PatternError as error:
        raise MappingError((*key, "pattern"), str(error)) from None


def _day(paths: Paths, spec: str | Moment, key: Key, absent: Code = Code.MISSING_FIELD) -> Reader[date]:
    """YYYY-MM-DD where the mapping says nothing else."""
    moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="date")
    format = _format(moment, key)
    value = _word(paths, moment, key, absent)
    zone = _zone(paths, moment, format, key)
    return _tried_moment(paths, spec, format, key, time_readers.day(value, paths.label(spec), format, zone))


def _tried_moment(paths: Paths, spec: str | Moment, format: str | Pattern, key: Key, read: Reader[T]) -> Reader[T]:
    path = spec if isinstance(spec, str) else spec.path
    if not isinstance(path, str):
        return read
    samples: Iterable[str] = (format.write(_SAMPLE),) if isinstance(format, Pattern) else ()
    key = key if isinstance(spec, str) else (*key, "path")
    return paths.tried(paths.source(path, key), key, read, samples=samples)


def day(paths: Paths, spec: str | Moment, key: Key, bounds: Bounds) -> Reader[date | None]:
    """A day within its bounds, which is not later than that of the event's arrival; None where it is absent."""
    if isinstance(spec, Moment) and spec.at is not None:
        raise MappingError((*key, "at"), "A day is wanted here, no instant of it. Leave `at` out.")
    read, label, zone = _day(paths, spec, key), paths.label(spec), paths.zone or paths.context.zone
    path = spec if isinstance(spec, str) else spec.path
    first = path if isinstance(path, str) else path[0]

    def judged(flat: Flat) -> date | None:
        if flat.get(first) is None:
            return None
        value = read(flat)
        judge_day(value, flat, label, bounds, zone)
        return value

    return judged


def _word(paths: Paths, moment: Moment, key: Key, absent: Code) -> Reader[Any]:
    if not isinstance(moment.path, str):
        return time_readers.joined(
            [paths.source(path, (*key, "path", index)) for index, path in enumerate(moment.path)]
        )
    source = paths.source(moment.path, (*key, "path"))
    if (moment.format or "").startswith("epoch"):
        source = replace(source, typed=False) if moment.type == "text" else source
        return time_readers.number(source, absent)
    return readers.present(source, absent)


def _zone(paths: Paths, moment: Moment, format: str | Pattern, key: Key) -> tzinfo:
    is_local = format.has_time and not format.has_offset if isinstance(format, Pattern) else format == "local"
    if is_local and paths.zone is None:
        named = "as" if moment.pattern is None else "pattern"
        raise MappingError((*key, named), "A local time needs the file to state its `zone`.")
    return paths.zone or paths.context.zone


def days_between(paths: Paths, due: str | Moment, cleared: str | Moment, key: Key) -> Reader[int]:
    """Whole days from the day it was due to the day it was cleared; early is on time."""
    due_of, cleared_of = _day(paths, due, (*key, "due")), _day(paths, cleared, (*key, "cleared"))
    labels, zone = (paths.label(due), paths.label(cleared)), paths.zone or paths.context.zone

    def days(flat: Flat) -> int:
        cleared_on, due_on = cleared_of(flat), due_of(flat)
        return max(judge_obligation(due_on, cleared_on, flat, labels, zone), 0)

    return days
