"""Settings of the scorer, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field

from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from shared.settings import HexKey, StatefulSettings


class ScorerSettings(StatefulSettings):
    accepts_late_months: int = Field(
        3, ge=0, le=WINDOW_MONTHS_MAX, description="Complete months that still accept events; more for a backfill."
    )
    fingerprint_key: HexKey = Field(
        description="Key by which erased people are known again, in hexadecimal characters: that of retention."
    )
