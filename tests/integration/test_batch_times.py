"""What a log says of its own times, batch by batch, and as the broker itself says when it is asked by time."""

from __future__ import annotations

import asyncio
import time
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from shared.kafka.batch_times import batch_at, first_offset
from shared.kafka.topic_admin import administrator
from tests.faults.cluster import APPEND_TIMES


async def log_of(kafka: str, batches: int, settings: dict[str, str]) -> TopicPartition:
    """A partition with this number of batches of three records, each appended at a millisecond of its own."""
    tp = TopicPartition(f"times-{uuid.uuid4().hex[:8]}", 0)
    async with administrator(kafka) as admin:
        await admin.create_topics([NewTopic(tp.topic, 1, 1, topic_configs=settings)])
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(batches):
            batch = producer.create_batch()
            for _ in range(3):
                batch.append(key=None, value=b"x", timestamp=int(time.time() * 1000))
            batch.close()
            await (await producer.send_batch(batch, tp.topic, partition=0))
            await asyncio.sleep(0.005)  # so that each batch has a millisecond of its own
    return tp


async def test_a_time_is_found_where_the_broker_would_find_it(kafka_bootstrap: str) -> None:
    tp = await log_of(kafka_bootstrap, 7, APPEND_TIMES)
    # A broker answers a connection in the order of its questions: one behind a fetch at the end waits as that does.
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, fetch_max_wait_ms=1) as consumer:
        consumer.assign([tp])
        # As services ask: who leads the partition is known by then.
        await consumer.end_offsets([tp])
        client, times = consumer._client, list[int]()
        for offset in range(21):
            found = await batch_at(client, tp, offset)
            assert found is not None
            assert (found.first, found.next_offset) == (offset // 3 * 3, offset // 3 * 3 + 3)
            assert found.at_ms is not None
            times.append(found.at_ms)
        assert times == sorted(times)
        assert await batch_at(client, tp, 21) is None
        for at_ms in {each + more for each in times for more in (-1, 0, 1)}:
            asked = (await consumer.offsets_for_times({tp: at_ms}))[tp]
            wanted = 21 if asked is None else asked.offset
            assert await first_offset(client, tp, 0, 21, at_ms.__le__) == wanted


async def test_what_senders_say_of_the_time_is_no_answer(kafka_bootstrap: str) -> None:
    tp = await log_of(kafka_bootstrap, 2, {})
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
        consumer.assign([tp])
        await consumer.end_offsets([tp])
        found = await batch_at(consumer._client, tp, 4)
        assert found == (3, 6, None)
        assert await first_offset(consumer._client, tp, 0, 6, lambda _: True) is None
