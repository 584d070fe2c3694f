"""The process of benefits: `python -m services.benefits.app`. Nothing but wiring."""

from __future__ import annotations

import sys

from services.benefits.service import read_table, service
from services.benefits.settings import BenefitsSettings
from shared.runner.process import run
from shared.settings import SettingsError, from_environment
from shared.toml_file import ConfigError


def main() -> None:
    try:
        settings = from_environment(BenefitsSettings)
        table = read_table(settings.table_file)
    except (ConfigError, SettingsError) as error:
        sys.exit(f"benefits: {error}")
    run(service(table), settings)


if __name__ == "__main__":
    main()
