"""Where a person stands, made readable: what `goodstanding benefits` shows.

The row comes from the view `benefits.current`, the table from the policy file.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

import msgspec

from services.benefits.core.table import Tier, TierTable

Status: TypeAlias = Literal["in force", "restricted", "thin file", "not reached"]


class Line(msgspec.Struct, frozen=True):
    """One benefit, the tier that has it, and whether the person does, or why not."""

    code: str
    name: str
    tier: str
    from_score: int
    status: Status


class Description(msgspec.Struct, frozen=True):
    """`tier` and `next_tier` are names; there is no next one at the top. All benefits of the table are in `lines`."""

    tier: str | None
    next_tier: str | None
    next_from: int | None
    falls_to: str | None
    """The tier that is left at the end of a grace, if one runs."""
    ending: tuple[str, ...]
    """The benefits that end then."""
    lines: tuple[Line, ...]


def describe(
    score: int,
    tier: str | None,
    in_force: Collection[str],
    restrictions: Collection[str],
    table: TierTable,
    falls_to: str | None = None,
) -> Description:
    """One row of `benefits.current` by the names of the table; `falls_to` counts only where the tier falls at all."""
    position = table.position(tier)
    following = table.tiers[position] if position < len(table.tiers) else None
    closed = table.closed(restrictions)
    left = table.position(falls_to)
    return Description(
        tier=table.tiers[position - 1].name if position else None,
        next_tier=following.name if following else None,
        next_from=following.from_score if following else None,
        falls_to=table.tiers[left - 1].name if left else None,
        ending=tuple(
            benefit.name for each in table.tiers[left:] for benefit in each.benefits if benefit.code in in_force
        ),
        lines=tuple(
            Line(
                benefit.code,
                benefit.name,
                each.name,
                each.from_score,
                _status(benefit.code, each, in_force, closed, score),
            )
            for each in table.tiers
            for benefit in each.benefits
        ),
    )


def _status(code: str, tier: Tier, in_force: Collection[str], closed: Collection[str], score: int) -> Status:
    if code in in_force:
        return "in force"
    # Of what a record closes too, no number of points opens it while the record is open.
    if code in closed:
        return "restricted"
    # A score that reaches the tier, and nothing that closes the benefit: only a thin file is left.
    return "not reached" if score < tier.from_score else "thin file"
