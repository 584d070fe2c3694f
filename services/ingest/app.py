"""The process of ingest: `python -m services.ingest.app`. Nothing but wiring."""

from __future__ import annotations

from shared.imports import importing

with importing():
    from services.ingest.reloading import PartnerFiles
    from services.ingest.service import NAME
    from services.ingest.settings import IngestSettings
    from shared.runner.process import start


def main() -> None:
    start(NAME, IngestSettings, lambda settings: PartnerFiles.load(settings).service)


if __name__ == "__main__":
    main()
