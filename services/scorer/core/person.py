"""What is kept of one person, and what a decision about the person adds to it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import msgspec

from services.scorer.core import score
from services.scorer.core.consents import ConsentNews
from services.scorer.core.features.months import Circle
from services.scorer.core.messages import Edge
from services.scorer.core.score import Evaluation
from shared.contracts.erasure import Erased


class Publication(msgspec.Struct, frozen=True, dict=True):
    """One version of a person's score. `run` is the month of the last monthly run, None before the first."""

    version: int
    as_of: datetime
    run: int | None
    policy: str
    evaluation: Evaluation

    @cached_property
    def column(self) -> bytes:
        """The evaluation, encoded once for the person's row and the history."""
        return score.encode(self.evaluation)


class RunPassed(msgspec.Struct, frozen=True):
    """That a monthly run has passed a person, which fixes what others see of the person's contacts from the next
    publication on, and forgets what is too old."""

    run: int
    remembered_from: datetime
    """What was said or published before this is forgotten (rules S7)."""
    accepted_from: datetime
    """No event of a time before this is accepted any more, so nothing older need be guarded against."""


class Writes(msgspec.Struct, frozen=True):
    """What one decision about a person adds to other tables than the person's row, in this order."""

    user_id: str
    redacts: bool = False
    """A record is gone: so is all that rested on records in what was published until now (rules D9)."""
    publication: Publication | None = None
    edges: tuple[Edge, ...] = ()
    run: RunPassed | None = None
    consents: tuple[ConsentNews, ...] = ()
    erased: tuple[Erased, ...] = ()
    """Everything about the person goes, and whatever was decided before this (rules I11)."""

    @property
    def are_any(self) -> bool:
        return bool(self.redacts or self.publication or self.edges or self.run or self.consents or self.erased)


class Person(msgspec.Struct, frozen=True):
    """All that is kept of one person in one row.

    State and evaluation stay encoded, so that a cache of people is small and nothing in it can be changed by accident.
    """

    user_id: str
    state: bytes = b""
    version: int = 0
    evaluation: bytes = b""
    """The last one, empty before the first. In continuous cadence it may be newer than the last publication: events may
    move items and leave the result as it is, and a change of a record must start from the items as they are."""
    run: int | None = None
    """The monthly run that last moved the standing."""
    standing: int | None = None
    standing_before: int | None = None
    circle: Circle | None = None
    """The person's contacts, as the last monthly run saw them."""
    as_of: datetime | None = None
    """The instant of the last publication; the next one's is never before it."""
    erased: Erased | None = None
    """The person's last erasure, as long as it is remembered."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is kept, and there is no row."""
        return not self.state and not self.version
