"""The process of ingest: `python -m services.ingest.app`. Nothing but wiring."""

from __future__ import annotations

from services.ingest.loading import load
from services.ingest.service import NAME, service
from services.ingest.settings import IngestSettings
from shared.runner.process import start


def main() -> None:
    start(NAME, IngestSettings, lambda settings: service(load(settings)))


if __name__ == "__main__":
    main()
