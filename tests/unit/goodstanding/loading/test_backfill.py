"""For which months a new partner's past is taken by a platform that is live."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from goodstanding.errors import UserError
from goodstanding.loading.backfill import unfinished, window_of
from goodstanding.loading.sorting import Days

NOW = datetime(2026, 6, 15, tzinfo=UTC)
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("days", "window"),
    [
        (Days(date(2025, 1, 1), date(2026, 4, 1)), "bank:2025-01:2026-04"),
        (Days(date(2024, 6, 1), date(2024, 6, 2)), "bank:2024-06:2024-06"),
    ],
)
def test_the_declared_days_are_months(days: Days, window: str) -> None:
    assert window_of("bank", days, NOW, ZONE) == window


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (Days(), "for declared days only"),
        (Days(since=date(2025, 1, 1)), "for declared days only"),
        (Days(until=date(2025, 1, 1)), "for declared days only"),
        (Days(date(2025, 2, 1), date(2025, 2, 1)), "for declared days only"),
        (Days(date(2024, 5, 31), date(2026, 4, 1)), "No score looks at months before 2024-06."),
    ],
)
def test_other_days_are_no_window(days: Days, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        window_of("bank", days, NOW, ZONE)


def test_whoever_meets_open_months_is_told_how_to_close_them() -> None:
    sentence, remedy = unfinished("bank:2025-01:2026-04")
    assert sentence.startswith("A backfill of bank is not over")
    assert "with --from in 2025-01 and --until in 2026-04: goodstanding import FILE --partner bank" in remedy
