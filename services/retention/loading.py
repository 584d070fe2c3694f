"""Reads what retention works by: the profile of its jurisdiction, and the key of the fingerprints."""

from __future__ import annotations

from services.retention.core.decide import Policy
from services.retention.settings import RetentionSettings
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_kinds, load_policy, profile_file
from shared.settings import key_bytes


def load(settings: RetentionSettings) -> Policy:
    """Raises ConfigError."""
    load_kinds(settings.policies)
    return Policy(
        profile=load_policy(profile_file(settings.policies, settings.retention_profile), Profile),
        fingerprint_key=key_bytes(settings.fingerprint_key),
        has_portal=settings.portal,
    )
