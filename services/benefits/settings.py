"""The settings of benefits: it has none beside those of every service."""

from __future__ import annotations

from pathlib import Path

from shared.settings import ServiceSettings


class BenefitsSettings(ServiceSettings):
    @property
    def table_file(self) -> Path:
        return self.policies / "benefits.toml"
