"""Creates the topics of the table, and compares those that exist with it.

Nothing that exists is changed: a deployment may have its reasons, and a partition count cannot be taken back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    KafkaConnectionError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    for_code,
)

from shared.contracts.topics import SIMULATION, THE_PLATFORMS_TO_DECIDE, WITNESS, Topic, topics
from shared.kafka import clients
from shared.kafka.connection import Kafka

_KNOWN_WITHIN_S = 30.0
# A broker that starts, or was too busy to say that it is alive, takes no copies until the controller hears of it again.
# The default of `broker.session.timeout.ms` is 9 s.
_BROKERS_BACK_WITHIN_S = 10.0
_ASK_AGAIN_AFTER_S = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """A topic that is not as the table says. `remedy` says what to do; `found` is None where nothing could be found."""

    topic: str
    setting: str
    expected: str
    found: str | None
    remedy: str
    must_hold: bool = True
    """False where it is Kafka's platform that decides, which is said and is no fault."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What a run found and did: the names created, the names that were right already, and what differs."""

    created: tuple[str, ...]
    right: tuple[str, ...]
    differences: tuple[Difference, ...]
    missing: tuple[str, ...] = ()
    """Those that a comparison found missing, which creates none."""

    @property
    def faults(self) -> tuple[Difference, ...]:
        """The differences with which the platform would not work as it says."""
        return tuple(each for each in self.differences if each.must_hold)


@contextlib.asynccontextmanager
async def administrator(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that may ask for and change topics. Raises KafkaConnectionError without a broker."""
    admin = clients.admin(kafka)
    await admin.start()
    try:
        await _until_brokers_come(admin)
        yield admin
    finally:
        await admin.close()


async def _until_brokers_come(admin: AIOKafkaAdminClient) -> None:
    """A broker that is not counted among the living answers that there is none, itself included."""
    client = admin._client
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BROKERS_BACK_WITHIN_S):
            while client.get_random_node() is None:
                await asyncio.sleep(_ASK_AGAIN_AFTER_S)
                await client.force_metadata_update()
    if client.get_random_node() is None:
        raise KafkaConnectionError("Kafka answers, and says that none of its brokers is there")


async def ensure_topics(kafka: Kafka, partners: Sequence[str], replication_factor: int = 1) -> TopicReport:
    """Create what is missing of all topics, compare what exists. Raises KafkaConnectionError without a broker."""
    return await _ensure(kafka, (*topics(partners), WITNESS), replication_factor)


async def compare_topics(kafka: Kafka, partners: Sequence[str], replication_factor: int = 1) -> TopicReport:
    """Compare what exists with all topics, and change nothing. Raises KafkaConnectionError without a broker."""
    wanted = (*topics(partners), WITNESS)
    async with administrator(kafka) as admin:
        existing = set(await admin.list_topics())
        there = [topic for topic in wanted if topic.name in existing]
        differing = await _compare(admin, there, replication_factor)
    wrong = {difference.topic for difference in differing if difference.must_hold}
    return TopicReport(
        (),
        tuple(topic.name for topic in there if topic.name not in wrong),
        tuple(differing),
        tuple(topic.name for topic in wanted if topic.name not in existing),
    )


async def ensure_simulation_topic(kafka: Kafka, replication_factor: int = 1) -> TopicReport:
    """The stepped clock's topic, for demos and tests only."""
    return await _ensure(kafka, (SIMULATION,), replication_factor)


async def _ensure(kafka: Kafka, wanted: Sequence[Topic], replication_factor: int) -> TopicReport:
    async with administrator(kafka) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        created, refused = await _create(admin, missing, replication_factor)
        failed = {difference.topic for difference in refused}
        await _until_known(admin, {topic.name for topic in wanted} - failed)
        # Compared is also what another process created in between.
        others = [topic for topic in wanted if topic.name not in created | failed]
        differing = await _compare(admin, others, replication_factor)
    wrong = {difference.topic for difference in differing if difference.must_hold}
    return TopicReport(
        tuple(topic.name for topic in wanted if topic.name in created),
        tuple(topic.name for topic in others if topic.name not in wrong),
        (*refused, *differing),
    )


async def _create(
    admin: AIOKafkaAdminClient, missing: Sequence[Topic], replication_factor: int
) -> tuple[set[str], list[Difference]]:
    """The names that were created, and the refusals; a name that is in neither existed by then."""
    if not missing:
        return set(), []
    answers = await _asked_for_while_brokers_come(admin, missing, replication_factor)
    # Where a setting is not ours to choose, the topic is made without it, and compared like one that was there.
    again = [topic for topic in missing if for_code(answers[topic.name][0]) in _NOT_OURS_TO_CHOOSE]
    if again:
        answers |= await _asked_for(admin, again, replication_factor, THE_PLATFORMS_TO_DECIDE)
    made_so = {topic.name for topic in again}
    created = {name for name, (code, _) in answers.items() if not code and name not in made_so}
    refused = [
        Difference(name, "topic", "created", None, _why_not_created(code, message))
        for name, (code, message) in answers.items()
        if code and for_code(code) is not TopicAlreadyExistsError
    ]
    return created, refused


_NOT_OURS_TO_CHOOSE = (InvalidConfigurationError, PolicyViolationError)


async def _asked_for_while_brokers_come(
    admin: AIOKafkaAdminClient, missing: Sequence[Topic], replication_factor: int
) -> dict[str, tuple[int, str | None]]:
    answers = await _asked_for(admin, missing, replication_factor, frozenset())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BROKERS_BACK_WITHIN_S):
            while early := [
                topic for topic in missing if for_code(answers[topic.name][0]) is InvalidReplicationFactorError
            ]:
                await asyncio.sleep(_ASK_AGAIN_AFTER_S)
                answers |= await _asked_for(admin, early, replication_factor, frozenset())
    return answers


