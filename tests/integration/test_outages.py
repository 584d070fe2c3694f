"""Servers go away and come back; records come that nobody can read. The services are back by themselves, and say so."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from shared.contracts.cloudevents import binary
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import NORMALIZED, dead_letter_topic, raw_topic, rejected_topic
from shared.kafka.committed import committed
from tests.faults.cluster import PARTNER
from tests.faults.events import PARTNERS
from tests.faults.scenarios import Story, telling
from tests.support.unreadable import send_raw

_AWAY_S = 4.0
_RUDE = "rude"
"""A partner whose topic no client of the tests could read."""
_FILLER = "filler"
"""A partner whose events only take room."""
_MIB = 1024 * 1024
_GARBAGE = b"garbage " * 4_000
_BACKLOG_BYTES = 120 * _MIB


@pytest.fixture(scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """By the machine's clock: what a deployment has, and the campaign has not."""
    directory = tmp_path_factory.mktemp("outages") / "deployment"
    partners = dict.fromkeys((*PARTNERS, _RUDE, _FILLER), PARTNER)
    async with telling(directory, now=datetime.now(UTC), clock="system", partners=partners) as story:
        await story.start("ingest-1")
        await story.start("scorer-1")
        # The last publication is made up for now, of nobody.
        await story.cluster.until_run_done()
        yield story


@pytest.fixture(autouse=True)
async def _servers(story: Story) -> AsyncIterator[None]:
    """What one test has left away must not be missing in the next."""
    yield
    for name in ("kafka", "postgres"):
        story.cluster.stack.resume(name)
    await asyncio.to_thread(story.cluster.stack.up)


async def _begun(story: Story) -> None:
    """A person of whom something was handled before."""
    story.new_person()
    await story.tell(days_late=9)
    await story.handled()


async def test_postgres_goes_away_and_comes_back(story: Story) -> None:
    await _begun(story)
    await asyncio.to_thread(story.cluster.stack.kill, "postgres")
    await story.until_trouble("scorer-1", "Postgres")
    assert await asyncio.to_thread(story.cluster.processes["ingest-1"].trouble) is None, "ingest needs no Postgres"
    for _ in range(20):
        await story.tell()
    await asyncio.sleep(_AWAY_S)  # how long the server is away is what is tried
    assert story.cluster.processes["scorer-1"].alive
    await asyncio.to_thread(story.cluster.stack.start, "postgres")
    await story.cluster.until_ready()
    assert await story.violations() == []


async def test_postgres_stands_still_and_goes_on(story: Story) -> None:
    """Worse than away: connections stay open, and no answer comes."""
    await _begun(story)
    story.cluster.stack.pause("postgres")
    await story.tell()
    await story.until_trouble("scorer-1", "Postgres")
    story.cluster.stack.resume("postgres")
    await story.cluster.until_ready()
    assert await story.violations() == []


async def test_kafka_goes_away_and_comes_back(story: Story) -> None:
    await _begun(story)
    await asyncio.to_thread(story.cluster.stack.kill, "kafka")
    telling_meanwhile = asyncio.create_task(story.tell())
    await asyncio.gather(*(story.until_trouble(name, "Kafka") for name in ("ingest-1", "scorer-1")))
    await asyncio.sleep(_AWAY_S)  # how long the server is away is what is tried
    assert all(process.alive for process in story.cluster.processes.values())
    await asyncio.to_thread(story.cluster.stack.start, "kafka")
    await telling_meanwhile
    await story.cluster.until_ready()
    assert await story.violations() == []


async def test_what_a_group_has_committed_is_never_said_to_be_nothing_while_kafka_starts(story: Story) -> None:
    """A coordinator that is still loading answers, with an error for the whole group that the client library passes
    over: ingest would begin at the beginning, and what was noted beside its offsets would be forgotten."""
    places = [TopicPartition(raw_topic(_RUDE), partition) for partition in range(PARTITIONS)]
    async with AIOKafkaConsumer(
        bootstrap_servers=story.kafka, group_id="loading", enable_auto_commit=False, request_timeout_ms=2_000
    ) as consumer:
        consumer.assign(places)
        # Many, so that the coordinator is loading for a while.
        for round in range(300):
            await consumer.commit({place: OffsetAndMetadata(round, "noted" * 200) for place in places})
        expected = {place: OffsetAndMetadata(299, "noted" * 200) for place in places}
        for _ in range(3):
            await asyncio.to_thread(story.cluster.stack.kill, "kafka")
            starting = asyncio.create_task(asyncio.to_thread(story.cluster.stack.start, "kafka"))
            answers = 0
            while not starting.done() or not answers:
                with contextlib.suppress(KafkaError, TimeoutError):
                    async with asyncio.timeout(2):
                        assert await committed(consumer, places) == expected
                        answers += 1
                await asyncio.sleep(0)  # a turn for the others
            await starting
    await story.cluster.until_ready()


