"""A stranger's producer writes into the topics between the services: nobody is kept out of Kafka yet.

Whatever it writes costs its own records. No shard stands still, and what partners send beside it is counted.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts.messages import TYPES, BehaviorEvent, RecordChange, RecordReport, ScoreChange
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.subject import ErasureConfirmed, SubjectRequest
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    ServiceName,
    dead_letter_topic,
)
from tests.faults.scenarios import Story, telling
from tests.support.unreadable import send_raw

pytestmark = pytest.mark.timeout(240)

Headers = list[tuple[str, bytes | None]]
_BODIES: Mapping[str, tuple[type, dict[str, object]]] = {
    NORMALIZED: (BehaviorEvent, {"kind": "gas.bill", "days_late": 0}),
    RECORDS_REPORTED: (
        RecordReport,
        {"kind": "hotel.no_show", "report_id": "stranger", "status": "reported", "began_on": "2026-01-01"},
    ),
    RECORDS_CHANGED: (
        RecordChange,
        {
            "record_id": "stranger",
            "version": 1,
            "kind": "hotel.no_show",
            "record_class": "life",
            "status": "open",
            "counts": True,
            "began_on": "2026-01-01",
        },
    ),
    SCORES_CHANGED: (
        ScoreChange,
        {
            "version": 1,
            "score": 600,
            "thin": False,
            "cadence": "continuous",
            "as_of": "2026-01-01T00:00:00Z",
            "policy": "stranger@0123456789ab",
            "restrictions": [],
            "key_factors": [],
        },
    ),
    SUBJECT_REQUESTS: (SubjectRequest, {"request": "dispute", "record_id": "stranger", "reason": "paid", "text": "x"}),
    SUBJECT_ANSWERS: (ErasureConfirmed, {"request_id": "stranger", "service": "benefits"}),
}
_READER = {NORMALIZED: "scorer", RECORDS_REPORTED: "retention", RECORDS_CHANGED: "scorer", SCORES_CHANGED: "benefits"}
_OF_PEOPLE = (SUBJECT_REQUESTS, SUBJECT_ANSWERS)
"""What is wrong with a request is told to the person, where it can be; it is no letter then."""
_ABOVE = 10_000
"""A version above each that the tests before this one have led to."""
_NUMBERS = (
    "-1",
    "0",
    "1.5",
    "1e999",
    "9" * 5_000,
    "null",
    *(str(2**bits - less) for bits in (31, 63, 64) for less in (0, 1)),
)
_TEXTS = (
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"\\ufeff"',
    f'"{"x" * 5_000}"',
    '"9999-12-31"',
    '"0001-01-01T00:00:00Z"',
    "[]",
)


def _attributes(topic: str, key: str, time: datetime) -> dict[str, bytes]:
    return {
        "ce_specversion": b"1.0",
        "ce_id": b"stranger",
        "ce_source": b"/partners/north",
        "ce_type": TYPES[_BODIES[topic][0]].encode(),
        "ce_time": time.isoformat().encode(),
        "ce_partitionkey": key.encode(),
        "ce_origin": b"behavior.raw.north/0/0",
        "content-type": b"application/json",
    }


def _changed_headers(good: Mapping[str, bytes]) -> Iterator[Headers]:
    changes: list[tuple[str, bytes | None]] = [
        *(("ce_source", b"/partners/" + name) for name in (b"", b"no:such", b"../..", b"nobody", b"n" * 900, b"\xff")),
        *(("ce_source", other) for other in (b"", b"/scorer", None)),
        *(("ce_origin", place) for place in (b"", b"x", b"//", b"a/b/c", b"t/0/" + b"9" * 400, b"o" * 1_500, None)),
        *(("ce_arrived", time) for time in (b"", b"yesterday", b"9999-12-31T23:59:59Z", b"2199-12-31T23:59:00Z")),
        *(("ce_fieldnames", names) for names in (b"", b"[[[", b'{"ce_id":5}', b'{"ce_id":"' + b"f" * 900 + b'"}')),
        *(("ce_id", id) for id in (b"", b"\x00", b"i" * 129, "ｉ\u200b".encode(), b"scorer/x/9", b"\xff", None)),
        *(("ce_time", time) for time in (b"", b"1900-01-01T00:00:00Z", b"2199-12-31T23:59:59Z", b"2026-01-01", None)),
        *(("ce_type", type) for type in (b"", b"t" * 2_000, *(name.encode() for name in TYPES.values()))),
        *(("content-type", type) for type in (b"text/plain", b"application/cloudevents+json", b"\xff", None)),
        *(("ce_partitionkey", b"other"), ("ce_sex", b"x"), ("ce_specversion", b"2.0"), ("x", None), ("", b"")),
    ]
    for name, content in changes:
        yield [*((n, c) for n, c in good.items() if n != name), (name, content)]
    yield []
    yield [*good.items(), *good.items()]
    yield [*good.items(), *((f"h{number}", b"") for number in range(100))]


def _changed_values(body: Mapping[str, object]) -> Iterator[bytes | None]:
    yield from (None, b"", b"null", b"\xff", b"[" * 50_000, b'{"a":' * 50_000, b"0" * 900_000, b'{"kind":1,"kind":1}')
    yield json.dumps({**body, "later": 1}).encode()
    for name in body:
        for written in (*_NUMBERS, *_TEXTS):
            rest = json.dumps({n: v for n, v in body.items() if n != name})[1:-1]
            yield f'{{"{name}":{written}{"," if rest else ""}{rest}}}'.encode()
    if "amount" not in body:
        for name, written in itertools.product(
            ("amount", "lapses_at", "ended_on", "consent", "contact"), _NUMBERS + _TEXTS
        ):
            yield f'{{"{name}":{written},{json.dumps(body)[1:]}'.encode()


def _keys(key: str) -> Iterator[bytes | None]:
    yield from (None, b"", b"\xff", b"0" * 63, b"0" * 65, key.upper().encode(), key.encode() + b"\n", b"k" * 100_000)


def _user_of(partition: int) -> str:
    return next(key for key in (f"{number:064x}" for number in itertools.count()) if partition_of(key) == partition)


@pytest.fixture(scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    now = datetime.now(UTC)
    async with telling(tmp_path_factory.mktemp("strangers") / "deployment", now=now, clock="system") as story:
        for service in ("ingest", "retention", "scorer", "benefits"):
            await story.start(f"{service}-1")
        await story.cluster.until_run_done()
        yield story


@pytest.mark.parametrize("topic", list(_BODIES))
async def test_what_a_stranger_writes_stops_nobody(story: Story, topic: str) -> None:
    story.new_person()
    await story.tell(days_late=9)
    await story.handled()
    time, body = datetime.now(UTC) - timedelta(days=1), _BODIES[topic][1]
    sent = 0
    async with AIOKafkaProducer(bootstrap_servers=story.kafka, linger_ms=20) as producer:
        for partition in range(PARTITIONS):
            key = _user_of(partition)
            good, value = _attributes(topic, key, time), json.dumps(body).encode()
            cases = [
                *((key.encode(), value, headers) for headers in _changed_headers(good)),
                *((key.encode(), changed, list(good.items())) for changed in _changed_values(body)),
                *((other, value, list(good.items())) for other in _keys(key)),
            ]
            for record_key, content, headers in cases:
                if topic == SCORES_CHANGED and record_key is None:
                    continue  # the broker itself refuses a record without a key on a compacted topic
                await producer.send(topic, content, record_key, partition, headers=headers)
                sent += 1
        await producer.flush()
    for partition in range(PARTITIONS):
        await send_raw(story.kafka, topic, partition, b"k", b"{}", b"\xff\xfe", b"ce_id", count=3)
    await story.tell()
    await story.handled()
    troubles = {name: await asyncio.to_thread(each.trouble) for name, each in story.cluster.processes.items()}
    assert {name: trouble for name, trouble in troubles.items() if trouble} == {}
    letters = await story.cluster.read(dead_letter_topic(_READER.get(topic, "retention")))
    named = sum(letter.attribute("origin").startswith(f"{topic}/") for letter in letters)
    assert named > sent // 2 or topic in _OF_PEOPLE
    assert await _version(story) == 2, "each of the two bills has changed the score"


@pytest.mark.parametrize(("topic", "owner"), [(RECORDS_CHANGED, "retention"), (SCORES_CHANGED, "scorer")])
async def test_its_owner_says_what_a_stranger_has_written_and_goes_on_at_the_operators_word(
    story: Story, topic: str, owner: ServiceName
) -> None:
    """Also where no client can read it: the owner compares the topic with its database before it works."""
    story.new_person()
    await story.tell(days_late=9)
    await story.handled()
    process = f"{owner}-1"
    await story.cluster.kill(process)
    time, body = datetime.now(UTC) - timedelta(days=1), _BODIES[topic][1]
    async with AIOKafkaProducer(bootstrap_servers=story.kafka) as producer:
        for partition in range(PARTITIONS):
            await send_raw(story.kafka, topic, partition, b"k", b"{}", b"\xff\xfe", b"ce_id", count=3)
            key = _user_of(partition)
            headers = list(_attributes(topic, key, time).items())
            value = json.dumps(
                {**body, "record_id": uuid4().hex} if "record_id" in body else body | {"version": _ABOVE}
            )
            await producer.send_and_wait(topic, value.encode(), key.encode(), partition, headers=headers)
    await story.cluster.start(process, ready=False)
    await story.until_trouble(process, "somebody else has written there", 60)
    await story.cluster.accept_all([owner])  # a word for the other owner now would hold for what comes later, too
    await story.tell()
    await story.handled()
    assert await _version(story) == 2


async def _version(story: Story) -> int:
    """Of the person's score, as the database has it: what a stranger has written on the topic no plain client reads."""
    user_id = bytes.fromhex(story.person.user_id)
    async with story.cluster.database() as db:
        return int(await db.fetchval("select version from scorer.person where user_id = $1", user_id))
