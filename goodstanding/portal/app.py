"""The process of the portal: `python -m goodstanding.portal.app`. Nothing but wiring."""

from __future__ import annotations

from dataclasses import replace

from shared.imports import importing

with importing():
    from goodstanding.portal.feed.service import NAME, service
    from goodstanding.portal.policies import load
    from goodstanding.portal.settings import PortalSettings
    from goodstanding.portal.web.serving import answering
    from shared.runner.process import start
    from shared.runner.service import Service
    from shared.settings import key_bytes


def main() -> None:
    start(NAME, PortalSettings, _built)


def _built(settings: PortalSettings) -> Service:
    """Raises ConfigError."""
    policies = load(settings)
    return replace(
        service(settings.zone_info, key_bytes(settings.fingerprint_key)), also_runs=answering(settings, policies)
    )


if __name__ == "__main__":
    main()
