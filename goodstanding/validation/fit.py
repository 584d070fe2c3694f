"""Points for candidates: an additive scorecard whose every rule is monotone, learned from what became of people.

In each segment the logarithm of the odds of no default is a base and one step function for each rule. A step may only
go in the rule's direction. The steps are found by maximum likelihood with two penalties: on the sum of their heights,
so that most of them are none and a rule has few bins, and on their squares, so that few people decide nothing. That is
one convex problem with one solution, which L-BFGS-B finds (SciPy); nothing is drawn at random.

The points are that solution in steps of DOUBLING_POINTS for each doubling of the odds, rounded, and placed so that the
best that a person can have is 600.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from goodstanding.validation.candidates import CEILINGS, DIMENSION, Candidate, Choice
from goodstanding.validation.design import Column, Design, Rows
from goodstanding.validation.measures import Outcome
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import BASE, POINTS, Bin, Rule

DOUBLING_POINTS = 76
"""So many points double the odds of no default to default."""
RULES_MAX = 25
"""In a segment, so that a person can read it; one more gives what everybody in it has."""
_BINS_MAX = 8
_SHARE_MIN = 0.02
"""Of the people of a segment, in each bin."""
_UNKNOWN_MIN = 0.003
"""With a smaller share of people of whom a value is unknown, nothing is learned from them."""
_SUM_OF_STEPS, _SUM_OF_SQUARES = 2.0, 4.0
"""The penalties, against a likelihood in which each person counts 1."""
EACH_MIN = 50
"""Of those who paid and of those who defaulted, in each segment: from fewer nothing is learned but chance."""
_WORTH_IT = 0.04
"""A rule whose best and worst differ by less, in the logarithm of the odds, is left out."""
_STEPS_MAX = 3_000
_PRECISION = 1e-12
_FIGURES = 2
"""Bins begin at round numbers: so many digits, and then zeros."""


@dataclass(frozen=True, slots=True)
class _Steps:
    """One rule in the logarithm of the odds: a height for each bin, the worst of them 0, and one for unknown."""

    candidate: Candidate
    starts: tuple[int, ...]
    """Of all bins but the first."""
    heights: tuple[float, ...]
    unknown: float


@dataclass(frozen=True, slots=True)
class _Segment:
    base: float
    """The logarithm of the odds of no default of whoever has the worst of every rule."""
    rules: tuple[_Steps, ...]

    @property
    def best(self) -> float:
        return self.base + sum(max(rule.heights) for rule in self.rules)


class TooFewError(ValueError):
    """A segment has too few people to learn from. `str()` is a sentence that says which, and how many there are."""


def check_enough(choice: Choice, design: Design) -> None:
    """Raises TooFewError."""
    for place, segment in enumerate(choice.segments):
        here = design.defaulted[design.segment == place]
        defaulted = int(here.sum())
        if min(defaulted, len(here) - defaulted) < EACH_MIN:
            raise TooFewError(
                f"The segment {segment.code} has {len(here) - defaulted:,} people who paid and {defaulted:,} who "
                f"defaulted; points are learned from {EACH_MIN} of each at least."
            )


def fitted(choice: Choice, design: Design, rows: Rows | None = None) -> Scorecard:
    """The scorecard that these people's outcomes lead to; all rows of the table where none are named."""
    taken = np.arange(len(design.defaulted)) if rows is None else rows
    segments = [
        _fitted_segment(choice.rules[segment.code], design, taken[design.segment[taken] == place])
        for place, segment in enumerate(choice.segments)
    ]
    return _scorecard(choice, segments)


def cross_validated(choice: Choice, design: Design, folds: int = 5, repeats: int = 4) -> list[list[Outcome]]:
    """Everybody's score by a card that was fitted without a fifth of the people, the person among them; once for each
    repeat, with the people parted in another way. The parting is the same each time."""
    found = []
    for repeat in range(repeats):
        parted = np.random.default_rng(repeat).permutation(len(design.defaulted))
        scores = np.zeros(len(parted), dtype=np.int64)
        for fold in range(folds):
            left_out = np.zeros(len(parted), dtype=bool)
            left_out[parted[fold::folds]] = True
            card = fitted(choice, design, np.flatnonzero(~left_out))
            scores[left_out] = BASE + points_of(card, choice, design, np.flatnonzero(left_out))
        found.append([(int(score), bool(bad)) for score, bad in zip(scores, design.defaulted, strict=True)])
    return found


