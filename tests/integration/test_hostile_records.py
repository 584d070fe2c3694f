"""A real ingest process under records that are made to fill its memory: each is answered, and the peak stays bounded.

It has the settings of a deployment, and the 512 MB of the compose file are its limit (rules E14).
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from shared.contracts.messages import Refusal
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import NORMALIZED, raw_topic, rejected_topic
from tests.faults.cluster import PARTNER, Cluster
from tests.faults.events import Message, message_of
from tests.faults.scenarios import Story, telling
from tests.support.batches import CODECS, Given, batch
from tests.support.oracle.scores import Event
from tests.support.unreadable import send_batches

_MIB = 1024 * 1024
PEAK_BYTES_MAX = 400 * _MIB
"""Of the process whole, which has some 100 MiB before it has read anything: the limit of 512 MB with room to spare."""
_HOSTILE, _GOOD = "hostile", "north"
_MANY = tuple(f"hostile-{number}" for number in range(1, 9))
"""Partners who do it at once: what a process holds may not grow with their number."""
_DEPLOYED = {"GOODSTANDING_BATCH_RECORDS_MAX": "2000", "GOODSTANDING_SESSION_TIMEOUT_MS": "10000"}
"""The defaults, where tests otherwise take small steps and are soon missed by their group."""
_ONCE_MORE = bytes([*range(1, 256), 255])
"""From each count to the next one; 255 stands for that many or more."""


def packed(records: Sequence[Given], codec: str) -> bytes:
    return batch(records, codec=codec, at_ms=int(time.time() * 1000))


def unlike(count: int, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]]) -> list[Given]:
    """Records that no codec makes one of: each is read by itself, and costs what it costs."""
    return [(key and os.urandom(16) + key, os.urandom(16) + value, headers) for _ in range(count)]


def blanks(megabytes: int, codec: str) -> bytes:
    return packed([(None, b" " * (megabytes * _MIB), ())], codec)


# What is sent to each of the six partitions: a batch, and how often.
HOSTILE: dict[str, tuple[Callable[[], bytes], int]] = {
    "gzip, 300 MiB": (lambda: blanks(300, "gzip"), 2),
    "zstd, 300 MiB": (lambda: blanks(300, "zstd"), 2),
    "lz4, 200 MiB": (lambda: blanks(200, "lz4"), 2),
    "snappy, 18 MiB": (lambda: blanks(18, "snappy"), 2),
    "just below the bound": (lambda: blanks(15, "zstd"), 12),
    "3 MiB, the kind that stopped a shard": (lambda: blanks(3, "gzip"), 12),
    "15 MiB of objects of nothing": (lambda: packed([(None, b"[" + b"{}," * (5 * _MIB) + b"{}]", ())], "zstd"), 2),
    "many headers of nothing": (lambda: packed([(None, b"x", [("", b"")] * 100_000)] * 5, "none"), 4),
    "the same, compressed": (lambda: packed([(None, b"x", [("", b"")] * 1_000_000)] * 7, "zstd"), 3),
    "as many headers as a record may have": (lambda: packed(unlike(1_000, None, b"x", [("n", b"")] * 64), "zstd"), 8),
    "large keys": (lambda: packed([(b"k" * 60_000, b"x", ())] * 17, "none"), 8),
    "large keys, compressed": (lambda: packed(unlike(250, b"k" * 60_000, b"x", ()), "zstd"), 4),
    "a great many records": (lambda: packed([(None, None, ())] * 20_000, "none"), 1),
    "a great many records of next to nothing": (lambda: packed([(None, None, ())] * 100_000, "zstd"), 10),
    "more records than a batch may have": (lambda: packed([(None, None, ())] * 300_000, "zstd"), 2),
}


@pytest.fixture(scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    directory = tmp_path_factory.mktemp("hostile") / "deployment"
    partners = dict.fromkeys((_HOSTILE, _GOOD, *_MANY), PARTNER)
    async with telling(directory, now=datetime.now(UTC), clock="system", partners=partners) as story:
        story.new_person()
        await story.cluster.start("ingest-1", settings=_DEPLOYED)
        yield story


@pytest.fixture(scope="module")
def answers(story: Story) -> Answers:
    return Answers(story.cluster, (_HOSTILE, _GOOD, *_MANY))


def peak_bytes(cluster: Cluster) -> int:
    """The most memory that the process ever had at once."""
    status = Path(f"/proc/{cluster.processes['ingest-1'].pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


class Answers:
    """How often each record of these partners was forwarded or refused. What was read once is not read again, since
    some partitions have millions of positions."""

    def __init__(self, cluster: Cluster, partners: Iterable[str]) -> None:
        self._cluster, self._partners = cluster, list(partners)
        self._read: dict[TopicPartition, int] = {}
        self._times: dict[str, bytearray] = defaultdict(bytearray)
        """By partition, a number for each offset."""

    async def lacking(self) -> list[str]:
        """Positions of records that were neither forwarded nor refused, or both, or twice.

        Where the machine was so busy that the group took the process for dead, what it had in hand was handled again
        from the committed offsets, as after a kill, and may have its answer more than once.
        """
        for seen in await self._cluster.read(NORMALIZED, *map(rejected_topic, self._partners), after=self._read):
            self._read[TopicPartition(seen.topic, seen.partition)] = seen.offset
            refusal = None if seen.topic == NORMALIZED else read_refusal(seen.headers)
            if isinstance(refusal, Refusal):
                self._count(refusal.origin, refusal.lastorigin or refusal.origin)
            else:
                self._count(seen.attribute("origin"), seen.attribute("origin"))
        wrong = []
        right = range(1, 256) if self._was_taken_for_dead() else (1,)
        for place, end in (await self._cluster.offsets.ends([raw_topic(each) for each in self._partners])).items():
            name = f"{place.topic}/{place.partition}"
            times = self._times[name]
            if not len(times) == times.count(1) == end:
                found = times.ljust(end, b"\0")
                wrong += [
                    f"{name}/{at} has {number} answers"
                    for at, number in enumerate(found)
                    if at >= end or number not in right
                ]
        return wrong

    def _was_taken_for_dead(self) -> bool:
        lines = self._cluster.processes["ingest-1"].log.read_text().splitlines()
        events = [json.loads(line).get("event") for line in lines if line.startswith("{")]
        return events.count("shards assigned") > events.count("listening")

    def _count(self, first: str, last: str) -> None:
        place, _, begin = first.rpartition("/")
        end = int(last.rpartition("/")[2]) + 1
        times, answered = self._times[place], slice(int(begin), end)
        times.extend(bytes(max(end - len(times), 0)))
        times[answered] = times[answered].translate(_ONCE_MORE)


@pytest.mark.parametrize("codec", sorted(CODECS))
async def test_a_partner_may_use_any_codec(story: Story, answers: Answers, codec: str) -> None:
    before = len(await story.cluster.read(NORMALIZED))
    messages = [_bill(story, f"{codec}-{number}") for number in range(3)]
    records = [(each.key, each.value, [(name, value) for name, value in each.headers]) for each in messages]
    await send_batches(story.kafka, raw_topic(_GOOD), 2, packed(records, codec))
    await story.ingested()
    assert len(await story.cluster.read(NORMALIZED)) == before + 3
    assert await answers.lacking() == []


def _bill(story: Story, id: str) -> Message:
    now = datetime.now(UTC) - timedelta(days=1)
    event = Event(person=story.person.user_id, partner=_GOOD, id=id, time=now, kind="gas.bill", days_late=0)
    return message_of(event, story.person.account)


@pytest.mark.parametrize("name", HOSTILE)
async def test_memory_is_bounded_and_everything_answered(story: Story, answers: Answers, name: str) -> None:
    made, times = HOSTILE[name]
    data = made()
    topic = raw_topic(_HOSTILE)
    for partition in range(6):
        await send_batches(story.kafka, topic, partition, *[data] * times)
    await story.tell()
    await story.ingested()
    peak = peak_bytes(story.cluster)
    assert peak < PEAK_BYTES_MAX, f"{peak / _MIB:.0f} MiB"
    assert await answers.lacking() == []


async def test_no_broker_is_made_to_unpack_a_batch_of_a_partner(story: Story, answers: Answers) -> None:
    """ingest compares Kafka with what it has noted before it reads on, and by then the hostile batch is there. A broker
    that looks a record up by its time would make four million headers of it, and has no memory for them."""
    await story.cluster.stop("ingest-1")
    heavy = packed([(None, b"x", [("", b"")] * 4_000_000)], "zstd")
    for partition in range(6):
        await send_batches(story.kafka, raw_topic(_HOSTILE), partition, heavy)
    await story.cluster.start("ingest-1", settings=_DEPLOYED)
    await story.tell()
    await story.ingested()
    assert await answers.lacking() == []


async def test_memory_does_not_grow_with_the_number_of_partners(story: Story, answers: Answers) -> None:
    """Each batch just within the bounds: of its size when unpacked, of headers, and of its size as it comes."""
    large = packed(unlike(250, None, b"z" * 60_000, ()), "zstd")
    headers = packed(unlike(1_000, None, b"x", [(f"h{number}", b"") for number in range(60)]), "zstd")
    plain = packed([(None, os.urandom(60_000), ())] * 16, "none")
    for partner in _MANY:
        for partition in range(6):
            await send_batches(story.kafka, raw_topic(partner), partition, large, headers, plain)
    await story.tell()
    await story.ingested()
    peak = peak_bytes(story.cluster)
    assert peak < PEAK_BYTES_MAX, f"{peak / _MIB:.0f} MiB"
    assert await answers.lacking() == []
