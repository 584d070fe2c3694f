"""A scorecard in the form in which people are evaluated: built once, a flat list of steps for each segment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache
from itertools import groupby
from sys import maxsize
from typing import NamedTuple, TypeAlias

import msgspec

from services.scorer.core.features.activity import Ratio, Trend
from services.scorer.core.features.base import Feature, Measure, Measured, Windowed, least_of
from services.scorer.core.features.months import Circle, Months, Plan, seen_again, walk
from services.scorer.core.features.stated import CONTACTS_MIN
from services.scorer.core.item import Item, RestsOn
from services.scorer.core.scorecard_parts import POINTS, Cap, Condition, Limit, Rule, ScorecardParts
from services.scorer.core.state import State

Values: TypeAlias = list[Measured | None]
"""The value of each feature, in the policy's order; None where it is unknown."""
Points: TypeAlias = Callable[[Measured], int]
Holds: TypeAlias = Callable[[Values], bool]


ITEMS_REMEMBERED = 512
"""Of each rule."""
CAP = "cap"
"""What the item of a cap rests on: how much its rules may earn."""
ON_CONTACTS: RestsOn = {"contacts_at_least": CONTACTS_MIN}
"""What the item of a rule on contacts shows (rules S12): neither a standing nor the number of contacts, which would
reveal whether a certain person has confirmed the contact."""


class Step(NamedTuple):
    """One rule: the feature's index, and the item that its value gives."""

    feature: int
    unknown: Item
    known: Callable[[Measured], Item]

    def of(self, measured: Measured | None) -> Item:
        return self.unknown if measured is None else self.known(measured)


class CapStep(NamedTuple):
    """These steps together give at most `points`."""

    code: str
    steps: Sequence[int]
    points: int
    shown: RestsOn
    """What the item of what it takes rests on."""
    most: int
    """What the cap takes back from whoever has the best points of all its rules."""


class Program(NamedTuple):
    """What is evaluated of the people of one segment."""

    features: Sequence[int]
    """Those that only this segment needs."""
    steps: Sequence[Step]
    step_of: Mapping[str, Step]
    """The same by code."""
    caps: Sequence[CapStep]
    missing: Item | None
    """How many of all points none of the segment's people can reach."""


class Ceiling(NamedTuple):
    code: str
    holds: Holds
    score: int


class Ceilings(NamedTuple):
    """Consecutive limits whose first condition is on the same feature. For a value at which none of them can hold, as
    most people have it, none of them is evaluated."""

    feature: int
    at_least: int
    below: int
    unknown: bool
    of: Sequence[Ceiling]


