"""The small service, on the session's servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.integration.tiny import Tiny


@pytest.fixture
async def tiny(kafka_bootstrap: str, postgres_dsn: str) -> AsyncIterator[Tiny]:
    tiny = Tiny(kafka_bootstrap, postgres_dsn)
    await tiny.prepare()
    yield tiny
    async with tiny.database() as db:
        await db.execute(f"drop schema {tiny.name} cascade")


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """As services log: the library's default draws every traceback with its variables, which takes seconds."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.configure(**before)
