"""Postgres plumbing: pools whose every data-relevant default is stated, named SQL, and forward-only migrations."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Db: TypeAlias = asyncpg.Connection | PoolConnectionProxy
    DbOrPool: TypeAlias = Db | asyncpg.Pool
else:
    Db = DbOrPool = object

SERVER_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # A commit is on disk before the outbox is sent; anything less can take back what subscribers have seen.
        "synchronous_commit": "on",
        # A stopped process (a zombie) would hold its shard's row lock for ever, and its successor would wait for ever.
        "idle_in_transaction_session_timeout": "5000",
        # The successor of a zombie tries again rather than waiting longer than the zombie's transaction may live.
        "lock_timeout": "10000",
        "statement_timeout": "60000",
        # Calendar rules use the policy's zone; a session's zone must never decide a date.
        "timezone": "UTC",
    }
)


_ANSWERED_WITHIN_S = 5.0
"""A pooler lets a client in also while Postgres is away, and has its first question wait. Whoever starts has to say
within seconds what it waits for."""


class SessionSettingsError(asyncpg.InterfaceError):
    """A session behind a pooler lacks a setting that its role should give it."""


async def open_pool(dsn: str, service: str, *, connections_max: int, pooled: bool = False) -> asyncpg.Pool:
    """A pool whose connections see the service's own schema and nothing else.

    `pooled`: something is in between that gives each transaction another session of the server, such as PgBouncer in
    transaction mode. It passes no settings on, so sessions must have them from their role (`provision`).
    """
    if pooled:
        between: dict[str, Any] = {
            "server_settings": {"application_name": service},
            # A statement that was prepared is known in one session only.
            "statement_cache_size": 0,
            "init": partial(_verify, service),
        }
    else:
        own = {**SERVER_SETTINGS, "search_path": service, "application_name": service}
        between = {"server_settings": own}
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=connections_max,
        timeout=10,
        # Above the statement timeout: what the server ends belongs to a statement, what the client ends to the server.
        command_timeout=70,
        # Nothing here changes a session. The library rolls back what is open in any case; what it would send besides,
        # to undo settings and locks, costs each step a trip to the server, and meets any session behind a pooler.
        reset=_leave_as_it_is,
        **between,
    )
    assert pool is not None
    return pool


async def begin_anew(pool: asyncpg.Pool, error: BaseException) -> None:
    """After what Postgres has said no session that is open now is used again. Each keeps for good the state in which it
    began, such as a database that took no writes at that time."""
    if isinstance(error, asyncpg.PostgresError):
        await pool.expire_connections()


_LOGIN_REFUSED = "28"
"""Class of SQLSTATE: invalid authorization specification."""


async def knock(dsn: str) -> None:
    """Log in with a connection of its own and close it again, since those of a pool outlast a password that has
    changed and a certificate that has ended.

    Raises only what says that one side is not who it should be. Whether the server is there at all is another question,
    which the connections of the pool answer.
    """
    try:
        db = await asyncpg.connect(dsn, timeout=_ANSWERED_WITHIN_S)
    except ssl.SSLCertVerificationError:
        raise
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_LOGIN_REFUSED):
            raise
    except (OSError, TimeoutError, asyncpg.InterfaceError):
        pass
    else:
        await db.close(timeout=_ANSWERED_WITHIN_S)


async def _leave_as_it_is(_: Db) -> None: ...


async def _verify(service: str, db: Db) -> None:
    """Raises SessionSettingsError; and TimeoutError, where the pooler waits for Postgres. A session of another role, or
    from before its role was provisioned, has others."""
    names = "select lower(name), setting from pg_settings where lower(name) = any ($1)"
    wanted = {**SERVER_SETTINGS, "search_path": service}
    try:
        rows = await db.fetch(names, list(wanted), timeout=_ANSWERED_WITHIN_S)
    except TimeoutError:
        # Closed in good order it would wait until the pooler has answered that the question is taken back.
        db.terminate()
        raise
    found: dict[str, str] = {row[0]: row[1] for row in rows}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise SessionSettingsError(
                f"{name} is {found.get(name)} behind the pooler, not {value}: run goodstanding migrate, then have the "
                "pooler open its connections again"
            )


_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def queries(path: Path) -> Mapping[str, str]:
    """The statements of a .sql file by their `-- name:` lines."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return MappingProxyType(dict(zip(parts[1::2], (sql.strip() for sql in parts[2::2]), strict=True)))


