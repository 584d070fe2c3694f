"""Settings of retention, beside those of every service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

FINGERPRINT_KEY_BYTES_MIN = 32


class RetentionSettings(ServiceSettings):
    # An error would quote the key.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml: how long records stay."
    )
    fingerprint_key: SecretStr = Field(
        description="Key of what stays of lapsed records, in hexadecimal characters; never rotated, part of the backup."
    )

    @field_validator("fingerprint_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        try:
            given = bytes.fromhex(key.get_secret_value())
        except ValueError:
            # Not chained: the message of the original quotes the text.
            raise ValueError("the key is not written in hexadecimal characters") from None
        if len(given) < FINGERPRINT_KEY_BYTES_MIN:
            raise ValueError(f"the key has {len(given)} bytes; it needs at least {FINGERPRINT_KEY_BYTES_MIN}")
        return key

    @property
    def fingerprint_key_bytes(self) -> bytes:
        return bytes.fromhex(self.fingerprint_key.get_secret_value())

    @property
    def profile_file(self) -> Path:
        return self.policies / "retention" / f"{self.retention_profile}.toml"
