"""Which clock may work on which database: nothing opens a past that is closed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.runner.past import Past, contradiction

AT = datetime(2026, 6, 1, tzinfo=UTC)
NEW = Past(None, None, None)
LOADING = Past(AT, None, None)
LIVE = Past(AT, AT, AT)
LIVE_AND_NOT_STARTED_YET = Past(AT, AT, None)
NEVER_LOADED = Past(None, None, AT)


@pytest.mark.parametrize(
    ("past", "clock", "sentence"),
    [
        (NEW, "system", None),
        (NEW, "stepped", None),
        (LOADING, "loading", None),
        (LOADING, "system", "is loading its past"),
        (LOADING, "stepped", "is loading its past"),
        (LIVE, "system", None),
        (LIVE, "loading", "was closed on 2026-06-01, and nothing opens it again"),
        (LIVE_AND_NOT_STARTED_YET, "system", None),
        (LIVE_AND_NOT_STARTED_YET, "loading", "nothing opens it again"),
        (NEVER_LOADED, "system", None),
        (NEVER_LOADED, "loading", "has worked by the system's clock"),
    ],
)
def test_the_clock_and_the_database_agree_or_nothing_is_decided(past: Past, clock: str, sentence: str | None) -> None:
    found = contradiction(clock, past)
    assert (found is None) if sentence is None else (sentence in (found or "")), found


def test_the_past_is_open_between_its_beginning_and_its_end() -> None:
    assert [each.is_open for each in (NEW, LOADING, LIVE, NEVER_LOADED)] == [False, True, False, False]