class MigrationError(Exception):
    """A migration that was already applied has been edited; write a new one instead."""


def scram_verifier(password: str, salt: bytes, iterations: int = 4096) -> str:
    """What Postgres keeps of a password (RFC 5803), so that the statement which sets it, and whatever logs that, has
    nothing to log in with. Raises ValueError for a password that would have to be normalized first."""
    if not (password.isascii() and password.isprintable()):
        raise ValueError("A role's password has printable ASCII characters only.")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *encoded)


async def provision(admin: Db, service: str, password: str) -> None:
    """Create or refresh a service's role and schema: it owns that schema and may see nothing else.

    Needs a connection that may create roles. The names are ours, never a user's input.
    """
    async with admin.transaction():
        await _ensure_role(admin, service, password)
        # Creating a schema for a role needs membership in it, which a superuser has and a hosted admin may not.
        await admin.execute(f"grant {service} to current_user")
        await admin.execute(f"create schema if not exists {service} authorization {service}")
        # A pooler passes no settings of ours on, so the role has them. They are ours, and hold no quote.
        for name, value in {**SERVER_SETTINGS, "search_path": service}.items():
            await admin.execute(f"alter role {service} set {name} = '{value}'")
        database = await admin.fetchval("select quote_ident(current_database())")
        await admin.execute(f"revoke all on database {database} from public")
        await admin.execute("revoke all on schema public from public")
        await admin.execute(f"grant connect on database {database} to {service}")


async def provision_monitor(admin: Db, name: str, password: str) -> None:
    """Create or refresh the role of programs that watch the server: it sees statistics, and no table of anybody's."""
    async with admin.transaction():
        await _ensure_role(admin, name, password)
        await admin.execute(f"grant pg_monitor to {name}")
        database = await admin.fetchval("select quote_ident(current_database())")
        await admin.execute(f"grant connect on database {database} to {name}")


async def _ensure_role(admin: Db, name: str, password: str) -> None:
    verifier = scram_verifier(password, secrets.token_bytes(16))
    quoted = str(await admin.fetchval("select quote_literal($1::text)", verifier))
    await admin.execute("select pg_advisory_xact_lock(hashtext('goodstanding provision'))")
    if not await admin.fetchval("select 1 from pg_roles where rolname = $1", name):
        await admin.execute(f"create role {name} login")
    await admin.execute(f"alter role {name} with login password {quoted}")


def migration_files(directories: Sequence[Path]) -> list[Path]:
    """The migrations of these directories, in the order in which they are applied."""
    return [file for directory in directories for file in sorted(directory.glob("*.sql"))]


def migration_name(file: Path) -> str:
    """What the database calls the migration in this file."""
    return f"{file.parent.parent.name}/{file.name}"


async def applied(db: Db) -> list[str]:
    """The names of the migrations that the database has; none where nothing was ever applied."""
    if await db.fetchval("select to_regclass('migration')") is None:
        return []
    return [row["name"] for row in await db.fetch("select name from migration order by name")]


async def migrate(db: Db, directories: Sequence[Path]) -> list[str]:
    """Apply the .sql files that are not applied yet, in order, all or nothing; returns their names.

    Raises MigrationError when an applied file has changed since.
    """
    async with db.transaction():
        await db.execute("select pg_advisory_xact_lock(hashtext(current_schema() || ' migrate'))")
        await db.execute("create table if not exists migration (name text primary key, sha256 text not null)")
        before = {row["name"]: row["sha256"] for row in await db.fetch("select name, sha256 from migration")}
        fresh = []
        for path in migration_files(directories):
            text = path.read_text(encoding="utf-8")
            name, digest = migration_name(path), hashlib.sha256(text.encode()).hexdigest()
            if name not in before:
                await db.execute(text)
                await db.execute("insert into migration (name, sha256) values ($1, $2)", name, digest)
                fresh.append(name)
            elif before[name] != digest:
                raise MigrationError(f"{name} was applied in another form; put the change into a new file")
        return fresh
