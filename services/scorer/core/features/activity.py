"""Features of what was done: how much, how often, how steadily, of how many kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, TypeAlias

import msgspec

from services.scorer.core.features.base import (
    Feature,
    Groups,
    Measure,
    Measured,
    Unit,
    Windowed,
    codes_of,
    faults_of_kinds,
    faults_of_months,
)
from services.scorer.core.features.months import WINDOW_MONTHS_MAX, Months, Plan, weighted
from services.scorer.core.vectors import COUNT, LIMIT, SUM
from shared.contracts.kinds import Shape
from shared.contracts.policy_parts import PolicyFault

DONE = (Shape.OBLIGATION, Shape.ACTIVITY)
Of: TypeAlias = Literal["amount", "limit"]
"""Minor units: of the events' amounts, or of the limits that statements name; but for those that a ratio is divided by,
limits are unknown where any is."""
_AT: dict[Of, int] = {"amount": SUM, "limit": LIMIT}


class _Done(Windowed, frozen=True, kw_only=True):
    shapes: ClassVar[tuple[Shape, ...]] = DONE


def total(of: Months, codes: Sequence[int], at: int, after: int, before: int, *, named: bool = False) -> int | None:
    """What lies at this place of the vectors of these kinds, in the months of an age from `after` on and below
    `before`, in sum; None where a limit of a month is unknown (rules E19), unless those that are `named` are enough."""
    found = 0
    for code in codes:
        of_kind = of.of_kind(code)
        if of_kind is not None:
            of_code = of_kind.total(at, of.through - before + 1, of.through - after, named=named)
            if of_code is None:
                return None
            found += of_code
    return found


class Count(_Done, frozen=True, kw_only=True, tag="count"):
    """How many such events there were, without those that were taken back."""

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        codes, months = sorted(self.codes(groups)), self.months
        window = plan.window(weighted(codes), months)

        def count(of: Months) -> Measured | None:
            observed = of.observed[window]
            return (max(total(of, codes, COUNT, 0, months) or 0, 0), observed) if observed else None

        return count


class KindMonths(_Done, frozen=True, kw_only=True, tag="kind_months"):
    """How many kind-months there are: each kind counts once in a month, however often it is."""

    is_observed: ClassVar[bool] = True

    def highest(self, groups: Groups) -> int | None:
        return self.most_observed(groups)

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        window = plan.window(weighted(self.codes(groups)), self.months)

        def kind_months(of: Months) -> Measured | None:
            observed = of.observed[window]
            return (observed, observed) if observed else None

        return kind_months


class Sum(_Done, frozen=True, kw_only=True, tag="sum"):
    """The amounts of such events in sum, in minor units."""

    unit: ClassVar[Unit] = "money"
    of: Of = "amount"
    """Of which numbers: the events' amounts, or the limits that statements name."""

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        codes, months, at = sorted(self.codes(groups)), self.months, _AT[self.of]
        window = plan.window(weighted(codes), months)

        def amount(of: Months) -> Measured | None:
            observed = of.observed[window]
            found = total(of, codes, at, 0, months) if observed else None
            return None if found is None else (max(found, 0), observed)

        return amount


class MonthsActive(_Done, frozen=True, kw_only=True, tag="months_active"):
    """How many months have at least one such event."""

    unit: ClassVar[Unit] = "months"

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        window = plan.window(weighted(self.codes(groups)), self.months)

        def months_active(of: Months) -> Measured | None:
            observed = of.observed[window]
            return (of.union[window].bit_count(), observed) if observed else None

        return months_active


