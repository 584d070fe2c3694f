"""Settings of the portal, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.identity import SchemeName
from shared.settings import HexKey, StatefulSettings


class PortalSettings(StatefulSettings):
    portal_host: str = Field("127.0.0.1", description="Address of the portal itself.")
    portal_port: int = Field(0, ge=0, le=65535, description="Port of the portal itself; 0 takes a free one.")
    portal_url: str = Field(
        "", description="How browsers reach it, `https://...` outside of one machine; empty for its own address."
    )
    portal_key: HexKey = Field(
        description="Key that signs links and sessions, in hexadecimal characters; another one ends all of them."
    )
    portal_webhooks_private: bool = Field(
        False,
        description="Webhooks may go to this machine and private networks, and without TLS; for tests and demos only.",
    )
    identity_scheme: SchemeName = Field(
        "account", description="How all partners name a person, as for ingest; by it events over HTTP are judged."
    )
    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml, as for retention."
    )
