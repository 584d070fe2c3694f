"""The scoring policy (`policies/scorecard.toml`): its types, and what can be wrong with one.

350 + 600 points: each dimension has its share, and the best points of its rules sum to it. A rule has one measure out
of a closed set. Measures are integers, and bands turn them into points: a band holds from `at_least` up to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from shared.contracts.kinds import KIND_OF, RecordClass, Shape
from shared.contracts.policies import ByClass, PolicyFault, faults_of_name, is_code, policy_id

BASE = 350
POINTS = 600
WINDOW_MONTHS_MAX = 24
"""No behavior is remembered longer (rules S7); longer memory is records only."""
CONTACTS_BAND = 100
"""Each contact's standing is seen in steps of so many points above the base, and no finer, before anything is computed
from it: then no number of accounts and no choice of their contacts tells more of anybody than the band (rules S12)."""
CONTACTS_MIN = 5
"""With fewer contacts than this, one of them would be most of the mean."""

_RESERVED = frozenset({"base", "floor", "ceiling"})
_CODE_SENTENCE = "Use words of lower-case letters, joined by hyphens."
_RESTRICTIONS_MAX = 16


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_least: int
    points: int


class _Rule(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True, tag_field="measure"):
    """What all rules have. `unknown` are the points of a person about whom the measure can say nothing."""

    code: str
    dimension: str
    unknown: int


class _Banded(_Rule, frozen=True, kw_only=True, dict=True):
    bands: tuple[Band, ...]

    @cached_property
    def best(self) -> int:
        return max((band.points for band in self.bands), default=0)

    def points(self, measured: int) -> int:
        """The points of the highest band that the measured value reaches."""
        return next(band.points for band in reversed(self.bands) if measured >= band.at_least)


class _Windowed(_Banded, frozen=True, kw_only=True, dict=True):
    """A rule over the last `window_months` of the months that count, reading these kinds."""

    kinds: tuple[str, ...]
    window_months: int

    @cached_property
    def codes(self) -> frozenset[int]:
        return frozenset(KIND_OF[kind].code for kind in self.kinds)


class ShareOnTime(_Windowed, frozen=True, kw_only=True, dict=True, tag="share_on_time"):
    """Obligations kept on time, of all in the window, in per mille, rounded down. Unknown without any."""


class ActiveMonths(_Windowed, frozen=True, kw_only=True, dict=True, tag="active_months"):
    """Months of the window with at least one event. Unknown before the first; until the window lies within the
    person's history, what was before it is unknown too, so that the points are never below those of unknown."""


class LatestFigure(_Windowed, frozen=True, kw_only=True, dict=True, tag="latest_figure"):
    """The latest steady figure, in minor units: the lowest of the latest `steady_months` months that have one in the
    window. Unknown with fewer of them."""

    steady_months: int


class ContactsStanding(_Banded, frozen=True, kw_only=True, dict=True, tag="contacts_standing"):
    """The mean band of the mutual contacts in the publication before, as the score at which the band begins: 350, 450
    and so on. Unknown with fewer than five of them."""


class Fact(_Rule, frozen=True, kw_only=True, dict=True, tag="fact"):
    """The latest value of a fact, each with its points. Unknown if none was reported, or one without points here."""

    kind: str
    values: dict[str, int]

    @cached_property
    def best(self) -> int:
        return max(self.values.values(), default=0)


class PerRecord(ByClass, frozen=True):
    """Points of one record, by its class."""


class NegativeRecords(_Rule, frozen=True, kw_only=True, dict=True, tag="negative_records"):
    """What the records that count cost, each by its class and by whether it is settled; all of them no more than
    `lowest`. Unknown without any. The one rule whose points follow a change of a record at once."""

    unsettled: PerRecord
    settled: PerRecord
    lowest: int

    @property
    def best(self) -> int:
        return self.unknown

    def points(self, records: Iterable[tuple[RecordClass, bool]]) -> int:
        """Of records given as (class, whether it is settled)."""
        points = sum((self.settled if settled else self.unsettled).of(each) for each, settled in records)
        return max(points, self.lowest)


