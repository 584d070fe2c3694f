"""Steps of a shard that is behind grow as far as they stay short, and come back when they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.pace import FIRST, LONG_S, after, first

MOST = 8 * FIRST
SHORT_S = LONG_S / 4


@pytest.mark.parametrize(
    ("size", "count", "took_s", "expected"),
    [
        (FIRST, FIRST, SHORT_S, 2 * FIRST),
        (FIRST, FIRST - 1, SHORT_S, FIRST),
        (FIRST, 1, SHORT_S, FIRST),
        (FIRST, FIRST, LONG_S / 2, FIRST),
        (FIRST, FIRST, 2 * LONG_S, FIRST),
        (4 * FIRST, 4 * FIRST, SHORT_S, MOST),
        (MOST, MOST, SHORT_S, MOST),
        (3 * FIRST, 3 * FIRST, LONG_S, 3 * FIRST),
        (3 * FIRST, 3 * FIRST, LONG_S + 0.01, 3 * FIRST // 2),
        (MOST, 1, 2 * LONG_S, 4 * FIRST),
    ],
)
def test_the_next_size(size: int, count: int, took_s: float, expected: int) -> None:
    assert after(size, MOST, count, took_s) == expected


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (40, 40), (FIRST, FIRST), (MOST, FIRST)])
def test_steps_begin_small(most: int, expected: int) -> None:
    assert first(most) == expected


@given(st.integers(1, 100_000), st.lists(st.tuples(st.integers(0, 100_000), st.floats(0, 60))))
def test_no_step_is_larger_than_the_operator_allows_or_smaller_than_the_first(
    most: int, steps: list[tuple[int, float]]
) -> None:
    size = first(most)
    for waiting, took_s in steps:
        before, size = size, after(size, most, min(waiting, size), took_s)
        assert first(most) <= size <= most
        assert size <= before or (waiting >= before and took_s <= LONG_S / 2)


@given(st.floats(1e-7, 1e-2), st.integers(FIRST, 100_000))
def test_where_each_record_costs_the_same_the_size_is_soon_found_and_stays(cost_s: float, most: int) -> None:
    size = first(most)
    for _ in range(10):
        size = after(size, most, size, size * cost_s)
    assert after(size, most, size, size * cost_s) == size
    assert size * cost_s <= LONG_S or size == FIRST
    assert size * cost_s >= LONG_S / 2 or size == most


@given(st.floats(1e-7, 1e-2), st.floats(1e-7, 1e-2))
def test_records_that_become_costly_make_few_long_steps(light_s: float, heavy_s: float) -> None:
    size = MOST
    for _ in range(10):
        size = after(size, MOST, size, size * light_s)
    long = 0
    while size > FIRST and size * heavy_s > LONG_S:
        size, long = after(size, MOST, size, size * heavy_s), long + 1
    assert long <= 3
