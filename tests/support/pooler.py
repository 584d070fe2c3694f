"""PgBouncer in transaction mode between services and Postgres, for every test that starts services: `--pgbouncer`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pgbouncer", action="store_true", help="have PgBouncer (Debian's package) between the services and Postgres"
    )


@pytest.fixture(scope="session", autouse=True)
def _poolers(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.config.getoption("--pgbouncer"):
        yield
        return
    # Imported here, as in `servers`: it takes long, and few runs need it.
    from tests.support.poolers import pooled

    with pooled():
        yield
