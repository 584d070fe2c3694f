"""Reads what the scorer works by: the scorecard, and the settings that bear on it."""

from __future__ import annotations

from services.scorer.core.decide import Policy
from services.scorer.core.scorecard import Scorecard
from services.scorer.settings import ScorerSettings
from shared.policy_file import SCORECARD, load_policy


def load(settings: ScorerSettings) -> Policy:
    """Raises ConfigError."""
    return Policy(
        scorecard=load_policy(settings.policies / SCORECARD, Scorecard),
        zone=settings.zone_info,
        accepts_late_months=settings.accepts_late_months,
    )
