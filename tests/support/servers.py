"""Real servers for the tests: those named in the environment, else containers on request, else the local stack.

A server that cannot be had is an error, never a skipped test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# The platform is imported where a server is asked for: it takes half a second, for which a run of unit tests need not
# wait.
if TYPE_CHECKING:
    from goodstanding.platform.servers import Addresses
    from shared.kafka.connection import Kafka

_CHOICES = ("local", "containers")
_POSTGRES_IMAGE = "postgres:18"
_KAFKA_PORT = 9092
# A broker tells its clients where it is, and where that is on the host is known when the container runs.
_KAFKA_ADDRESS = "/tmp/address"
_KAFKA_WHEN_ADDRESS_IS_KNOWN = f"""
    until [ -e {_KAFKA_ADDRESS} ]; do sleep 0.1; done
    export KAFKA_ADVERTISED_LISTENERS=$(cat {_KAFKA_ADDRESS})
    exec /etc/kafka/docker/run
"""
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
        if "PYTEST_XDIST_WORKER" in os.environ:
            raise pytest.UsageError("On the Kafka of GOODSTANDING_KAFKA one process tests at a time: add -n 0.")
        return named
    if _in_containers(request.config):
        address: str = request.getfixturevalue("_kafka_container")
        return address
    addresses: Addresses = request.getfixturevalue("_local_addresses")
    return addresses.kafka


@pytest.fixture(scope="session")
def kafka_login(kafka_bootstrap: str) -> Kafka:
    """How one gets into that Kafka; of one that the environment names, as the environment says."""
    from goodstanding.platform.stack import given_connection

    return given_connection() if "GOODSTANDING_KAFKA" in os.environ else kafka_bootstrap


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
    from goodstanding.platform.servers import Servers

    # Not in pytest's own temporary directory: root's is closed to the user that Postgres steps down to.
    with Servers.ephemeral() as stack:
        yield stack.addresses


@pytest.fixture(scope="session")
def _kafka_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    from goodstanding.platform.servers import kafka

    settings = {
        **kafka.node(listen=f"0.0.0.0:{_KAFKA_PORT}", advertise="set below", controller="localhost:9093"),
        **kafka.BEHAVIOR,
    }
    container = DockerContainer(f"apache/kafka:{kafka.VERSION}").with_exposed_ports(_KAFKA_PORT)
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", str(value))
    container.with_command(["sh", "-c", _KAFKA_WHEN_ADDRESS_IS_KNOWN])
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(_KAFKA_PORT)}"
        tell = f"echo PLAINTEXT://{address} > {_KAFKA_ADDRESS}.new && mv {_KAFKA_ADDRESS}.new {_KAFKA_ADDRESS}"
        container.exec(["sh", "-c", tell])
        started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(_STARTUP_TIMEOUT_S)
        try:
            started.wait_until_ready(container)
        except (RuntimeError, TimeoutError) as error:
            error.add_note("".join(stream.decode(errors="replace") for stream in container.get_logs()))
            raise
        yield address


@pytest.fixture(scope="session")
def _postgres_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(_POSTGRES_IMAGE, username="postgres", dbname="postgres", driver=None)
    container.with_command(["postgres", "-c", "max_connections=200", "-c", "timezone=UTC"])
    with container:
        yield container.get_connection_url()
