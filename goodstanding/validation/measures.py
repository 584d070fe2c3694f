"""How well scores tell who will default: the measures of the trade, each with its exact definition.

A person here is an outcome: a score, and whether the person defaulted afterwards. A higher score promises less default.
All measures are computed from how many people of either outcome have each score, so that people with one score are one
place on every curve, and their order in a file changes nothing.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Outcome: TypeAlias = tuple[int, bool]
"""A person's score, and whether the person defaulted in the time after."""

RESAMPLES = 500
_SEED = 1
"""Resampling is arithmetic on the outcomes: the same outcomes give the same interval."""
_CONFIDENCE = 0.95
_PARTS = 10
_NEWTON_STEPS_MAX = 50
_NEWTON_ENOUGH = 1e-12


class OneSidedError(Exception):
    """Everybody defaulted, or nobody did: there is no difference that a score could show."""


@dataclass(frozen=True, slots=True)
class Place:
    """All people with one score."""

    score: int
    good: int
    """Those who did not default."""
    bad: int
    """Those who did."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of these people, and the interval that holds 95 % of its values in resamplings of them."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Power:
    """How well the score separates those who defaulted from the others."""

    auc: Estimate
    ks: Estimate
    gini: Estimate


@dataclass(frozen=True, slots=True)
class Part:
    """About a tenth of the people, of neighboring scores. Rates are 0 to 1."""

    low: int
    high: int
    people: int
    default_rate: float
    expected_rate: float
    """What the line of `Calibration` says of them."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the score is a straight line in the logarithm of the odds, fitted to these people by maximum likelihood:

    ln(good / bad) = (score - `even_at`) * ln 2 / `doubling_points`.
    """

    doubling_points: float
    """How many points double the odds of no default to default; infinite for a score that says nothing."""
    even_at: float
    """The score at which as many default as do not."""
    error: float
    """The mean distance of the default rate from the expected one over all parts, weighted by people."""
    parts: tuple[Part, ...]


def places_of(outcomes: Iterable[Outcome]) -> list[Place]:
    """The scores that somebody has, the lowest first."""
    return _places(Counter(2 * score + bad for score, bad in outcomes))


def _places(counts: Mapping[int, int]) -> list[Place]:
    """From how many people have each outcome, written as one number: that is drawn and counted three times as fast."""
    scores = sorted({number // 2 for number in counts})
    return [Place(score, counts.get(2 * score, 0), counts.get(2 * score + 1, 0)) for score in scores]


def auc(places: Sequence[Place]) -> float:
    """The probability that one who defaulted has a lower score than one who did not, both drawn at random; equal scores
    count one half. 0.5 says nothing, 1 tells them apart without a fault. Raises OneSidedError."""
    good, bad = _totals(places)
    doubled = bad_below = 0
    for place in places:
        doubled += place.good * (2 * bad_below + place.bad)
        bad_below += place.bad
    return doubled / (2 * good * bad)


def ks(places: Sequence[Place]) -> float:
    """Kolmogorov and Smirnov's statistic: the greatest difference, over all scores, between the share of those who
    defaulted and the share of the others that have at most that score. Raises OneSidedError."""
    good, bad = _totals(places)
    greatest = good_below = bad_below = 0
    for place in places:
        good_below += place.good
        bad_below += place.bad
        greatest = max(greatest, abs(bad_below * good - good_below * bad))
    return greatest / (good * bad)


def power(outcomes: Sequence[Outcome], resamples: int = RESAMPLES) -> Power:
    """AUC, KS, and Gini (2 AUC - 1), each with the percentile interval of a bootstrap: as many people are drawn with
    replacement as there are, `resamples` times. Raises OneSidedError."""
    places, numbers = places_of(outcomes), [2 * score + bad for score, bad in outcomes]
    area, distance = auc(places), ks(places)
    drawing = random.Random(_SEED)
    drawn = [_drawn(numbers, drawing) for _ in range(resamples)]
    separation = _estimate(area, [auc(each) for each in drawn])
    gini = Estimate(*(2 * value - 1 for value in (separation.value, separation.low, separation.high)))
    return Power(separation, _estimate(distance, [ks(each) for each in drawn]), gini)


def _drawn(numbers: Sequence[int], drawing: random.Random) -> list[Place]:
    """A resampling. One without anybody of either outcome, which only few people can give, is drawn again."""
    while True:
        counts = Counter(drawing.choices(numbers, k=len(numbers)))
        if len({number % 2 for number in counts}) == 2:
            return _places(counts)


def _estimate(value: float, resampled: list[float]) -> Estimate:
    if not resampled:
        return Estimate(value, value, value)
    resampled.sort()
    cut = int(len(resampled) * (1 - _CONFIDENCE) / 2)
    return Estimate(value, resampled[cut], resampled[-1 - cut])


def roc(places: Sequence[Place]) -> list[tuple[float, float]]:
    """The receiver operating characteristic: for each score, the lowest first, the share of those without default and
    the share of those with one that have at most that score. From (0, 0) to (1, 1). Raises OneSidedError."""
    good, bad = _totals(places)
    points, good_below, bad_below = [(0.0, 0.0)], 0, 0
    for place in places:
        good_below += place.good
        bad_below += place.bad
        points.append((good_below / good, bad_below / bad))
    return points


def calibration(places: Sequence[Place]) -> Calibration:
    """See Calibration. Raises OneSidedError."""
    good, bad = _totals(places)
    middle = sum(place.score * (place.good + place.bad) for place in places) / (good + bad)
    height, slope = _line(places, middle)
    parts = tuple(_part(each, height, slope, middle) for each in _tenths(places))
    error = sum(part.people * abs(part.default_rate - part.expected_rate) for part in parts) / (good + bad)
    doubling = math.log(2) / slope if slope else math.inf
    return Calibration(doubling, middle - height / slope if slope else math.nan, error, parts)


def stability(before: Iterable[int], after: Iterable[int], band_of: Callable[[int], int]) -> float:
    """The population stability index of two distributions of scores, by the band that each score is in:

    the sum over the bands of (share after - share before) * ln(share after / share before). A band that one of the two
    leaves empty counts there as half a person. Below 0.1 is stable by convention, above 0.25 is not.
    """
    counts = [Counter(map(band_of, scores)) for scores in (before, after)]
    totals = [sum(count.values()) for count in counts]
    if not all(totals):
        return 0.0
    index = 0.0
    for band in sorted(counts[0].keys() | counts[1].keys()):
        old, new = ((count[band] or 0.5) / total for count, total in zip(counts, totals, strict=True))
        index += (new - old) * math.log(new / old)
    return index


def commonest(places: Sequence[Place]) -> float:
    """The share of the people who have the score that most people have; 0 to 1."""
    people = [place.good + place.bad for place in places]
    return max(people, default=0) / (sum(people) or 1)


def _totals(places: Sequence[Place]) -> tuple[int, int]:
    good, bad = sum(place.good for place in places), sum(place.bad for place in places)
    if not good or not bad:
        raise OneSidedError
    return good, bad


def _line(places: Sequence[Place], middle: float) -> tuple[float, float]:
    """Logistic regression of no default on the score, by Newton's method: ln(odds) at the middle, and its slope."""
    good, bad = _totals(places)
    height, slope = math.log(good / bad), 0.0
    for _ in range(_NEWTON_STEPS_MAX):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for place in places:
            at, people = place.score - middle, place.good + place.bad
            share = _share(height + slope * at)
            missing, weight = place.good - people * share, people * share * (1 - share)
            g0 += missing
            g1 += missing * at
            h00 += weight
            h01 += weight * at
            h11 += weight * at * at
        determinant = h00 * h11 - h01 * h01
        if determinant <= _NEWTON_ENOUGH * h00 * h00:
            break  # everybody has one score, or the scores tell all apart: there is no line, or no steepest one
        up, tilt = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        height, slope = height + up, slope + tilt
        if abs(up) + abs(tilt) * max(abs(place.score - middle) for place in places) < _NEWTON_ENOUGH:
            break
    return height, slope


def _share(logarithm: float) -> float:
    return 1 / (1 + math.exp(-max(min(logarithm, 700.0), -700.0)))


def _tenths(places: Sequence[Place]) -> list[list[Place]]:
    """Neighboring scores in ten parts with about as many people in each; people with one score stay together."""
    everybody = sum(place.good + place.bad for place in places)
    parts: dict[int, list[Place]] = {}
    below = 0
    for place in places:
        people = place.good + place.bad
        parts.setdefault((2 * below + people) * _PARTS // (2 * everybody), []).append(place)
        below += people
    return list(parts.values())


def _part(places: list[Place], height: float, slope: float, middle: float) -> Part:
    people, bad = sum(place.good + place.bad for place in places), sum(place.bad for place in places)
    expected = sum((place.good + place.bad) * (1 - _share(height + slope * (place.score - middle))) for place in places)
    return Part(places[0].score, places[-1].score, people, bad / people, expected / people)
