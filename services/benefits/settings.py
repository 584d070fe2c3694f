"""Settings of benefits: it has none beside those of every service."""

from __future__ import annotations

from shared.settings import ServiceSettings


class BenefitsSettings(ServiceSettings):
    pass
