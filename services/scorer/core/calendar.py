"""The instants of the monthly runs (rules P5). A run is numbered by its month; all instants are aware."""

from __future__ import annotations

from datetime import datetime, tzinfo

from shared.contracts.months import month_of, month_start


def run_instant(run: int, day: int, zone: tzinfo) -> datetime:
    """The instant at which a run is due: the beginning, in UTC, of the `day` of its month."""
    return month_start(run, zone, day)


def latest_run(now: datetime, day: int, zone: tzinfo) -> int:
    """The last run that was due at `now`."""
    month = month_of(now, zone)
    return month if run_instant(month, day, zone) <= now else month - 1
