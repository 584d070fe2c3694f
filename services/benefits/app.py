"""The process of benefits: `python -m services.benefits.app`. Nothing but wiring."""

from __future__ import annotations

from shared.imports import importing

with importing():
    from services.benefits.loading import load
    from services.benefits.service import NAME, service
    from services.benefits.settings import BenefitsSettings
    from shared.runner.process import start


def main() -> None:
    start(NAME, BenefitsSettings, lambda settings: service(load(settings)))


if __name__ == "__main__":
    main()