async def test_a_process_without_file_descriptors_says_so_and_goes_on(story: Story) -> None:
    """Every connection that it must open anew fails; what was sent meanwhile is counted when there are some again."""
    await _begun(story)
    process = psutil.Process(story.cluster.processes["scorer-1"].pid)
    soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
    # As many as are open, so that not one is left for whoever asks whether it is ready.
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), hard))
    try:
        await story.until_trouble("scorer-1", "file descriptors")
        await asyncio.to_thread(story.cluster.stack.kill, "postgres")
        await story.tell()
        await asyncio.to_thread(story.cluster.stack.start, "postgres")
        await story.tell()
        for _ in range(20):
            # Connections that ended with Postgres have left descriptors behind, and not all are wanted again at once.
            process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), hard))
            said = await asyncio.to_thread(story.cluster.processes["scorer-1"].trouble)
            assert said not in (None, "does not answer")
    finally:
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    await story.cluster.until_ready()
    assert await story.violations() == []


async def test_kafka_can_write_no_more_and_comes_back_when_it_can(story: Story) -> None:
    """As on a full disk: an append fails, and the broker ends itself. What it had acknowledged is there afterwards."""
    await _begun(story)
    [kafka] = [s for s in await asyncio.to_thread(story.cluster.stack.status) if s.name == "kafka"]
    assert kafka.pid is not None
    broker = psutil.Process(kafka.pid)
    _, hard = broker.rlimit(psutil.RLIMIT_FSIZE)
    broker.rlimit(psutil.RLIMIT_FSIZE, (_MIB, hard))
    telling_meanwhile = asyncio.create_task(_tell_until_it_ends(story, broker))
    await asyncio.gather(*(story.until_trouble(name, "Kafka") for name in ("ingest-1", "scorer-1")))
    await asyncio.to_thread(story.cluster.stack.start, "kafka")
    await telling_meanwhile
    await story.cluster.until_ready()
    assert await story.violations() == []


async def _tell_until_it_ends(story: Story, broker: psutil.Process) -> None:
    """The last of it is sent again by its client until the broker is back."""
    async with AIOKafkaProducer(bootstrap_servers=story.kafka, acks=1, request_timeout_ms=2_000) as filler:
        while broker.is_running() and broker.status() != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(KafkaError):
                await filler.send_and_wait(raw_topic(_FILLER), b"x" * 500_000, partition=0)
    await story.tell()


async def test_a_service_that_starts_first_waits_and_says_for_what(story: Story) -> None:
    story.new_person()
    await story.cluster.kill("scorer-1")
    await asyncio.to_thread(story.cluster.stack.kill, "postgres")
    await story.cluster.start("scorer-1", ready=False)
    await story.until_trouble("scorer-1", "waiting for Postgres")
    await asyncio.to_thread(story.cluster.stack.kill, "kafka")
    await story.cluster.kill("scorer-1")
    await story.cluster.start("scorer-1", ready=False)
    await story.until_trouble("scorer-1", "waiting for Kafka")
    await asyncio.to_thread(story.cluster.stack.start, "kafka")
    await story.until_trouble("scorer-1", "waiting for Postgres")
    await asyncio.to_thread(story.cluster.stack.start, "postgres")
    await story.cluster.until_ready()
    await story.tell(days_late=9)
    assert await story.violations() == []


