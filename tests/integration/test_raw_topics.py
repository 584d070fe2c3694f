"""A partner's topic is deleted with records that nobody has read, and somebody makes it again in another shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaTimeoutError

from goodstanding.reading.offsets import asking
from goodstanding.waiting_for_word import waiting_for_word
from shared.contracts.topics import NORMALIZED, raw_topic, rejected_topic
from shared.kafka.consumer import CarefulConsumer
from shared.kafka.losses import Losses
from shared.kafka.topic_admin import administrator
from tests.faults.cluster import APPEND_TIMES, PARTNER, Cluster, running
from tests.faults.events import Person, message_of
from tests.support.oracle.scores import Event

pytestmark = pytest.mark.timeout(300)

_KEY = b"r" * 32
_TOPICS = (raw_topic("west"), raw_topic("east"))
_WEST = _TOPICS[0]
_EACH = 4
"""Records for each partition; all of them are refused, so that each has an answer that names its position."""


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    directory = tmp_path_factory.mktemp("topics") / "deployment"
    partners = {"west": PARTNER, "east": PARTNER}
    async with running(directory, key=_KEY, clock="system", partners=partners) as cluster:
        await cluster.start("ingest-1")
        yield cluster


@pytest.mark.parametrize("partitions", [12, 3, 6])
async def test_a_raw_topic_of_any_shape_is_read_from_its_beginning(cluster: Cluster, partitions: int) -> None:
    """Kafka deletes with a topic what its readers have committed there, so that nothing contradicts the new one."""
    async with asking(cluster.kafka) as offsets:
        before = len(await offsets.ends([_WEST]))
    answered_before = await _answers(cluster, "west")
    await _send(cluster, _WEST, before)
    await _until_answered(cluster, "west", len(answered_before) + before * _EACH)
    cluster.processes["ingest-1"].pause()
    await _send(cluster, _WEST, before)
    await cluster.delete_topics(_WEST)
    cluster.processes["ingest-1"].resume()
    refused = len(await _answers(cluster, "east"))
    await _send(cluster, raw_topic("east"), 6)
    await _until_answered(cluster, "east", refused + 6 * _EACH)
    # The new topic's records stand where those of the topic before it stood, whose answers do not count.
    answered_before = await _answers(cluster, "west")
    await _make(cluster, partitions)
    await _send(cluster, _WEST, partitions)
    wanted = {f"{_WEST}/{partition}/{offset}" for partition in range(partitions) for offset in range(_EACH)}

    async def all_are_answered() -> bool:
        answers = await _answers(cluster, "west")
        return wanted <= {origin for place, origin in answers.items() if place not in answered_before}

    await cluster.until(all_are_answered, "every record of the new topic has its answer")
    await cluster.until_ready()
    async with asyncio.timeout(30):
        assert await waiting_for_word(cluster.deployment, "ingest") == []


_KEPT = {"retention.ms": "-1"}
"""By their senders' times these records are older than what Kafka keeps."""


async def test_a_topic_with_its_senders_times_lets_nobody_say_when_an_event_came(cluster: Cluster) -> None:
    """As a broker makes a topic by itself. Readiness says so until the topic has the broker's times."""
    await cluster.delete_topics(_WEST)
    await _make(cluster, 6, _KEPT)
    began = datetime.now(UTC)
    try:
        origin = await _send_bill(cluster, at_ms=_ms(began - timedelta(days=200)))
        arrived = await _arrival(cluster, origin)
        assert began - timedelta(seconds=5) < arrived < datetime.now(UTC) + timedelta(seconds=5)
        await cluster.until(
            lambda: _trouble(cluster, f"{_WEST}: its records have their senders' times"), "ingest says so"
        )
    finally:
        async with administrator(cluster.kafka) as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, _WEST, {**APPEND_TIMES, **_KEPT})])

    async def has_the_brokers_times() -> bool:
        origin = await _send_bill(cluster, at_ms=_ms(began - timedelta(days=200)))
        return await _arrival(cluster, origin) > began and not await _trouble(cluster, "times")

    await cluster.until(has_the_brokers_times, "the topic has the broker's times, and ingest is ready")


async def _send_bill(cluster: Cluster, at_ms: int) -> str:
    """A bill of today; its position."""
    person, now = Person(0, _KEY), datetime.now(UTC)
    bill = Event(person=person.user_id, partner="west", id=f"bill-{now:%H%M%S%f}", time=now, kind="gas.bill")
    message = message_of(bill, person.account)
    async with AIOKafkaProducer(bootstrap_servers=cluster.kafka) as producer:
        sent = await producer.send_and_wait(
            _WEST, message.value, key=message.key, partition=0, timestamp_ms=at_ms, headers=list(message.headers)
        )
    return f"{_WEST}/0/{sent.offset}"


async def _arrival(cluster: Cluster, origin: str) -> datetime:
    found: list[str] = []

    async def came() -> bool:
        found[:] = [m.attribute("arrived") for m in await cluster.read(NORMALIZED) if m.attribute("origin") == origin]
        return bool(found)

    await cluster.until(came, f"{origin} came out of ingest")
    return datetime.fromisoformat(found[-1])


async def _trouble(cluster: Cluster, words: str) -> bool:
    return words in (await asyncio.to_thread(cluster.processes["ingest-1"].trouble) or "")


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


async def test_a_question_about_a_topic_that_is_gone_leaves_the_others_assigned(cluster: Cluster) -> None:
    async with CarefulConsumer(
        bootstrap_servers=cluster.kafka,
        group_id="asks-about-what-is-gone",
        auto_offset_reset="none",
        metadata_max_age_ms=500,
        request_timeout_ms=3_000,
        losses=Losses(lambda topic, reason, records: None),
    ) as consumer:
        consumer.subscribe(pattern=r"family\.[a-z]+")
        with pytest.raises(KafkaTimeoutError):
            await consumer.end_offsets([TopicPartition("family.gone", 0)])
        async with administrator(cluster.kafka) as admin:
            await admin.create_topics([NewTopic("family.new", 1, 1)])

        async def is_assigned() -> bool:
            return TopicPartition("family.new", 0) in set(consumer.assignment())

        await cluster.until(is_assigned, "the new topic is assigned")


async def _send(cluster: Cluster, topic: str, partitions: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=cluster.kafka) as producer:
        for partition in range(partitions):
            for _ in range(_EACH):
                await producer.send_and_wait(topic, b"{}", partition=partition)


async def _answers(cluster: Cluster, partner: str) -> dict[tuple[int, int], str]:
    """The positions of the records that were refused, by the positions of their refusals."""
    refusals = await cluster.read(rejected_topic(partner))
    return {(each.partition, each.offset): each.attribute("origin") for each in refusals}


async def _make(cluster: Cluster, partitions: int, settings: Mapping[str, str] = APPEND_TIMES) -> None:
    async with administrator(cluster.kafka) as admin:
        await admin.create_topics([NewTopic(_WEST, partitions, 1, topic_configs=dict(settings))])


async def _until_answered(cluster: Cluster, partner: str, count: int) -> None:
    async def answered() -> bool:
        return len(await _answers(cluster, partner)) >= count

    await cluster.until(answered, f"{count} records of {partner} are refused")
