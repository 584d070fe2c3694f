"""Times and days as a mapping names them: the reader of each, within the bounds of its meaning (rules E6 and E15)."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Any, TypeVar

from services.ingest.core import readers, time_readers
from services.ingest.core.mapping import DAYS, MappingError, Moment
from services.ingest.core.paths import Key, Paths
from services.ingest.core.plausibility import Bounds, judge_day, judge_obligation, judge_time
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Flat
from shared.contracts.faults import Code

T = TypeVar("T")


def instant(
    paths: Paths, spec: str | Moment, key: Key, bounds: Bounds, absent: Code = Code.MISSING_FIELD
) -> Reader[datetime]:
    """An instant in UTC within its bounds, which is not later than the event's arrival."""
    read, label = _instant(paths, spec, key, absent), paths.label(spec)

    def judged(flat: Flat) -> datetime:
        value = read(flat)
        judge_time(value, flat, label, bounds)
        return value

    return judged


def _instant(paths: Paths, spec: str | Moment, key: Key, absent: Code) -> Reader[datetime]:
    """RFC 3339 where the mapping says nothing else."""
    moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="rfc3339")
    if moment.format in DAYS:
        raise MappingError((*key, "as"), "A day is no instant; say one of rfc3339, epoch-seconds, epoch-millis, local.")
    read = time_readers.instant(
        _word(paths, moment, key, absent), paths.label(spec), moment.format, _zone(paths, moment, key)
    )
    return _tried_moment(paths, spec, key, read)


def _day(paths: Paths, spec: str | Moment, key: Key) -> Reader[date]:
    """YYYY-MM-DD where the mapping says nothing else."""
    moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="date")
    value = _word(paths, moment, key, Code.MISSING_FIELD)
    return _tried_moment(
        paths, spec, key, time_readers.day(value, paths.label(spec), moment.format, _zone(paths, moment, key))
    )


def _tried_moment(paths: Paths, spec: str | Moment, key: Key, read: Reader[T]) -> Reader[T]:
    path = spec if isinstance(spec, str) else spec.path
    if not isinstance(path, str):
        return read
    return paths.tried(paths.source(path, key), key if isinstance(spec, str) else (*key, "path"), read)


def day(paths: Paths, spec: str | Moment, key: Key, bounds: Bounds) -> Reader[date | None]:
    """A day within its bounds, which is not later than that of the event's arrival; None where it is absent."""
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
        of_date, of_time = moment.path
        return time_readers.joined(paths.source(of_date, (*key, "path", 0)), paths.source(of_time, (*key, "path", 1)))
    source = paths.source(moment.path, (*key, "path"))
    return time_readers.number(source, absent) if moment.format.startswith("epoch") else readers.present(source, absent)


def _zone(paths: Paths, moment: Moment, key: Key) -> tzinfo:
    if moment.format == "local" and paths.zone is None:
        raise MappingError((*key, "as"), "A local time needs the file to state its `zone`.")
    return paths.zone or paths.context.zone


def days_between(paths: Paths, due: str | Moment, cleared: str | Moment, key: Key) -> Reader[int]:
    """Whole days from the day it was due to the day it was cleared; early is on time."""
    due_of, cleared_of = _day(paths, due, (*key, "due")), _day(paths, cleared, (*key, "cleared"))
    labels, zone = (paths.label(due), paths.label(cleared)), paths.zone or paths.context.zone

    def days(flat: Flat) -> int:
        cleared_on, due_on = cleared_of(flat), due_of(flat)
        return max(judge_obligation(due_on, cleared_on, flat, labels, zone), 0)

    return days