Rule: TypeAlias = ShareOnTime | ActiveMonths | LatestFigure | ContactsStanding | Fact | NegativeRecords


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """A scoring policy. Valid only if it has no faults."""

    name: str
    effective_on: date
    """The first publication on or after this day, in the deployment's zone, is the first by this policy."""
    cadence: Literal["monthly", "continuous"]
    publication_day: int
    months_min: int
    """Months of history below which a publication is thin."""
    dimensions: dict[str, int]
    rules: tuple[Rule, ...]
    ceilings: dict[RecordClass, int] = {}
    """The highest score while a record of the class counts and is unsettled."""
    restrictions: dict[RecordClass, tuple[str, ...]] = {}
    """What is closed to a person while such a record does, whatever the score."""

    @cached_property
    def id(self) -> str:
        return policy_id(self.name, self)

    @cached_property
    def best(self) -> dict[str, int]:
        """The best points of each rule, by its code."""
        return {rule.code: rule.best for rule in self.rules}

    def faults(self) -> Iterator[PolicyFault]:
        """What the types cannot say."""
        return _faults(self)


def _faults(card: Scorecard) -> Iterator[PolicyFault]:
    yield from faults_of_name(card.name)
    if not 1 <= card.publication_day <= 28:
        yield PolicyFault(("publication_day",), "Use a day that every month has: 1 to 28.")
    if not 0 <= card.months_min <= WINDOW_MONTHS_MAX:
        yield PolicyFault(("months_min",), f"Use 0 to {WINDOW_MONTHS_MAX} months.")
    if (points := sum(card.dimensions.values())) != POINTS:
        yield PolicyFault(("dimensions",), f"The dimensions have {points} points; make them {POINTS} in all.")
    for index, rule in enumerate(card.rules):
        if rule.dimension not in card.dimensions:
            yield PolicyFault(
                ("rules", index, "dimension"), f"Use one of the dimensions above: {', '.join(card.dimensions)}."
            )
        if rule.code in (earlier.code for earlier in card.rules[:index]):
            yield PolicyFault(("rules", index, "code"), "Another rule has this code; items are told apart by it.")
        for key, sentence in _faults_of_rule(rule):
            yield PolicyFault(("rules", index, *key), sentence)
    for dimension, points in card.dimensions.items():
        best = sum(rule.best for rule in card.rules if rule.dimension == dimension)
        if best != points:
            yield PolicyFault(
                ("dimensions", dimension), f"It has {points} points, its rules at best {best}; make both the same."
            )
    for record_class, ceiling in card.ceilings.items():
        if not BASE <= ceiling <= BASE + POINTS:
            yield PolicyFault(("ceilings", record_class), f"Use a score: {BASE} to {BASE + POINTS}.")
    for record_class, restrictions in card.restrictions.items():
        if not all(map(is_code, restrictions)):
            yield PolicyFault(("restrictions", record_class), _CODE_SENTENCE)
    if len({code for codes in card.restrictions.values() for code in codes}) > _RESTRICTIONS_MAX:
        yield PolicyFault(("restrictions",), f"Use at most {_RESTRICTIONS_MAX} in all: that is what a message holds.")


