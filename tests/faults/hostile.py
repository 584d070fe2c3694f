"""What no well-behaved partner sends.

Records that are large only when they are unpacked, headers by the hundred thousand, and one person about whom
thousands of events come at once. All of it comes from a partner of its own, whose topic shares its shards with those of
the others: what they have sent must come out as if it were not there, and each of its own records must be answered.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aiokafka import AIOKafkaProducer

from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent
from shared.contracts.partition import PARTITIONS
from shared.contracts.times import rfc3339
from shared.contracts.topics import raw_topic
from tests.support.unreadable import send_raw

PARTNER = "west"
"""It sends the native format."""
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
"""Kafka's own, and none."""

_MIB = 1024 * 1024
_BOMB_BYTES = 64 * _MIB
_PRODUCER_BYTES_MAX = 128 * _MIB
"""The client looks at the size before it compresses, the broker after that."""

Headers = list[tuple[str, bytes]]


async def send_hostile(kafka: str, rng: random.Random) -> int:
    """Send one record of each sort, each in a batch of its own, to partitions by chance; how many there were."""
    sorts = list(_sorts())
    rng.shuffle(sorts)
    for codec, value, headers in sorts:
        await _send(kafka, codec, rng.randrange(PARTITIONS), [(b"x", value, headers)])
    await send_raw(kafka, raw_topic(PARTNER), rng.randrange(PARTITIONS), b"x", b"{}", b"\xff\xfe")
    return len(sorts) + 1


async def send_hot(kafka: str, rng: random.Random, now: datetime, count: int) -> None:
    """Send this number of figures of one person, each under a consent of its own."""
    account = sample_account(rng.randrange(10**10))
    partition = rng.randrange(PARTITIONS)
    for start in range(0, count, 1_000):
        numbers = range(start, min(start + 1_000, count))
        await _send(kafka, rng.choice(CODECS), partition, [_figure(account, number, now) for number in numbers])


def _sorts() -> Iterator[tuple[str | None, bytes, Headers]]:
    yield "gzip", b" " * 3_000_000, []
    yield "gzip", json.dumps({"id": "large", "text": "x" * 1_500_000}).encode(), []
    for codec in ("gzip", "lz4", "zstd"):
        yield codec, bytes(_BOMB_BYTES), []
    yield "zstd", b"{}", [("", b"")] * 100_000
    yield None, b"\xff" * 900_000, []
    yield "snappy", b"", []


def _figure(account: str, number: int, now: datetime) -> tuple[bytes, bytes, Headers]:
    event = {
        "specversion": "1.0",
        "id": f"{account[-6:]}x{number}",
        "source": f"/{PARTNER}/core",
        "type": TYPES[BehaviorEvent],
        "time": rfc3339(now - timedelta(hours=1)),
        "subject": account,
        "data": {
            "kind": "income.reported",
            "amount": 100_000 + number,
            "consent": {"id": f"c-{number}", "purpose": "score", "given_at": rfc3339(now - timedelta(days=1))},
        },
    }
    return account.encode(), json.dumps(event).encode(), [("content-type", STRUCTURED.encode())]


async def _send(kafka: str, codec: str | None, partition: int, records: Sequence[tuple[bytes, bytes, Headers]]) -> None:
    """One batch if it fits, acknowledged. The compiled builder of the client compresses with any of the codecs."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka,
        compression_type=codec,
        acks="all",
        max_request_size=_PRODUCER_BYTES_MAX,
        max_batch_size=_PRODUCER_BYTES_MAX,
        request_timeout_ms=60_000,
    ) as producer:
        batch = producer.create_batch()
        for key, value, headers in records:
            assert batch.append(key=key, value=value, timestamp=None, headers=headers) is not None
        batch.close()
        await (await producer.send_batch(batch, raw_topic(PARTNER), partition=partition))