class Compiled:
    """Only of a scorecard without faults."""

    def __init__(self, card: ScorecardParts) -> None:
        self._plan = Plan(least_of(card.least, card.kinds))
        self._names = list(card.features)
        self._of_longer = self._plan.of_same_groups()
        self._measures: list[Measure] = [f.measure(self._plan, card.kinds) for f in card.features.values()]
        self._longer: list[Measure] = [
            a_month_longer(f).measure(self._of_longer, card.kinds) for f in card.features.values()
        ]
        self._conditions = [(all_of(segment.when, self._names), segment.code) for segment in card.segments]
        self._limits = [
            _ceilings(name, list(limits), self._names) for name, limits in groupby(card.limits, _asked_first)
        ]
        self._of_segments = sorted({self._names.index(c.feature) for each in card.segments for c in each.when})
        self._asked = sorted({self._names.index(condition.feature) for condition in card.conditions()})
        self.feature_of = {rule.code: card.features[rule.feature] for rule in card.rules}
        self._reaches = {code: reach for code, feature in self.feature_of.items() if (reach := reach_of(feature))}
        self._programs = {code: self._program(card, code) for code in card.segment_codes()}

    def measured(self, state: State, through: int, circle: Circle | None = None) -> dict[str, Measured | None]:
        """What every feature says of a person, by its name."""
        months = walk(self._plan, state, through, circle)
        return {name: measure(months) for name, measure in zip(self._names, self._measures, strict=True)}

    def walked(self, state: State, through: int, circle: Circle | None) -> Months:
        """A person's months, as the features look at them."""
        return walk(self._plan, state, through, circle)

    def run(self, months: Months) -> tuple[Program, Values]:
        """The program of the person's segment (rules S10), and the value of each feature that it needs."""
        measures = self._measures
        values = _measured(measures, self._asked, months)
        program = self._programs[self._segment(values)]
        for index in program.features:
            values[index] = measures[index](months)
        return program, values

    def without_light(self, program: Program, months: Months) -> Values | None:
        """What the features of a program say without the months that count only because they were late, beyond which no
        rule gives points for those (rules S25); None where there are none."""
        if months.without_light is None:
            return None
        # A standing is that of somebody without contacts.
        without = msgspec.structs.replace(months.without_light, circle=months.circle)
        return _measured(self._measures, [step.feature for step in program.steps], without)

    def limits(self, values: Values) -> list[tuple[str, int]]:
        """Code and highest score of each limit that holds (rules S19), in the policy's order."""
        found = []
        for feature, at_least, below, unknown, ceilings in self._limits:
            measured = values[feature]
            if unknown if measured is None else isinstance(measured[0], str) or at_least <= measured[0] < below:
                found += [(each.code, each.score) for each in ceilings if each.holds(values)]
        return found

    def segment_of(self, state: State, through: int, circle: Circle | None = None) -> str | None:
        """The code of the segment that a person belongs to; None where the policy has none."""
        months = walk(self._plan, state, through, circle)
        return self._segment(_measured(self._measures, self._asked, months))

    def a_month_ago(self, months: Months, circle: Circle | None, codes: Set[str]) -> dict[str, int]:
        """The points that these rules would have given in the publication before, with the contacts of then, if
        everything had been known that is known now."""
        return self._points(self._measures, seen_again(months, self._plan, circle, back=1), codes)

    def with_nothing_leaving(
        self, months: Months, circle: Circle | None, points: Mapping[str, int]
    ) -> Mapping[str, int]:
        """The points that these rules would give with those contacts if each window were a month longer; `points` are
        what they give now. Nothing can leave the windows of a young person."""
        if self._conditions:
            return self._points(self._longer, seen_again(months, self._of_longer, circle), points.keys())
        reaches = self._reaches
        codes = {code for code in points if reaches.get(code, 0) < months.history}
        return {**points, **self._points(self._longer, seen_again(months, self._of_longer, circle), codes)}

    def _points(self, measures: Sequence[Measure], months: Months, codes: Set[str]) -> dict[str, int]:
        step_of = self._programs[self._segment(_measured(measures, self._of_segments, months))].step_of
        found = {}
        for code in codes:
            if (step := step_of.get(code)) is not None:
                found[code] = step.of(measures[step.feature](months)).points
                if months.without_light is not None:
                    found[code] = min(found[code], step.of(measures[step.feature](months.without_light)).points)
        return found

    def _segment(self, values: Values) -> str | None:
        return next((code for holds, code in self._conditions if holds(values)), None)

    def _program(self, card: ScorecardParts, segment: str | None) -> Program:
        rules = card.rules_of(segment)
        steps = [self._step(rule, card) for rule in rules]
        caps = [_cap_step(cap, rules) for cap in card.caps if any(rule.code in cap.rules for rule in rules)]
        out_of_reach = POINTS - sum(rule.best for rule in rules) + sum(cap.most for cap in caps)
        return Program(
            features=sorted({step.feature for step in steps} - {*self._asked}),
            steps=steps,
            step_of={rule.code: step for rule, step in zip(rules, steps, strict=True)},
            caps=caps,
            missing=Item(segment, 0, out_of_reach, {}) if segment is not None and out_of_reach > 0 else None,
        )

    def _step(self, rule: Rule, card: ScorecardParts) -> Step:
        code, best, points, shown = rule.code, rule.best, points_of(rule), not card.features[rule.feature].on_contacts

        def known(measured: Measured) -> Item:
            return Item(code, points(measured), best, measured if shown else ON_CONTACTS)

        # Most people have the same few values of most rules.
        remembered = lru_cache(maxsize=ITEMS_REMEMBERED)(known)
        return Step(self._names.index(rule.feature), Item(code, rule.unknown, best, {}), remembered)