async def _asked_for(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication_factor: int, without: Collection[str]
) -> dict[str, tuple[int, str | None]]:
    """Kafka's code and message for each topic; the client raises nothing here, and 0 is success."""
    requests = []
    for topic in topics:
        settings = {name: each for name, each in topic.settings(replication_factor).items() if name not in without}
        requests.append(NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=settings))
    response = await admin.create_topics(requests)
    return {name: (code, message) for name, code, message in response.topic_errors}


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Return when the broker that answers us knows the topics: the controller's news reach it a moment later."""
    async with asyncio.timeout(_KNOWN_WITHIN_S):
        while not names <= set(await admin.list_topics()):  # noqa: ASYNC110  # nobody tells: it has to be asked
            await asyncio.sleep(_ASK_AGAIN_AFTER_S)


def _why_not_created(code: int, message: str | None) -> str:
    return f"Kafka refused to create it ({for_code(code).__name__}): {message or 'no reason given'}."


async def _compare(admin: AIOKafkaAdminClient, found: Sequence[Topic], replication_factor: int) -> list[Difference]:
    if not found:
        return []
    described = {each["topic"]: each for each in await admin.describe_topics([topic.name for topic in found])}
    settings = await _settings(admin, found)
    return [
        difference
        for topic in found
        for difference in (
            *_layout_differences(topic, described[topic.name], replication_factor),
            *_setting_differences(topic, settings[topic.name], replication_factor),
        )
    ]


async def _settings(admin: AIOKafkaAdminClient, found: Sequence[Topic]) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=None) for topic in found]
    settings: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(asked):
        for code, message, _type, name, entries in response.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            settings[name] = {entry[0]: entry[1] for entry in entries}
    return settings


def _layout_differences(topic: Topic, described: dict[str, Any], replication_factor: int) -> list[Difference]:
    differences = []
    partitions = described["partitions"]
    if len(partitions) != topic.partitions:
        remedy = (
            "Kafka takes no partition away, and moves no message to another one. So stop whatever writes to the topic,"
            " wait until all who read it have come to its end, delete it, make it again (goodstanding topics), start"
            " what was stopped, and see what waits for your word (goodstanding offsets check). To have another count"
            " for good is a re-shard (docs/decisions/0004)."
        )
        differences.append(Difference(topic.name, "partitions", str(topic.partitions), str(len(partitions)), remedy))
    copies = min((len(partition["replicas"]) for partition in partitions), default=0)
    if copies != replication_factor:
        remedy = "Reassign its partitions with kafka-reassign-partitions, or name the factor that you mean."
        differences.append(Difference(topic.name, "replication factor", str(replication_factor), str(copies), remedy))
    return differences


def _setting_differences(topic: Topic, found: dict[str, str], replication_factor: int) -> list[Difference]:
    return [
        Difference(
            topic.name,
            name,
            value,
            found.get(name),
            _alter(topic.name, name, value),
            must_hold=name not in THE_PLATFORMS_TO_DECIDE,
        )
        for name, value in topic.settings(replication_factor).items()
        if found.get(name) != value
    ]


def _alter(topic: str, name: str, value: str) -> str:
    entity = f"--entity-type topics --entity-name {topic}"
    # Without a full stop, which would be pasted with it.
    return f"Set it: kafka-configs --bootstrap-server ... --alter {entity} --add-config {name}={value}"
