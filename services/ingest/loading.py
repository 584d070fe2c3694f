"""Reads the files that ingest works by: partners' mappings, exchange rates, the limit of behavior."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from services.ingest.core.compiling import Partner, compile_partner
from services.ingest.core.deployment import Deployment, pseudonyms
from services.ingest.core.mapping import Mapping as PartnerMapping
from services.ingest.core.mapping import MappingError
from services.ingest.core.money import RateError, Rates, read_rates
from services.ingest.settings import IngestSettings
from shared.partner_files import partner_files
from shared.toml_file import ConfigError, error_at, load, text_of


class _Profile(msgspec.Struct, frozen=True):
    """What ingest needs of a retention profile."""

    behavior_days_late_max: int


def load_deployment(settings: IngestSettings) -> Deployment:
    """Raises ConfigError."""
    profile = load(settings.policies / "retention" / f"{settings.retention_profile}.toml", _Profile)
    return Deployment(
        zone=settings.zone_info,
        rates=load_rates(settings.policies / "rates.csv", settings.currency),
        behavior_days_late_max=profile.behavior_days_late_max,
        person_of=pseudonyms(bytes.fromhex(settings.key.get_secret_value()), settings.identity_scheme),
    )


def load_rates(path: Path, base: str) -> Rates:
    """Raises ConfigError."""
    try:
        return read_rates(text_of(path), base)
    except RateError as error:
        raise ConfigError(path, error.line, "", error.sentence) from None


def load_partner(path: Path, deployment: Deployment) -> Partner:
    """The partner of one mapping file, named as the file is. Raises ConfigError with file, line and key."""
    mapping: PartnerMapping = load(path, PartnerMapping)  # type: ignore[arg-type]  # a union is a type to msgspec only
    try:
        return compile_partner(path.stem, mapping, deployment)
    except MappingError as error:
        raise error_at(path, error.key, error.sentence) from None


def load_partners(directory: Path, deployment: Deployment) -> Mapping[str, Partner]:
    """All partners of a directory, by name. Raises ConfigError, also for a name that no topic can carry."""
    return {file.stem: load_partner(file, deployment) for file in partner_files(directory)}
