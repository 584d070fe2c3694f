"""Settings of ingest, beside those of every service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.settings import HexKey, ServiceSettings


class IngestSettings(ServiceSettings):
    """What bears on how a partner's event is read; all of it is one for the whole deployment."""

    key: HexKey = Field(description="Key of the pseudonyms, in hexadecimal characters; never rotated.")
    identity_scheme: Literal["account", "cn-resident-id"] = Field(
        "account", description="The common scheme by which all partners name a person."
    )
    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml: where behavior ends."
    )
