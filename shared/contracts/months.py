"""Calendar months as numbers, `year * 12 + month - 1`: in messages, in state, and wherever months are counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo


def month_number(day: date) -> int:
    """The month of a day, or of an instant as its own zone shows it."""
    return day.year * 12 + day.month - 1


def month_of(instant: datetime, zone: tzinfo) -> int:
    """The month in which an aware instant lies for people in that zone. An event counts in that of its time (rules
    E4)."""
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def month_name(month: int) -> str:
    """`2026-03`"""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_of_name(name: str) -> int:
    """The month of `2026-03`, which must be written so."""
    year, month = name.split("-")
    return int(year) * 12 + int(month) - 1


def day_of_month(month: int, day: int = 1) -> date:
    """A day of a month, the first unless another is named."""
    return date(month // 12, month % 12 + 1, day)


def month_start(month: int, zone: tzinfo, day: int = 1) -> datetime:
    """The first instant, in UTC, of a month for people in that zone, or of a later day of it.

    Where a daylight-saving change skips that midnight, it is the day's first instant; where one repeats it, the first.
    """
    return datetime(month // 12, month % 12 + 1, day, tzinfo=zone).astimezone(UTC)
