"""How often somebody may ask."""

from __future__ import annotations

from goodstanding.portal.web.limits import Limit


def test_a_bucket_empties_and_fills_with_time() -> None:
    limit = Limit(60)
    assert [limit.wait_s("a", 0) for _ in range(61)] == [0] * 60 + [1]
    assert limit.wait_s("b", 0) == 0, "each has a bucket of its own"
    assert [limit.wait_s("a", 2) for _ in range(3)] == [0, 0, 1]


def test_who_only_looks_takes_nothing_and_a_clock_that_goes_back_gives_nothing() -> None:
    limit = Limit(1)
    assert [limit.wait_s("a", 100, takes=False) for _ in range(3)] == [0, 0, 0]
    assert limit.wait_s("a", 100) == 0
    assert limit.wait_s("a", 50) > 0
