"""Secrets as files, one directory for each who may read it: how containers get theirs.

operator/    services/deployment.json (everything), pgpass (the administrator's)
postgres/    password (the administrator's)
ingest/      goodstanding_key
retention/   goodstanding_fingerprint_key
scorer/      goodstanding_fingerprint_key
<service>/   pgpass (of the service's own role)
"""

from __future__ import annotations

import secrets
from pathlib import Path

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings, read_settings
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import Addresses

_ADMINISTRATOR = "postgres"
_READABLE = 0o444
"""Postgres reads its password as another user than the one who writes it; nobody else mounts that directory."""


def write_secret_files(directory: Path, postgres: str) -> bool:
    """Make all secrets, or put back those of a reader whose directory was lost. Returns whether they were made now.

    All come from `operator/`, which is never overwritten: Postgres and the pseudonyms must keep the secrets that they
    were set up with. `postgres` is `host:port`.
    """
    settings = read_settings(directory / "operator" / "services")
    made = settings is None
    settings = settings or FixedSettings.new()
    administrator = _administrator(directory / "operator" / "pgpass") or secrets.token_urlsafe(24)
    passwords = {_ADMINISTRATOR: administrator, **settings.passwords}
    write_private(directory / "operator" / "pgpass", _pgpass(postgres, passwords))
    Deployment.create(directory / "operator" / "services", Addresses(kafka="", postgres=""), settings)
    password = directory / "postgres" / "password"
    write_private(password, administrator.encode())
    password.chmod(_READABLE)
    write_private(directory / "ingest" / "goodstanding_key", settings.key.encode())
    for service in ("retention", "scorer"):
        write_private(directory / service / "goodstanding_fingerprint_key", settings.fingerprint_key.encode())
    for service in STATEFUL:
        write_private(directory / service / "pgpass", _pgpass(postgres, {service: settings.passwords[service]}))
    return made


def _administrator(pgpass: Path) -> str | None:
    if not pgpass.exists():
        return None
    fields = [line.split(":") for line in pgpass.read_text().splitlines()]
    return next(password for *_, role, password in fields if role == _ADMINISTRATOR)


def _pgpass(postgres: str, passwords: dict[str, str]) -> bytes:
    """The lines of a password file (https://www.postgresql.org/docs/current/libpq-pgpass.html)."""
    return "".join(f"{postgres}:*:{role}:{password}\n" for role, password in passwords.items()).encode()
