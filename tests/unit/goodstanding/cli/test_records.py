"""What `records` tells of each record: its state, its last day and instant, what it costs, and whom to ask."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from goodstanding.cli.people import _record
from goodstanding.person.held import HeldQuestion
from shared.contracts.zones import zone

OPEN: dict[str, Any] = {
    "record_id": "7d1e0c54a1b2c3d4e5f60718293a4b5c",
    "kind": "card.overdue",
    "status": "open",
    "counts": True,
    "began_on": date(2025, 3, 1),
    "ended_on": None,
    "lapses_at": None,
    "last_day": None,
    "early_at": None,
    "counts_from": None,
    "amount": None,
    "points": None,
    "partner": "bank",
    "report_id": "R-7",
    "answer_by": None,
    "statement": None,
    "said_against": (),
}
LAPSES: dict[str, Any] = {
    "status": "settled",
    "ended_on": date(2025, 9, 15),
    "lapses_at": datetime(2030, 9, 15, 16, tzinfo=UTC),
    "last_day": date(2030, 9, 15),
}
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["Credit card overdue, open", "  began 2025-03-01, ended not: it goes on", "  lapses not yet"]),
    ({"amount": 39_000}, ["Credit card overdue, open, CNY 390.00"]),
    (LAPSES, ["  lapses 2030-09-16 00:00 (last day 2030-09-15)"]),
    ({"points": -42}, ["  costs 42 points today"]),
    ({"counts": False, "points": -42, "status": "disputed"}, ["  does not count"]),
    (
        {"counts": False, "counts_from": datetime(2025, 3, 9, 16, tzinfo=UTC), "status": "disputed"},
        ["  does not count"],
    ),
    (
        {"counts": False, "counts_from": datetime(2025, 3, 9, 16, tzinfo=UTC)},
        ["  does not count before 2025-03-10 00:00"],
    ),
    ({"answer_by": date(2026, 2, 4)}, ["  bank is asked, and must answer by the end of 2026-02-04"]),
    (
        {"said_against": (HeldQuestion("not-mine"), HeldQuestion("other", "I was there."))},
        ["  you said that it is wrong: not-mine", "  you said that it is wrong: other: I was there."],
    ),
    ({"statement": "It was stolen."}, ["  carries your statement:", "    It was stolen."]),
    (
        {"early_at": datetime(2027, 3, 15, 16, tzinfo=UTC)},
        ["  lapses 2027-03-16 00:00 already if nothing else is held of you then"],
    ),
    ({}, ["  reported by bank as R-7", "  number 7d1e0c54a1b2c3d4e5f60718293a4b5c"]),
]


@pytest.mark.parametrize(("said", "lines"), CASES)
def test_a_record_is_told_with_what_the_person_can_do_about_it(said: dict[str, Any], lines: list[str]) -> None:
    told = list(_record({**OPEN, **said}, "CNY", zone("Asia/Shanghai")))
    assert [line for line in told if line in lines] == lines
    if not said.get("counts", True):
        assert not any("costs" in line for line in told)
