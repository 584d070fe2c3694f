"""What only the portal is told, so that a person can read it there: why a score is what it is, and what is held.

Each is the whole of what its service says of a person, so that the last message of a compacted topic is enough.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Len
from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from shared.contracts.fields import STRICT, Amount, Day, Id, Instant, MonthNumber, Text
from shared.contracts.subject import OwnText

RECORDS_MAX = 4_000
"""Of one partner retention keeps 200 of a person at most; this is that of twenty partners at once."""
SAID_AGAINST_MAX = 8
"""Of one dispute retention takes no more."""
COLUMN_BYTES_MAX = 384 * 1024
"""Two of them, in base64, fit into a message."""
Column = Annotated[str, Bound(pattern=r"^[A-Za-z0-9+/]*={0,2}$", max_length=COLUMN_BYTES_MAX * 4 // 3)]
"""Bytes in base64, as the scorer keeps them, which its own rules read: each says of which format it is."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ScoreExplained:
    """Why a published score is what it is; `scores.explained`, whose key is the person.

    `version`, `as_of`, `policy` and `publication` are those of the publication on `scores.changed`. `evaluation` has
    the items that sum to the score, and `state` what was known of the person then, from which hints are computed; it is
    absent where it is too large for a message.
    `contacts`, `influence` and `stability` are what the last monthly run saw of the person's contacts. `redacts` says
    that a record has ended, so that what earlier publications owed to records has to go wherever it is kept.
    """

    version: Annotated[int, Ge(1)]
    as_of: Instant
    policy: Annotated[str, Bound(pattern=r"^[a-z0-9._-]{1,40}@[0-9a-f]{12}$")]
    publication: MonthNumber | None = None
    evaluation: Column
    state: Column | None = None
    contacts: int | None = None
    influence: int | None = None
    stability: int | None = None
    redacts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SaidAgainst:
    """Why the person says that a record is wrong, in the person's own words if there are any."""

    reason: Text
    text: OwnText | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HeldRecord:
    """One negative record, as the person may see it. `lapses_at` is absent while no deadline is known.

    `withheld` says that nobody but the person may see it now (rules R27). `said_against` is from the last dispute,
    the earliest first; nobody but the person and the operator's support sees it.
    """

    record_id: Id
    partner: Text
    report_id: Id
    kind: Text
    status: Literal["open", "settled", "disputed", "confirmed", "corrected", "unverifiable"]
    counts: bool
    began_on: Day
    ended_on: Day | None = None
    amount: Amount | None = None
    lapses_at: Instant | None = None
    early_at: Instant | None = None
    counts_from: Instant | None = None
    answer_by: Day | None = None
    statement: OwnText | None = None
    withheld: bool = False
    said_against: Annotated[tuple[SaidAgainst, ...], Len(0, SAID_AGAINST_MAX)] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordsHeld:
    """All negative records that are held of a person; `records.held`, whose key is the person.

    `is_shortened` says that they would not have fitted into a message, so that all that is said against them is
    left out, and then, where that is not enough, all statements, and some of the records. `subject export` has all.
    """

    records: Annotated[tuple[HeldRecord, ...], Len(0, RECORDS_MAX)]
    is_shortened: bool = False
