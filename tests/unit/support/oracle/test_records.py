"""The oracle of records, by hand-made stories: what judges retention in the campaign is judged here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from goodstanding.simulation.rule_book import lapses_at as deadline
from tests.support.oracle.records import Record, Report

PROFILE: dict[str, Any] = {"zone": "Asia/Shanghai", "years": {"legal": 5, "financial": 5, "life": 2}}
NOW = datetime(2026, 3, 20, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 3, 20, tzinfo=UTC)
BEGAN, ENDED = date(2025, 1, 10), date(2025, 2, 10)
RIDE, NO_SHOW, CARD = "ride.unpaid", "hotel.no_show", "card.overdue"


def reported(
    began_on: date = BEGAN,
    ended_on: date | None = None,
    kind: str = RIDE,
    amount: int | None = None,
    minute: int = 0,
) -> Report:
    time = NOW + timedelta(minutes=minute)
    return Report(id="r", kind=kind, status="reported", began_on=began_on, ended_on=ended_on, amount=amount, time=time)


def settled(ended_on: date = ENDED, began_on: date | None = None, kind: str = RIDE) -> Report:
    return Report(id="r", kind=kind, status="settled", began_on=began_on, ended_on=ended_on)


@pytest.mark.parametrize(
    ("reports", "answers", "statuses"),
    [
        pytest.param([reported()], "accepted", "open", id="open"),
        pytest.param([reported(), settled()], "accepted accepted", "open settled", id="settled"),
        pytest.param(
            [settled(), settled(), reported()], "accepted duplicate accepted", "open settled", id="settled first"
        ),
        pytest.param([reported(ended_on=ENDED)], "accepted", "settled", id="over when reported"),
        pytest.param([reported(), reported()], "accepted duplicate", "open", id="repeated"),
        pytest.param(
            [reported(), settled(), settled()], "accepted accepted duplicate", "open settled", id="twice settled"
        ),
        pytest.param([reported(), reported(amount=1)], "accepted accepted", "open open", id="an amount, later known"),
        pytest.param([reported(amount=2), reported(amount=1)], "accepted conflict", "open", id="two at one instant"),
        pytest.param(
            [reported(amount=2, minute=1), reported(amount=1, minute=2), reported(amount=2, minute=1), settled()],
            "accepted accepted duplicate accepted",
            "open open settled",
            id="a running balance",
        ),
        pytest.param(
            [reported(amount=2), settled(), reported(amount=1, minute=1)],
            "accepted accepted conflict",
            "open settled",
            id="another amount of what is settled",
        ),
        pytest.param([reported(), reported(ENDED)], "accepted conflict", "open", id="another day"),
        pytest.param([reported(), settled(kind=CARD)], "accepted conflict", "open", id="settled as another kind"),
        pytest.param([reported(), settled(began_on=ENDED)], "accepted conflict", "open", id="settled with another day"),
        pytest.param(
            [reported(ENDED), settled(BEGAN)], "accepted dates-contradict", "open", id="ended before it began"
        ),
        pytest.param(
            [reported(), settled(), settled(date(2025, 3, 1)), settled(date(2025, 2, 1)), settled()],
            "accepted accepted re-ageing accepted duplicate",
            "open settled settled",
            id="later days are refused, earlier ones taken, overtaken ones known",
        ),
        pytest.param(
            [reported(kind=NO_SHOW), settled(kind=NO_SHOW), settled(date(2026, 1, 1), kind=NO_SHOW)],
            "accepted accepted duplicate",
            "open settled",
            id="no settlement moves what ended at once",
        ),
        pytest.param(
            [reported(date(2023, 1, 1), date(2024, 3, 19)), reported()],
            "lapsed accepted",
            "open",
            id="reported too late, and put right",
        ),
        pytest.param(
            [settled(date(2025, 2, 10) - timedelta(days=n)) for n in range(10)],
            "accepted " * 8 + "too-many too-many",
            "",
            id="too many wait",
        ),
        pytest.param(
            [reported(date(2024, 12, 1)), *(settled(date(2025, 2, 10) - timedelta(days=n)) for n in range(10))],
            "accepted " * 9 + "too-many too-many",
            "open" + " settled" * 8,
            id="too many ends",
        ),
    ],
)
def test_what_becomes_of_reports(reports: list[Report], answers: str, statuses: str) -> None:
    record = Record(PROFILE)
    assert [record.take(report, NOW) for report in reports] == answers.split()
    assert [news.status for news in record.news] == statuses.split()
    assert [news.version for news in record.news] == list(range(1, len(record.news) + 1))


def test_a_record_expires_once_and_does_not_come_back() -> None:
    record = Record(PROFILE)
    record.take(reported(), NOW)
    record.expire(NEXT_YEAR)
    assert (record.counts, record.is_settled) == (True, False), "an open one has no deadline"
    record.take(settled(), NOW)
    lapses_at = datetime(2027, 2, 10, 16, tzinfo=UTC)
    assert (record.is_settled, record.news[-1].lapses_at) == (True, lapses_at)
    record.expire(lapses_at - timedelta(minutes=1))
    assert [news.status for news in record.news] == ["open", "settled"]
    record.expire(lapses_at)
    record.expire(NEXT_YEAR)
    assert [news.status for news in record.news] == ["open", "settled", "expired"]
    assert (record.counts, record.take(reported(), NEXT_YEAR)) == (False, "lapsed")


@pytest.mark.parametrize(
    ("kind", "ended_on", "lapses_at"),
    [
        pytest.param(RIDE, date(2024, 3, 25), datetime(2026, 3, 25, 16, tzinfo=UTC), id="life"),
        pytest.param(CARD, date(2021, 3, 25), datetime(2026, 3, 25, 16, tzinfo=UTC), id="financial"),
        pytest.param(RIDE, date(2024, 2, 29), datetime(2026, 2, 28, 16, tzinfo=UTC), id="no such day"),
        pytest.param(CARD, date(2023, 2, 28), datetime(2028, 2, 28, 16, tzinfo=UTC), id="not the month's last"),
    ],
)
def test_the_deadline_is_the_end_of_the_day_years_on(kind: str, ended_on: date, lapses_at: datetime) -> None:
    assert deadline(kind, ended_on, PROFILE) == lapses_at