def _measured(measures: Sequence[Measure], indexes: Sequence[int], months: Months) -> Values:
    """The values of these features; None of all others."""
    values: Values = [None] * len(measures)
    for index in indexes:
        values[index] = measures[index](months)
    return values


def _asked_first(limit: Limit) -> str:
    return limit.when[0].feature


def _ceilings(feature: str, limits: Sequence[Limit], names: Sequence[str]) -> Ceilings:
    asked = [limit.when[0] for limit in limits]
    ranges = [c for c in asked if not c.unknown or c.at_least is not None or c.below is not None]
    return Ceilings(
        names.index(feature),
        min((-maxsize if c.at_least is None else c.at_least for c in ranges), default=0),
        max((maxsize if c.below is None else c.below for c in ranges), default=0),
        any(c.unknown for c in asked),
        [Ceiling(limit.code, all_of(limit.when, names), limit.ceiling) for limit in limits],
    )


def _cap_step(cap: Cap, rules: Sequence[Rule]) -> CapStep:
    places = [at for at, rule in enumerate(rules) if rule.code in cap.rules]
    unknown = sum(rules[at].unknown for at in places)
    return CapStep(cap.code, places, cap.points + unknown, {CAP: cap.points}, cap.most_taken_back(rules))


def a_month_longer(feature: Feature) -> Feature:
    """The same feature with a window that is a month longer. A trend stays as it is: it compares two halves, and
    neither can be a month longer."""
    if isinstance(feature, Windowed | Ratio) and not isinstance(feature, Trend):
        return msgspec.structs.replace(feature, months=feature.months + 1)
    return feature


def reach_of(feature: Feature) -> int | None:
    """Over how many months it counts events; None where it looks at something else as well."""
    return feature.months if isinstance(feature, Windowed | Ratio) and not feature.tells_of_means else None


def all_of(conditions: Sequence[Condition], names: Sequence[str]) -> Holds:
    each = [_holds(condition, names.index(condition.feature)) for condition in conditions]
    if len(each) == 1:
        return each[0]
    return lambda values: all(holds(values) for holds in each)


def _holds(condition: Condition, index: int) -> Holds:
    at_least, below, word, unknown = condition.at_least, condition.below, condition.word, condition.unknown
    says_a_value = at_least is not None or below is not None or word is not None

    def holds(values: Values) -> bool:
        measured = values[index]
        if measured is None:
            return unknown
        value = measured[0]
        if isinstance(value, str):
            return word == value
        return says_a_value and (at_least is None or value >= at_least) and (below is None or value < below)

    return holds


def points_of(rule: Rule) -> Points:
    """What a rule gives for what was measured (rules S8): the points of unknown, and that part of the gain or loss for
    which there is evidence (rules S9)."""
    unknown, evidence = rule.unknown, rule.evidence
    full, below = (evidence.full, evidence.below or evidence.full) if evidence else (1, 1)
    words = {bin.word: bin.points - unknown for bin in rule.bins if bin.word is not None}
    # Whatever lies below the first bin has its points.
    starts, gains = [bin.at_least or 0 for bin in rule.bins[1:]], [bin.points - unknown for bin in rule.bins]

    def points(measured: Measured) -> int:
        value, n = measured
        gain = words.get(value, 0) if isinstance(value, str) else gains[bisect_right(starts, value)]
        if gain > 0:
            return unknown + gain if n >= full else unknown + gain * n // full
        return unknown + gain if n >= below else unknown - -gain * n // below

    return points
