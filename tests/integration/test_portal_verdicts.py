"""What the portal says of each event of a message, by refusals that name one of them, or all."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import goodstanding.portal.feed
from goodstanding.portal.events.verdicts import Verdicts
from services.ingest.core.normalize import Normalized
from shared.contracts.faults import Code, Fault
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import raw_topic, rejected_topic
from shared.kafka.connection import KafkaConnection
from shared.postgres import migrate

_FAULT = Fault(Code.MISSING_FIELD, "rows.id", "The field must be there.")
_TABLES = Path(goodstanding.portal.feed.__file__).parent / "migrations"


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    schema = f"verdicts_{uuid.uuid4().hex[:8]}"
    async with asyncpg.create_pool(
        postgres_dsn, server_settings={"search_path": schema}, min_size=1, max_size=2
    ) as pool:
        await pool.execute(f"create schema {schema}")
        async with pool.acquire() as connection:
            await migrate(connection, [_TABLES])
        yield pool
        await pool.execute(f"drop schema {schema} cascade")


@pytest.mark.parametrize(
    ("offset", "index", "last", "refused"),
    [
        pytest.param(7, "#1", None, ["waiting", "refused", "waiting"], id="one that has no id"),
        pytest.param(7, "#3", None, ["waiting"] * 3, id="one that the portal has refused itself"),
        pytest.param(7, "", None, ["refused"] * 3, id="the message as a whole"),
        pytest.param(5, "", 9, ["refused"] * 3, id="a batch that nobody could read"),
        pytest.param(6, "", None, ["waiting"] * 3, id="the message before"),
    ],
)
async def test_a_refusal_without_an_id_is_of_its_own_event_only(
    kafka_bootstrap: str, database: asyncpg.Pool, offset: int, index: str, last: int | None, refused: list[str]
) -> None:
    partner = f"p{uuid.uuid4().hex[:8]}"
    verdicts = Verdicts(database, KafkaConnection(kafka_bootstrap), b"key" * 11)
    where: Any = SimpleNamespace(partition=2, offset=7, timestamp=int(datetime.now(UTC).timestamp() * 1000))
    events: list[Any] = [Normalized("a" * 64, id, datetime.now(UTC), None, ()) for id in ("a", "b", "c")]  # type: ignore[arg-type]  # bodies are not looked at
    await verdicts.note(partner, events, where)
    origin = f"{raw_topic(partner)}/2/{offset}"
    last_origin = last and f"{raw_topic(partner)}/2/{last}"
    headers = refusal_headers("ingest", f"{origin}{index}", _FAULT, lastorigin=last_origin or None)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(rejected_topic(partner), 1, 1)])
        async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
            await producer.send_and_wait(rejected_topic(partner), b"", headers=list(headers))
        found = [await verdicts.of(partner, id) for id in ("a", "b", "c")]
        await admin.delete_topics([rejected_topic(partner)])
    finally:
        await admin.close()
    assert [each and each.result for each in found] == refused
