"""Where the services go on in another Kafka that has copies of their topics: each stored offset is replaced by the one
that the time of what was handled leads to.

A copy of a record is never older than the record, so whatever was not handled lies behind that time. Some of what was
handled may lie there too: it is read again, and recognized by its id. Only while no service runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError
from aiokafka.structs import OffsetAndMetadata

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.reading.offsets import asking
from goodstanding.waiting_for_word import in_group
from shared.contracts.topics import RAW_PREFIX, SUBJECT_ANSWERS, group_of
from shared.kafka import clients, groups
from shared.kafka.connection import Kafka
from shared.kafka.identities import Identities, identities
from shared.kafka.topic_admin import administrator
from shared.postgres import Db
from shared.runner import store
from shared.runner.one_story import agreement, operator_word, questions, start_check
from shared.runner.one_story.agreement import TopicNow
from shared.runner.one_story.commit_note import Note, owner_of
from shared.runner.one_story.contradictions import OtherOwner, OtherTopic, remedy

_PATIENCE_S = 30.0
_LOOK_AGAIN_S = 0.2
_NOT_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)


@dataclass(frozen=True, slots=True)
class Place:
    """One partition: the next offset to read in this Kafka, and by what time (None: from the beginning, since nothing
    is known of it)."""

    topic: str
    partition: int
    offset: int
    now: TopicNow
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A shard of a service whose offsets are of another Kafka or of other topics. `own` is what the service's own topic
    is then: it is compared with the database, and whatever it lacks is published again."""

    service: str
    shard: int
    cluster: str
    places: tuple[Place, ...]
    own: OtherTopic | None = None
    before: store.Claim | None = None
    """The shard's row, as it was seen; None for ingest, which has none."""


def since_when(newest: int | None, said: datetime | None, again: timedelta) -> datetime | None:
    """From which time on a copy is read: some time before the last record that was handled (`newest`, ms), and not
    later than the operator says. Pure."""
    last = None if newest is None else datetime.fromtimestamp(newest / 1000, UTC) - again
    return min((each for each in (last, said) if each is not None), default=None)


async def plan(
    deployment: Deployment, service: str, since: datetime | None, *, again: timedelta = questions.READ_AGAIN
) -> list[Moved]:
    """What has to change for the service; empty where its offsets are of this Kafka. Changes nothing.

    Raises UserError while the service runs, for a topic that this Kafka lacks, and where only the operator can say
    until when everything was handled.
    """
    await _require_stopped(deployment, service)
    if service not in deployment.settings.stateful:
        return await _of_ingest(deployment, service, since, again)
    found = []
    async with _database(deployment, service) as db, _consumer(deployment) as consumer:
        for shard in range(deployment.settings.partitions):
            claim = await store.peek(db, shard)
            if claim.noted.cluster:
                told = await identities(consumer._client, claim.noted.topic_ids)
                if moved := await _of_shard(consumer, told, service, shard, claim, since, again):
                    found.append(moved)
    return found


async def carry_out(deployment: Deployment, moved: Sequence[Moved]) -> None:
    """Store the new offsets: of a shard in one transaction that fences whoever held it, those of ingest in one commit.
    Raises UserError where a service has been started since."""
    for service in dict.fromkeys(each.service for each in moved):
        await _require_stopped(deployment, service)
    for each in moved:
        if each.before is None:
            await _commit(deployment, each)
        else:
            async with _database(deployment, each.service) as db, db.transaction():
                await _store(db, each, each.before)


async def _of_shard(
    consumer: AIOKafkaConsumer,
    told: Identities,
    service: str,
    shard: int,
    claim: store.Claim,
    since: datetime | None,
    again: timedelta,
) -> Moved | None:
    noted = claim.noted
    for topic in noted.topic_ids:
        if topic not in told.topics:
            raise UserError(f"There is no topic {topic} on this Kafka.", "Make it: goodstanding topics")
    others = {topic for topic, id in noted.topic_ids.items() if told.topics[topic] != id}
    # What a service has sent to is its own topic; it reads all others.
    inputs = sorted(others - noted.sent.keys())
    if noted.cluster == told.cluster and not inputs:
        return None
    own = next((OtherTopic(t, noted.topic_ids[t], told.topics[t], True) for t in others & noted.sent.keys()), None)
    places = [TopicPartition(topic, shard) for topic in inputs]
    first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    found = []
    for tp in places:
        now = TopicNow(told.topics[tp.topic], first[tp], ends[tp])
        at = since_when(noted.newest.get(tp.topic), since, again)
        found.append(await _placed(consumer, tp, now, at))
    return Moved(service, shard, told.cluster, tuple(found), own, claim)