def points_of(card: Scorecard, choice: Choice, design: Design, rows: Rows) -> NDArray[np.int64]:
    """What the rules give these people; their scores but for the base, records and bounds."""
    points = np.zeros(len(rows), dtype=np.int64)
    for place, segment in enumerate(choice.segments):
        here = design.segment[rows] == place
        for rule in card.rules_of(segment.code):
            values = design.values[rule.feature][rows[here]]
            starts = [bin.at_least or 0 for bin in rule.bins[1:]]
            of_bins = np.array([bin.points for bin in rule.bins])
            found = of_bins[np.searchsorted(starts, np.nan_to_num(values), side="right")]
            points[here] += np.where(np.isnan(values), rule.unknown, found)
    return points


def _fitted_segment(candidates: Sequence[Candidate], design: Design, rows: Rows) -> _Segment:
    """Fitted twice: the second time without what the first found to be worth nothing."""
    first = _fitted_rules(candidates, design, rows)
    worth = [rule for rule in first.rules if max(rule.heights) >= _WORTH_IT]
    worth.sort(key=lambda rule: -max(rule.heights))
    kept = {rule.candidate.code for rule in worth[:RULES_MAX]}
    return _fitted_rules([each for each in candidates if each.code in kept], design, rows)


def _fitted_rules(candidates: Sequence[Candidate], design: Design, rows: Rows) -> _Segment:
    good = 1 - design.defaulted[rows]
    starts, columns, lowest, highest, penalized = [], [], [], [], []
    asks_unknown = []
    for each in candidates:
        values = design.values[each.feature][rows]
        starts.append(_starts(values))
        rises = each.direction == "higher"
        for start in starts[-1]:
            columns.append(values >= start)
            lowest.append(0.0 if rises else -np.inf)
            highest.append(np.inf if rises else 0.0)
            penalized.append(1.0 if rises else -1.0)
        unknown = np.isnan(values)
        asks_unknown.append(unknown.mean() > _UNKNOWN_MIN)
        if asks_unknown[-1]:
            columns.append(unknown)
            lowest.append(-np.inf)
            highest.append(np.inf)
            penalized.append(0.0)
    table = np.array(columns, dtype=np.float64).reshape(len(columns), len(rows)).T
    weights, base = _solved(table, good, np.array(penalized), list(zip(lowest, highest, strict=True)))
    rules, at = [], 0
    for each, begins, asks in zip(candidates, starts, asks_unknown, strict=True):
        heights = np.concatenate([[0.0], np.cumsum(weights[at : at + len(begins)])])
        at += len(begins)
        worst = float(heights.min())
        values = design.values[each.feature][rows]
        if asks:
            unknown_height = float(np.clip(weights[at], heights.min(), heights.max()))
            at += 1
        else:
            known = values[~np.isnan(values)]
            unknown_height = float(heights[np.searchsorted(begins, known, side="right")].mean()) if len(known) else 0.0
        base += worst
        rules.append(
            _Steps(each, tuple(begins), tuple(float(height) - worst for height in heights), unknown_height - worst)
        )
    return _Segment(base, tuple(rules))


