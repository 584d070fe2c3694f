"""The parts of a scorecard: what a policy file says, as types.

A score is BASE and 600 points: each dimension has its share, and the best points of its rules sum to it. A feature
looks at one thing in a person's state; a rule turns what it finds into points, by bins: a bin holds from `at_least` up
to the next one. Points are integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal, TypeAlias

import msgspec

from services.scorer.core.catalogue import AnyHint
from services.scorer.core.features import AnyFeature
from services.scorer.core.features.stated import BASE as BASE
from shared.contracts.kinds import RecordClass
from shared.contracts.policy_parts import of_class

POINTS = 600

Direction: TypeAlias = Literal["higher", "lower", "peak"]
"""Which way of the feature is better: no bin may say otherwise. Of a peak the points rise and then fall."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file."""


class Bin(_Part, frozen=True, kw_only=True):
    """Points from a value on, or of a word. Its sentence stands in for the rule's."""

    at_least: int | None = None
    """The value from which on it holds."""
    word: str | None = msgspec.field(default=None, name="is")
    """The word for which it holds, of a fact."""
    points: int
    en: str = ""
    zh: str = ""


class Evidence(_Part, frozen=True, kw_only=True):
    """How many observations it takes. With fewer of them points lie between those of unknown and those measured: above
    unknown `min(n, full) / full` of the way, below it `min(n, below) / below`, rounded towards unknown."""

    full: int
    """Observations from which on a gain is given whole."""
    below: int | None = None
    """As many as `full` where nothing is said; with 1, bad news counts at once."""


class Rule(_Part, frozen=True, kw_only=True):
    """What one feature gives, in points. `unknown` are those of a person of whom the feature can say nothing
    (rules S6)."""

    code: str
    """Words joined by hyphens. Programs and people know the rule by it."""
    dimension: str
    """One of `[dimensions]`, whose share its points are part of."""
    feature: str
    """One of `[features]`."""
    direction: Direction | None = None
    """None of a fact, whose values are words."""
    segments: tuple[str, ...] | None = None
    """The codes of the segments in which it counts; all where nothing is said."""
    unknown: int
    """Points of somebody of whom the feature can say nothing."""
    bins: tuple[Bin, ...]
    """What each value gives. The first one begins at the least value of the feature."""
    evidence: Evidence | None = None
    en: str
    """What people are told, with {value}, {observations} and {months}."""
    zh: str
    """The same in Chinese."""

    @property
    def best(self) -> int:
        return max((bin.points for bin in self.bins), default=self.unknown)

    @property
    def worst(self) -> int:
        return min((bin.points for bin in self.bins), default=self.unknown)


class Named(_Part, frozen=True, kw_only=True):
    """What people call something."""

    en: str
    zh: str


class Condition(_Part, frozen=True, kw_only=True):
    """Whether a feature lies from `at_least` up to but not including `below`, or is this word. Where the feature is
    unknown it holds only if it says `unknown = true`; with that alone it holds nowhere else."""

    feature: str
    """One of `[features]`."""
    at_least: int | None = None
    below: int | None = None
    word: str | None = msgspec.field(default=None, name="is")
    unknown: bool = False


class Segment(_Part, frozen=True, kw_only=True):
    """People of whom all of `when` holds and of no segment above. The last one has no conditions."""

    code: str
    when: tuple[Condition, ...] = ()
    en: str
    zh: str


class Cap(_Part, frozen=True, kw_only=True):
    """What these rules of one dimension earn above their points of unknown is `points` at most, all together."""

    code: str
    rules: tuple[str, ...]
    """Codes of rules."""
    points: int
    """At most so many."""
    en: str
    zh: str

    def most_taken_back(self, rules: Sequence[Rule]) -> int:
        """What it takes of whoever has the best points of all these rules (rules S11)."""
        return self.above(sum(r.best - r.unknown for r in rules if r.code in self.rules))

    def above(self, earned: int) -> int:
        """What it takes of so many points above those of unknown."""
        return max(0, earned - self.points)


