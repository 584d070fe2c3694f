"""Months as numbers: zones, leap months, and midnights that daylight saving skips or repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.contracts.months import day_of_month, month_name, month_number, month_of, month_of_name, month_start

SHANGHAI, BERLIN, HAVANA, SAO_PAULO = map(
    ZoneInfo, ("Asia/Shanghai", "Europe/Berlin", "America/Havana", "America/Sao_Paulo")
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "month"),
    [
        ("2026-01-31T15:59:59.999999", SHANGHAI, "2026-01"),
        ("2026-01-31T16:00", SHANGHAI, "2026-02"),
        ("2024-02-29T15:59", SHANGHAI, "2024-02"),
        ("2024-02-29T16:00", SHANGHAI, "2024-03"),
        ("2026-02-28T16:00", SHANGHAI, "2026-03"),
        ("2025-12-31T16:00", SHANGHAI, "2026-01"),
        # The last hour of October is winter time in Berlin, the last hour of March summer time.
        ("2026-10-31T22:59", BERLIN, "2026-10"),
        ("2026-10-31T23:00", BERLIN, "2026-11"),
        ("2026-03-31T21:59", BERLIN, "2026-03"),
        ("2026-03-31T22:00", BERLIN, "2026-04"),
    ],
)
def test_month_of_an_instant(instant: str, zone: ZoneInfo, month: str) -> None:
    """(rules E4)"""
    assert month_name(month_of(utc(instant), zone)) == month


@pytest.mark.parametrize(
    ("year", "month", "day", "zone", "instant"),
    [
        (2026, 3, 6, SHANGHAI, "2026-03-05T16:00"),
        (2024, 2, 28, SHANGHAI, "2024-02-27T16:00"),
        (2026, 1, 6, BERLIN, "2026-01-05T23:00"),
        (2026, 7, 6, BERLIN, "2026-07-05T22:00"),
        # Midnight of 8 March 2026 does not exist in Havana; the day begins at 01:00 summer time.
        (2026, 3, 8, HAVANA, "2026-03-08T05:00"),
        # Midnight of 18 February 2018 came twice in São Paulo (the 17th had 25 hours); only one is on the 18th.
        (2018, 2, 18, SAO_PAULO, "2018-02-18T03:00"),
        # 4 November 2018 began at 01:00 there.
        (2018, 11, 4, SAO_PAULO, "2018-11-04T03:00"),
        # Midnight itself came twice in Havana on no day, one o'clock did: 1 November 2026 begins once.
        (2026, 11, 1, HAVANA, "2026-11-01T04:00"),
    ],
)
def test_start_of_a_day_of_a_month(year: int, month: int, day: int, zone: ZoneInfo, instant: str) -> None:
    """(rules P1)"""
    found = month_start(year * 12 + month - 1, zone, day)
    assert found == utc(instant)
    assert found.astimezone(zone).date().isoformat() == f"{year}-{month:02d}-{day:02d}"


@pytest.mark.parametrize(
    ("month", "name"),
    [(2026 * 12, "2026-01"), (2026 * 12 + 11, "2026-12"), (2024 * 12 + 1, "2024-02"), (1900 * 12, "1900-01")],
)
def test_a_month_by_its_number_its_name_and_its_days(month: int, name: str) -> None:
    assert month_name(month) == name
    assert month_of_name(name) == month
    assert day_of_month(month) == date.fromisoformat(f"{name}-01")
    assert month_number(day_of_month(month, 28)) == month
    assert day_of_month(month, 28).isoformat() == f"{name}-28"
