"""Bad input over a real Kafka: every case is answered, none stops ingest, and what is good passes behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from goodstanding.platform.service_process import ServiceProcess
from shared.contracts.faults import Code
from shared.contracts.messages import Refusal
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, dead_letter_topic, raw_topic, rejected_topic
from shared.kafka.topic_admin import ensure_topics
from tests.support.fresh_kafka import forget
from tests.support.ingest.bad_input import BAD_INPUT, Case
from tests.support.ingest.raw_events import FRIEND, OF_OTHERS, PERSON, RawEvent, bank, court, utility
from tests.support.ingest.shipped import KEY, PARTNERS, pseudonym
from tests.support.pages import metrics_of

PATIENCE_S = 60.0
GOOD_WITHIN_S = 5.0
BAD_BEFORE_GOOD = 5_000


@pytest.fixture(scope="module")
def ingest(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    # The topics of the answers too: positions begin again with the raw topics, and answers name positions.
    ours = [*map(raw_topic, PARTNERS), *map(rejected_topic, PARTNERS), NORMALIZED, RECORDS_REPORTED]
    asyncio.run(forget(kafka_bootstrap, ours, PARTNERS))
    environment = {"GOODSTANDING_KAFKA": kafka_bootstrap, "GOODSTANDING_KEY": KEY.hex()}
    process = ServiceProcess(tmp_path_factory.mktemp("ingest"), "ingest", environment=environment)
    process.start()
    process.wait_ready()
    yield process
    process.stop()


@pytest.fixture(scope="module")
async def producer(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all", enable_idempotence=True) as producer:
        yield producer


async def send(producer: AIOKafkaProducer, event: RawEvent, partition: int = 0) -> str:
    """Send the event; its position, as ingest names it."""
    done = await producer.send_and_wait(
        raw_topic(event.partner), event.value, event.key, partition, headers=list(event.headers)
    )
    return f"{done.topic}/{done.partition}/{done.offset}"


async def find(
    bootstrap: str, topics: Sequence[str], origins: set[str], timeout_s: float = PATIENCE_S
) -> dict[str, Any]:
    """The messages about these positions, by position; fails if one is missing after the timeout."""
    found: dict[str, Any] = {}
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as consumer:
        deadline = time.monotonic() + timeout_s
        while set(found) < origins:
            assert time.monotonic() < deadline, f"no answer to {sorted(origins - set(found))[:5]}"
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found.update({origin: record for record in records if (origin := _origin(record)) in origins})
    return found


def _origin(record: ConsumerRecord[bytes, bytes]) -> str:
    headers: dict[str, bytes] = dict(record.headers)
    return headers.get("ce_origin", b"").decode()


async def test_every_case_is_answered_on_the_partners_own_topic(
    ingest: ServiceProcess, kafka_bootstrap: str, producer: AIOKafkaProducer
) -> None:
    pid = ingest.pid
    cases: dict[str, Case] = {}
    for number, case in enumerate(BAD_INPUT):
        cases[await send(producer, case.event, partition=number % 6)] = case
    rejected = [rejected_topic(partner) for partner in PARTNERS]
    answers = await find(kafka_bootstrap, rejected, set(cases))
    for origin, case in cases.items():
        refusal = read_refusal(answers[origin].headers)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.field or "") == (case.code.value, case.field), case.name
        assert case.sentence in refusal.sentence
        assert answers[origin].topic == rejected_topic(case.event.partner)
        # Who reads the batches refuses a record of too many headers before anybody has read its value.
        read = case.code is not Code.TOO_MANY_HEADERS
        assert answers[origin].value == (case.event.value if read else None)
    assert ingest.pid == pid
    assert ingest.trouble() is None
    assert await positions(kafka_bootstrap, dead_letter_topic("ingest")) & set(cases) == set()


async def test_what_is_good_is_out_within_five_seconds_behind_five_thousand_bad(
    ingest: ServiceProcess, kafka_bootstrap: str, producer: AIOKafkaProducer
) -> None:
    pid = ingest.pid
    bad = [case.event for case in BAD_INPUT if case.event.partner == "bank" and len(case.event.value or b"") < 10_000]
    sent = [
        await producer.send(raw_topic("bank"), event.value, event.key, 2, headers=list(event.headers))
        for event in (bad[number % len(bad)] for number in range(BAD_BEFORE_GOOD))
    ]
    origin = await send(producer, bank(id="behind-them"), partition=2)
    began = time.monotonic()
    found = await find(kafka_bootstrap, [NORMALIZED], {origin}, GOOD_WITHIN_S)
    assert time.monotonic() - began < GOOD_WITHIN_S
    assert found[origin].key == pseudonym(PERSON).encode()
    origins = {f"{done.topic}/{done.partition}/{done.offset}" for done in await asyncio.gather(*sent)}
    assert len(await find(kafka_bootstrap, [rejected_topic("bank")], origins)) == BAD_BEFORE_GOOD
    assert ingest.pid == pid


async def test_headers_of_others_and_ids_that_look_the_same(
    ingest: ServiceProcess, kafka_bootstrap: str, producer: AIOKafkaProducer
) -> None:
    """What tracers, frameworks and redelivery write is passed over (rules E13); one id goes on as one (rules E16)."""
    sent = [
        await send(producer, replace(event, headers=(*event.headers, *others)), partition=4)
        for others in OF_OTHERS.values()
        for event in (bank(id="Ａ\u00a01 "), utility({"msg_id": "A 1"}), court({"notice": "\ufeffA\u30001"}))
    ]
    found = await find(kafka_bootstrap, [NORMALIZED, RECORDS_REPORTED], set(sent))
    assert {dict(record.headers)["ce_id"] for record in found.values()} == {b"A 1"}


async def test_a_topic_without_a_mapping_is_set_aside_by_position(
    ingest: ServiceProcess, kafka_bootstrap: str, producer: AIOKafkaProducer, tmp_path: Path
) -> None:
    await ensure_topics(kafka_bootstrap, ["stranger"])
    origin = await send(producer, RawEvent("stranger", bank().value, bank().headers))
    letters = await find(kafka_bootstrap, [dead_letter_topic("ingest")], {origin})
    assert dict(letters[origin].headers)["ce_code"] == b"unknown-partner"
    assert letters[origin].value == b""


async def test_nobody_is_named_outside_the_partners_topics(ingest: ServiceProcess, kafka_bootstrap: str) -> None:
    """After all of the above: neither topics of others, nor logs, nor metrics have an identifier."""
    names = {PERSON.encode(), FRIEND.encode(), PERSON.lower().encode()}
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
        topics = {
            topic
            for topic in await consumer.topics()
            if not topic.startswith(("behavior.raw.", "behavior.rejected.", "__"))
        }
    for topic in topics:
        for record in await everything(kafka_bootstrap, topic):
            written = b" ".join([record.key or b"", record.value or b"", *(v or b"" for _, v in record.headers)])
            assert not any(name in written for name in names), topic
    metrics = await asyncio.to_thread(metrics_of, ingest)
    assert b'goodstanding_outcomes_total{code="demographic",partner="bank",result="refused"}' in metrics
    assert not any(name in metrics + ingest.log.read_bytes() for name in names)


async def everything(bootstrap: str, topic: str) -> list[Any]:
    """All records of a topic, from its beginning to its present end."""
    records: list[Any] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(batch)
    return records


async def positions(bootstrap: str, topic: str) -> set[str]:
    return {_origin(record) for record in await everything(bootstrap, topic)}
