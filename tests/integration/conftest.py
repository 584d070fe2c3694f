"""What runs on the session's servers: the small service, and the portal without Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.integration.tiny import Tiny

# The portal is imported where it is asked for, since that takes a second.
if TYPE_CHECKING:
    from tests.integration.portal_stand import Stand


@pytest.fixture
async def tiny(kafka_bootstrap: str, postgres_dsn: str) -> AsyncIterator[Tiny]:
    tiny = Tiny(kafka_bootstrap, postgres_dsn)
    await tiny.prepare()
    yield tiny
    async with tiny.database() as db:
        await db.execute(f"drop schema {tiny.name} cascade")


@pytest.fixture
async def stand(postgres_dsn: str) -> AsyncIterator[Stand]:
    from tests.integration.portal_stand import stands

    async with stands(postgres_dsn) as made:
        yield made


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """As services log: the library's default draws every traceback with its variables, which takes seconds."""
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.configure(**before)
