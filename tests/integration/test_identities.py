"""Cluster id and topic ids as Kafka tells them: what shows that a topic of the same name is another topic."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.kafka.identities import identities
from shared.kafka.topic_admin import administrator
from tests.integration.tiny import until


@pytest.fixture
async def admin(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    async with administrator(kafka_bootstrap) as admin:
        yield admin


@pytest.fixture
async def consumer(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
        yield consumer


async def test_the_cluster_is_the_one_that_its_own_tools_name(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer
) -> None:
    told = await identities(consumer._client, [])
    assert told.cluster == (await admin.describe_cluster())["cluster_id"]


async def test_a_topic_that_was_made_again_has_another_id(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer
) -> None:
    name, absent = f"again-{uuid.uuid4().hex[:8]}", "never-made"

    async def there() -> bool:
        return name in (await identities(consumer._client, [name])).topics

    await admin.create_topics([NewTopic(name, 6, 1)])
    await until(there, "the topic is there")
    first = await identities(consumer._client, [name, absent])
    assert set(first.topics) == {name}
    assert (await identities(consumer._client, [name])).topics == first.topics

    await admin.delete_topics([name])

    async def gone() -> bool:
        return name not in (await identities(consumer._client, [name])).topics

    await until(gone, "the topic is gone")
    await admin.create_topics([NewTopic(name, 6, 1)])
    await until(there, "the topic is there again")
    second = await identities(consumer._client, [name])
    assert second.cluster == first.cluster
    assert second.topics[name] != first.topics[name]
