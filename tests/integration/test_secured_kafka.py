"""A secured Kafka: who may do what with which topic, group and transactional id, tried by everybody with everything.

What is expected stands here as a table of its own, written by hand, and not as the product derives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import OffsetAndMetadata

from goodstanding.doctor.brokers import ask, needs, of_brokers
from goodstanding.doctor.findings import Verdict
from goodstanding.platform import certificates
from goodstanding.platform.kafka_users import KafkaUsers
from goodstanding.platform.servers import Servers
from shared.kafka import acls, clients
from shared.kafka.connection import KafkaConnection
from shared.kafka.consumer import beside
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator, ensure_simulation_topic, ensure_topics
from tests.integration.tiny import until

PATIENCE_S = 60.0
PARTNERS = ["bank", "hotel"]
SERVICES = {"ingest", "retention", "scorer", "benefits"}
SOMEBODY = {*SERVICES, "operator", "portal", "monitor", "partner-bank", "partner-hotel", "subscriber"}


def _of_partner(partner: str) -> dict[str, tuple[set[str], set[str]]]:
    them = f"partner-{partner}"
    return {
        f"behavior.raw.{partner}": ({them, "portal", "operator"}, {"ingest", "operator"}),
        f"behavior.rejected.{partner}": ({"ingest", "scorer", "retention"}, {them, "portal", "operator"}),
        f"disputes.{partner}": ({"retention"}, {them, "operator"}),
        f"crosswalk.{partner}": ({"operator", "ingest"}, {"ingest", "operator"}),
    }


# Who writes, and who reads. A service with state also reads back what it has published.
TOPICS: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    **_of_partner("bank"),
    **_of_partner("hotel"),
    "behavior.normalized": ({"ingest", "operator"}, {"scorer", "operator"}),
    "records.reported": ({"ingest", "operator"}, {"retention", "operator"}),
    "records.changed": ({"retention", "operator"}, {"scorer", "retention", "operator"}),
    "subject.requests": ({"portal", "operator"}, {"scorer", "retention", "operator"}),
    "subject.answers": ({*SERVICES, "portal"}, {"portal", "retention", "ingest", "operator"}),
    "scores.changed": ({"scorer"}, {"scorer", "benefits", "subscriber", "operator"}),
    "tiers.changed": ({"benefits"}, {"benefits", "subscriber", "portal", "operator"}),
    "scores.explained": ({"scorer"}, {"portal", "operator"}),
    "records.held": ({"retention"}, {"portal", "operator"}),
    "ingest.dead-letter": ({"ingest", "operator"}, {"portal", "operator"}),
    "retention.dead-letter": ({"retention", "operator"}, {"portal", "operator"}),
    "scorer.dead-letter": ({"scorer", "operator"}, {"portal", "operator"}),
    "benefits.dead-letter": ({"benefits", "operator"}, {"portal", "operator"}),
    "portal.dead-letter": ({"portal", "operator"}, {"portal", "operator"}),
    "services.time": ({*SERVICES, "portal"}, {"operator"}),
    "simulation.clock": ({"operator"}, {*SERVICES, "portal", "operator"}),
}
# Who may be a member, and who may only ask how far a group is.
GROUPS: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    "ingest": ({"ingest"}, {"operator", "monitor", "portal", "partner-bank", "partner-hotel"}),
    "retention": ({"retention"}, {"operator", "monitor"}),
    "scorer": ({"scorer"}, {"operator", "monitor"}),
    "benefits": ({"benefits"}, {"operator", "monitor"}),
    "ingest.operator": ({"operator"}, {"ingest"}),
    "partner-bank.reports": ({"partner-bank"}, ()),
    "partner-hotel.reports": ({"partner-hotel"}, ()),
    "partner-banknote.reports": ((), ()),
    "portal": ({"portal"}, {"operator", "monitor"}),
    "portal.answers": ((), ()),
    "subscriber.copy": ({"subscriber"}, ()),
    "stranger": ((), ()),
}
TRANSACTIONAL_IDS: Mapping[str, Collection[str]] = {
    "retention-0": {"retention"},
    "scorer-0": {"scorer"},
    "benefits-5": {"benefits"},
    "portal-0": {"portal"},
    "redrive": {"operator"},
    "ingest-0": (),
    "stranger": (),
}


@dataclass(frozen=True, slots=True)
class Secured:
    servers: Servers
    users: KafkaUsers

    def login(self, user: str) -> KafkaConnection:
        return self.users.connection(user)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with Servers.ephemeral(secured=True) as servers:
        login = servers.addresses.login
        assert isinstance(login, KafkaConnection)
        users = KafkaUsers(tmp_path_factory.mktemp("users"), login)
        asyncio.run(_prepare(users))
        yield Secured(servers, users)


async def _prepare(users: KafkaUsers) -> None:
    kafka = users.administrator
    await ensure_topics(kafka, PARTNERS)
    await ensure_simulation_topic(kafka)
    await users.ensure(PARTNERS, ["subscriber"])
    producer = clients.producer(kafka)
    async with producer:
        for topic in TOPICS:
            await producer.send_and_wait(topic, b"there to be read", key=b"k", partition=0)
    # A new broker has no coordinator of groups until the first one comes.
    await until(lambda: _committed(kafka, "first", "scores.changed"), "groups have a coordinator")


@pytest.mark.parametrize("user", sorted(SOMEBODY))
async def test_who_writes_reads_and_sees_each_topic(secured: Secured, user: str) -> None:
    kafka = secured.login(user)
    writes = {topic for topic in TOPICS if await _written(kafka, topic)}
    sees = await _seen(kafka)
    reads = await _read(kafka, sees)
    assert writes == {topic for topic, (writers, _) in TOPICS.items() if user in writers}
    assert reads == {topic for topic, (_, readers) in TOPICS.items() if user in readers}
    assert sees == (set(TOPICS) if user == "monitor" else writes | reads)


async def _written(kafka: KafkaConnection, topic: str) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S), clients.producer(kafka) as producer:
            await producer.send_and_wait(topic, b"forged", key=b"k", partition=0)
    except TopicAuthorizationFailedError:
        return False
    return True


async def _seen(kafka: KafkaConnection) -> set[str]:
    async with administrator(kafka) as admin:
        return {topic for topic in await admin.list_topics() if not topic.startswith("__")}


async def _read(kafka: KafkaConnection, topics: Collection[str]) -> set[str]:
    """Those of the topics of which a record was read; of the others Kafka must have said that it is not allowed."""
    consumer = beside(kafka, topics)
    await consumer.start()
    read, refused = set[str](), set[str]()
    try:
        for topic in topics:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.seek(TopicPartition(topic, 0), 0)
            async with asyncio.timeout(PATIENCE_S):
                while topic not in read | refused:
                    try:
                        read |= {tp.topic for tp, found in (await consumer.getmany(timeout_ms=200)).items() if found}
                    except TopicAuthorizationFailedError:
                        refused.add(topic)
    finally:
        await consumer.stop()
    return read


async def test_brokers_tell_only_an_administrator_of_their_settings(secured: Secured) -> None:
    for user, verdict in ((secured.users.administrator, Verdict.OK), (secured.login("operator"), Verdict.LOOK)):
        async with administrator(user) as admin:
            brokers = [each["node_id"] for each in (await admin.describe_cluster())["brokers"]]
            assert [each.verdict for each in of_brokers(await ask(admin, brokers), needs(1))] == [verdict]


@pytest.mark.parametrize("user", sorted(SOMEBODY))
async def test_who_joins_and_asks_about_each_group(secured: Secured, user: str) -> None:
    kafka = secured.login(user)
    # Any topic that the user may read serves to commit an offset of; who may read none is refused for the group first.
    readable = [topic for topic, (_, readers) in sorted(TOPICS.items()) if user in readers]
    topic = next(iter(readable), "scores.changed")
    joins = {group for group in GROUPS if await _committed(kafka, group, topic)}
    asks = {group for group in GROUPS if await _asked(kafka, group)}
    assert joins == {group for group, (members, _) in GROUPS.items() if user in members}
    assert asks == {group for group, (members, askers) in GROUPS.items() if user in members or user in askers}


async def _committed(kafka: KafkaConnection, group: str, topic: str) -> bool:
    consumer = clients.consumer(kafka, group_id=group, enable_auto_commit=False)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await consumer.start()
            consumer.assign([TopicPartition(topic, 0)])
            await consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(0, "")})
    except GroupAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True


async def _asked(kafka: KafkaConnection, group: str) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S), administrator(kafka) as admin:
            await admin.list_consumer_group_offsets(group)
    except GroupAuthorizationFailedError:
        return False
    return True


@pytest.mark.parametrize("user", sorted(SOMEBODY))
async def test_who_takes_over_each_transactional_id(secured: Secured, user: str) -> None:
    taken = {name for name in TRANSACTIONAL_IDS if await _taken(secured.login(user), name)}
    assert taken == {name for name, owners in TRANSACTIONAL_IDS.items() if user in owners}


async def _taken(kafka: KafkaConnection, transactional_id: str) -> bool:
    try:
        async with started(kafka, transactional_id):
            return True
    except TransactionalIdAuthorizationFailed:
        return False


@pytest.mark.parametrize("user", sorted(SOMEBODY))
async def test_nobody_changes_topics_rights_or_passwords(secured: Secured, user: str) -> None:
    kafka = secured.login(user)
    async with administrator(kafka) as admin:
        made = await admin.create_topics([NewTopic("behavior.raw.newcomer", 6, 1)])
        deleted = await admin.delete_topics(["scores.changed"])
    refused = TopicAuthorizationFailedError.errno
    assert [code for _, code, _ in made.topic_errors] == [refused]
    assert [code for _, code in deleted.topic_error_codes] == [refused]
    with pytest.raises(ClusterAuthorizationFailedError):
        await acls.held(kafka)
    with pytest.raises(KafkaError):
        await acls.set_passwords(kafka, [("operator", "taken over")])


async def test_a_partner_that_is_another_is_refused_with_its_reason(secured: Secured, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("guessed")
    kafka = replace(secured.login("partner-bank"), password_file=wrong)
    with pytest.raises(KafkaConnectionError):
        await _seen(kafka)
    assert clients.refusal(kafka) == "Kafka refuses the password of partner-bank"
    # A new connection reads the file again.
    wrong.write_text(secured.users.password("partner-bank"))
    assert await _seen(kafka)
    assert clients.refusal(kafka) is None


async def test_a_stranger_in_the_place_of_the_broker_is_not_believed(secured: Secured, tmp_path: Path) -> None:
    certificates.ensure_authority(tmp_path)
    kafka = replace(secured.login("partner-bank"), ca_file=tmp_path / "ca.pem")
    with pytest.raises(KafkaConnectionError):
        await _seen(kafka)
    assert (clients.refusal(kafka) or "").startswith("the certificate of 127.0.0.1 cannot be trusted: ")
