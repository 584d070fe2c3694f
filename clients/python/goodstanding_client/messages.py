"""The messages of a Goodstanding platform. Made from its schemas by `make contracts`: do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

Code: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""Of a tier, a benefit, a restriction or a key factor."""
SCORE_CHANGE = "goodstanding.score.changed.v1"
TIER_CHANGE = "goodstanding.tier.changed.v1"


class ScoreChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A publication of a person's score; `scores.changed`, whose key is the person.

    `version` counts 1, 2, 3 per person. `publication` is the month number (year * 12 + month - 1) of the last monthly
    publication, absent before the first. `as_of` is the instant that the score is for. `policy` is `<name>@<hash>`.
    `restrictions` and `key_factors` are codes: a subscriber does not learn what somebody paid.
    """

    version: Annotated[int, msgspec.Meta(ge=1)]
    score: Annotated[int, msgspec.Meta(le=950, ge=350)]
    thin: bool
    cadence: Literal["monthly", "continuous"]
    as_of: datetime
    policy: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9._-]{1,40}@[0-9a-f]{12}$")]
    restrictions: Annotated[tuple[Code, ...], msgspec.Meta(max_length=16)]
    key_factors: Annotated[tuple[Code, ...], msgspec.Meta(max_length=5)]
    publication: Annotated[int, msgspec.Meta(le=26399, ge=22800)] | None = None


class TierChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a person's tier, benefits or restrictions; `tiers.changed`, whose key is the person.

    `version` counts 1, 2, 3 per person. `tier` is a code of the tier table, absent below its first; `previous_tier` is
    that of the version before. `granted` and `revoked` are the codes of the benefits won and lost since the version
    before, `in_force` all that the person has now, so that the last message alone tells where somebody stands.
    `restrictions` are those of the score; `score_version` says which one, and `as_of` the instant that the change is
    for. `policy` is `<name>@<hash>`. Where the tier is kept by grace, `falls_at` is the instant at which it falls to
    `falls_to` (absent: below the first) unless the score recovers, and `ending` has the benefits that end then.
    """

    version: Annotated[int, msgspec.Meta(ge=1)]
    tier: Code | None = None
    previous_tier: Code | None = None
    granted: Annotated[tuple[Code, ...], msgspec.Meta(max_length=64)]
    revoked: Annotated[tuple[Code, ...], msgspec.Meta(max_length=64)]
    in_force: Annotated[tuple[Code, ...], msgspec.Meta(max_length=64)]
    restrictions: Annotated[tuple[Code, ...], msgspec.Meta(max_length=16)]
    score_version: Annotated[int, msgspec.Meta(ge=1)]
    as_of: datetime
    policy: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9._-]{1,40}@[0-9a-f]{12}$")]
    falls_at: datetime | None = None
    falls_to: Code | None = None
    ending: Annotated[tuple[Code, ...], msgspec.Meta(max_length=64)] | None = None
