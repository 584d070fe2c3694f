"""The complete months of a person as the features look at them, walked once for all of them.

A kind's months are a bit mask, bit 0 the last complete month; a month and a kind with at least one event are a
*kind-month*. So what most features need (how many kind-months, which months, how many in a row) is a few operations on
integers, and only what was late is a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from services.scorer.core.state import HASH_BYTES, Figure, State
from services.scorer.core.state import unpack_figures as unpack_figures
from services.scorer.core.vectors import Head, Vectors, head, unpack
from shared.contracts.kinds import REVERSIBLE

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

WINDOW_MONTHS_MAX = 24
"""No behavior is remembered longer (rules S7); longer memory is records only."""
WALKED_MONTHS = WINDOW_MONTHS_MAX + 1
"""The month that has just left the longest window is walked as well: a publication says what its leaving moved."""
WHOLE = 100
"""The weight of a kind, in percent, that is given none."""

Kinds: TypeAlias = tuple[tuple[int, int], ...]
"""Codes of kinds, each with its weight in percent."""
_Looks: TypeAlias = Mapping[int, Sequence[tuple[int, int, Sequence[tuple[int, int]]]]]
"""By kind its groups, each with the kind's weight there, and with place and mask of the group's windows."""
_WALKED = (1 << WALKED_MONTHS) - 1


class Circle(NamedTuple):
    """What a person's contacts bear on the score, each figure as coarse as it may be seen (rules S12)."""

    standing: int
    """Where the band begins in which the mean of their standings lies: 350, 450 and so on."""
    influence: int = 0
    """How many there are, brought down to a step of `INFLUENCE_STEPS`."""
    stability: int = 0
    """How many of them have been so for a year, per mille, brought down to a quarter."""


Late: TypeAlias = tuple[int, int, int]
"""A kind-month in which something was late: its age (0 is the last complete month), the share that was kept on time,
per mille, rounded down, and the days of the worst one."""
LateKinds: TypeAlias = Sequence[tuple[int, Sequence[Late]]]
"""The weight of each kind of which anything was late, and what it was."""


class Indexed(Protocol[T_co]):
    """A list, as features read one."""

    def __getitem__(self, at: int, /) -> T_co: ...


class Months(msgspec.Struct):
    """What was walked. Lists are indexed by what `Plan` has given out."""

    state: State
    through: int
    circle: Circle | None
    history: int
    """How many months there are from the first one on."""
    figures: Mapping[int, Sequence[dict[int, Figure]]]
    """By kind code, the figures of each consent by their month."""
    masks: Indexed[Sequence[tuple[int, int]]]
    """Of each group the mask and the weight of each kind that has one."""
    late: Indexed[LateKinds]
    """Of each group."""
    observed: Indexed[int]
    """Of each window how many kind-months it has."""
    union: Indexed[int]
    """Of each window the months that have anything."""
    unpacked: dict[int, Vectors]
    """By kind code, for the kinds about which a feature asks more than when there was something."""
    without_light: Months | None = None
    """The same without the light months that count for what was late in them; None where there are none."""

    def of_kind(self, code: int) -> Vectors | None:
        """Everything that is kept of a kind, even in months that no feature looks at; None if nothing is kept."""
        if code not in self.unpacked:
            packed = self.state.kinds.get(code)
            if packed is None:
                return None
            self.unpacked[code] = unpack(packed)
        return self.unpacked[code]


def walk(plan: Plan, state: State, through: int, circle: Circle | None) -> Months:
    unpacked: dict[int, Vectors] = {}
    masks_by_kind, light_and_late, late_by_kind = _walked(plan.least, state, through, unpacked)
    masks, observed, union = _grouped(plan, masks_by_kind, light_and_late)
    late = _late(plan, late_by_kind)
    figures: dict[int, list[dict[int, Figure]]] = {}
    if plan.reads_figures:
        for key, packed in state.figures.items():
            figures.setdefault(key[HASH_BYTES], []).append(unpack_figures(packed))
    history = max(0, through - state.first + 1) if state.first else 0
    of = Months(state, through, circle, history, figures, masks, late, observed, union, unpacked)
    if light_and_late:
        masks, observed, union = _grouped(plan, masks_by_kind, {})
        late = _late(plan, _without(late_by_kind, light_and_late))
        of.without_light = Months(state, through, circle, history, figures, masks, late, observed, union, unpacked)
    return of


