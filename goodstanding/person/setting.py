"""What an explanation needs besides a person's rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import msgspec

from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language
from services.scorer.core.scorecard import Scorecard
from shared.contracts.retention_profile import Profile


class Setting(msgspec.Struct, frozen=True):
    """How an explanation is said, and by which policies."""

    cards: Mapping[str, Scorecard]
    """The scorecards that are at hand, by id."""
    in_force: Scorecard
    """The one that the next publication is by."""
    tiers: TierTable
    language: Language
    currency: str
    zone: tzinfo
    profile: Profile
    """How long records are kept."""
