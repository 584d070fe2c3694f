"""Reads what benefits works by: the tier table."""

from __future__ import annotations

from services.benefits.core.table import TierTable
from services.benefits.settings import BenefitsSettings
from shared.policy_file import TIERS, load_policy


def load(settings: BenefitsSettings) -> TierTable:
    """Raises ConfigError."""
    return load_policy(settings.policies / TIERS, TierTable)
