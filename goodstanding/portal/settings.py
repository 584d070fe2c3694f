"""Settings of the portal, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from shared.contracts.identity import SchemeName
from shared.settings import HexKey, StatefulSettings


class PortalSettings(StatefulSettings):
    portal_host: str = Field("127.0.0.1", description="Address of the portal itself.")
    portal_port: int = Field(0, ge=0, le=65535, description="Port of the portal itself; 0 takes a free one.")
    portal_url: str = Field(
        "", description="How browsers reach it, `https://...` outside of one machine; empty for its own address."
    )
    fingerprint_key: HexKey = Field(
        description="Key of what stays of people who were erased, as for retention; never rotated, part of the backup."
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
    login_issuer: str = Field(
        "",
        pattern=r"^(https://\S+|http://(localhost|127\.0\.0\.1)(:\d+)?(/\S*)?)?$",
        description="The OpenID provider by which people log in, as it names itself; empty where nobody does.",
    )
    login_client: str = Field("", description="What the provider calls the portal (`client_id`).")
    login_secret: SecretStr | None = Field(None, description="The portal's secret there, where it has one.")
    login_scope: str = Field("openid", pattern=r"^openid( \S+)*$", description="What is asked for, `openid` first.")
    login_claim: str = Field("sub", min_length=1, description="The claim that says who it is.")
    key: HexKey | None = Field(
        None,
        description="Key of the pseudonyms, as for ingest, where that claim is an identifier of "
        "`GOODSTANDING_IDENTITY_SCHEME`; without it the claim is a user_id.",
    )

    @model_validator(mode="after")
    def _login_is_whole(self) -> PortalSettings:
        if self.login_issuer and not (self.login_client and self.portal_url):
            raise ValueError(
                "whoever sets GOODSTANDING_LOGIN_ISSUER sets GOODSTANDING_LOGIN_CLIENT and _PORTAL_URL too"
            )
        return self
