"""The scorer's process: `python -m services.scorer.app`. Nothing but wiring."""

from __future__ import annotations

import sys

from services.scorer.service import scorer
from services.scorer.settings import ScorerSettings
from shared.runner.process import run
from shared.toml_file import ConfigError


def main() -> None:
    settings = ScorerSettings()
    try:
        service = scorer(settings)
    except ConfigError as error:
        sys.exit(f"scorer: {error}")
    run(service, settings)


if __name__ == "__main__":
    main()
