"""Partners' mapping files for the tools: read and compiled as ingest does it, with no service running."""

from __future__ import annotations

from pathlib import Path

import msgspec

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Settings, partners
from services.ingest.core.compiling import Partner, compile_partner
from services.ingest.core.deployment import Deployment, pseudonyms
from services.ingest.core.mapping import JsonMapping, MappingError, NativeMapping
from services.ingest.core.mapping import Mapping as PartnerMapping
from services.ingest.core.money import RateError, read_rates
from shared.contracts import zones
from shared.contracts.cloudevents import STRUCTURED
from shared.partner_files import check_name
from shared.settings import ROOT
from shared.toml_file import ConfigError, error_at, load, text_of


class _Profile(msgspec.Struct, frozen=True):
    behavior_days_late_max: int


def mapping_of(partner: str) -> PartnerMapping:
    """What the partner's file says. Raises UserError for a partner without one, ConfigError for a wrong file."""
    if partner not in partners():
        raise UserError(f"There is no partner {partner}.", f"Say one of: {', '.join(partners())}.")
    return load(_file(partner), PartnerMapping)  # type: ignore[arg-type]  # a union is no type


def compiled(partner: str, settings: Settings) -> Partner:
    """The partner's file, ready to read events as ingest of this deployment would. Raises as `mapping_of`."""
    mapping_of(partner)
    return compiled_file(_file(partner), settings)


def sound_mapping_of(partner: str, settings: Settings) -> PartnerMapping:
    """What the partner's file says, for a file that ingest of this deployment would take. Raises as `mapping_of`."""
    compiled(partner, settings)
    return mapping_of(partner)


def compiled_file(file: Path, settings: Settings) -> Partner:
    """A mapping file anywhere, as that of the partner whose name it has. Raises ConfigError."""
    check_name(file)
    rates = ROOT / "policies" / "rates.csv"
    profile = load(ROOT / "policies" / "retention" / f"{settings.retention_profile}.toml", _Profile)
    mapping: PartnerMapping = load(file, PartnerMapping)  # type: ignore[arg-type]  # a union is no type
    try:
        deployment = Deployment(
            zone=zones.zone(settings.zone),
            rates=read_rates(text_of(rates), settings.currency),
            behavior_days_late_max=profile.behavior_days_late_max,
            person_of=pseudonyms(bytes.fromhex(settings.key), settings.identity_scheme),
        )
        return compile_partner(file.stem, mapping, deployment)
    except RateError as error:
        raise ConfigError(rates, error.line, "", error.sentence) from None
    except MappingError as error:
        raise error_at(file, error.key, error.sentence) from None


def _file(partner: str) -> Path:
    return ROOT / "partners" / f"{partner}.toml"


def headers_of(mapping: PartnerMapping) -> tuple[tuple[str, bytes], ...]:
    """The headers of a record whose value is a line of a file, which has whatever envelope there is in itself."""
    is_cloudevent = isinstance(mapping, NativeMapping) or (
        isinstance(mapping, JsonMapping) and mapping.envelope == "cloudevents"
    )
    return (("content-type", STRUCTURED.encode()),) if is_cloudevent else ()