class Regular(_Done, frozen=True, kw_only=True, tag="regular"):
    """The share of months with at least one such event, per mille, of those months of the window that have passed since
    the first such event of the last 24 months. These are what it rests on."""

    unit: ClassVar[Unit] = "per mille"
    observed: ClassVar[str] = "these months"

    def highest(self, groups: Groups) -> int | None:
        return 1000

    def most_observed(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, months = weighted(self.codes(groups)), self.months
        window, all_of_it = plan.window(kinds, months), plan.window(kinds, WINDOW_MONTHS_MAX)

        def regular(of: Months) -> Measured | None:
            seen = min(of.union[all_of_it].bit_length(), months)
            return (of.union[window].bit_count() * 1000 // seen, seen) if seen else None

        return regular


class ActiveInARow(_Done, frozen=True, kw_only=True, tag="active_streak"):
    """How many months in a row, up to the last complete one, have at least one such event."""

    unit: ClassVar[Unit] = "months"

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        months = self.months
        window = plan.window(weighted(self.codes(groups)), months)

        def active_streak(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            idle = ~of.union[window] & ((1 << months) - 1)
            return ((idle & -idle).bit_length() - 1 if idle else months, observed)

        return active_streak


class Variety(_Done, frozen=True, kw_only=True, tag="variety"):
    """How many of the kinds have at least one event."""

    def highest(self, groups: Groups) -> int | None:
        return len(self.codes(groups))

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        kinds, mask = weighted(self.codes(groups)), (1 << self.months) - 1
        group, window = plan.group(kinds), plan.window(kinds, self.months)

        def variety(of: Months) -> Measured | None:
            observed = of.observed[window]
            if not observed:
                return None
            return (sum(1 for found, _ in of.masks[group] if found & mask), observed)

        return variety


class Begun(_Done, frozen=True, kw_only=True, tag="begun"):
    """How many of the kinds had their first event of the last 24 months within the window, and so many months or more
    after another of them. Unknown if none is older than the window: to somebody who is new, everything is. The window
    has at most 23 months."""

    observed: ClassVar[str] = "1"

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        if self.months == WINDOW_MONTHS_MAX:
            yield PolicyFault(("months",), f"Use at most {WINDOW_MONTHS_MAX - 1}: nothing older is remembered.")

    def highest(self, groups: Groups) -> int | None:
        return len(self.codes(groups)) - 1

    def most_observed(self, groups: Groups) -> int | None:
        return 1

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        months, whole = self.months, (1 << WINDOW_MONTHS_MAX) - 1
        group = plan.group(weighted(self.codes(groups)))

        def begun(of: Months) -> Measured | None:
            ages = [found.bit_length() for mask, _ in of.masks[group] if (found := mask & whole)]
            oldest = max(ages, default=0)
            if oldest <= months:
                return None
            return (sum([1 for age in ages if age <= months and oldest - age >= months]), 1)

        return begun


class History(Feature, frozen=True, kw_only=True, tag="history"):
    """Complete months since the person's first event, at most 24."""

    unit: ClassVar[Unit] = "months"
    observed: ClassVar[str] = "the same"
    is_observed: ClassVar[bool] = True
    better: ClassVar[Literal["higher", "lower"] | None] = "higher"
    better_because: ClassVar[str] = "to be known for longer never costs points"

    def highest(self, groups: Groups) -> int | None:
        return WINDOW_MONTHS_MAX

    def most_observed(self, groups: Groups) -> int | None:
        return WINDOW_MONTHS_MAX

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        def history(of: Months) -> Measured | None:
            seen = min(of.history, WINDOW_MONTHS_MAX)
            return (seen, seen) if seen else None

        return history


class Summed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side of a ratio."""

    kinds: tuple[str, ...]
    """Kinds, or names of `[kinds]`."""
    of: Of = "amount"
    """Of which numbers: the events' amounts, or the limits that statements name."""


class Ratio(Feature, frozen=True, kw_only=True, tag="ratio"):
    """One sum for a thousand of another, rounded down: what was paid of what was billed, what was billed of the limit.
    Unknown unless the other is above 0. It rests on the kind-months of the other's kinds. Limits by which it is divided
    are those that are named: both sums begin with the first month in which one is, and from then on one that is not
    named makes it higher, and never unknown."""

    unit: ClassVar[Unit] = "per mille"
    observed: ClassVar[str] = "kind-months of the window of `under`"
    over: Summed
    """What is divided."""
    under: Summed
    """What it is divided by."""
    months: int
    """The window: so many of the last complete calendar months, 1 to 24."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        for key, side in (("over", self.over), ("under", self.under)):
            for fault in faults_of_kinds(side.kinds, groups, DONE):
                yield PolicyFault((key, *fault.key), fault.sentence)
        yield from faults_of_months(self.months)

    def most_observed(self, groups: Groups) -> int | None:
        return self.months * len(codes_of(self.under.kinds, groups))

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        months = self.months
        above, over = sorted(codes_of(self.over.kinds, groups)), _AT[self.over.of]
        below, under = sorted(codes_of(self.under.kinds, groups)), _AT[self.under.of]
        window = plan.window(weighted(below), months)

        def ratio(of: Months) -> Measured | None:
            observed = of.observed[window]
            counted = months if under != LIMIT else _months_with_limits(of, below, months)
            whole = total(of, below, under, 0, counted, named=True) if observed and counted else None
            if not whole or whole < 0:
                return None
            part = total(of, above, over, 0, counted)
            return None if part is None else (max(part, 0) * 1000 // whole, observed)

        return ratio


def _months_with_limits(of: Months, codes: Sequence[int], months: int) -> int:
    """How many of the last months there are from the first one on in which a limit is named; 0 where none is."""
    since = of.through - months + 1
    named = [month for code in codes if (kind := of.of_kind(code)) and (month := kind.first_named(since)) is not None]
    return max(0, of.through - min(named) + 1) if named else 0


class Trend(_Done, frozen=True, kw_only=True, tag="trend"):
    """By how much the later half of the window is more than the earlier half, for a thousand of it, rounded down; -1000
    is that nothing is left. Unknown unless the earlier half is above 0."""

    unit: ClassVar[Unit] = "per mille"
    lowest: ClassVar[int | None] = -1000
    of: Of = "amount"
    """Of which numbers: the events' amounts, or the limits that statements name."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        if self.months % 2:
            yield PolicyFault(("months",), "Use an even number: two halves are compared.")

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        codes, half, at = sorted(self.codes(groups)), self.months // 2, _AT[self.of]
        window = plan.window(weighted(codes), self.months)

        def trend(of: Months) -> Measured | None:
            observed = of.observed[window]
            earlier = total(of, codes, at, half, 2 * half) if observed else None
            if not earlier or earlier < 0:
                return None
            later = total(of, codes, at, 0, half)
            return None if later is None else ((max(later, 0) - earlier) * 1000 // earlier, observed)

        return trend