async def test_poison_between_the_services_is_set_aside(story: Story) -> None:
    """Services wrote this topic, so whatever cannot be read there is the operator's; good events flow beside it."""
    story.new_person()
    user = story.person.user_id
    home = partition_of(user)
    good = {"id": "x", "source": "/partners/north", "type": "goodstanding.behavior.normalized.v1"}
    now = datetime.now(UTC) - timedelta(days=1)

    def headers(**changes: str) -> list[tuple[str, bytes]]:
        given = {**good, **changes}
        extensions = {"origin": "behavior.raw.north/0/0"}
        return list(binary(**given, time=now, partitionkey=user, extensions=extensions))

    body, key = b'{"kind":"gas.bill","days_late":0}', user.encode()
    cases = [
        (home, key, b"\x00garbage", headers(), "json-syntax"),
        (home, key, b"[1]", headers(), "not-an-object"),
        (home, key, None, headers(), "value-missing"),
        (home, b"nobody", body, headers(), "envelope-key"),
        ((home + 1) % 6, key, body, headers(), "misplaced"),
        (home, key, body, headers(type="goodstanding.behavior.normalized.v9"), "envelope-type"),
        (home, key, body, [(n, b"0.3" if n == "ce_specversion" else v) for n, v in headers()], "envelope-version"),
        (home, key, body, [], "envelope-version"),
        (home, key, b'{"kind":"moon.landing"}', headers(), "unknown-kind"),
        (home, key, body, headers(source="/elsewhere"), "envelope-attribute"),
    ]
    producer = AIOKafkaProducer(bootstrap_servers=story.kafka)
    await producer.start()
    await story.tell(days_late=9)
    before = len(await story.cluster.read(dead_letter_topic("scorer")))
    origins = []
    for partition, record_key, value, record_headers, _ in cases:
        sent = await producer.send_and_wait(NORMALIZED, value, record_key, partition, headers=record_headers)
        origins.append(f"{NORMALIZED}/{partition}/{sent.offset}")
    await producer.stop()
    await story.tell()
    await story.handled()
    letters = (await story.cluster.read(dead_letter_topic("scorer")))[before:]
    codes = {letter.attribute("origin"): letter.attribute("code") for letter in letters}
    assert codes == dict(zip(origins, (code for *_, code in cases), strict=True))
    assert all(letter.value in (None, b"") for letter in letters), "positions only"
    assert await asyncio.to_thread(story.cluster.processes["scorer-1"].trouble) is None
    assert await story.violations_seen_outside() == []


async def test_a_header_name_that_is_not_utf8_is_refused_like_any_other(story: Story) -> None:
    """The client library cannot read such a record; ingest must not stop, nor lose what lies beside it."""
    story.new_person()
    await story.tell(days_late=9)
    topic, count = raw_topic(_RUDE), 20
    for partition in range(6):
        await send_raw(story.kafka, topic, partition, b"k", b"{}", b"\xff\xfe", count=count)
    await story.tell()
    await story.handled()
    refusals = await story.cluster.read(rejected_topic(_RUDE))
    assert {refusal.attribute("code") for refusal in refusals} == {"envelope-header"}
    places = {f"{topic}/{partition}/{offset}" for partition in range(6) for offset in range(count)}
    assert {refusal.attribute("origin") for refusal in refusals} == places
    assert await asyncio.to_thread(story.cluster.processes["ingest-1"].trouble) is None
    assert await story.violations_seen_outside() == []


async def test_sigterm_finishes_what_is_in_hand(story: Story) -> None:
    """Ended in the middle of a backlog it leaves no open step; the successor goes on behind it."""
    story.new_person()
    await story.cluster.stop("scorer-1")
    await story.tell(days_late=9)
    for _ in range(30):
        await story.tell()
    await story.ingested()
    await story.cluster.start("scorer-1", settings={"GOODSTANDING_BATCH_RECORDS_MAX": "1"})
    process = story.cluster.processes["scorer-1"]
    pid = process.pid
    assert pid is not None
    began = time.monotonic()
    await story.cluster.stop("scorer-1")
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(pid)
    log = process.log.read_text().splitlines()[-1]
    assert '"event": "stopped"' in log, "it drained, and was not killed for being late"
    await story.start("scorer-1")
    assert await story.violations_seen_outside() == []


async def test_memory_is_bounded_while_postgres_stands_still(story: Story) -> None:
    """A backlog far larger than the buffer is waiting in Kafka, not in the process. It is garbage: of good events it
    would have to be so many that the test took minutes. (While Postgres refuses connections nothing is read at all.)"""
    await story.cluster.stop("scorer-1")
    await story.cluster.start("scorer-1", settings={"GOODSTANDING_BUFFER_BYTES_MAX": str(PARTITIONS * _MIB)})
    process = psutil.Process(story.cluster.processes["scorer-1"].pid)
    story.cluster.stack.pause("postgres")
    before = process.memory_info().rss
    producer = AIOKafkaProducer(bootstrap_servers=story.kafka)
    await producer.start()
    for _ in range(_BACKLOG_BYTES // len(_GARBAGE)):
        await producer.send(NORMALIZED, _GARBAGE, b"k", partition_of("k"))
    await producer.stop()
    await story.until_trouble("scorer-1", "Postgres")
    await asyncio.sleep(_AWAY_S)  # how long the server is away is what is tried
    grown = process.memory_info().rss - before
    assert grown < _BACKLOG_BYTES / 4, f"{grown / _MIB:.0f} MiB"
    story.cluster.stack.resume("postgres")
    await story.cluster.until_ready()
    await story.handled()
