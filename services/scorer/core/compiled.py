"""A scorecard in the form in which people are evaluated: built once, a flat list of steps for each segment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple, TypeAlias

import msgspec

from services.scorer.core.features.activity import Ratio, Trend
from services.scorer.core.features.base import Feature, Measure, Measured, Value, Windowed
from services.scorer.core.features.months import Circle, Months, Plan, seen_again
from services.scorer.core.scorecard import POINTS, Cap, Condition, Evidence, Rule, Scorecard
from services.scorer.core.state import State

Values: TypeAlias = list[Measured | None]
"""Of each feature of the policy, in its order; None where it is unknown."""
Points: TypeAlias = Callable[[Measured], int]
Holds: TypeAlias = Callable[[Values], bool]


class Step(NamedTuple):
    """One rule: the feature's index, and what its value gives."""

    code: str
    feature: int
    unknown: int
    best: int
    points: Points
    shown: bool
    """Whether the value may be told to the person (rules S12)."""


class Program(NamedTuple):
    """What is evaluated of the people of one segment."""

    features: Sequence[int]
    """Those that only this segment needs."""
    steps: Sequence[Step]
    step_of: Mapping[str, Step]
    """The same by code."""
    caps: Sequence[tuple[Cap, int]]
    """Each with what it takes of a person who has the best points of all rules."""
    unknown: Mapping[str, int]
    """The points of unknown of the rules that have a cap."""
    missing: tuple[str, int] | None
    """The segment's code, and how many of all points none of its people can reach."""


class Ceiling(NamedTuple):
    code: str
    holds: Holds
    score: int


class Compiled:
    """Only of a scorecard without faults."""

    def __init__(self, card: Scorecard) -> None:
        self._plan = Plan()
        self._names = list(card.features)
        self._of_longer = self._plan.of_same_groups()
        self._measures: list[Measure] = [f.measure(self._plan, card.kinds) for f in card.features.values()]
        self._longer: list[Measure] = [
            a_month_longer(f).measure(self._of_longer, card.kinds) for f in card.features.values()
        ]
        self._conditions = [(all_of(segment.when, self._names), segment.code) for segment in card.segments]
        self.limits = [Ceiling(limit.code, all_of(limit.when, self._names), limit.ceiling) for limit in card.limits]
        self._of_segments = sorted({self._names.index(c.feature) for each in card.segments for c in each.when})
        self._asked = sorted({self._names.index(condition.feature) for condition in conditions_of(card)})
        self.feature_of = {rule.code: card.features[rule.feature] for rule in card.rules}
        self._programs = {code: self._program(card, code) for code in card.segment_codes()}

    def measured(self, state: State, through: int, circle: Circle | None = None) -> dict[str, Measured | None]:
        """What every feature says of a person, by its name."""
        months = Months(self._plan, state, through, circle)
        return {name: measure(months) for name, measure in zip(self._names, self._measures, strict=True)}

    def walked(self, state: State, through: int, circle: Circle | None) -> Months:
        """A person's months, as the features look at them."""
        return Months(self._plan, state, through, circle)

    def run(self, months: Months) -> tuple[Program, Values]:
        """The program of the person's segment (rules S10), and the value of each feature that it needs."""
        measures = self._measures
        values: Values = [None] * len(measures)
        for index in self._asked:
            values[index] = measures[index](months)
        program = self._programs[self._segment(values)]
        for index in program.features:
            values[index] = measures[index](months)
        return program, values

    def segment_of(self, state: State, through: int, circle: Circle | None = None) -> str | None:
        """The code of the segment that a person belongs to; None where the policy has none."""
        months = Months(self._plan, state, through, circle)
        values: Values = [None] * len(self._measures)
        for index in self._asked:
            values[index] = self._measures[index](months)
        return self._segment(values)

    def a_month_ago(self, months: Months, circle: Circle | None, codes: Set[str]) -> dict[str, int]:
        """The points of these rules in the publication before, with those contacts, had all been known that is now."""
        return self._points(self._measures, seen_again(months, self._plan, circle, back=1), codes)

    def with_nothing_leaving(self, months: Months, circle: Circle | None, codes: Set[str]) -> dict[str, int]:
        """The points of these rules with those contacts, were each window a month longer."""
        return self._points(self._longer, seen_again(months, self._of_longer, circle), codes)

    def _points(self, measures: Sequence[Measure], months: Months, codes: Set[str]) -> dict[str, int]:
        values: Values = [None] * len(measures)
        for index in self._of_segments:
            values[index] = measures[index](months)
        step_of = self._programs[self._segment(values)].step_of
        found = {}
        for code in codes:
            if (step := step_of.get(code)) is not None:
                measured = measures[step.feature](months)
                found[code] = step.unknown if measured is None else step.points(measured)
        return found

    def _segment(self, values: Values) -> str | None:
        return next((code for holds, code in self._conditions if holds(values)), None)

    def _program(self, card: Scorecard, segment: str | None) -> Program:
        rules = card.rules_of(segment)
        steps = [self._step(rule, card) for rule in rules]
        codes = {rule.code for rule in rules}
        caps = [(cap, most_taken_back(cap, rules)) for cap in card.caps if codes & {*cap.rules}]
        capped = {code for cap, _ in caps for code in cap.rules}
        best = sum(rule.best for rule in rules) - sum(most for _, most in caps)
        return Program(
            features=sorted({step.feature for step in steps} - {*self._asked}),
            steps=steps,
            step_of={step.code: step for step in steps},
            caps=caps,
            unknown={rule.code: rule.unknown for rule in rules if rule.code in capped},
            missing=(segment, POINTS - best) if segment is not None and best < POINTS else None,
        )

    def _step(self, rule: Rule, card: Scorecard) -> Step:
        shown = not card.features[rule.feature].on_contacts
        return Step(rule.code, self._names.index(rule.feature), rule.unknown, rule.best, points_of(rule), shown)


