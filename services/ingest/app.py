"""The composition root of ingest."""

from __future__ import annotations

import sys

from services.ingest.loading import load_deployment, load_partners
from services.ingest.service import service
from services.ingest.settings import IngestSettings
from shared.runner.commit_note import owner_of
from shared.runner.process import run
from shared.settings import SettingsError, from_environment
from shared.toml_file import ConfigError


def main() -> None:
    try:
        settings = from_environment(IngestSettings)
        partners = load_partners(settings.partners, load_deployment(settings))
    except (ConfigError, SettingsError) as error:
        sys.exit(f"ingest: {error}")
    run(service(partners, owner_of(bytes.fromhex(settings.key.get_secret_value()))), settings)


if __name__ == "__main__":
    main()
