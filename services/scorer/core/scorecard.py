"""The scorecard: its parts as a policy file says them, what is wrong with them, and the form in which they score."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from services.scorer.core.compiled import Compiled
from services.scorer.core.faults import faults_of
from services.scorer.core.scorecard_parts import ScorecardParts
from shared.contracts.policy_parts import PolicyFault, policy_id


class Scorecard(ScorecardParts, frozen=True, kw_only=True, dict=True):
    """A scoring policy. Valid only if it has no faults."""

    @cached_property
    def id(self) -> str:
        return policy_id(self.name, self)

    @cached_property
    def compiled(self) -> Compiled:
        """The form in which people are evaluated, built once. Only of a scorecard without faults."""
        return Compiled(self)

    def faults(self) -> Iterator[PolicyFault]:
        """What the types cannot say."""
        return faults_of(self)
