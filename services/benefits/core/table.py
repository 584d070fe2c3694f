"""The tier table (`policies/benefits.toml`; rules T1, T2, T9 and T10): its types, and what can be wrong with one.

Tiers are counted by their position: 0 is below the first, 1 the first. A tier has its own benefits and those of all
tiers before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from datetime import date
from functools import cached_property

import msgspec

from shared.contracts.fields import BENEFITS_MAX, SCORE_MAX, SCORE_MIN, TEXT_CHARACTERS_MAX
from shared.contracts.policy_parts import PolicyFault, faults_of_name, is_code, policy_id

GRACE_DAYS_MAX = 366
"""A tier that is kept for longer than a year says nothing about the score any more."""
HYSTERESIS_MAX = 50
"""Half of a band of scores; whoever wants more lets the tier begin earlier."""


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: str
    zh: str = ""
    """The name in Chinese, if it has one."""

    def called(self, language: str) -> str:
        return self.zh if language == "zh" and self.zh else self.name


class Benefit(_Named, frozen=True):
    """What a tier opens to whoever has it."""


class Tier(_Named, frozen=True, kw_only=True):
    """A tier and the benefits that it adds to those of the tiers before it."""

    from_score: int = msgspec.field(name="from")
    grace_days: int = 0
    """For how many days the tier is kept once the score does not reach it any more. With 0 it is lost at once."""
    benefits: tuple[Benefit, ...]


class TierTable(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """A benefits policy. Valid only if it has no faults."""

    name: str
    effective_on: date | None = None
    """The first day on which it is in force. A table without a day is in force before all others."""
    hysteresis: int = 0
    """How many points below its beginning the score of somebody who has reached a tier may be without losing it."""
    tiers: tuple[Tier, ...]
    restrictions: dict[str, tuple[str, ...]]
    """The benefits that each restriction closes, by its code in `scores.changed`."""

    @cached_property
    def id(self) -> str:
        return policy_id(self.name, self)

    @property
    def day(self) -> date:
        """The first day on which it is in force, which for a table without one is the first of all days."""
        return self.effective_on or date.min

    @cached_property
    def _from_scores(self) -> tuple[int, ...]:
        return tuple(tier.from_score for tier in self.tiers)

    @cached_property
    def _positions(self) -> dict[str | None, int]:
        return {tier.code: position for position, tier in enumerate(self.tiers, 1)}

    @cached_property
    def _benefits(self) -> tuple[tuple[str, ...], ...]:
        """By position."""
        benefits: list[tuple[str, ...]] = [()]
        for tier in self.tiers:
            benefits.append((*benefits[-1], *(benefit.code for benefit in tier.benefits)))
        return tuple(benefits)

    def reached(self, score: int) -> int:
        """The position of the highest tier that a score reaches (rules T1)."""
        return bisect_right(self._from_scores, score)

    def begins_at(self, position: int) -> int:
        """The lowest score of a tier, or of all below the first."""
        return self._from_scores[position - 1] if position else SCORE_MIN

    def position(self, code: str | None) -> int:
        """A tier's position by its code; 0 for None, and for a tier that an earlier table had and this one has not."""
        return self._positions.get(code, 0)

    def code(self, position: int) -> str | None:
        return self.tiers[position - 1].code if position else None

    def benefits(self, position: int) -> tuple[str, ...]:
        """All benefits of a tier, those of the lowest tier first (rules T2)."""
        return self._benefits[position]

    def closed(self, restrictions: Collection[str]) -> frozenset[str]:
        """The benefits that these restrictions close: all, where the table does not know a restriction (rules T5)."""
        closed: set[str] = set()
        for restriction in restrictions:
            closed.update(self.restrictions.get(restriction, self._benefits[-1]))
        return frozenset(closed)

    def faults(self) -> Iterator[PolicyFault]:
        """What the types cannot say."""
        return _faults(self)


def _faults(table: TierTable) -> Iterator[PolicyFault]:
    yield from faults_of_name(table.name)
    if not 0 <= table.hysteresis <= HYSTERESIS_MAX:
        yield PolicyFault(("hysteresis",), f"Use a number of points: 0 to {HYSTERESIS_MAX}.")
    if not table.tiers:
        yield PolicyFault(("tiers",), "Describe at least one tier.")
    lowest, tier_codes = SCORE_MIN, set[str]()
    benefit_codes = set[str]()
    for index, tier in enumerate(table.tiers):
        for key, sentence in _faults_of_words(tier, tier_codes):
            yield PolicyFault(("tiers", index, key), sentence)
        if not lowest <= tier.from_score <= SCORE_MAX:
            yield PolicyFault(("tiers", index, "from"), _range_sentence(lowest))
        if not 0 <= tier.grace_days <= GRACE_DAYS_MAX:
            yield PolicyFault(("tiers", index, "grace_days"), f"Use a number of days: 0 to {GRACE_DAYS_MAX}.")
        lowest = max(lowest, tier.from_score + 1)
        for place, benefit in enumerate(tier.benefits):
            for key, sentence in _faults_of_words(benefit, benefit_codes):
                yield PolicyFault(("tiers", index, "benefits", place, key), sentence)
    if len(benefit_codes) > BENEFITS_MAX:
        yield PolicyFault(("tiers",), f"Use at most {BENEFITS_MAX} benefits in all: that is what a message holds.")
    yield from _faults_of_restrictions(table.restrictions, benefit_codes)


def _range_sentence(lowest: int) -> str:
    if lowest > SCORE_MAX:
        return f"No score is left for this tier: let the tiers before it begin below {SCORE_MAX}."
    if lowest == SCORE_MIN:
        return f"Use a score: {SCORE_MIN} to {SCORE_MAX}."
    return f"Let the tiers rise: use {lowest} to {SCORE_MAX}."


def _faults_of_words(named: _Named, seen: set[str]) -> Iterator[tuple[str, str]]:
    """The faults of a code and of names; adds the code to those seen."""
    if not is_code(named.code):
        yield "code", f"Use words of lower-case letters, joined by hyphens, {TEXT_CHARACTERS_MAX} characters at most."
    if named.code in seen:
        yield "code", "Use another code: this one is taken above, and subscribers tell things apart by it."
    if not named.name.strip() or not named.name.isprintable():
        yield "name", "Give it a name that people can read."
    if not named.zh.isprintable():
        yield "zh", "Give it a name that people can read, or none."
    seen.add(named.code)


def _faults_of_restrictions(
    restrictions: dict[str, tuple[str, ...]], benefits: Collection[str]
) -> Iterator[PolicyFault]:
    for restriction, closed in restrictions.items():
        if not is_code(restriction):
            yield PolicyFault(("restrictions", restriction), "Use the code that the scorecard gives the restriction.")
        for place, code in enumerate(closed):
            if code not in benefits:
                yield PolicyFault(
                    ("restrictions", restriction, place), "Use the code of a benefit of one of the tiers."
                )
            if code in closed[:place]:
                yield PolicyFault(("restrictions", restriction, place), "Name each benefit once.")
