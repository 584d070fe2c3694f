"""However the bad ones lie, each is found alone and the others are handled once, in order, at a bounded price."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.portion import PARTS, Part, Portion, Whole, failed, handled, size


@pytest.mark.parametrize(
    ("before", "count", "after"),
    [
        (Whole(), 2_000, Part(125, 2_000)),
        (Whole(), 16, Part(1, 16)),
        (Whole(), 5, Part(1, 5)),
        (Whole(), 1, Part(1, 1)),
        (Part(125, 2_000), 125, Part(7, 125, Part(125, 1_875))),
        (Part(7, 1_000), 7, Part(1, 7, Part(7, 993))),
        (Part(125, 10), 10, Part(1, 10)),
        (Part(7, 7, Part(125, 1_875)), 7, Part(1, 7, Part(125, 1_875))),
        (Part(1, 7, Part(7, 993)), 1, Part(1, 7, Part(7, 993))),
    ],
)
def test_a_failing_portion_is_divided(before: Portion, count: int, after: Portion) -> None:
    assert failed(before, count) == after


@pytest.mark.parametrize(
    ("before", "count", "after"),
    [
        (Whole(), 2_000, Whole()),
        (Part(125, 2_000), 125, Part(125, 1_875)),
        (Part(125, 125), 125, Whole()),
        (Part(1, 1), 1, Whole()),
        (Part(1, 1, Part(7, 118, Part(125, 1_875))), 1, Part(7, 118, Part(125, 1_875))),
    ],
)
def test_what_failed_together_is_handled_in_small_portions_to_its_end(
    before: Portion, count: int, after: Portion
) -> None:
    assert handled(before, count) == after


@pytest.mark.parametrize(
    ("portion", "most", "expected"), [(Whole(), 2_000, 2_000), (Part(125, 60), 2_000, 60), (Part(125, 2_000), 50, 50)]
)
def test_how_many_are_taken(portion: Portion, most: int, expected: int) -> None:
    assert size(portion, most) == expected


@given(st.sets(st.integers(0, 499), max_size=12), st.integers(1, 200))
def test_each_bad_one_is_found_alone_and_the_others_are_handled_once(bad: set[int], most: int) -> None:
    portion: Portion = Whole()
    waiting, done, aside, tries = list(range(500)), list[int](), list[int](), 0
    while waiting:
        tries += 1
        taken = waiting[: size(portion, most)]
        if not bad.isdisjoint(taken) and len(taken) > 1:
            portion = failed(portion, len(taken))
            continue
        (aside if bad.intersection(taken) else done).extend(taken)
        portion = handled(portion, len(taken))
        waiting = waiting[len(taken) :]
    assert aside == sorted(bad)
    assert done == [number for number in range(500) if number not in bad]
    levels = math.ceil(math.log(most, PARTS)) + 1
    assert tries <= math.ceil(500 / most) + (len(bad) + 1) * (levels + 1) * (PARTS * 2)


def test_the_others_of_two_thousand_are_not_handled_one_by_one() -> None:
    portion, done, steps, bad = failed(Whole(), 2_000), 0, 1, 766
    while done < 2_000:
        steps, taken = steps + 1, size(portion, 2_000 - done)
        if taken > 1 and done <= bad < done + taken:
            portion = failed(portion, taken)
        else:
            portion, done = handled(portion, taken), done + taken
    assert steps < 50
    assert portion == Whole()