def _walked(
    least: Mapping[int, int], state: State, through: int, unpacked: dict[int, Vectors]
) -> tuple[Mapping[int, int], Mapping[int, int], Mapping[int, Sequence[Late]]]:
    """By kind its mask without the light months, those light ones in which something was late, and what was late."""
    masks: dict[int, int] = {}
    light_and_late: dict[int, int] = {}
    late: dict[int, Sequence[Late]] = {}
    for code, packed in state.kinds.items():
        light = 0
        if code in least:
            of_kind: Head = (whole := unpack(packed))
            unpacked[code], light = whole, whole.light(least[code])
        else:
            of_kind = head(packed)
        # A month in which more was taken back than done is none: a reversal may be all that it has.
        mask = of_kind.mask & ~of_kind.reversed_months() if code in REVERSIBLE else of_kind.mask
        age = through - of_kind.last
        mask = (mask << age if age >= 0 else mask >> -age) & _WALKED
        if of_kind.late:
            late[code] = _late_ones(of_kind, through)
        if light:
            light = (light << age if age >= 0 else light >> -age) & mask
            mask ^= light
            if of_kind.late and (light := light & reduce(or_, [1 << age for age, _, _ in late[code]], 0)):
                light_and_late[code] = light
        if mask:
            masks[code] = mask
    return masks, light_and_late, late


