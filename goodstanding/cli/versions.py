"""`--version`: the release, the policies that it would work by, and the schemas that it expects.

All of it is read from files, so that it can be asked where nothing runs, and sent along with a question.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from goodstanding.platform.deployment import migrations
from goodstanding.platform.fixed_settings import STATEFUL
from services.benefits.loading import tier_tables
from services.scorer.loading import scorecards
from shared import postgres
from shared.settings import policies_here
from shared.toml_file import ConfigError


def lines(name: str) -> Iterator[str]:
    yield f"{name} {version(name)} (Python {platform.python_version()})"
    yield f"policies  {_policies()}"
    for service in STATEFUL:
        *_, newest = (postgres.migration_name(file) for file in postgres.migration_files(migrations(service)))
        yield f"schema    {service} {newest}"


def _policies() -> str:
    """With a hash of what each says, as in metrics and scores; a fault must not keep anybody from the other lines."""
    try:
        cards = [each.id for each in scorecards(policies_here())]
        return ", ".join([*cards, *(each.id for each in tier_tables(policies_here()))])
    except ConfigError as error:
        return f"cannot be used: {error}"
