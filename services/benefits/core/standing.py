"""What is kept of a person, and how one standing follows from another.

`judged` is the whole rule of tiers (rules T1 to T5, T9 and T10): a new score, the end of a grace and a new table all
go through it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Protocol

import msgspec

from services.benefits.core.policy import Policy
from services.benefits.core.table import TierTable
from shared.contracts.erasure import Erased


class Fall(msgspec.Struct, frozen=True):
    """A tier that the score does not reach any more, and that is kept until an instant (rules T9)."""

    tier: str
    until: datetime


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What the last score says. `score_version` is 0 where none was seen since a restore."""

    score_version: int
    score: int
    thin: bool
    restrictions: tuple[str, ...]


class Standing(Scored, frozen=True, kw_only=True):
    """Where a person stands: the last score, and what it led to. The sets are tuples, in the order of the messages."""

    as_of: datetime
    """The instant from which on the person stands so."""
    version: int
    """Of the last change; 0 before the first."""
    tier: str | None
    kept: str | None
    """The best tier that scores have reached since the last publication without restrictions. It is the most to which a
    thin file returns, and what hysteresis holds on to."""
    in_force: tuple[str, ...]
    falls: tuple[Fall, ...] = ()
    """They go on while a restriction is in force, when they are of no effect."""
    falls_at: datetime | None = None
    """When `tier` falls unless the score recovers; None where it does not."""
    falls_to: str | None = None
    table_from: date = date.min
    """The day of the table that the standing is by."""

    @property
    def seen(self) -> tuple[object, ...]:
        """What subscribers see of it."""
        return self.tier, self.in_force, self.restrictions, self.falls_at, self.falls_to


class Held(msgspec.Struct, frozen=True):
    """What is kept of a person: the standing, once a score was seen, and the last erasure, as long as it is
    remembered."""

    standing: Standing | None = None
    erased: Erased | None = None


class Row(Protocol):
    """A row of the table of standings."""

    def __getitem__(self, column: str, /) -> Any: ...


def standing_of(row: Row) -> Standing:
    """The standing in a row."""
    return Standing(
        score_version=row["score_version"],
        score=row["score"],
        thin=row["thin"],
        as_of=row["as_of"],
        version=row["version"],
        tier=row["tier"],
        kept=row["kept"],
        in_force=tuple(row["in_force"]),
        restrictions=tuple(row["restrictions"]),
        falls=tuple(Fall(*each) for each in zip(row["falling"], row["falling_until"], strict=True)),
        falls_at=row["falls_at"],
        falls_to=row["falls_to"],
        table_from=row["table_from"],
    )


def judged(before: Standing | None, score: Scored, instant: datetime, table: TierTable, policy: Policy) -> Standing:
    """What a person has from an instant on, given the standing until then. `version` is that of the last change."""
    is_restricted = bool(score.restrictions)
    kept = _kept(before, table, policy)
    reached = _reached(before, kept, score, instant, table)
    falls = _falls(before, kept, score, reached, instant, table, policy)
    ends = {table.position(fall.tier): fall.until for fall in falls}
    # Grace softens no restriction: what its ceiling takes is gone at once (rules T4).
    tier = reached if is_restricted else max([reached, *ends])
    falls_at = ends.get(tier)
    closed = table.closed(score.restrictions)
    return Standing(
        score_version=score.score_version,
        score=score.score,
        thin=score.thin,
        as_of=instant,
        version=before.version if before else 0,
        tier=table.code(tier),
        # A restriction's end gives back what it took, also by its ceiling, and also to a thin file (rules T4).
        kept=table.code(max(kept, reached) if is_restricted else reached),
        in_force=tuple(benefit for benefit in table.benefits(tier) if benefit not in closed),
        restrictions=tuple(sorted(set(score.restrictions))),
        falls=falls,
        falls_at=falls_at,
        falls_to=None if falls_at is None else table.code(_after(falls_at, reached, falls, table)),
        table_from=table.day,
    )


def _kept(before: Standing | None, table: TierTable, policy: Policy) -> int:
    """The position, in this table, of the best tier that is kept. If this table no longer has it, that is the best of
    the lower tiers of the earlier table that this one still has. A tier that a later table brings back is a new one
    (rules T8)."""
    if before is None or before.kept is None:
        return 0
    until_then = policy.by_day(before.table_from)
    up_to = until_then.tiers[: until_then.position(before.kept)]
    return next((at for tier in reversed(up_to) if (at := table.position(tier.code))), table.position(before.kept))


def _reached(before: Standing | None, kept: int, score: Scored, instant: datetime, table: TierTable) -> int:
    """The position of the tier that the score gives without any grace."""
    reached = table.reached(score.score)
    if score.thin:
        # A thin file rises no further than to what it had, or still has by grace (rules T3).
        had = [table.position(fall.tier) for fall in before.falls if fall.until >= instant] if before else []
        reached = min(reached, max([kept, *had]))
    # What was reached is lost only further below its beginning than the hysteresis (rules T10).
    return max(reached, min(kept, table.reached(score.score + table.hysteresis)))


def _falls(
    before: Standing | None,
    kept: int,
    score: Scored,
    reached: int,
    instant: datetime,
    table: TierTable,
    policy: Policy,
) -> tuple[Fall, ...]:
    """The tiers above the one that is reached that are kept for a while, the lowest first (rules T9)."""
    if before is None:
        return ()
    running = [fall for fall in before.falls if fall.until > instant and table.position(fall.tier) > reached]
    if before.restrictions or score.restrictions:
        # No grace begins under a restriction, nor with its end: what it has taken was not lost by the score alone.
        return tuple(running)
    if reached >= kept:
        return tuple(running)
    # What a new table has put between the tiers that somebody had is none of them (rules T8).
    until_then = policy.by_day(before.table_from)
    had = {tier.code for tier in until_then.tiers[: until_then.position(before.kept)]}
    lost = [tier for tier in table.tiers[reached:kept] if tier.code in had and tier.grace_days]
    begun = [Fall(tier.code, policy.end_of_grace(instant, tier.grace_days)) for tier in lost]
    return (*begun, *running)


def _after(instant: datetime, reached: int, falls: tuple[Fall, ...], table: TierTable) -> int:
    """The position of the tier that is left when what falls at an instant has fallen."""
    return max([reached, *(table.position(fall.tier) for fall in falls if fall.until > instant)])
