"""Postgres over TLS, whose server is believed by its certificate and name, and a password that changes in its file.

The local server has no TLS, so the test puts what speaks it in front, as a managed Postgres has a proxy in front.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from goodstanding.platform import certificates
from shared.postgres import SessionSettingsError, knock, open_pool, provision, provision_monitor

_ASKS_FOR_TLS = bytes([0, 0, 0, 8, 4, 210, 22, 47])
_ROLE, _POOLED = "tls_guest", "pooled_guest"
_WATCHES = "watches"


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    certificates.ensure_authority(tmp_path)
    certificates.ensure_certificate(tmp_path, tmp_path / "server.pem", ["localhost"], common_name="postgres")
    return tmp_path


@pytest.fixture
async def port(place: Path, postgres_dsn: str) -> AsyncIterator[int]:
    """Where TLS is spoken; behind it is the session's Postgres."""
    server = urlsplit(postgres_dsn)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "server.pem")
    passing: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(len(_ASKS_FOR_TLS)) != _ASKS_FOR_TLS:
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except (OSError, ssl.SSLError):
            return
        behind_reader, behind_writer = await asyncio.open_connection(server.hostname, server.port)
        for source, sink in ((reader, behind_writer), (behind_reader, writer)):
            task = asyncio.create_task(_pass_on(source, sink))
            passing.add(task)
            task.add_done_callback(passing.discard)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    for task in list(passing):
        task.cancel()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


@pytest.fixture
async def role(postgres_dsn: str, place: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A role whose password is in a file only; the file."""
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"create role {_ROLE} login password 'first'")
    await admin.execute(f"grant connect on database postgres to {_ROLE}")
    file = place / "pgpass"
    _write(file, port, "first")
    monkeypatch.setenv("PGPASSFILE", str(file))
    yield file
    await admin.execute(f"drop owned by {_ROLE}")
    await admin.execute(f"drop role {_ROLE}")
    await admin.close()


def _write(file: Path, port: int, password: str) -> None:
    file.touch(mode=0o600)
    file.write_text(f"*:{port}:*:{_ROLE}:{password}\n")


def _dsn(host: str, port: int, ca: Path) -> str:
    return f"postgres://{_ROLE}@{host}:{port}/postgres?sslmode=verify-full&sslrootcert={ca}"


async def test_a_server_is_believed_by_its_authority_and_name(role: Path, place: Path, port: int) -> None:
    pool = await open_pool(_dsn("localhost", port, place / "ca.pem"), _ROLE, connections_max=1)
    assert await pool.fetchval("select current_user") == _ROLE
    await pool.close()


async def test_a_server_under_another_name_is_not_believed(role: Path, place: Path, port: int) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        await open_pool(_dsn("127.0.0.1", port, place / "ca.pem"), _ROLE, connections_max=1)


async def test_a_server_of_another_authority_is_not_believed(role: Path, place: Path, port: int) -> None:
    certificates.ensure_authority(place / "theirs")
    dsn = _dsn("localhost", port, place / "theirs" / "ca.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        await open_pool(dsn, _ROLE, connections_max=1)
    with pytest.raises(ssl.SSLCertVerificationError):
        await knock(dsn)


async def test_a_server_that_is_away_is_not_one_that_refuses(place: Path, unused_tcp_port: int) -> None:
    await knock(_dsn("localhost", unused_tcp_port, place / "ca.pem"))


async def test_behind_a_pooler_a_session_has_its_settings_from_its_role_or_is_not_used(postgres_dsn: str) -> None:
    admin = await asyncpg.connect(postgres_dsn)
    await provision(admin, _POOLED, "secret")
    server = urlsplit(postgres_dsn)
    dsn = f"postgres://{_POOLED}:secret@{server.hostname}:{server.port}{server.path}"
    try:
        pool = await open_pool(dsn, _POOLED, connections_max=1, pooled=True)
        assert await pool.fetchval("show lock_timeout") == "10s"
        assert await pool.fetchval("show search_path") == _POOLED
        assert await pool.fetchval("select count(*) from pg_prepared_statements") == 0
        await pool.close()
        await admin.execute(f"alter role {_POOLED} reset idle_in_transaction_session_timeout")
        with pytest.raises(SessionSettingsError, match=r"idle_in_transaction_session_timeout is 0 .* not 5000"):
            await open_pool(dsn, _POOLED, connections_max=1, pooled=True)
    finally:
        await admin.execute(f"drop owned by {_POOLED}")
        await admin.execute(f"drop role {_POOLED}")
        await admin.close()


async def test_the_monitor_sees_statistics_and_no_table(postgres_dsn: str) -> None:
    admin = await asyncpg.connect(postgres_dsn)
    await provision(admin, _POOLED, "secret")
    await admin.execute(f"create table {_POOLED}.person (user_id bytea)")
    for _ in range(2):
        await provision_monitor(admin, _WATCHES, "secret")
    server = urlsplit(postgres_dsn)
    watching = await asyncpg.connect(f"postgres://{_WATCHES}:secret@{server.hostname}:{server.port}{server.path}")
    try:
        # What an ordinary role sees neither of: others' statements, and the size of the log.
        pid = await admin.fetchval("select pg_backend_pid()")
        assert "pg_backend_pid" in await watching.fetchval("select query from pg_stat_activity where pid = $1", pid)
        assert await watching.fetchval("select count(*) from pg_ls_waldir()") >= 1
        for statement in (f"select * from {_POOLED}.person", f"create table {_POOLED}.mine ()", "create schema mine"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await watching.execute(statement)
    finally:
        await watching.close()
        await admin.execute(f"drop table {_POOLED}.person")
        for role in (_POOLED, _WATCHES):
            await admin.execute(f"drop owned by {role}")
            await admin.execute(f"drop role {role}")
        await admin.close()


async def test_a_password_that_changed_in_its_file_is_used_by_the_next_connection(
    role: Path, place: Path, port: int, postgres_dsn: str
) -> None:
    dsn = _dsn("localhost", port, place / "ca.pem")
    pool = await open_pool(dsn, _ROLE, connections_max=1)
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"alter role {_ROLE} password 'second'")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", _ROLE)
    await admin.close()
    await pool.expire_connections()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await pool.fetchval("select 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await knock(dsn)
    _write(role, port, "second")
    await knock(dsn)
    assert await pool.fetchval("select current_user") == _ROLE
    await pool.close()