async def _placed(consumer: AIOKafkaConsumer, tp: TopicPartition, now: TopicNow, since: datetime | None) -> Place:
    if since is None:
        return Place(tp.topic, tp.partition, now.first, now, None)
    since_ms = since.timestamp() * 1000
    offset = await questions.first_since(consumer, tp, now, lambda at_ms: at_ms >= since_ms)
    return Place(tp.topic, tp.partition, offset, now, since)


async def _store(db: Db, moved: Moved, before: store.Claim) -> None:
    claim = await store.claim(db, moved.shard, epoch=before.epoch)
    offsets = {**claim.progress.offsets, **{each.topic: each.offset for each in moved.places}}
    noted = replace(
        claim.noted,
        cluster=moved.cluster,
        topic_ids={**claim.noted.topic_ids, **{each.topic: each.now.id for each in moved.places}},
        offsets=offsets,
    )
    # A barrier of the other log means nothing in this one.
    progress = replace(claim.progress, offsets=offsets, run=None, barrier={})
    await store.write_claim(db, moved.shard, claim.epoch, replace(claim, progress=progress, noted=noted))
    if moved.own:
        token = agreement.token(moved.service, moved.shard, moved.own)
        await operator_word.give_word(db, operator_word.Found(token, moved.own.says(), remedy(moved.own)))


# -- ingest, whose offsets are in Kafka --------------------------------------------------------------------------------


async def _of_ingest(deployment: Deployment, service: str, since: datetime | None, again: timedelta) -> list[Moved]:
    kafka, owner = deployment.addresses.login, owner_of(bytes.fromhex(deployment.settings.key))
    async with asking(kafka) as offsets:
        topics = sorted(
            each for each in await offsets.topics() if each.startswith(RAW_PREFIX) or each == SUBJECT_ANSWERS
        )
        held = list(await offsets.ends(topics)) if topics else []
    found = []
    async with in_group(kafka, group_of("ingest")) as consumer:
        for shard in sorted({tp.partition for tp in held}):
            partitions = [tp for tp in held if tp.partition == shard]
            judged = await start_check.judged(kafka, consumer, owner, partitions)
            places, cluster = [], ""
            for tp, each in judged.items():
                if isinstance(each.contradiction, OtherOwner):
                    raise UserError(each.contradiction.says())
                if each.committed is not None and each.contradiction is None:
                    continue
                now, cluster = each.seen.topics[tp.topic], each.seen.cluster
                at = since_when(each.noted.newest.get(tp.topic), since, again)
                places.append(await _placed(consumer, tp, now, at))
            if places:
                found.append(Moved(service, shard, cluster, tuple(places)))
    _require_time(found)
    return found


def _require_time(found: Iterable[Moved]) -> None:
    """Events that were read before would get a new time of arrival: of a person who was erased meanwhile they would
    count again."""
    unknown = [place for moved in found for place in moved.places if place.since is None]
    if topic := next((place.topic for place in unknown if place.now.first < place.now.end), None):
        raise UserError(
            f"{topic} holds records, and this Kafka does not know how far ingest has read.",
            "Say by when all that had been sent was handled, and nothing new was sent yet: --since TIME",
        )


async def _commit(deployment: Deployment, moved: Moved) -> None:
    owner = owner_of(bytes.fromhex(deployment.settings.key))
    async with in_group(deployment.addresses.login, group_of("ingest")) as consumer:
        at = {TopicPartition(each.topic, each.partition): each for each in moved.places}
        consumer.assign(list(at))
        await consumer.commit(
            {
                tp: OffsetAndMetadata(each.offset, Note(moved.cluster, each.now.id, owner).text())
                for tp, each in at.items()
            }
        )


# -- whether it runs ---------------------------------------------------------------------------------------------------

_SESSIONS = """
select count(*) from pg_stat_activity
where usename = current_user and application_name = $1 and pid <> pg_backend_pid()
"""


async def _require_stopped(deployment: Deployment, service: str) -> None:
    running = await _members(deployment.addresses.login, group_of(service))
    if service in deployment.settings.stateful:
        async with _database(deployment, service) as db:
            running = running or await db.fetchval(_SESSIONS, service)
    if running:
        raise UserError(
            f"{service} runs: it is in its group, or has a session in Postgres.",
            "Stop all services first. A pooler between may keep sessions for a while.",
        )


async def _members(kafka: Kafka, group: str) -> int:
    async with asyncio.timeout(_PATIENCE_S), administrator(kafka) as admin:
        while True:
            try:
                return (await groups.members(admin, [group]))[group]
            except _NOT_YET:
                # A new Kafka has no coordinator until the first group comes, and this question makes it get one.
                await asyncio.sleep(_LOOK_AGAIN_S)


@asynccontextmanager
async def _database(deployment: Deployment, service: str) -> AsyncIterator[asyncpg.Connection]:
    db = await asyncpg.connect(deployment.dsn(service))
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _consumer(deployment: Deployment) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = clients.consumer(deployment.addresses.login)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
