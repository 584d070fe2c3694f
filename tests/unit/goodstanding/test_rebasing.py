"""From which time on the copy of a topic is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from goodstanding.rebasing import since_when

HANDLED = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEWEST = int(HANDLED.timestamp()) * 1000
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("newest", "said", "since"),
    [
        (NEWEST, None, HANDLED - HOUR),
        # The operator's time is for topics of which nothing is noted; where something is, nothing may be skipped by it.
        (NEWEST, HANDLED + HOUR, HANDLED - HOUR),
        (NEWEST, HANDLED - 2 * HOUR, HANDLED - 2 * HOUR),
        (None, HANDLED, HANDLED),
        (None, None, None),
    ],
)
def test_a_copy_is_read_from_before_all_that_may_be_new(
    newest: int | None, said: datetime | None, since: datetime | None
) -> None:
    assert since_when(newest, said, HOUR) == since