class Limit(_Part, frozen=True, kw_only=True):
    """The highest score of people of whom all of `when` holds."""

    code: str
    when: tuple[Condition, ...]
    ceiling: int
    """The highest score."""
    en: str
    zh: str


class Cost(_Part, frozen=True, kw_only=True):
    """Points of one record of a class, 0 or less."""

    open: int
    settled: int


class Small(_Part, frozen=True, kw_only=True):
    """A record of an amount below this, in minor units, costs so many percent of the points."""

    below: int
    percent: int


class Records(_Part, frozen=True, kw_only=True):
    """What the records that count cost, each by its class and by whether it is settled; all together no more than
    `lowest`. The one item whose points follow a change of a record at once."""

    code: str
    dimension: str
    legal: Cost
    financial: Cost
    life: Cost
    lowest: int
    """All records together cost no more than this; 0 or less."""
    small: Small | None = None
    halves: int | None = None
    """For every so many complete months since a record was settled, its cost is halved."""
    en: str
    zh: str

    def cost(self, record_class: RecordClass) -> Cost:
        return of_class(record_class, self.legal, self.financial, self.life)


class ScorecardParts(_Part, frozen=True, kw_only=True):
    """All that the file of a scorecard says. `scorecard` has what is made of it."""

    name: str
    """Lower-case letters, digits and hyphens. It is the beginning of the id that publications name."""
    effective_on: date
    """The first publication on or after this day, in the deployment's zone, is the first by this policy."""
    cadence: Literal["monthly", "continuous"]
    """Whether a score is published once a month, or as soon as events change it."""
    publication_day: int
    """The day of the month on which everybody is published, at 00:00."""
    months_min: int
    """Months of history below which a publication is thin."""
    dimensions: dict[str, int]
    """The share of each dimension, 600 points in all."""
    dimension_names: dict[str, Named] = {}
    """What people call a dimension. The five of the shipped scorecard need none; any other goes by its code."""
    kinds: dict[str, tuple[str, ...]] = {}
    """Lists of kinds by a name, which stands for them in features."""
    least: dict[str, int] = {}
    """Minor units, by a kind or a name of `[kinds]`. A month in which the amounts of such a kind come to less is no
    kind-month: it earns nothing, but what was late in it counts as late. Where no amount was told, or 0, it is one.
    What features add up has all amounts, small or not."""
    features: dict[str, AnyFeature]
    """What is measured, by a name."""
    segments: tuple[Segment, ...] = ()
    rules: tuple[Rule, ...]
    caps: tuple[Cap, ...] = ()
    limits: tuple[Limit, ...] = ()
    records: Records | None = None
    ceilings: dict[RecordClass, int] = {}
    """The highest score while a record of the class counts and is unsettled."""
    settled_ceilings: dict[RecordClass, int] = {}
    """The highest score while a record of the class counts, settled though it is."""
    hints: tuple[AnyHint, ...] = ()
    """Single behaviors, of which people are told those that would help them."""
    restrictions: dict[RecordClass, tuple[str, ...]] = {}
    """What is closed to a person while an unsettled record of the class counts, whatever the score."""
    learned_from: str | None = None
    """The data that the points were learned from, by the first digits of the file's SHA-256; `policy fit` writes it, so
    that `backtest` can say when it judges by the same data."""

    def rules_of(self, segment: str | None) -> Sequence[Rule]:
        """In the policy's order. None is the one segment of a policy that has none."""
        return [rule for rule in self.rules if rule.segments is None or segment in rule.segments]

    def segment_codes(self) -> Sequence[str | None]:
        return [segment.code for segment in self.segments] or [None]

    def conditions(self) -> Sequence[Condition]:
        """Those of the segments, then those of the limits."""
        parts: Sequence[Segment | Limit] = (*self.segments, *self.limits)
        return [condition for part in parts for condition in part.when]
