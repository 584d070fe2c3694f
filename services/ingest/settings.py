"""Settings of ingest, beside those of every service."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.identity import SchemeName
from shared.settings import HexKey, ServiceSettings


class IngestSettings(ServiceSettings):
    """What bears on how a partner's event is read; all of it is one for the whole deployment."""

    key: HexKey = Field(description="Key of the pseudonyms, in hexadecimal characters; never rotated.")
    identity_scheme: SchemeName = Field(
        "account",
        description="How all partners name a person: account, email, phone or a national id (decision 0027).",
    )
    schema_registry: str | None = Field(
        None, description="A schema registry with the Confluent API, for mappings that say `registry = true`."
    )
    crosswalk_wait_s: float = Field(
        10,
        ge=0,
        le=300,
        description="How long an event waits for the entry of its customer number; others wait behind it.",
    )
    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml: where behavior ends."
    )
