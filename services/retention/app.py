"""The process of retention: `python -m services.retention.app`. Nothing but wiring."""

from __future__ import annotations

from shared.imports import importing

with importing():
    from services.retention.loading import load
    from services.retention.service import NAME, service
    from services.retention.settings import RetentionSettings
    from shared.runner.process import start


def main() -> None:
    start(NAME, RetentionSettings, lambda settings: service(load(settings)))


if __name__ == "__main__":
    main()
