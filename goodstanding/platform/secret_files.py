"""Secrets as files, one directory for each who may read it: how containers get theirs.

operator/       services/deployment.json (everything), pgpass (the administrator's), kafka-password, ca.pem
authority/      ca.key, ca.pem: who signs the servers' certificates; next.key of another authority that was announced
administrator/  a file for each of Kafka's users, with its password; administrator.pem, a certificate; ca.pem
kafka/          broker.pem, ca.pem
postgres/       password (the administrator's), server.pem, ca.pem
monitor/        monitor.pem, a certificate; postgres-password, of the role that sees statistics only; ca.pem
ingest/         goodstanding_key
retention/      goodstanding_fingerprint_key
scorer/         goodstanding_fingerprint_key
benefits/       goodstanding_fingerprint_key
portal/         goodstanding_fingerprint_key, goodstanding_portal_key; where there is a portal
<service>/      pgpass (of the service's own role), kafka-password, ca.pem
subscriber/     kafka-password, ca.pem
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings, read_settings
from goodstanding.platform.kafka_users import PASSWORDS, kept_password
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import Addresses
from goodstanding.platform.servers.kafka_security import ADMINISTRATOR, BROKER
from shared.contracts.rights import MONITOR, OPERATOR, SUBSCRIBER, principal_of, principals
from shared.contracts.topics import PORTAL

if TYPE_CHECKING:
    from goodstanding.platform.certificates import Step

_ADMINISTRATOR = "postgres"
_READABLE = 0o444
"""A server reads its files as another user than the one who writes them; nobody else mounts that directory."""
PORTAL_PORT = 8080
"""In containers, where no other process has a port."""
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_NOBODY: Mapping[str, str] = MappingProxyType({})


def write_secret_files(
    directory: Path,
    postgres: str,
    kafka: str,
    partners: Sequence[str],
    *,
    portal: bool = False,
    postgres_apart: Mapping[str, str] = _NOBODY,
    authority: Step | None = None,
) -> bool:
    """Make all secrets, or put back those of a reader whose directory was lost. Returns whether they were made now.

    Those of Postgres and of the pseudonyms come from `operator/`, where nothing is ever replaced: both must keep the
    secrets that they were set up with. With `portal` those of a portal are added where there was none. Those of Kafka
    can be made again at any time, because each start of the platform tells Kafka the passwords. `postgres` and `kafka`
    are `host:port`; so is `postgres_apart` of each service that has a server of its own. With `authority` a step is
    taken to another authority first (`change_authority`).
    """
    if authority:
        from goodstanding.platform import certificates

        certificates.change_authority(directory / "authority", authority)
    settings = read_settings(directory / "operator" / "services")
    made = settings is None
    settings = (settings or FixedSettings.new()).with_monitor()
    if portal:
        settings = settings.with_portal(PORTAL_PORT)
    servers = Addresses(kafka="", postgres=postgres, postgres_apart=postgres_apart)
    administrators = _administrators(directory / "operator" / "pgpass", postgres, postgres_apart.values())
    write_private(directory / "operator" / "pgpass", _of_operator(servers, settings, administrators))
    Deployment.create(directory / "operator" / "services", Addresses(kafka="", postgres=""), settings)
    # The administrator's container mounts the passwords of Kafka's users there.
    (directory / "operator" / "services" / PASSWORDS).mkdir(mode=0o700, exist_ok=True)
    _write_for_server(directory / "postgres" / "password", administrators[postgres].encode())
    write_private(directory / "ingest" / "goodstanding_key", settings.key.encode())
    for service in settings.stateful:
        write_private(directory / service / "goodstanding_fingerprint_key", settings.fingerprint_key.encode())
        its_own = _pgpass(servers.postgres_of(service), {service: settings.passwords[service]})
        write_private(directory / service / "pgpass", its_own.encode())
    if settings.portal_key:
        write_private(directory / PORTAL / "goodstanding_portal_key", settings.portal_key.encode())
    _write_for_server(directory / MONITOR / "postgres-password", settings.passwords[MONITOR].encode())
    _write_certificates(directory, list(administrators), kafka, settings.services)
    _write_kafka_passwords(directory, partners, settings.services)
    return made


def _write_certificates(directory: Path, postgres: Sequence[str], kafka: str, services: Sequence[str]) -> None:
    """Of Kafka, of each Postgres, and of Kafka's administrator, who makes the users before any of them can log in."""
    from goodstanding.platform import certificates

    authority = directory / "authority"
    certificates.ensure_authority(authority)
    # Kafka takes whoever has its broker's certificate for the broker, so that name is no other server's.
    servers = (("kafka", "broker.pem", [kafka], BROKER), ("postgres", "server.pem", postgres, "postgres"))
    for server, file, addresses, common_name in servers:
        hosts = [address.rpartition(":")[0] for address in addresses]
        names, certificate = [*hosts, *_THIS_MACHINE], directory / server / file
        certificates.ensure_certificate(authority, certificate, names, common_name=common_name)
        certificate.chmod(_READABLE)
    its_own = directory / "administrator" / "administrator.pem"
    certificates.ensure_certificate(authority, its_own, [ADMINISTRATOR], common_name=ADMINISTRATOR)
    monitor = directory / "monitor" / "monitor.pem"
    certificates.ensure_certificate(authority, monitor, [MONITOR], common_name=principal_of(MONITOR))
    monitor.chmod(_READABLE)
    ca = (authority / certificates.CA).read_bytes()
    for reader in ("operator", "administrator", "subscriber", *services):
        write_private(directory / reader / certificates.CA, ca)
    for reader in ("kafka", "postgres", "monitor"):
        _write_for_server(directory / reader / certificates.CA, ca)


def _write_kafka_passwords(directory: Path, partners: Sequence[str], services: Sequence[str]) -> None:
    users = directory / "administrator"
    for user in (ADMINISTRATOR, *principals(partners)):
        kept_password(users / user)
    for reader in (OPERATOR, SUBSCRIBER, *services):
        write_private(directory / reader / "kafka-password", kept_password(users / principal_of(reader)).encode())


def _write_for_server(path: Path, content: bytes) -> None:
    write_private(path, content)
    path.chmod(_READABLE)


def _administrators(pgpass: Path, postgres: str, apart: Iterable[str]) -> dict[str, str]:
    """The administrator's password by the server's address: those in the file, and new ones for other servers."""
    lines = pgpass.read_text().splitlines() if pgpass.exists() else []
    fields = [line.split(":") for line in lines]
    kept = {f"{host}:{port}": password for host, port, _, role, password in fields if role == _ADMINISTRATOR}
    # The common server may have another address than when its password was made.
    common = kept.get(postgres) or next(iter(kept.values()), None)
    found = {postgres: common, **{address: kept.get(address) for address in apart if address != postgres}}
    return {address: password or secrets.token_urlsafe(24) for address, password in found.items()}


def _of_operator(servers: Addresses, settings: FixedSettings, administrators: Mapping[str, str]) -> bytes:
    """Of each server the passwords of its administrator, of the services that it has, and of whoever watches it."""
    services_of = {servers.postgres: [], **servers.by_postgres(settings.stateful)}
    return "".join(
        _pgpass(
            address,
            {
                _ADMINISTRATOR: administrators[address],
                **{role: settings.passwords[role] for role in (*services, MONITOR)},
            },
        )
        for address, services in services_of.items()
    ).encode()


def _pgpass(postgres: str, passwords: Mapping[str, str]) -> str:
    """The lines of a password file (https://www.postgresql.org/docs/current/libpq-pgpass.html)."""
    return "".join(f"{postgres}:*:{role}:{password}\n" for role, password in passwords.items())
