"""`python -m deploy.settings write | check`: docs/settings.md, made from the settings classes of the services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from goodstanding.portal.settings import PortalSettings
from services.benefits.settings import BenefitsSettings
from services.ingest.settings import IngestSettings
from services.retention.settings import RetentionSettings
from services.scorer.settings import ScorerSettings
from shared.made_file import keep
from shared.settings import ROOT, DeploymentSettings, KafkaSettings, ServiceSettings, StatefulSettings

FILE = ROOT / "docs" / "settings.md"

_SERVICES: dict[str, type[ServiceSettings]] = {
    "ingest": IngestSettings,
    "scorer": ScorerSettings,
    "retention": RetentionSettings,
    "benefits": BenefitsSettings,
    "the portal": PortalSettings,
}
_HEAD = """\
# Settings

<!-- written by python -m deploy.settings write -->

Every service reads its settings from the environment, as `GOODSTANDING_<NAME>`. A secret may also be a file of the same
name in lower case below `/run/secrets`. `goodstanding local up` sets all of them for the services that it starts. When
a platform is set up for the first time, it takes `GOODSTANDING_ZONE`, `GOODSTANDING_CURRENCY`,
`GOODSTANDING_IDENTITY_SCHEME`, `GOODSTANDING_RETENTION_PROFILE` and the two keys from its own environment. They hold
for good from then on: with another zone, currency, scheme or key the same events would mean something else. It takes
`GOODSTANDING_CLOCK` as well, which is `loading` until [the past is closed](loading.md). With compose, the file `.env`
beside `docker-compose.yml` says these for all of its containers; the two keys are made there.

Scoring, tiers, deadlines and partners are no settings but files: `policies/` and `partners/`.
"""
_KAFKA = """\
The services read these, and so does the command line where it is given servers of its own.
"""
_TOOLS = """\
## The command line

| variable | default | what it is |
|---|---|---|
| `GOODSTANDING_HOME` | of this checkout | the directory of the local stack: data, secrets, logs |
| `GOODSTANDING_KAFKA`, `GOODSTANDING_POSTGRES` | the local stack's | servers to use instead, the second as the DSN \
of an administrator. With the first alone, `partner send` works as on a partner's own machine |
| `GOODSTANDING_POSTGRES_SCORER`, `_RETENTION`, `_BENEFITS`, `_PORTAL` | `GOODSTANDING_POSTGRES` | the same for a \
service whose Postgres is another one ([operations.md](operations.md#a-postgres-for-each-service)) |
| `GOODSTANDING_POSTGRES_PROGRAMS` | the installed package's, else Debian's | directory of `initdb` and `postgres` \
(15 or newer) for the local stack |
| `GOODSTANDING_POLICIES`, `GOODSTANDING_PARTNERS` | the installed ones | directories of policies and mappings, \
for commands as for services |
| `GOODSTANDING_REPLICATION_FACTOR` | as set up, else 1 | how many brokers keep a copy of each record, when a platform \
is set up; `goodstanding topics` makes topics so and says which exist otherwise, and `doctor` does too |
| `GOODSTANDING_COMMAND` | found out | how the command line is called, for the commands that it tells of |
"""


def page() -> str:
    return "\n".join(_parts())


def _parts() -> Iterator[str]:
    yield _HEAD
    yield "## How Kafka is reached\n"
    yield _KAFKA
    yield from _table(KafkaSettings.model_fields)
    yield "## Of the whole deployment\n"
    yield from _table(_own(DeploymentSettings, KafkaSettings))
    yield "## Of every process\n"
    yield from _table(_own(ServiceSettings, DeploymentSettings))
    yield "## Of every service with state: scorer, retention, benefits, the portal\n"
    yield from _table(_own(StatefulSettings, ServiceSettings))
    for service, settings in _SERVICES.items():
        if own := _own(settings, StatefulSettings):
            yield f"## Of {service}\n"
            yield from _table(own)
    yield _TOOLS.rstrip("\n") + "\n"


def _own(settings: type[KafkaSettings], base: type[KafkaSettings]) -> dict[str, FieldInfo]:
    return {name: field for name, field in settings.model_fields.items() if name not in base.model_fields}


def _table(fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield "| variable | default | what it is |\n|---|---|---|"
    for name, field in fields.items():
        assert field.description, f"{name} has no description"
        yield f"| `GOODSTANDING_{name.upper()}` | {_default(field)} | {field.description} |"
    yield ""


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "must be set"
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT)}/` of the installation"
    return f"`{value}`" if value != "" else "empty"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when all is well, 1 when the committed page is not the one that the classes make."""
    return keep("deploy.settings", FILE, page(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
