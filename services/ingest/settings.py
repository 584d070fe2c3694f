"""Settings of ingest, besides those of every service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.contracts.identity import KEY_BYTES_MIN
from shared.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """What bears on how a partner's event is read; all of it is one for the whole deployment."""

    # A key that is refused must not be in the message that says so.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    key: SecretStr = Field(description="Key of the pseudonyms, in hexadecimal characters; never rotated.")
    identity_scheme: Literal["account", "cn-resident-id"] = Field(
        "account", description="The common scheme by which all partners name a person."
    )
    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml: where behavior ends."
    )

    @field_validator("key")
    @classmethod
    def _key_is_strong(cls, key: SecretStr) -> SecretStr:
        try:
            length = len(bytes.fromhex(key.get_secret_value()))
        except ValueError:
            raise ValueError("the key must be hexadecimal characters") from None
        if length < KEY_BYTES_MIN:
            raise ValueError(f"the key has {length} bytes; it needs at least {KEY_BYTES_MIN}")
        return key
