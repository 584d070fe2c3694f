"""Settings of retention, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field

from shared.settings import HexKey, StatefulSettings


class RetentionSettings(StatefulSettings):
    retention_profile: str = Field(
        "cn", pattern="^[a-z0-9-]+$", description="policies/retention/<profile>.toml: how long records stay."
    )
    fingerprint_key: HexKey = Field(
        description="Key of what stays of lapsed records, in hexadecimal characters; never rotated, part of the backup."
    )
