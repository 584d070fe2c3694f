"""Calendar months in the deployment's zone, and the instants of the monthly publication.

A month number is `year * 12 + month - 1`. All instants are aware.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def month_of(instant: datetime, zone: tzinfo) -> int:
    """The month in which an instant lies for people in that zone."""
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def month_name(month: int) -> str:
    """`2026-03`"""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_start(month: int, zone: tzinfo) -> datetime:
    """The first instant of a month for people in that zone, in UTC."""
    return publication_instant(month, 1, zone)


def publication_instant(number: int, day: int, zone: tzinfo) -> datetime:
    """The instant at which the publication of a month is due: 00:00 of its `day`, in UTC.

    Where a daylight-saving change skips that midnight, it is the day's first instant; where one repeats it, the first.
    """
    return datetime(number // 12, number % 12 + 1, day, tzinfo=zone).astimezone(UTC)


def latest_publication(now: datetime, day: int, zone: tzinfo) -> int:
    """The number of the last publication that was due at `now`: the month it falls into."""
    month = month_of(now, zone)
    return month if publication_instant(month, day, zone) <= now else month - 1
