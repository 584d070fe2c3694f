"""Settings of benefits: it has none beside those of every service with state."""

from __future__ import annotations

from shared.settings import StatefulSettings


class BenefitsSettings(StatefulSettings):
    pass
