"""Settings of the scorer, beside those of every service."""

from __future__ import annotations

from pydantic import Field

from services.scorer.core.scorecard import WINDOW_MONTHS_MAX
from shared.settings import ServiceSettings


class ScorerSettings(ServiceSettings):
    accepts_late_months: int = Field(
        3, ge=0, le=WINDOW_MONTHS_MAX, description="Complete months that still accept events; more for a backfill."
    )
