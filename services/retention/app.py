"""retention, wired together: `python -m services.retention.app`."""

from __future__ import annotations

import sys

from services.retention.service import load_profile, service
from services.retention.settings import RetentionSettings
from shared.runner.process import run
from shared.settings import SettingsError, from_environment
from shared.toml_file import ConfigError


def main() -> None:
    try:
        settings = from_environment(RetentionSettings)
        profile = load_profile(settings.profile_file)
    except (ConfigError, SettingsError) as error:
        sys.exit(f"retention: {error}")
    run(service(profile, settings.fingerprint_key_bytes), settings)


if __name__ == "__main__":
    main()
