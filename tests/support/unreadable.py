"""Records as no well-behaved client sends them: with header names that are not UTF-8."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy


class _RawName(str):
    """The name of a header in any bytes: the client library encodes what it believes to be text."""

    raw: bytes

    def __new__(cls, raw: bytes) -> _RawName:
        name = super().__new__(cls, "raw")
        name.raw = raw
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.raw


async def send_raw(
    kafka: str, topic: str, partition: int, key: bytes | None, value: bytes | None, *header_names: bytes, count: int = 1
) -> None:
    """Send `count` such records in one batch, and wait for the acknowledgement."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        batch = producer.create_batch()
        # The compiled builder takes nothing but text for a name.
        batch._builder = _DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=2 * 1024 * 1024,
        )
        headers = [(_RawName(name), b"x") for name in header_names]
        for _ in range(count):
            batch.append(key=key, value=value, timestamp=None, headers=headers)
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))


async def send_batches(kafka: str, topic: str, partition: int, *batches: bytes) -> None:
    """Send these bytes as they are, each as a batch of its own (tests.support.batches), and wait for each."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=8 * 1024 * 1024) as producer:
        for data in batches:
            batch = producer.create_batch()
            batch._buffer, batch._relative_offset = data, 1
            batch.close()
            await (await producer.send_batch(batch, topic, partition=partition))
