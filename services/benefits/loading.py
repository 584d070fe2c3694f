"""Reads what benefits works by: the tier tables, and the zone in which their days begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from services.benefits.core.policy import Policy, faults_among, in_order
from services.benefits.core.table import TierTable
from services.benefits.settings import BenefitsSettings
from shared.policy_file import load_policy, tier_files
from shared.settings import key_bytes
from shared.toml_file import ConfigError, error_at


def load(settings: BenefitsSettings) -> Policy:
    """Raises ConfigError."""
    return Policy(
        tables=tier_tables(settings.policies),
        zone=settings.zone_info,
        fingerprint_key=key_bytes(settings.fingerprint_key),
    )


def tier_tables(policies: Path) -> tuple[TierTable, ...]:
    """All tier tables of a deployment, the earliest first. Raises ConfigError, also for two of one day."""
    files = tier_files(policies)
    tables = [load_policy(file, TierTable) for file in files]
    for error in clashes(files, tables):
        raise error
    return in_order(tables)


def clashes(files: Sequence[Path], tables: Sequence[TierTable]) -> Iterator[ConfigError]:
    """Why one deployment cannot have these tables, each of one of the files, beside one another."""
    for index, (key, sentence) in faults_among(tables):
        yield error_at(files[index], key, sentence)
