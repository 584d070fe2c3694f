"""The process of benefits: `python -m services.benefits.app`. Nothing but wiring."""

from __future__ import annotations

import sys

from services.benefits.service import read_table, service
from services.benefits.settings import BenefitsSettings
from shared.runner.process import run
from shared.toml_file import ConfigError


def main() -> None:
    settings = BenefitsSettings()
    try:
        table = read_table(settings.table_file)
    except ConfigError as error:
        sys.exit(f"benefits: {error}")
    run(service(table), settings)


if __name__ == "__main__":
    main()
