"""Points for candidates: an additive scorecard whose every rule is monotone, learned from what became of people.

`monotone` finds the law that they follow, in the logarithm of the odds of no default. The points are that law in steps
of DOUBLING_POINTS for each doubling of the odds, rounded, and placed so that the best that a person can have is 600.
Rounding keeps the order of any two heights, so that what holds for the law holds for the points: neither a better value
of a feature nor the better segment that it leads to ever lowers a score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from goodstanding.validation.candidates import CEILINGS, DIMENSION, Candidate, Choice
from goodstanding.validation.design import Design, Rows
from goodstanding.validation.measures import Outcome
from goodstanding.validation.monotone import Asked, Law, law_of
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import BASE, POINTS, Bin, Rule

DOUBLING_POINTS = 76
"""So many points double the odds of no default to default."""
RULES_MAX = 25
"""In a segment, so that a person can read it; one more gives what everybody in it has."""
EACH_MIN = 50
"""Of those who paid and of those who defaulted, in each segment: from fewer nothing is learned but chance."""
_WORTH_IT = 0.04
"""A rule whose best and worst differ by less, in the logarithm of the odds, is left out."""


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
    segments = len(choice.segments)
    # Twice: the second time without what the first found to be worth nothing.
    law = law_of(_asked(choice), design, taken, segments)
    return _scorecard(choice, law_of(_worth_it(law), design, taken, segments))


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


def _asked(choice: Choice) -> Sequence[Asked]:
    """Each feature that a segment may have a rule on."""
    found: dict[str, Asked] = {}
    for segment in choice.segments:
        for each in choice.rules[segment.code]:
            if each.feature not in found:
                there = (each in choice.rules[other.code] for other in choice.segments)
                found[each.feature] = Asked(each.feature, each.direction == "higher", tuple(there))
    return list(found.values())


def _worth_it(law: Law) -> Sequence[Asked]:
    """In each segment no more rules than a person can read, and none that makes hardly any difference."""
    spans = np.array([heights.spans for heights in law.heights]).reshape(len(law.heights), len(law.bases))
    places = np.argsort(np.argsort(-spans, axis=0, kind="stable"), axis=0)
    kept = (spans >= _WORTH_IT) & (places < RULES_MAX)
    return [
        Asked(heights.asked.feature, heights.asked.rises, tuple(map(bool, row)))
        for heights, row in zip(law.heights, kept, strict=True)
        if row.any()
    ]


def _scorecard(choice: Choice, law: Law) -> Scorecard:
    factor = DOUBLING_POINTS / math.log(2)
    points = {heights.asked.feature: np.rint(factor * heights.of).astype(int) for heights in law.heights}
    bases = np.rint(factor * law.bases).astype(int)
    found: list[tuple[int, list[Rule]]] = []
    for place, segment in enumerate(choice.segments):
        # The worst bin of a rule gives nothing: what it gives belongs to everybody in the segment.
        base = int(bases[place]) + sum(int(of[place, :-1].min()) for of in points.values())
        own = [
            _rule(choice, each, heights.starts, points[each.feature][place], segment.code)
            for each in choice.rules[segment.code]
            for heights in law.heights
            if heights.asked.feature == each.feature and heights.asked.segments[place]
        ]
        found.append((base, [rule for rule in own if rule.best]))
    too_much = max(base + sum(rule.best for rule in own) for base, own in found) - POINTS
    rules: list[Rule] = []
    for segment, (base, own) in zip(choice.segments, found, strict=True):
        rules += [_base(choice, segment.code, base - too_much), *own]
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


def _rule(choice: Choice, candidate: Candidate, starts: Sequence[int], points: NDArray[np.int_], segment: str) -> Rule:
    """`points` of each bin and of unknown, less those of the worst bin."""
    *of_bins, unknown = (int(each) for each in points - points[:-1].min())
    bins = [Bin(at_least=choice.features[candidate.feature].lowest, points=of_bins[0])]
    for start, given in zip(starts, of_bins[1:], strict=True):
        if given != bins[-1].points:
            bins.append(Bin(at_least=start, points=given))
    return Rule(
        code=candidate.code,
        dimension=DIMENSION,
        feature=candidate.feature,
        direction=candidate.direction,
        segments=(segment,),
        unknown=unknown,
        bins=tuple(bins),
        en=candidate.en,
        zh=candidate.zh,
    )
