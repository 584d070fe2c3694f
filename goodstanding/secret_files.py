"""Secrets as files, one directory for each who may read it: how containers get theirs.

operator/    services/deployment.json (everything), pgpass (the administrator's)
postgres/    password (the administrator's)
ingest/      goodstanding_key
<service>/   pgpass (of the service's own role)
"""

from __future__ import annotations

import secrets
from pathlib import Path

from goodstanding.deployment import STATEFUL, Deployment, Settings, read_settings
from goodstanding.files import write_private
from goodstanding.local import Addresses

_READABLE = 0o444
"""Postgres reads its password as another user than the one who writes it; nobody else mounts that directory."""


def write_secret_files(place: Path, postgres: str) -> bool:
    """Make all secrets, unless they are there; false if they were. `postgres` is `host:port`.

    The last file written is the one that is looked for, so that a first start that was cut off is done again. Once
    Postgres has been set up with a password it must keep it, so files that are whole are never written anew.
    """
    operator = place / "operator" / "services"
    if read_settings(operator) is not None:
        return False
    settings, administrator = Settings.new(), secrets.token_urlsafe(24)
    password = place / "postgres" / "password"
    write_private(password, administrator.encode())
    password.chmod(_READABLE)
    write_private(place / "operator" / "pgpass", _pgpass(postgres, {"postgres": administrator, **settings.passwords}))
    write_private(place / "ingest" / "goodstanding_key", settings.key.encode())
    write_private(place / "retention" / "goodstanding_fingerprint_key", settings.fingerprint_key.encode())
    for service in STATEFUL:
        write_private(place / service / "pgpass", _pgpass(postgres, {service: settings.passwords[service]}))
    Deployment.create(operator, Addresses(kafka="", postgres=""), settings)
    return True


def _pgpass(postgres: str, passwords: dict[str, str]) -> bytes:
    """The lines of a password file (https://www.postgresql.org/docs/current/libpq-pgpass.html)."""
    return "".join(f"{postgres}:*:{role}:{password}\n" for role, password in passwords.items()).encode()