def _late_ones(of_kind: Head, through: int) -> Sequence[Late]:
    found = []
    numbers = iter(of_kind.late)
    for month, number, days in zip(numbers, numbers, numbers, strict=True):
        age = through - month
        if days and 0 <= age < WALKED_MONTHS:
            count = of_kind.count(month)
            found.append((age, (count - number) * 1000 // count, days))
    return found


def _without(late_by_kind: Mapping[int, Sequence[Late]], light: Mapping[int, int]) -> Mapping[int, Sequence[Late]]:
    return {
        code: [each for each in late if not light.get(code, 0) >> each[0] & 1] for code, late in late_by_kind.items()
    }


def _grouped(
    plan: Plan, masks_by_kind: Mapping[int, int], light_and_late: Mapping[int, int]
) -> tuple[Sequence[Sequence[tuple[int, int]]], Sequence[int], Sequence[int]]:
    """The masks of each group; of each window its kind-months, and its months. A kind that a person has nothing of
    costs nothing, and nearly nobody has months that are light and late."""
    found: dict[int, list[tuple[int, int]]] = {}
    observed, union = [0] * len(plan.windows), [0] * len(plan.windows)
    seen = [(masks_by_kind, plan.looks_of)]
    if light_and_late:
        seen.append((light_and_late, plan.looks_for_lateness_of))
    for masks_of, looks_of in seen:
        for code, mask in masks_of.items():
            for group, weight, windows in looks_of.get(code, ()):
                found.setdefault(group, []).append((mask, weight))
                for index, window in windows:
                    within = mask & window
                    observed[index] += within.bit_count()
                    union[index] |= within
    masks: list[Sequence[tuple[int, int]]] = [()] * plan.groups
    for group, of_group in found.items():
        masks[group] = of_group
    return masks, observed, union


def _late(plan: Plan, late_by_kind: Mapping[int, Sequence[Late]]) -> Sequence[LateKinds]:
    found: dict[int, list[tuple[int, Sequence[Late]]]] = {}
    for code, of_kind in late_by_kind.items():
        for group, weight in plan.groups_of.get(code, ()):
            found.setdefault(group, []).append((weight, of_kind))
    return [found.get(group, ()) for group in range(plan.groups)] if found else plan.nothing


def seen_again(of: Months, plan: Plan, circle: Circle | None, back: int = 0) -> Months:
    """The same months as another plan with the same groups looks at them, or as they were `back` months ago with the
    contacts of that time. Nothing is unpacked again, and a window is computed when a feature asks for it."""
    masks, late = of.masks, of.late
    if back:
        masks = _Computed(lambda group: [(mask >> back, weight) for mask, weight in of.masks[group] if mask >> back])
        late = _Computed(
            lambda group: [
                (weight, [(age - back, kept, days) for age, kept, days in late if age >= back])
                for weight, late in of.late[group]
            ]
        )
    windows = plan.windows

    # It has no reference to what is returned: with a cycle the garbage collector would have to free all of it, for
    # every person.
    def within(window: int) -> list[int]:
        group, whole = windows[window]
        return [mask & whole for mask, _ in masks[group]]

    observed = _Computed(lambda window: sum([mask.bit_count() for mask in within(window)]))
    union = _Computed(lambda window: reduce(or_, within(window), 0))
    history, through = max(0, of.history - back), of.through - back
    without = None if of.without_light is None else seen_again(of.without_light, plan, circle, back)
    return Months(of.state, through, circle, history, of.figures, masks, late, observed, union, of.unpacked, without)


class _Computed(dict[int, T]):
    """A list of which each place is computed when it is asked for."""

    def __init__(self, compute: Callable[[int], T]) -> None:
        self._compute = compute

    def __missing__(self, at: int) -> T:
        self[at] = found = self._compute(at)
        return found


class Plan:
    """Which kinds and windows the features of a policy look at, so that each is walked once."""

    def __init__(self, least: Mapping[int, int] = {}) -> None:
        self.least = least
        """By kind the amount below which a month is *light*: no kind-month (rules S25), but for what asks for lateness
        where something was late."""
        self._groups: dict[tuple[Kinds, bool], int] = {}
        self._windows: dict[tuple[int, int], int] = {}
        self.groups_of: dict[int, list[tuple[int, int]]] = {}
        """The groups that a kind belongs to, each with its weight there."""
        self.reads_figures = False

    def of_same_groups(self) -> Plan:
        """Another one, for other windows of the same kinds."""
        plan = Plan(self.least)
        plan._groups, plan.groups_of = self._groups, self.groups_of
        return plan

    @property
    def groups(self) -> int:
        return len(self._groups)

    @cached_property
    def windows(self) -> Sequence[tuple[int, int]]:
        """Group and mask of each, once all features are compiled."""
        return list(self._windows)

    @cached_property
    def looks_of(self) -> _Looks:
        """Of all groups."""
        of_group: dict[int, list[tuple[int, int]]] = {}
        for index, (group, mask) in enumerate(self.windows):
            of_group.setdefault(group, []).append((index, mask))
        return {
            code: [(group, weight, of_group.get(group, ())) for group, weight in groups]
            for code, groups in self.groups_of.items()
        }

    @cached_property
    def looks_for_lateness_of(self) -> _Looks:
        """Of the groups that ask for lateness."""
        of_lateness = {place for (_, of_lateness), place in self._groups.items() if of_lateness}
        return {code: [look for look in looks if look[0] in of_lateness] for code, looks in self.looks_of.items()}

    @cached_property
    def nothing(self) -> Sequence[LateKinds]:
        """For each group: that nothing was late, as with most people."""
        return [()] * self.groups

    def group(self, kinds: Kinds, *, of_lateness: bool = False) -> int:
        """Where `Months.masks` and `Months.late` have these kinds."""
        key = (kinds, of_lateness and any(code in self.least for code, _ in kinds))
        if key not in self._groups:
            self._groups[key] = len(self._groups)
            for code, weight in kinds:
                self.groups_of.setdefault(code, []).append((self._groups[key], weight))
        return self._groups[key]

    def window(self, kinds: Kinds, months: int, *, of_lateness: bool = False) -> int:
        """Where `Months.observed` and `Months.union` have the last months of these kinds."""
        group = self.group(kinds, of_lateness=of_lateness)
        return self._windows.setdefault((group, (1 << months) - 1), len(self._windows))


def weighted(codes: Iterable[int], weights: Mapping[int, int] = {}) -> Kinds:
    return tuple((code, weights.get(code, WHOLE)) for code in sorted(codes))
