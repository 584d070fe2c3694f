"""The measures against tables small enough for paper, and the laws that hold for every table."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.validation.measures import (
    OneSidedError,
    Outcome,
    Place,
    auc,
    calibration,
    commonest,
    ks,
    places_of,
    power,
    roc,
    stability,
)

GOOD, BAD = False, True


@pytest.mark.parametrize(
    ("outcomes", "area", "distance"),
    [
        ([(400, BAD), (500, GOOD)], 1.0, 1.0),
        ([(500, BAD), (400, GOOD)], 0.0, 1.0),
        ([(400, BAD), (400, GOOD)], 0.5, 0.0),
        # Of the four pairs three are in order.
        ([(400, BAD), (500, GOOD), (600, BAD), (700, GOOD)], 0.75, 0.5),
        # Pairs: 400-400 is a tie, the three others are in order: 3.5 of 4.
        ([(400, BAD), (400, GOOD), (300, BAD), (500, GOOD)], 0.875, 0.5),
        # Of six pairs two are ties, two are in order and two are not.
        ([(400, BAD), (400, BAD), (400, GOOD), (500, GOOD), (350, GOOD)], 0.5, 1 / 3),
    ],
)
def test_known_values(outcomes: list[Outcome], area: float, distance: float) -> None:
    places = places_of(outcomes)
    assert auc(places) == area
    assert ks(places) == pytest.approx(distance)


people = st.lists(st.tuples(st.integers(350, 950), st.booleans()), min_size=2, max_size=40).filter(
    lambda outcomes: len({bad for _, bad in outcomes}) == 2
)


@given(people)
def test_the_area_is_the_share_of_the_pairs_in_order(outcomes: list[Outcome]) -> None:
    good, bad = ([score for score, has in outcomes if has is which] for which in (GOOD, BAD))
    pairs = [(b < g) + (b == g) / 2 for b, g in product(bad, good)]
    assert auc(places_of(outcomes)) == pytest.approx(sum(pairs) / len(pairs))


@given(people)
def test_the_area_is_the_one_under_the_curve(outcomes: list[Outcome]) -> None:
    curve = roc(places_of(outcomes))
    area = sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(curve))
    assert auc(places_of(outcomes)) == pytest.approx(area)
    assert ks(places_of(outcomes)) == pytest.approx(max(abs(y - x) for x, y in curve))
    assert (curve[0], curve[-1]) == ((0, 0), (1, 1))


@given(people, st.randoms(use_true_random=False))
def test_the_order_of_people_changes_nothing_and_another_scale_no_separation(
    outcomes: list[Outcome], order: random.Random
) -> None:
    mixed = list(outcomes)
    order.shuffle(mixed)
    assert places_of(mixed) == places_of(outcomes)
    scaled = places_of((score * 3 - 70, bad) for score, bad in outcomes)
    assert (auc(scaled), ks(scaled)) == (auc(places_of(outcomes)), ks(places_of(outcomes)))


@pytest.mark.parametrize("outcomes", [[], [(400, BAD)], [(400, GOOD), (500, GOOD)]])
def test_with_one_outcome_only_there_is_nothing_to_tell_apart(outcomes: list[Outcome]) -> None:
    measures: tuple[Callable[[list[Place]], object], ...] = (auc, ks, roc, calibration)
    for measure in measures:
        with pytest.raises(OneSidedError):
            measure(places_of(outcomes))
    with pytest.raises(OneSidedError):
        power(outcomes, resamples=3)


def test_the_interval_lies_about_the_value_and_is_the_same_each_time() -> None:
    outcomes = [(350 + number % 97 * 5, number * number % 11 > number % 97 // 8) for number in range(400)]
    found = power(outcomes, resamples=200)
    assert found == power(outcomes, resamples=200)
    for each in (found.auc, found.ks, found.gini):
        assert each.low < each.value < each.high
    assert found.gini.value == pytest.approx(2 * found.auc.value - 1)
    assert found.gini.high - found.gini.low == pytest.approx(2 * (found.auc.high - found.auc.low))


def test_a_wider_sample_gives_a_narrower_interval() -> None:
    few = [(400 + number % 50, number % 3 == 0) for number in range(100)]
    narrow, wide = power(few * 16, resamples=100).auc, power(few, resamples=100).auc
    assert (narrow.high - narrow.low) * 2 < wide.high - wide.low


def test_two_people_can_be_resampled() -> None:
    assert power([(400, BAD), (500, GOOD)], resamples=50).auc.value == 1


def test_a_line_in_the_logarithm_of_the_odds_is_found() -> None:
    # The odds double from one score to the next, 40 points on: 1:1, 2:1, 4:1.
    outcomes = [(500, GOOD)] * 300 + [(500, BAD)] * 300
    outcomes += [(540, GOOD)] * 400 + [(540, BAD)] * 200 + [(580, GOOD)] * 480 + [(580, BAD)] * 120
    found = calibration(places_of(outcomes))
    assert found.doubling_points == pytest.approx(40)
    assert found.even_at == pytest.approx(500)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert [(part.low, part.high, part.people) for part in found.parts] == [
        (500, 500, 600),
        (540, 540, 600),
        (580, 580, 600),
    ]
    assert [part.default_rate for part in found.parts] == pytest.approx([1 / 2, 1 / 3, 1 / 5])


def test_scores_that_rise_and_fall_are_off_the_line() -> None:
    # 10 %, 50 %, 10 % default: no straight line is near all three, and the mean rate is what is expected of each.
    outcomes = [(score, place < bad) for score, bad in ((400, 10), (500, 50), (600, 10)) for place in range(100)]
    found = calibration(places_of(outcomes))
    assert math.isinf(found.doubling_points) or abs(found.doubling_points) > 10_000
    assert found.error == pytest.approx((70 / 300 - 0.1) * 2 / 3 + (0.5 - 70 / 300) / 3, abs=1e-6)


def test_one_score_for_all_has_no_line() -> None:
    found = calibration(places_of([(500, GOOD), (500, BAD), (500, GOOD)]))
    assert math.isinf(found.doubling_points)
    assert found.parts[0].expected_rate == pytest.approx(1 / 3)


def test_the_parts_hold_everybody_and_about_a_tenth_each() -> None:
    outcomes = [(350 + number, number % 5 == 0) for number in range(600)]
    parts = calibration(places_of(outcomes)).parts
    assert [part.people for part in parts] == [60] * 10
    assert [part.low for part in parts] == [350 + 60 * number for number in range(10)]


def fifties(score: int) -> int:
    return score // 50


def test_stability() -> None:
    # Shares 0.5, 0.5 and then 0.25, 0.75: -0.25 ln(1/2) + 0.25 ln(3/2).
    assert stability([350, 399, 400, 420], [351, 401, 401, 449], fifties) == pytest.approx(0.25 * math.log(3))
    assert stability([350, 420], [399, 400] * 7, fifties) == 0
    # A band that was empty counts as half a person of four.
    assert stability([350, 350, 400, 400], [400, 400, 400, 400], fifties) == pytest.approx(
        (0.125 - 0.5) * math.log(0.125 / 0.5) + 0.5 * math.log(2)
    )
    assert stability([], [400], fifties) == 0


def test_the_commonest_score() -> None:
    assert commonest(places_of([(400, GOOD), (400, BAD), (500, GOOD)])) == pytest.approx(2 / 3)
    assert commonest([]) == 0
