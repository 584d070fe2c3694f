"""What a real broker says of its settings, and what a topic's own limit is worth above the broker's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from goodstanding.doctor.brokers import ask, needs, of_brokers
from goodstanding.doctor.findings import Finding, Verdict
from shared.contracts.topics import MESSAGE_BYTES_MAX, raw_topic
from shared.kafka.topic_admin import administrator, ensure_topics
from tests.integration.tiny import until


async def _found(kafka: str, replication_factor: int = 1) -> list[Finding]:
    async with administrator(kafka) as admin:
        brokers = [each["node_id"] for each in (await admin.describe_cluster())["brokers"]]
        return list(of_brokers(await ask(admin, brokers), needs(replication_factor)))


@asynccontextmanager
async def _having(kafka: str, name: str, value: str) -> AsyncIterator[None]:
    """The broker with another value of this setting, and with its own again afterwards."""
    async with administrator(kafka) as admin:
        before = await _told(admin, name)
        await _set(admin, {name: value})
        await until(lambda: _tells(admin, name, value), "the broker has the other value")
        try:
            yield
        finally:
            await _set(admin, {})
            await until(lambda: _tells(admin, name, before), "the broker has its own value again")


async def _set(admin: AIOKafkaAdminClient, settings: dict[str, str]) -> None:
    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", settings)]):
        assert all(not code for code, *_ in answer.resources)


async def _told(admin: AIOKafkaAdminClient, name: str) -> str:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1", {name: None})])
    [(code, _message, _type, _broker, [(_name, value, *_)])] = answer.resources
    assert not code
    return str(value)


async def _tells(admin: AIOKafkaAdminClient, name: str, value: str) -> bool:
    """A broker takes up what was altered a moment after it has said that it will."""
    return await _told(admin, name) == value


async def test_each_setting_is_told_by_a_broker_and_one_that_must_hold_is_missed(kafka_bootstrap: str) -> None:
    [fine] = await _found(kafka_bootstrap)
    assert (fine.verdict, fine.sentence) == (
        Verdict.OK,
        f"All {len(needs(1))} settings that they tell and the platform needs are as they should be.",
    )
    async with _having(kafka_bootstrap, "unclean.leader.election.enable", "true"):
        [lossy] = await _found(kafka_bootstrap)
    assert lossy.verdict is Verdict.WRONG
    assert lossy.sentence == "unclean.leader.election.enable is true, not false (broker 1)."


async def test_one_copy_of_kafkas_own_topics_is_too_few_beside_three_of_ours(kafka_bootstrap: str) -> None:
    found = {each.sentence.partition(" is ")[0] for each in await _found(kafka_bootstrap, 3)}
    assert found == {
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
    }


async def test_the_brokers_limit_for_messages_need_not_hold_since_a_topic_has_its_own(kafka_bootstrap: str) -> None:
    partner = f"t{uuid.uuid4().hex[:12]}"
    await ensure_topics(kafka_bootstrap, [partner])
    async with (
        _having(kafka_bootstrap, "message.max.bytes", "100000"),
        AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, max_request_size=2 * MESSAGE_BYTES_MAX) as sender,
    ):
        await sender.send_and_wait(raw_topic(partner), bytes(1024 * 1024))
