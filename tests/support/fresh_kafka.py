"""A Kafka on which nobody has run a service yet, although the tests before this one have."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from goodstanding.reading.offsets import Offsets, asking
from shared.contracts.topics import group_of
from shared.kafka.connection import Kafka
from shared.kafka.topic_admin import administrator, ensure_topics

_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.05


async def delete(kafka: Kafka, topics: Collection[str]) -> None:
    """Delete those of the topics that exist.

    With a topic Kafka forgets the offsets of its groups, and in them whose they are: two deployments on one Kafka stop
    each other. The broker forgets the topic before the coordinator forgets the offsets.
    """
    async with administrator(kafka) as admin, asyncio.timeout(_PATIENCE_S), asking(kafka) as offsets:
        if there := await offsets.existing(list(topics)):
            await admin.delete_topics(there)
        while await offsets.existing(list(topics)) or await _remembered(offsets, topics):  # noqa: ASYNC110  # nobody tells: it has to be asked
            await asyncio.sleep(_LOOK_EVERY_S)  # a broker tells nobody when it has forgotten


async def forget(kafka: Kafka, topics: Collection[str], partners: Collection[str] = ()) -> None:
    """Make the topics again, with those of the partners."""
    await delete(kafka, topics)
    await ensure_topics(kafka, sorted(partners))


async def _remembered(offsets: Offsets, topics: Collection[str]) -> bool:
    """Whether ingest, the one service whose offsets are in Kafka, still has some in these topics."""
    return any(place.topic in topics for place in await offsets.committed(group_of("ingest")))


async def delete_before(kafka: Kafka, place: TopicPartition, offset: int) -> None:
    """As retention does when its time has come."""
    async with administrator(kafka) as admin:
        await admin.delete_records({place: RecordsToDelete(offset)})
