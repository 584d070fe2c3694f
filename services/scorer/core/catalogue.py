"""The catalogue of hints in a policy file: single behaviors, each of which a person may be told would help (rules S23).

A hint is no promise of a product: of a loan or a card only whoever has one is told to pay it on time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from services.scorer.core.features.activity import DONE
from services.scorer.core.features.base import Groups, faults_of_kinds
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.policy_parts import PolicyFault

HINT_MONTHS_MAX = 24


class Hint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="does"):
    """One behavior. Subclasses are the closed set of what can be done."""

    code: str
    en: str
    zh: str

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from ()


class Keep(Hint, frozen=True, kw_only=True, tag="keep"):
    """One event of each of these kinds in each of the next `months` months, obligations on time: of those kinds that
    the person had in the last year or, if `anew`, of the first one where there is none."""

    kinds: tuple[str, ...]
    months: int = 1
    anew: bool = False

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from faults_of_kinds(self.kinds, groups, DONE)
        if not 1 <= self.months <= HINT_MONTHS_MAX:
            yield PolicyFault(("months",), f"Use 1 to {HINT_MONTHS_MAX} months.")


class State(Hint, frozen=True, kw_only=True, tag="state"):
    """A fact is confirmed."""

    kind: str
    value: str

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        kind = KIND_OF.get(self.kind)
        if kind is None or kind.shape is not Shape.FACT:
            yield PolicyFault(("kind",), f"`{self.kind}` is no kind of the shape fact.")
        elif self.value not in kind.values:
            yield PolicyFault(("value",), f"Use one of: {', '.join(kind.values)}.")


class Settle(Hint, frozen=True, kw_only=True, tag="settle"):
    """The record is settled whose settling helps most."""


AnyHint: TypeAlias = Keep | State | Settle
