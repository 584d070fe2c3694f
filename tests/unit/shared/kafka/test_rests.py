"""When a service fetches again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.rests import MUCH_BYTES, Rests


def rests(rest_s: float, *answers: tuple[int, float]) -> Rests:
    made = Rests(rest_s)
    made.sent()
    for size, at in answers:
        made.answered(size, at)
    return made


@pytest.mark.parametrize(
    ("given", "now", "left_s"),
    [
        pytest.param(rests(2.0), 10.0, 0.0, id="nothing was ever read"),
        pytest.param(rests(2.0, (100, 10.0)), 10.0, 2.0, id="little was read just now"),
        pytest.param(rests(2.0, (100, 10.0)), 11.5, 0.5, id="little was read a moment ago"),
        pytest.param(rests(2.0, (100, 10.0)), 12.0, 0.0, id="little was read, long enough ago"),
        pytest.param(rests(2.0, (MUCH_BYTES, 10.0)), 10.0, 0.0, id="much was read of one partition"),
        pytest.param(
            rests(2.0, (MUCH_BYTES // 2, 10.0), (MUCH_BYTES // 2, 10.0)), 10.0, 0.0, id="much was read of two"
        ),
        pytest.param(rests(0.0, (100, 10.0)), 10.0, 0.0, id="a command never rests"),
    ],
)
def test_the_next_fetch_waits_while_little_comes(given: Rests, now: float, left_s: float) -> None:
    assert given.left_s(now) == left_s


def test_what_one_fetch_brought_is_not_added_to_the_next() -> None:
    busy = rests(2.0, (MUCH_BYTES, 10.0))
    busy.sent()
    busy.answered(100, 10.5)
    assert busy.left_s(10.5) == 2.0


@given(sizes=st.lists(st.integers(0, MUCH_BYTES), max_size=5), now=st.floats(0, 10))
def test_no_fetch_ever_waits_longer_than_a_rest(sizes: list[int], now: float) -> None:
    assert 0.0 <= rests(0.5, *((size, 0.0) for size in sizes)).left_s(now) <= 0.5
