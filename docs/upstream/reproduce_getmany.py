"""getmany() of aiokafka loses records of healthy partitions when another partition's batch cannot be read.

Needs aiokafka alone, without the extras for codecs, and a broker:

    pip install aiokafka==0.14.0
    python reproduce_getmany.py localhost:9092

It makes a topic with two partitions, puts ten records into partition 1, and into partition 0 a batch that says zstd.
Any producer does that; here the bytes are written out, so that no codec is needed. Ends with 1 when records were lost.
"""

import asyncio
import struct
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record._crc32c import crc
from aiokafka.record.default_records import DefaultRecordBatchBuilder

ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, ZSTD = 21, 17, 61, 4


def zstd_batch() -> bytes:
    """One record in a zstd frame of a raw block, which needs no compressor."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    builder.append(0, 1_700_000_000_000, None, b"x", [])
    plain = bytes(builder.build())
    records = plain[HEADER_BYTES:]
    block = struct.pack("<I", len(records) << 3 | 1)[:3]
    frame = b"\x28\xb5\x2f\xfd\x20" + bytes([len(records)]) + block + records
    batch = bytearray(plain[:HEADER_BYTES] + frame)
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">h", batch, ATTRIBUTES_AT, ZSTD)
    struct.pack_into(">I", batch, CRC_AT, crc(bytes(batch[ATTRIBUTES_AT:])))
    return bytes(batch)


async def prepare(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "-1"})])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for _ in range(10):
        await producer.send_and_wait(topic, b"a record", partition=1)
    batch = producer.create_batch()
    batch._buffer, batch._relative_offset = zstd_batch(), 1
    batch.close()
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


async def read(kafka: str, topic: str) -> tuple[int, int]:
    """Records of partition 1 that getmany has returned, and where the consumer stands there in the end."""
    good, bad = TopicPartition(topic, 1), TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        # The healthy partition comes first among what has been fetched, the other one after it.
        consumer.assign([good, bad])
        consumer.pause(bad)
        while good not in consumer._fetcher._records:
            await asyncio.sleep(0.01)
        consumer.resume(bad)
        while bad not in consumer._fetcher._records:
            await asyncio.sleep(0.01)
        returned = 0
        for _ in range(20):
            try:
                returned += len((await consumer.getmany(timeout_ms=100)).get(good, []))
            except UnsupportedCodecError as error:
                print(f"getmany() raised {error!r}")
        return returned, await consumer.position(good)
    finally:
        await consumer.stop()


async def main(kafka: str) -> int:
    topic = f"reproduce-{uuid.uuid4().hex[:8]}"
    await prepare(kafka, topic)
    returned, position = await read(kafka, topic)
    print(f"partition 1: 10 records sent, {returned} returned, position {position}")
    return 0 if returned == 10 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
