"""The process of the scorer: `python -m services.scorer.app`. Nothing but wiring."""

from __future__ import annotations

from shared.imports import importing

with importing():
    from services.scorer.loading import load
    from services.scorer.service import NAME, service
    from services.scorer.settings import ScorerSettings
    from shared.runner.process import start


def main() -> None:
    start(NAME, ScorerSettings, lambda settings: service(load(settings)))


if __name__ == "__main__":
    main()
