"""Features of how obligations were kept: how many, how late, how long ago."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import msgspec

from services.scorer.core.features.base import (
    Groups,
    Measure,
    Measured,
    Unit,
    Windowed,
    faults_of_least,
    faults_of_weights,
    weights_of,
)
from services.scorer.core.features.months import WHOLE, Kinds, LateKinds, Months, Plan, weighted
from shared.contracts.policy_parts import PolicyFault


class _Weighted(Windowed, frozen=True, kw_only=True):
    weights: dict[str, int] = msgspec.field(default_factory=dict)
    """Percent by kind; 100 where nothing is said."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        yield from faults_of_weights(self.weights, self.kinds, groups)

    def weighted(self, groups: Groups) -> Kinds:
        return weighted(self.codes(groups), weights_of(self.weights))


class _Fading(_Weighted, frozen=True, kw_only=True):
    """What counts less the older it is."""

    halves: int | None = None
    """What is so many months old counts half, what is twice as old a quarter."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        if self.halves is not None:
            yield from faults_of_least("halves", self.halves)


class Share(_Fading, frozen=True, kw_only=True, tag="share"):
    """The share that was kept on time, per mille, rounded down: the mean over the kind-months of the window, each with
    its kind's weight. So sixty fares in a month say no more than one bill does. With `halves`, what was not kept counts
    less the older it is."""

    unit: ClassVar[Unit] = "per mille"
    better: ClassVar[Literal["higher", "lower"] | None] = "higher"

    def highest(self, groups: Groups) -> int | None:
        return 1000

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, halves = self.weighted(groups), self.months, self.halves or self.months
        group, window, mask = (
            plan.group(kinds, of_lateness=True),
            plan.window(kinds, months, of_lateness=True),
            (1 << months) - 1,
        )
        even = all(weight == WHOLE for _, weight in kinds)

        def share(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            whole = observed * WHOLE
            if not even:
                whole = sum((m & mask).bit_count() * weight for m, weight in of.masks[group])
                if not whole:
                    return None
            lost = 0
            for weight, late in of.late[group]:
                for age, kept, _ in late:
                    if age < months:
                        lost += weight * (1000 - kept) >> (age // halves)
            return ((whole * 1000 - lost) // whole, observed)

        return share


class Worst(_Fading, frozen=True, kw_only=True, tag="worst"):
    """The most days late of the window, each with its kind's weight, and halved for every `halves` months of its age
    until nothing is left. What was late at all begins as one day at least, unless its kind has no weight."""

    unit: ClassVar[Unit] = "days"
    better: ClassVar[Literal["higher", "lower"] | None] = "lower"

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, halves = self.weighted(groups), self.months, self.halves or self.months
        group, window = plan.group(kinds, of_lateness=True), plan.window(kinds, months, of_lateness=True)

        def worst(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            most = 0
            for weight, late in of.late[group]:
                for age, _, days in late if weight else ():
                    if age < months:
                        counted = (days * weight // WHOLE or 1) >> (age // halves)
                        if counted > most:
                            most = counted
            return (most, observed)

        return worst


class _LateFrom(Windowed, frozen=True, kw_only=True):
    """What asks whether something was late by so many days or more."""

    late_from: int = 1
    """From how many days on something counts as late."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        yield from faults_of_least("late_from", self.late_from)


def _months_since(kinds: LateKinds, months: int, late_from: int) -> int:
    """The age of the youngest month in which something was late, `months` if none was."""
    since = months
    for _, late in kinds:
        for age, _, days in late:
            if age < since and days >= late_from:
                since = age
    return since


class MonthsSince(_LateFrom, frozen=True, kw_only=True, tag="months_since"):
    """Months since the last one in which something was late by `late_from` days or more: 0 is the last complete month,
    and `months` that there was none."""

    unit: ClassVar[Unit] = "months"
    better: ClassVar[Literal["higher", "lower"] | None] = "higher"

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, late_from = weighted(self.codes(groups)), self.months, self.late_from
        group, window = plan.group(kinds, of_lateness=True), plan.window(kinds, months, of_lateness=True)

        def months_since(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            return _months_since(of.late[group], months, late_from), observed

        return months_since


class MonthsLate(_LateFrom, frozen=True, kw_only=True, tag="months_late"):
    """How many months have something that was late by `late_from` days or more."""

    unit: ClassVar[Unit] = "months"
    better: ClassVar[Literal["higher", "lower"] | None] = "lower"

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, late_from = weighted(self.codes(groups)), self.months, self.late_from
        group, window = plan.group(kinds, of_lateness=True), plan.window(kinds, months, of_lateness=True)

        def months_late(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            found = 0
            for _, late in of.late[group]:
                for age, _, days in late:
                    if age < months and days >= late_from:
                        found |= 1 << age
            return (found.bit_count(), observed)

        return months_late


class DaysLate(_Fading, frozen=True, kw_only=True, tag="days_late"):
    """The worst days late of each kind-month in sum, each with its kind's weight, halved for every `halves` months of
    its age until nothing is left, and no more than `most` of one kind-month."""

    unit: ClassVar[Unit] = "days"
    better: ClassVar[Literal["higher", "lower"] | None] = "lower"
    most: int | None = None
    """No kind-month counts more days than this."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        if self.most is not None:
            yield from faults_of_least("most", self.most)

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, halves = self.weighted(groups), self.months, self.halves or self.months
        group, window, most = (
            plan.group(kinds, of_lateness=True),
            plan.window(kinds, months, of_lateness=True),
            self.most,
        )

        def days_late(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            total = 0
            for weight, late in of.late[group]:
                for age, _, days in late if weight else ():
                    if age < months:
                        counted = days if most is None else min(days, most)
                        total += (counted * weight // WHOLE or 1) >> (age // halves)
            return (total, observed)

        return days_late


class KeptInARow(_LateFrom, frozen=True, kw_only=True, tag="streak"):
    """How many of the latest months with such obligations lie after the last one in which something was late by
    `late_from` days or more. Months without any neither count nor break it."""

    unit: ClassVar[Unit] = "months"
    better: ClassVar[Literal["higher", "lower"] | None] = "higher"

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months, late_from = weighted(self.codes(groups)), self.months, self.late_from
        group, window = plan.group(kinds, of_lateness=True), plan.window(kinds, months, of_lateness=True)

        def streak(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            since = _months_since(of.late[group], months, late_from)
            return ((of.union[window] & ((1 << since) - 1)).bit_count(), observed)

        return streak
