"""Partners' mapping files for the tools: read and compiled as ingest does it, with no service running."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from goodstanding.errors import UserError
from goodstanding.platform.deployment import partners
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.core.mapping import JsonMapping, NativeMapping, PartnerMapping
from services.ingest.core.partner import Partner
from services.ingest.loading import load_context, load_mapping, load_partner
from services.ingest.settings import IngestSettings
from shared.contracts.cloudevents import STRUCTURED
from shared.kafka.crosswalk import Crosswalk
from shared.settings import partners_here, policies_here


def mapping_of(partner: str) -> PartnerMapping:
    """What the partner's file says. Raises UserError for a partner without one, ConfigError for a wrong file."""
    if partner not in partners():
        raise UserError(f"There is no partner {partner}.", f"Say one of: {', '.join(partners())}.")
    return load_mapping(_file(partner))


def compiled(partner: str, settings: FixedSettings, crosswalk: Crosswalk | None = None) -> Partner:
    """The partner's file, ready to read events as ingest of this deployment would. Without the crosswalk each customer
    number is taken for a person of its own. Raises as `mapping_of`."""
    mapping_of(partner)
    return compiled_file(_file(partner), settings, crosswalk)


def sound_mapping_of(partner: str, settings: FixedSettings) -> PartnerMapping:
    """What the partner's file says, for a file that ingest of this deployment would take. Raises as `mapping_of`."""
    compiled(partner, settings)
    return mapping_of(partner)


def compiled_file(file: Path, settings: FixedSettings, crosswalk: Crosswalk | None = None) -> Partner:
    """A mapping file anywhere, as that of the partner whose name it has. Raises ConfigError."""
    return load_partner(file, load_context(ingest_settings(settings), crosswalk))


def ingest_settings(settings: FixedSettings) -> IngestSettings:
    """What ingest of this deployment is given, except for the servers, on which no file depends."""
    return IngestSettings(
        kafka="",
        zone=settings.zone,
        currency=settings.currency,
        key=SecretStr(settings.key),
        identity_scheme=settings.identity_scheme,
        retention_profile=settings.retention_profile,
        policies=policies_here(),
        partners=partners_here(),
    )


def _file(partner: str) -> Path:
    return partners_here() / f"{partner}.toml"


def headers_of(mapping: PartnerMapping) -> tuple[tuple[str, bytes], ...]:
    """The headers of a record whose value is a line of a file; an envelope, if there is one, is in the line."""
    is_cloudevent = isinstance(mapping, NativeMapping) or (
        isinstance(mapping, JsonMapping) and mapping.envelope == "cloudevents"
    )
    return (("content-type", STRUCTURED.encode()),) if is_cloudevent else ()
