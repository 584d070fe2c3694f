"""A server is restored from an older copy beside the other one, which is newer. After the operator's word subscribers
see what the database has: scores, versions, restrictions and tiers, and never a version that goes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from goodstanding.person.asking import Asked, Asking, Told, asking_for
from goodstanding.waiting_for_word import give_word, waiting_for_word
from shared.contracts.erasure import is_nobody
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectRequest
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED, ServiceName, raw_topic
from shared.runner.one_story import questions
from tests.faults.scenarios import PROCESSES, Story, by_the_system_clock
from tests.integration.told import assert_no_version_goes_back, counted, disagreements, versions_seen
from tests.support.oracle.records import Report

Server = Literal["kafka", "postgres"]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=3)
LISTED = Report(id="r-1", kind="court.listing", status="reported", began_on=YESTERDAY - timedelta(days=90))
ANOTHER = Report(id="r-2", kind="court.listing", status="reported", began_on=YESTERDAY - timedelta(days=30))
RELEASED = Report(id="r-1", kind="court.listing", status="settled", ended_on=YESTERDAY)


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with by_the_system_clock(tmp_path / "deployment") as story:
        yield story


async def some_bills(story: Story, count: int) -> None:
    """One after the other, so that each becomes a version of its own."""
    for _ in range(count):
        await story.tell()
        await story.handled()


async def test_postgres_from_an_older_copy_beside_a_newer_kafka(story: Story) -> None:
    """A restriction was lifted after the copy was made: it must not come back, and what is new must be heard."""
    story.new_person()
    await story.tell(days_late=9)
    await story.report(LISTED)
    await story.handled()
    copy = story.cluster.copies / "postgres"
    await story.cluster.copy("postgres", copy)
    await story.cluster.until_ready()
    await some_bills(story, 4)
    await story.report(RELEASED)
    await story.handled()
    sent = 6
    published = await versions_seen(story)
    assert await disagreements(story) == []

    for name in PROCESSES:
        await story.cluster.stop(name)
    await story.cluster.put_back("postgres", copy)
    await story.cluster.start(*PROCESSES, ready=False)
    await story.until_trouble("scorer-1", "Postgres is older than Kafka", timeout_s=60)
    # The others go on.
    await story.cluster.until_ready("ingest-1")
    sentences = await story.cluster.accept_all()
    assert any("never decided" in sentence for sentence in sentences)
    await story.handled()
    assert await disagreements(story) == []
    assert_no_version_goes_back(await versions_seen(story), published)

    await story.tell()
    await story.handled()
    assert await counted(story) == sent + 1 - 1, "each bill once, and the record is none"
    assert await disagreements(story) == []
    assert_no_version_goes_back(await versions_seen(story), published)
    async with story.cluster.database() as db:
        assert await db.fetchval("select count(*) from scorer.operator_word where applied_at is not null")


async def test_kafka_from_an_older_copy_beside_a_newer_postgres(story: Story) -> None:
    """What is sent to it afterwards is counted, and what it has lost of the published scores is told again."""
    story.new_person()
    await story.tell(days_late=9)
    await some_bills(story, 2)
    copy = story.cluster.copies / "kafka"
    await story.cluster.copy("kafka", copy)
    await story.cluster.until_ready()
    await some_bills(story, 3)
    await story.report(LISTED)
    await story.handled()
    assert await counted(story) == 6

    for name in PROCESSES:
        await story.cluster.stop(name)
    await story.cluster.put_back("kafka", copy)
    before = await versions_seen(story)
    await story.cluster.start(*PROCESSES, ready=False)
    await story.until_trouble("scorer-1", "Kafka is older than the database", timeout_s=60)
    for _ in range(4):
        await story.tell()
    await story.cluster.accept_all()
    await story.handled()

    async def all_counted() -> bool:
        return await counted(story) == 10

    await story.cluster.until(all_counted, "what was sent after the restore is counted")
    await story.handled()
    assert await disagreements(story) == []
    assert_no_version_goes_back(await versions_seen(story), before)


async def test_ingest_stops_where_kafka_lacks_what_it_has_handled(story: Story) -> None:
    """One broker that loses its last seconds may keep a group's offset and lose the records before it."""
    story.new_person()
    await story.tell(days_late=9)
    await story.handled()
    await story.cluster.stop("ingest-1")
    place = TopicPartition(raw_topic("north"), partition_of(story._told[-1].key.decode()))
    consumer = AIOKafkaConsumer(bootstrap_servers=story.kafka, group_id="ingest", enable_auto_commit=False)
    await consumer.start()
    note = (await questions.committed(consumer, [place]))[place]
    consumer.assign([place])
    await consumer.commit({place: OffsetAndMetadata(note.offset + 50, note.note.text())})
    await consumer.stop()
    for _ in range(3):
        await story.tell()
    await story.cluster.start("ingest-1", ready=False)
    await story.until_trouble("ingest-1", "goodstanding offsets accept ingest", timeout_s=60)
    assert await counted(story) == 1
    sentences = await story.cluster.accept_all()
    assert any(f"The topic {raw_topic('north')} ends at offset" in sentence for sentence in sentences)

    async def all_counted() -> bool:
        return await counted(story) == 4

    await story.cluster.until(all_counted, "what was sent meanwhile is counted, and nothing twice")
    await story.handled()
    assert await disagreements(story) == []


