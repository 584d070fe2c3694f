"""Real servers for the tests: those named in the environment, else containers on request, else the local stack.

A server that cannot be had is an error, never a skipped test.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from goodstanding.local import Addresses, LocalStack, kafka

_CHOICES = ("local", "containers")
_POSTGRES_IMAGE = "postgres:18"
_KAFKA_IMAGE = f"apache/kafka:{kafka.VERSION}"
_KAFKA_PORT = 9092
_STARTUP_TIMEOUT_S = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=_CHOICES,
        help="where servers come from that GOODSTANDING_KAFKA and GOODSTANDING_POSTGRES do not name; "
        "default: GOODSTANDING_TEST_SERVERS, else local",
    )


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """The bootstrap address of an Apache Kafka, without security, that every test of the session shares."""
    if named := os.environ.get("GOODSTANDING_KAFKA"):
        return named
    if _in_containers(request.config):
        address: str = request.getfixturevalue("_kafka_container")
        return address
    addresses: Addresses = request.getfixturevalue("_local_addresses")
    return addresses.kafka


@pytest.fixture(scope="session")
def postgres_dsn(request: pytest.FixtureRequest) -> str:
    """The administrator's DSN of a Postgres 18 that every test of the session shares."""
    if named := os.environ.get("GOODSTANDING_POSTGRES"):
        return named
    if _in_containers(request.config):
        dsn: str = request.getfixturevalue("_postgres_container")
        return dsn
    addresses: Addresses = request.getfixturevalue("_local_addresses")
    return addresses.postgres


def _in_containers(config: pytest.Config) -> bool:
    choice = config.getoption("--servers") or os.environ.get("GOODSTANDING_TEST_SERVERS") or "local"
    if choice not in _CHOICES:
        raise pytest.UsageError(f"GOODSTANDING_TEST_SERVERS is {choice!r}; it can be {' or '.join(_CHOICES)}")
    return bool(choice == "containers")


@pytest.fixture(scope="session")
def _local_addresses() -> Iterator[Addresses]:
    # Not in pytest's own temporary directory: root's is closed to the user that Postgres steps down to.
    with LocalStack.ephemeral() as stack:
        yield stack.addresses


@pytest.fixture(scope="session")
def _kafka_container() -> Iterator[str]:
    # Imported here: it takes half a second that a run of the unit tests need not wait.
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    container = DockerContainer(_KAFKA_IMAGE)
    # A broker tells its clients where it is, so its port on the host has to be known before it starts.
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    address = f"{container.get_container_host_ip()}:{port}"
    container.with_bind_ports(_KAFKA_PORT, port)
    settings = {
        **kafka.node(listen=f"0.0.0.0:{_KAFKA_PORT}", advertise=address, controller="localhost:9093"),
        **kafka.BEHAVIOR,
    }
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", str(value))
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(_STARTUP_TIMEOUT_S))
    with container:
        yield address


@pytest.fixture(scope="session")
def _postgres_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(_POSTGRES_IMAGE, username="postgres", dbname="postgres", driver=None)
    container.with_command(["postgres", "-c", "max_connections=200", "-c", "timezone=UTC"])
    with container:
        yield container.get_connection_url()
