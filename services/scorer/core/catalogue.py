"""The catalogue of hints in a policy file: single behaviors, each of which a person may be told would help (rules S23).

A hint is no promise of a product: of a loan or a card only whoever has one is told to pay it on time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TypeAlias

import msgspec

from services.scorer.core.features.activity import DONE
from services.scorer.core.features.base import Groups, faults_of_kinds, no_kind
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.policy_parts import PolicyFault

HINT_MONTHS_MAX = 24
_BELOW_MAX = 1000
_CREDIT = frozenset({"credit", "loans"})


class Hint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="does"):
    """One behavior. Subclasses are the closed set of what can be done."""

    code: str
    en: str
    zh: str

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from ()


class Lasting(Hint, frozen=True, kw_only=True):
    """What is done month after month."""

    months: int = 1
    """For so many months, the running one included."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        if not 1 <= self.months <= HINT_MONTHS_MAX:
            yield PolicyFault(("months",), f"Use 1 to {HINT_MONTHS_MAX} months.")


class _OfKinds(Lasting, frozen=True, kw_only=True):
    kinds: tuple[str, ...]
    """Kinds, or names of `[kinds]`."""
    shapes: ClassVar[tuple[Shape, ...]] = DONE

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from faults_of_kinds(self.kinds, groups, self.shapes)
        yield from super().faults(groups)


def _faults_of_amount(hint: Hint, at_least: int) -> Iterator[PolicyFault]:
    if at_least < 0:
        yield PolicyFault(("at_least",), "Use 0 or more, in minor units.")
    for key, sentence in (("en", hint.en), ("zh", hint.zh)):
        if at_least > 0 and "{amount}" not in sentence:
            yield PolicyFault((key,), "Say {amount}: the points are promised to whoever has so much.")


class Keep(_OfKinds, frozen=True, kw_only=True, tag="keep"):
    """One event in each month of each of these kinds that the person had in the last three months, obligations on
    time."""


class Begin(_OfKinds, frozen=True, kw_only=True, tag="begin"):
    """One event in each month of one of these kinds that the person did not have in the last three months, obligations
    on time. The sentence names the first of them, and what is promised is the worst of them."""

    at_least: int = 0
    """How much is paid in each month, in minor units: what the hint is worth is promised to whoever pays so much. Its
    sentence must say so, with {amount}, unless it is 0."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        yield from _faults_of_amount(self, self.at_least)
        for index, name in enumerate(self.kinds):
            if any(kind in KIND_OF and KIND_OF[kind].group in _CREDIT for kind in groups.get(name, (name,))):
                yield PolicyFault(("kinds", index), "Name other kinds: nobody is told to take up credit.")


class Tell(_OfKinds, frozen=True, kw_only=True, tag="tell"):
    """A figure in each month of each of these kinds of which none is known from the last three months."""

    shapes: ClassVar[tuple[Shape, ...]] = (Shape.FIGURE,)
    at_least: int = 0
    """How high the figures are, in minor units: what the hint is worth is promised to whoever has so much. Its sentence
    must say so, with {amount}, unless it is 0."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        yield from _faults_of_amount(self, self.at_least)


class Use(Lasting, frozen=True, kw_only=True, tag="use"):
    """Statements in each month that bill from `at_least` up to but not including `below` of the limits they name, by a
    person whose last ones billed `below` or more. What is promised is the worst of that."""

    below: int
    """Per mille of the limits."""
    at_least: int = 0
    """Per mille of the limits. Where a policy gives fewer points for a card that is hardly used, this keeps the hint
    from promising what it does not give. Its sentence must say so, with {at_least}, unless it is 0."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        if not 1 <= self.below <= _BELOW_MAX:
            yield PolicyFault(("below",), f"Use 1 to {_BELOW_MAX} per mille.")
        elif not 0 <= self.at_least < self.below:
            yield PolicyFault(("at_least",), f"Use 0 to {self.below - 1} per mille: less than `below`.")
        yield from super().faults(groups)
        for key, sentence in (("en", self.en), ("zh", self.zh)):
            if self.at_least > 0 and "{at_least}" not in sentence:
                yield PolicyFault((key,), "Say {at_least}: the points are promised to whoever bills so much.")


class State(Hint, frozen=True, kw_only=True, tag="state"):
    """A fact is confirmed."""

    kind: str
    value: str

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        kind = KIND_OF.get(self.kind)
        if kind is None or kind.shape is not Shape.FACT:
            yield PolicyFault(("kind",), no_kind(self.kind, (Shape.FACT,)))
        elif self.value not in kind.values:
            yield PolicyFault(("value",), f"Use one of: {', '.join(kind.values)}.")


class Settle(Hint, frozen=True, kw_only=True, tag="settle"):
    """All records that are open are settled: one of several may change nothing by itself."""


AnyHint: TypeAlias = Keep | Begin | Tell | Use | State | Settle