async def test_a_month_later_the_operator_vouches_for_the_time(story: Story) -> None:
    """The services' own processes, and the command's functions."""
    await story.cluster.stop("benefits-1")
    async with story.cluster.database() as db:
        await db.execute("update benefits.deployment set last_seen = last_seen - interval '40 days'")
    await story.cluster.start("benefits-1", ready=False)
    await story.until_trouble("benefits-1", "goodstanding clock accept benefits", timeout_s=60)
    (waiting,) = await waiting_for_word(story.cluster.deployment, "benefits")
    assert waiting.shards == (), "it is not about one part of the work"
    await give_word(story.cluster.deployment, [waiting])
    await story.cluster.until_ready("benefits-1")


async def test_who_was_erased_after_the_copy_was_made_is_erased_again_by_itself(story: Story) -> None:
    """(rules I11) The request is on its topic for seven days, and the restored services read it once more."""
    story.new_person()
    await story.tell(days_late=9)
    await story.report(LISTED)
    await story.handled()
    async with story.cluster.database() as db:
        user_id = (await db.fetchval("select user_id from scorer.person")).hex()
    copy = story.cluster.copies / "postgres"
    await story.cluster.copy("postgres", copy)
    await story.cluster.until_ready()
    async with asking_for(story.kafka, user_id) as asking:
        asked = await asking.ask(SubjectRequest(request="erase"), datetime.now(UTC))
        assert [type(told) async for told in _to_the_receipt(asking, asked)] == [SubjectAnswer, ErasureReceipt]
    assert await held(story) == 0

    for name in PROCESSES:
        await story.cluster.stop(name)
    await story.cluster.put_back("postgres", copy)
    assert await held(story) > 0, "the copy has the person"
    # Nobody has to give a word: nothing was published that the copy does not know.
    await story.cluster.start(*PROCESSES)

    async def nothing() -> bool:
        return await held(story) == 0

    await story.cluster.until(nothing, "the person is erased again")
    await story.handled()
    assert await held(story) == 0
    for topic in (SCORES_CHANGED, TIERS_CHANGED):
        assert [seen.value for seen in await story.cluster.read(topic)][-1] is None


