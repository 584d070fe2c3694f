"""What all features have in common. A feature is one block: its keys, its faults, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import ClassVar, Literal, TypeAlias

import msgspec

from services.scorer.core.features.months import WINDOW_MONTHS_MAX, Months, Plan
from shared.contracts.demographics import is_demographic
from shared.contracts.kinds import KIND_OF, Kind, Shape
from shared.contracts.policy_parts import PolicyFault

Groups: TypeAlias = Mapping[str, Sequence[str]]
"""`[kinds]` of the policy: lists of kinds by name."""
Value: TypeAlias = int | str
Unit: TypeAlias = Literal["number", "days", "months", "per mille", "money", "score", "word"]
"""What a value is, for those who write it; money is in minor units."""


Measured: TypeAlias = tuple[Value, int]
"""A value, and how many observations it rests on, at least 1. Not a class of its own, since each person has fifty."""


Measure: TypeAlias = Callable[[Months], Measured | None]
"""None where the person's state can say nothing: the value is unknown."""


class Feature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is"):
    """One thing to look at in a person's state. Subclasses are the closed set of `features`."""

    unit: ClassVar[Unit] = "number"
    lowest: ClassVar[int | None] = 0
    """The least value, at which the first bin of a rule begins; None where values are words."""
    tells_of_means: ClassVar[bool] = False
    """Whether it reads figures that a person has told: no rule may take points for those."""
    better: ClassVar[Literal["higher", "lower"] | None] = None
    """The one direction that makes sense; None where it is the policy's choice."""
    better_because: ClassVar[str] = "being late is never better than being on time"
    on_contacts: ClassVar[bool] = False
    """Whether it reads what is explained to nobody in detail."""
    observed: ClassVar[str] = "1"
    """What its observations are, in words."""
    is_observed: ClassVar[bool] = False
    """Whether its value is the number of its observations."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from ()

    def highest(self, groups: Groups) -> int | None:
        """The greatest value that there can be; None where there is no such bound. Only of a feature without faults, as
        the next two."""
        return None

    def most_observed(self, groups: Groups) -> int | None:
        """The most observations that a value can rest on; None where there is no such bound."""
        return 1

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        """How it is measured, compiled."""
        raise NotImplementedError


class Windowed(Feature, frozen=True, kw_only=True):
    """A feature over the last `months` complete months of some kinds."""

    shapes: ClassVar[tuple[Shape, ...]] = (Shape.OBLIGATION,)
    observed: ClassVar[str] = "kind-months of the window"
    kinds: tuple[str, ...]
    """Kinds, or names of `[kinds]`."""
    months: int
    """The window: so many of the last complete calendar months, 1 to 24."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from faults_of_kinds(self.kinds, groups, self.shapes)
        yield from faults_of_months(self.months)

    def most_observed(self, groups: Groups) -> int | None:
        return self.months * len(self.codes(groups))

    def codes(self, groups: Groups) -> frozenset[int]:
        return codes_of(self.kinds, groups)


def kinds_of(names: Sequence[str], groups: Groups) -> Iterator[Kind]:
    for name in names:
        for kind in groups.get(name, (name,)):
            yield KIND_OF[kind]


def codes_of(names: Sequence[str], groups: Groups) -> frozenset[int]:
    return frozenset(kind.code for kind in kinds_of(names, groups))


def least_of(least: Mapping[str, int], groups: Groups) -> dict[int, int]:
    """By kind the amount below which a month of it is light; of several the highest."""
    found: dict[int, int] = {}
    for name, amount in least.items():
        for code in codes_of([name], groups):
            found[code] = max(amount, found.get(code, 0))
    return found


def faults_of_kinds(
    names: Sequence[str], groups: Groups, shapes: Sequence[Shape], key: str = "kinds"
) -> Iterator[PolicyFault]:
    if not names:
        yield PolicyFault((key,), "Name at least one kind.")
    for index, name in enumerate(names):
        # What is no kind at all is told where the group is.
        named = [k for k in groups.get(name, (name,)) if k in KIND_OF or name not in groups]
        wrong = (k for k in named if k not in KIND_OF or KIND_OF[k].shape not in shapes)
        for kind in islice(wrong, 1):
            of = f" of [kinds] {name}" if name in groups else ""
            yield PolicyFault((key, index), no_kind(kind, shapes, of))


def no_kind(name: str, shapes: Sequence[Shape], of: str = "") -> str:
    """A sentence for a name that is no kind of these shapes, with what to do about it."""
    if is_demographic(name):
        return (
            f"`{name}`{of} is a refused attribute. Remove it: sex, age, marital status, religion, ethnicity, health "
            "and biometrics feed no score."
        )
    known = [kind.name for kind in KIND_OF.values() if kind.shape in shapes]
    near = () if name in KIND_OF else get_close_matches(name, known, n=1)
    nearest = f" The nearest is `{near[0]}`." if near else ""
    shaped = " or ".join(shapes)
    return f"`{name}`{of} is no kind of the shape {shaped}.{nearest} All are listed by: goodstanding partner kinds"


def faults_of_months(months: int) -> Iterator[PolicyFault]:
    if not 1 <= months <= WINDOW_MONTHS_MAX:
        yield PolicyFault(("months",), f"Use 1 to {WINDOW_MONTHS_MAX} months.")


def faults_of_least(key: str, number: int, least: int = 1) -> Iterator[PolicyFault]:
    if number < least:
        yield PolicyFault((key,), f"Use {least} or more.")


def faults_of_weights(weights: Mapping[str, int], names: Sequence[str], groups: Groups) -> Iterator[PolicyFault]:
    known = {kind.name for kind in kinds_of(names, groups)} if all(_is_known(n, groups) for n in names) else None
    for kind, percent in weights.items():
        if known is not None and kind not in known:
            yield PolicyFault(("weights", kind), "Give weights to kinds of `kinds` only.")
        if not 0 <= percent <= WEIGHT_MAX:
            yield PolicyFault(("weights", kind), f"Use 0 to {WEIGHT_MAX} percent.")


WEIGHT_MAX = 1000


def weights_of(weights: Mapping[str, int]) -> dict[int, int]:
    return {KIND_OF[kind].code: percent for kind, percent in weights.items()}


def _is_known(name: str, groups: Groups) -> bool:
    return all(kind in KIND_OF for kind in groups.get(name, (name,)))