def _faults_of_rule(rule: Rule) -> Iterator[PolicyFault]:
    if not is_code(rule.code):
        yield PolicyFault(("code",), _CODE_SENTENCE)
    if rule.code in _RESERVED:
        yield PolicyFault(
            ("code",), f"Use another code than {', '.join(sorted(_RESERVED))}, which are items of every score."
        )
    match rule:
        case ShareOnTime():
            yield from _faults_of_window(rule, Shape.OBLIGATION)
            yield from _faults_of_bands(rule, lowest=0)
        case ActiveMonths():
            yield from _faults_of_window(rule, Shape.OBLIGATION, Shape.ACTIVITY)
            yield from _faults_of_bands(rule, lowest=0)
        case LatestFigure():
            yield from _faults_of_window(rule, Shape.FIGURE)
            yield from _faults_of_bands(rule, lowest=0)
            if not 1 <= rule.steady_months <= rule.window_months:
                yield PolicyFault(("steady_months",), "Use at least 1 and no more than `window_months`.")
        case ContactsStanding():
            yield from _faults_of_bands(rule, lowest=BASE)
            for index, band in enumerate(rule.bands):
                if (band.at_least - BASE) % CONTACTS_BAND:
                    sentence = f"Contacts are seen in bands of {CONTACTS_BAND} points from {BASE} on: use such a start."
                    yield PolicyFault(("bands", index), sentence)
        case Fact():
            yield from _faults_of_values(rule)
        case NegativeRecords():
            yield from _faults_of_records(rule)


def _faults_of_window(rule: _Windowed, *shapes: Shape) -> Iterator[PolicyFault]:
    if not rule.kinds:
        yield PolicyFault(("kinds",), "Name at least one kind.")
    for index, kind in enumerate(rule.kinds):
        if kind not in KIND_OF or KIND_OF[kind].shape not in shapes:
            yield PolicyFault(("kinds", index), f"`{kind}` is no kind of the shape {' or '.join(shapes)}.")
    if not 1 <= rule.window_months <= WINDOW_MONTHS_MAX:
        yield PolicyFault(("window_months",), f"Use 1 to {WINDOW_MONTHS_MAX} months.")


def _faults_of_bands(rule: _Banded, lowest: int) -> Iterator[PolicyFault]:
    starts = [band.at_least for band in rule.bands]
    if starts[:1] != [lowest]:
        yield PolicyFault(("bands",), f"Let the first band begin at {lowest}, so that every value has its points.")
    for index, (start, following) in enumerate(pairwise(starts), 1):
        if following <= start:
            yield PolicyFault(("bands", index), f"Let `at_least` rise from band to band: use more than {start}.")
    yield from _faults_of_unknown(rule.unknown, [band.points for band in rule.bands])


def _faults_of_values(rule: Fact) -> Iterator[PolicyFault]:
    if rule.kind not in KIND_OF or KIND_OF[rule.kind].shape is not Shape.FACT:
        yield PolicyFault(("kind",), f"`{rule.kind}` is no kind of the shape fact.")
        return
    for value in rule.values:
        if value not in KIND_OF[rule.kind].values:
            yield PolicyFault(("values", value), f"Use these values: {', '.join(KIND_OF[rule.kind].values)}.")
    yield from _faults_of_unknown(rule.unknown, rule.values.values())


def _faults_of_records(rule: NegativeRecords) -> Iterator[PolicyFault]:
    if rule.unknown != 0:
        yield PolicyFault(("unknown",), "Use 0: nobody gains or loses by a record that there is not.")
    if rule.lowest > 0:
        yield PolicyFault(("lowest",), "Use 0 or less: it is the most that all records together cost.")
    for record_class in RecordClass:
        unsettled, settled = rule.unsettled.of(record_class), rule.settled.of(record_class)
        if unsettled > 0:
            yield PolicyFault(("unsettled", record_class), "Use 0 or less: a record deducts.")
        if not unsettled <= settled <= 0:
            yield PolicyFault(
                ("settled", record_class), f"Use {min(unsettled, 0)} to 0: whoever settles does not lose by it."
            )


def _faults_of_unknown(unknown: int, points: Collection[int]) -> Iterator[PolicyFault]:
    if points and not min(points) <= unknown <= max(points):
        sentence = (
            f"Use points between the worst and the best, {min(points)} to {max(points)}: a newcomer has not failed."
        )
        yield PolicyFault(("unknown",), sentence)
