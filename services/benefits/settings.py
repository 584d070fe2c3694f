"""Settings of benefits, beside those of every service with state."""

from __future__ import annotations

from pydantic import Field

from shared.settings import HexKey, StatefulSettings


class BenefitsSettings(StatefulSettings):
    fingerprint_key: HexKey = Field(
        description="Key by which erased people are known again, in hexadecimal characters: that of retention."
    )
