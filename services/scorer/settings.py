"""Settings of the scorer, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field

from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from shared.settings import HexKey, StatefulSettings


class ScorerSettings(StatefulSettings):
    accepts_late_months: int = Field(
        3, ge=0, le=WINDOW_MONTHS_MAX, description="Complete months that still accept events; more for a backfill."
    )
    backfill: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9-]*:[0-9]{4}-(0[1-9]|1[0-2]):[0-9]{4}-(0[1-9]|1[0-2])$",
        description="`partner:month:month`: a partner who is new, and the closed months, from the first to the last, "
        "that take its events; `goodstanding import` sets it while it sends them.",
    )
    silent: bool = Field(
        False,
        description="Publish nothing, while a past is loaded of which only the last scores are to be told.",
    )
    fingerprint_key: HexKey = Field(
        description="Key by which erased people are known again, in hexadecimal characters: that of retention."
    )
