"""The instants of the monthly runs: due at the beginning of a day, and no earlier."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.scorer.core.calendar import latest_run, run_instant
from shared.contracts.months import month_name

SHANGHAI = ZoneInfo("Asia/Shanghai")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "number"),
    [
        ("2026-03-05T15:59:59.999999", "2026-02"),
        ("2026-03-05T16:00", "2026-03"),
        ("2026-03-31T15:59", "2026-03"),
        ("2026-03-31T16:00", "2026-03"),
        ("2026-01-01T00:00", "2025-12"),
    ],
)
def test_latest_run(now: str, number: str) -> None:
    assert month_name(latest_run(utc(now), 6, SHANGHAI)) == number


def test_a_run_is_due_at_the_beginning_of_its_day() -> None:
    assert run_instant(2026 * 12 + 2, 6, SHANGHAI) == utc("2026-03-05T16:00")
