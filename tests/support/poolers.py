"""PgBouncers between the services of a process that tests and their Postgres."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.servers import process
from goodstanding.platform.servers.ports import free_ports
from goodstanding.platform.servers.process import Account, Command, Process

_SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = 6
max_client_conn = 200
unix_socket_dir =
# A Postgres that was away is tried again at once, as the services do.
server_login_retry = 1
"""


@dataclass
class Poolers:
    """One for each deployment that starts services: it has to know the passwords of their roles."""

    directory: Path
    running: dict[tuple[str, str], tuple[int, Process]] = field(default_factory=dict)

    def port(self, deployment: Deployment) -> int:
        server = urlsplit(deployment.addresses.postgres)
        key = (server.netloc, str(deployment.settings.passwords))
        if key not in self.running:
            self.running[key] = self._started(deployment)
        return self.running[key][0]

    def _started(self, deployment: Deployment) -> tuple[int, Process]:
        server, (listen,) = urlsplit(deployment.addresses.postgres), free_ports(1)
        place = self.directory / str(listen)
        place.mkdir()
        users, settings = place / "users", place / "pgbouncer.ini"
        users.write_text("".join(f'"{role}" "{each}"\n' for role, each in deployment.settings.passwords.items()))
        settings.write_text(_SETTINGS.format(host=server.hostname, port=server.port, listen=listen, users=users))
        # It refuses to be root.
        nobody = pwd.getpwnam("nobody")
        account = Account(nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else None
        command = Command([_program(), str(settings)], place, place / "log", account)
        return listen, process.spawn(command, attached=True)

    def end(self) -> None:
        for _, each in self.running.values():
            process.kill(each)


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise pytest.UsageError("--pgbouncer needs PgBouncer: apt install pgbouncer")
    return found


@contextlib.contextmanager
def pooled() -> Iterator[None]:
    """Until the end of the block each service that a deployment starts gets to Postgres through a PgBouncer."""
    directory = Path(tempfile.mkdtemp(prefix="goodstanding-pgbouncer-"))
    directory.chmod(0o755)
    poolers, environment = Poolers(directory), Deployment.environment

    def through_it(self: Deployment, service: str) -> Mapping[str, str]:
        found = dict(environment(self, service))
        if dsn := found.get("GOODSTANDING_POSTGRES"):
            split = urlsplit(dsn)
            login = split.netloc.rpartition("@")[0]
            through = split._replace(netloc=f"{login}@127.0.0.1:{poolers.port(self)}")
            found |= {"GOODSTANDING_POSTGRES": urlunsplit(through), "GOODSTANDING_POSTGRES_POOLED": "true"}
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Deployment, "environment", through_it)
        try:
            yield
        finally:
            poolers.end()
            shutil.rmtree(directory)