def _solved(table: Column, good: Column, penalized: Column, bounds: list[tuple[float, float]]) -> tuple[Column, float]:
    """The weights of the columns, and the base. `penalized` is the sign of a step, 0 for what is no step."""
    # SciPy is half of what this module would import, and whoever has too few people comes as far as here.
    from scipy.optimize import minimize
    from scipy.special import expit

    def cost(at: Column) -> tuple[float, Column]:
        weights, base = at[:-1], at[-1]
        logarithm = table @ weights + base
        missing = expit(logarithm) - good
        steps = penalized * _SUM_OF_STEPS
        value = (np.logaddexp(0, logarithm) - good * logarithm).sum()
        value += steps @ weights + _SUM_OF_SQUARES / 2 * weights @ weights
        slope = table.T @ missing + steps + _SUM_OF_SQUARES * weights
        return float(value), np.append(slope, missing.sum())

    begin = np.zeros(table.shape[1] + 1)
    begin[-1] = np.log(good.mean() / (1 - good.mean()))
    # Sums in one order on every machine: with several threads the last digits depend on how many there are.
    with threadpool_limits(1):
        found = minimize(
            cost,
            begin,
            jac=True,
            method="L-BFGS-B",
            bounds=[*bounds, (-np.inf, np.inf)],
            options={"maxiter": _STEPS_MAX, "maxfun": 2 * _STEPS_MAX, "ftol": _PRECISION, "gtol": 1e-7},
        )
    return found.x[:-1], float(found.x[-1])


def _starts(values: Column) -> list[int]:
    """Where bins begin, besides the first: round numbers, at quantiles where there are many values."""
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) > _BINS_MAX:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, _BINS_MAX + 1)[:-1], method="higher"))
    people, found, last = _SHARE_MIN * len(values), list[int](), -np.inf
    for start in sorted({_rounded(int(value)) for value in distinct[1:]}):
        if ((known >= last) & (known < start)).sum() >= people and (known >= start).sum() >= people:
            found.append(start)
            last = start
    return found


def _rounded(value: int) -> int:
    """Brought towards 0 to a number of few digits and zeros."""
    unit = int(10 ** max(len(str(abs(value))) - _FIGURES, 0))
    return (abs(value) // unit * unit) * (1 if value >= 0 else -1)


def _scorecard(choice: Choice, segments: Sequence[_Segment]) -> Scorecard:
    best, factor = max(each.best for each in segments), DOUBLING_POINTS / math.log(2)
    rules: list[Rule] = []
    for segment, found in zip(choice.segments, segments, strict=True):
        own = [_rule(choice, steps, segment.code, factor) for steps in found.rules]
        base = POINTS + round(factor * (found.base - best))
        if found.best == best:
            # Rounding may have left a point over, or one too few, of what the best can have.
            base = POINTS - sum(rule.best for rule in own)
        rules += [_base(choice, segment.code, base), *own]
    read = {rule.feature for rule in rules} | {each.feature for segment in choice.segments for each in segment.when}
    return Scorecard(
        name=choice.name,
        effective_on=date(2000, 1, 1),
        cadence="monthly",
        publication_day=6,
        months_min=3,
        dimensions={DIMENSION: POINTS},
        features={name: feature for name, feature in choice.features.items() if name in read},
        segments=tuple(choice.segments),
        rules=tuple(rules),
        records=choice.records,
        ceilings=dict(CEILINGS),
    )


def _base(choice: Choice, segment: str, points: int) -> Rule:
    """What everybody in the segment has: a rule with one bin."""
    en, zh = choice.bases[segment]
    return Rule(
        code=f"base-{segment}",
        dimension=DIMENSION,
        feature=choice.base_feature,
        direction="lower",
        segments=(segment,),
        unknown=points,
        bins=(Bin(at_least=0, points=points),),
        en=en,
        zh=zh,
    )


def _rule(choice: Choice, steps: _Steps, segment: str, factor: float) -> Rule:
    lowest = choice.features[steps.candidate.feature].lowest
    bins = [Bin(at_least=lowest, points=round(factor * steps.heights[0]))]
    for start, height in zip(steps.starts, steps.heights[1:], strict=True):
        points = round(factor * height)
        if points != bins[-1].points:
            bins.append(Bin(at_least=start, points=points))
    return Rule(
        code=steps.candidate.code,
        dimension=DIMENSION,
        feature=steps.candidate.feature,
        direction=steps.candidate.direction,
        segments=(segment,),
        unknown=round(factor * steps.unknown),
        bins=tuple(bins),
        en=steps.candidate.en,
        zh=steps.candidate.zh,
    )
