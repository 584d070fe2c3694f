"""How each service starts: its settings, the files that it works by, the service, and the process that runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from shared.runner.process import run
from shared.runner.service import Service
from shared.settings import ServiceSettings, SettingsError, from_environment
from shared.toml_file import ConfigError

S = TypeVar("S", bound=ServiceSettings)


def start(name: str, settings: type[S], service: Callable[[S], Service]) -> None:
    """Run the service that follows from the environment, until SIGTERM or SIGINT.

    `service` may raise ConfigError. For settings or files that cannot be used the process ends with one sentence.
    """
    try:
        given = from_environment(settings)
        built = service(given)
    except (ConfigError, SettingsError) as error:
        sys.exit(f"{name}: {error}")
    run(built, given)
