"""The work on FastStream as most people would begin: one event, one transaction of Postgres, one commit of an offset.

Arguments: bootstrap servers, group (and schema), source topic, target topic, a directory, Postgres.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from bench.peers.runner_fold import Event, decide, decode_value, packed, unpacked


def main() -> None:
    kafka, name, source, target, _, postgres = sys.argv[1:]
    broker = KafkaBroker(kafka, acks="all", enable_idempotence=True, allow_auto_create_topics=False, logger=None)
    app = FastStream(broker)
    pools: list[asyncpg.Pool] = []

    @app.on_startup
    async def connect() -> None:
        pool = await asyncpg.create_pool(postgres, min_size=1, max_size=1, server_settings={"search_path": name})
        await pool.execute("create table person (person text primary key, state bytea not null) with (fillfactor = 80)")
        pools.append(pool)

    @broker.subscriber(
        source,
        group_id=name,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        decoder=raw,
        no_reply=True,
    )
    async def handle(message: KafkaMessage) -> None:
        event = decode_value(message.body)
        if isinstance(event, Event):
            async with pools[0].acquire() as db, db.transaction():
                kept = await db.fetchval("select state from person where person = $1 for update", event.person)
                decision = decide(unpacked(kept) if kept else None, [event], datetime.now(UTC), target)
                assert decision.state is not None
                await db.execute(
                    "insert into person values ($1, $2) on conflict (person) do update set state = excluded.state",
                    event.person,
                    packed(decision.state),
                )
                for change in decision.outgoing:
                    await broker.publish(change.value, change.topic, key=change.key)
        await message.ack()

    asyncio.run(app.run())


async def raw(message: KafkaMessage) -> bytes:
    return bytes(message.body)


if __name__ == "__main__":
    main()