async def test_who_comes_back_keeps_what_is_new_when_postgres_is_older(story: Story) -> None:
    """(rules I12) All topics are read again from before the erasure, side by side: what the newcomer has sent may be
    read before the mark, and what the person had sent before it, behind it."""
    await _lives_twice(story)
    copy = story.cluster.copies / "postgres"
    await story.cluster.copy("postgres", copy)
    await story.cluster.until_ready()
    await _is_erased_and_comes_back(story)
    before = await told_last(story)

    for name in PROCESSES:
        await story.cluster.stop(name)
    await story.cluster.put_back("postgres", copy)
    # Were nothing looked for ahead, this one would be read before retention has said again that there is an erasure.
    await story.cluster.start("ingest-1", "scorer-1", "benefits-1", ready=False)
    await story.cluster.accept_all()
    await _idle(story, "scorer", "benefits")
    assert await counted(story) == 3, "the newcomer's, and nothing of before"
    await story.cluster.start("retention-1", ready=False)
    await _settled_as(story, before)


async def test_who_came_back_keeps_everything_when_kafka_is_older(story: Story) -> None:
    """(rules I12) The mark is read again, and with it what the person had sent and what was said before it."""
    await _lives_twice(story)
    await _is_erased_and_comes_back(story)
    copy = story.cluster.copies / "kafka"
    await story.cluster.copy("kafka", copy)
    await story.cluster.until_ready()
    before = await told_last(story)
    await some_bills(story, 2)

    for name in PROCESSES:
        await story.cluster.stop(name)
    await story.cluster.put_back("kafka", copy)
    await story.cluster.start(*PROCESSES, ready=False)
    await story.cluster.accept_all()
    await story.handled()
    assert await counted(story) == 5, "with the two that the restored Kafka does not have"
    assert await disagreements(story) == []
    async with story.cluster.database() as db:
        assert await db.fetchval("select count(*) from retention.record") == 1
    assert (await told_last(story)).keys() == before.keys()


async def _lives_twice(story: Story) -> None:
    """The first of the two lives: late bills, and a restriction."""
    story.new_person()
    await story.tell(days_late=9)
    await some_bills(story, 2)
    await story.report(LISTED)
    await story.handled()


async def _is_erased_and_comes_back(story: Story) -> None:
    request = await story.ask(ask="erase")
    await story.until_receipt(request)
    await story.handled()
    assert await held(story) == 0
    await story.tell(days_late=20)
    await some_bills(story, 2)
    await story.report(ANOTHER)
    await story.handled()
    assert await counted(story) == 3
    assert await disagreements(story) == []


async def _idle(story: Story, *services: ServiceName) -> None:
    async def idle() -> bool:
        return not any([await story.cluster.open_work(service) for service in services])

    await story.cluster.until(idle, f"{services} have nothing to do")


async def _settled_as(story: Story, before: Mapping[str, tuple[object, ...]]) -> None:
    await story.cluster.accept_all()
    await story.handled()
    assert await counted(story) == 3
    assert await disagreements(story) == []
    assert await told_last(story) == before
    async with story.cluster.database() as db:
        assert [row["report_id"] for row in await db.fetch("select report_id from retention.record")] == ["r-2"]
        assert await db.fetchval("select count(*) from retention.erasure where confirmed_at is null") == 0
    # What comes next is of this life too.
    await story.tell()
    await story.handled()
    assert await counted(story) == 4
    assert await disagreements(story) == []


async def told_last(story: Story) -> dict[str, tuple[object, ...]]:
    """What subscribers know of the person, without its versions."""
    scores, tiers = await story.cluster.read(SCORES_CHANGED), await story.cluster.read(TIERS_CHANGED)
    score, tier = (next(m for m in reversed(each) if not is_nobody(m.person)).body for each in (scores, tiers))
    return {
        SCORES_CHANGED: (score["score"], score["thin"], score["restrictions"]),
        TIERS_CHANGED: (tier.get("tier"), tier["in_force"], tier["restrictions"]),
    }


async def _to_the_receipt(asking: Asking, asked: Asked) -> AsyncIterator[Told]:
    async for told in asking.answers(asked, 60):
        yield told
        if isinstance(told, ErasureReceipt):
            return


async def held(story: Story) -> int:
    """Rows about people, in all services."""
    async with story.cluster.database() as db:
        tables = ("scorer.person", "scorer.score", "scorer.contact", "retention.record", "benefits.person")
        return sum([await db.fetchval(f"select count(*) from {table}") for table in tables])
