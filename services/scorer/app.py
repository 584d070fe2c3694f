"""The scorer's process: `python -m services.scorer.app`. Nothing but wiring."""

from __future__ import annotations

import sys

from services.scorer.service import scorer
from services.scorer.settings import ScorerSettings
from shared.runner.process import run
from shared.settings import SettingsError, from_environment
from shared.toml_file import ConfigError


def main() -> None:
    try:
        settings = from_environment(ScorerSettings)
        service = scorer(settings)
    except (ConfigError, SettingsError) as error:
        sys.exit(f"scorer: {error}")
    run(service, settings)


if __name__ == "__main__":
    main()