def a_month_longer(feature: Feature) -> Feature:
    """The same feature with a window that is a month longer; a trend compares two halves, of which neither can be."""
    if isinstance(feature, Windowed | Ratio) and not isinstance(feature, Trend):
        return msgspec.structs.replace(feature, months=feature.months + 1)
    return feature


def conditions_of(card: Scorecard) -> list[Condition]:
    of_segments = [condition for segment in card.segments for condition in segment.when]
    return of_segments + [condition for limit in card.limits for condition in limit.when]


def most_taken_back(cap: Cap, rules: Sequence[Rule]) -> int:
    """What the cap takes of a person who has the best points of all rules (rules S11)."""
    return max(0, sum(rule.best - rule.unknown for rule in rules if rule.code in cap.rules) - cap.points)


def all_of(conditions: Sequence[Condition], names: Sequence[str]) -> Holds:
    each = [_holds(condition, names.index(condition.feature)) for condition in conditions]
    return lambda values: all(holds(values) for holds in each)


def _holds(condition: Condition, index: int) -> Holds:
    at_least, below, word, unknown = condition.at_least, condition.below, condition.word, condition.unknown
    says_a_value = at_least is not None or below is not None or word is not None

    def holds(values: Values) -> bool:
        measured = values[index]
        if measured is None:
            return unknown
        value, _ = measured
        if isinstance(value, str):
            return word == value
        return says_a_value and (at_least is None or value >= at_least) and (below is None or value < below)

    return holds


def points_of(rule: Rule) -> Points:
    """What a rule gives for what was measured (rules S8)."""
    if any(bin.word is not None for bin in rule.bins):
        words = {bin.word: bin.points - rule.unknown for bin in rule.bins}
        return _weighed(lambda value: words.get(str(value), 0), rule.unknown, rule.evidence)
    # Whatever lies below the first bin has its points.
    starts, gains = [bin.at_least or 0 for bin in rule.bins[1:]], [bin.points - rule.unknown for bin in rule.bins]
    return _weighed(lambda value: gains[bisect_right(starts, value)], rule.unknown, rule.evidence)


def _weighed(gain_of: Callable[[Value], int], unknown: int, evidence: Evidence | None) -> Points:
    """The points of unknown, and that part of the gain or loss for which there is evidence (rules S9)."""
    if evidence is None:
        return lambda measured: unknown + gain_of(measured[0])
    full, below = evidence.full, evidence.below or evidence.full

    def weighed(measured: Measured) -> int:
        gain, n = gain_of(measured[0]), measured[1]
        if gain > 0:
            return unknown + gain if n >= full else unknown + gain * n // full
        return unknown + gain if n >= below else unknown - -gain * n // below

    return weighed
