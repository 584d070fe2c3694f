"""Dead letters on a real Kafka: real services set records aside, and meet them again when they are redriven."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from goodstanding.dead_letters import redrive as redriving
from goodstanding.dead_letters.redrive import dismiss, look, read_letters, read_record, redrive
from goodstanding.dead_letters.rules import chosen, open_letters
from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import between, tail
from goodstanding.simulation.watchers import following
from services.scorer.core.state import decode, vectors
from services.scorer.core.vectors import COUNT
from shared.contracts import redriven as redriven_contract
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account, user_id
from shared.contracts.kinds import KIND_OF
from shared.contracts.messages import TYPES, BehaviorEvent
from shared.contracts.rights import REDRIVE_ID
from shared.contracts.times import rfc3339, rfc3339_of_utc
from shared.contracts.topics import NORMALIZED, RECORDS_CHANGED, SCORES_CHANGED, dead_letter_topic, raw_topic
from shared.kafka import between as reading
from shared.kafka import topic_admin
from shared.kafka.between import StandstillError
from shared.kafka.codecs import UNPACKED_BYTES_MAX
from shared.kafka.sender import send, started
from shared.runner.answers import dead_letter
from shared.runner.service import Aside, DeadLetter
from shared.settings import ROOT
from tests.faults.cluster import PARTNER, Cluster, running
from tests.integration.tiny import until
from tests.support.batches import batch
from tests.support.fresh_kafka import delete_before
from tests.support.pages import metrics_of
from tests.support.transactions import STANDSTILL_S, left_open
from tests.support.unreadable import send_batches, send_raw

KEY = b"dead letters: 32 bytes and a bit"
NOW = datetime.now(UTC).replace(microsecond=0)
FERRY = raw_topic("ferry")
ACCOUNT = sample_account(8_000_000_001)
PERSON = user_id(KEY, "account", ACCOUNT)


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Servers of its own, so that every letter in them is known."""
    home = tmp_path_factory.mktemp("home")
    async with running(home / "services", key=KEY, clock="system", partners={}) as cluster:
        yield cluster


@pytest.fixture
def kafka(cluster: Cluster) -> str:
    return cluster.deployment.addresses.kafka


@pytest.fixture
async def topic(cluster: Cluster) -> str:
    """A raw topic of a test's own, which no service reads by now: its letters are written by hand."""
    name = raw_topic(f"stranger-{uuid.uuid4().hex[:8]}")
    await cluster.create_topics(name)
    return name


async def python(cluster: Cluster, *argv: str, stderr: int = asyncio.subprocess.STDOUT) -> asyncio.subprocess.Process:
    """A process of this Python, for which the cluster is the platform."""
    addresses = cluster.deployment.addresses
    environment = {
        **os.environ,
        "GOODSTANDING_HOME": str(cluster.deployment.directory.parent),
        "GOODSTANDING_KAFKA": addresses.kafka,
        "GOODSTANDING_POSTGRES": addresses.postgres,
        "COLUMNS": "200",
    }
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, *argv, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=stderr
    )


async def command(cluster: Cluster, *words: str) -> tuple[int, str]:
    """Exit code and output of the command line."""
    return await ended(await python(cluster, "-m", "goodstanding.cli", "dead-letters", *words))


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    printed, _ = await process.communicate(b"\n")
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def put(
    kafka: str, topic: str, *records: tuple[bytes | None, bytes | None, list[Any]], partition: int = 0
) -> list[str]:
    """Append records of key, value and headers; their positions."""
    places = []
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=2 * 1024 * 1024) as producer:
        for key, value, headers in records:
            # A batch of one takes what the library's own `send` does not: neither key nor value.
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
            batch.close()
            sent = await (await producer.send_batch(batch, topic, partition=partition))
            places.append(f"{topic}/{partition}/{sent.offset}")
    return places


async def set_aside(kafka: str, *places: str, service: str = "ingest", code: str = "by-hand") -> None:
    """What the service would write of these positions."""
    async with started(kafka) as producer:
        await send(producer, [dead_letter(service, DeadLetter(cast(Aside, code), "Why."), place) for place in places])


async def states(kafka: str, *places: str) -> list[str]:
    letters, _ = await read_letters(kafka)
    found = {letter.position: str(letter.state) for letter in letters}
    return [found.get(place, "unknown") for place in places]


async def redriven(
    kafka: str, *places: str, again: bool = False, code: str = "", service: str = ""
) -> list[tuple[str, str]]:
    """Redrive, and the answers: position, and why it was refused."""
    choose = partial(chosen, positions=places, code=code, service=service, again=again)
    return [(each.letter.position, each.refused) async for each in redrive(kafka, choose, again=again, key=KEY)]


async def records(kafka: str, topic: str, isolation: str = "read_committed") -> list[Any]:
    """What lies in the topic, each partition in its order, for readers of this sort."""
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, auto_offset_reset="earliest", isolation_level=isolation
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found.extend(batch)
    return found


async def notes(kafka: str, place: str, isolation: str = "read_committed") -> int:
    """How many notes say that this position was redriven."""
    told = [dict(each.headers) for each in await records(kafka, dead_letter_topic("ingest"), isolation)]
    return sum(
        each["ce_type"] == b"goodstanding.record.redriven.v1" and each["ce_origin"] == place.encode() for each in told
    )


# -- the whole way -----------------------------------------------------------------------------------------------------


def event(number: int, kind: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    head = {"specversion": "1.0", "id": f"event-{number}", "source": "https://ferry.example"}
    data = {"kind": kind, "amount": 200, "days_late": 0}
    whole = {**head, "type": TYPES[BehaviorEvent], "time": rfc3339(NOW), "subject": ACCOUNT, "data": data}
    return b"key", json.dumps(whole).encode(), [("content-type", STRUCTURED.encode())]


async def counted(cluster: Cluster, kind: str) -> int:
    """How many events of the kind are in the person's state."""
    async with cluster.database() as db:
        state = await db.fetchval("select state from scorer.person where user_id = $1", bytes.fromhex(PERSON))
    if state is None:
        return 0
    code = KIND_OF[kind].code
    return sum(by_kind[code][COUNT] for _, by_kind in vectors(decode(state), 0, 2**31) if code in by_kind)


async def test_from_set_aside_to_counted_once(cluster: Cluster, kafka: str) -> None:
    """Before its partner's file exists an event is set aside, and redriving helps nothing; afterwards it is counted."""
    await cluster.create_topics(FERRY)
    await cluster.start("ingest-1", "scorer-1")
    [first] = await put(kafka, FERRY, event(1, "transit.fare"))
    await until(lambda: _is(kafka, first, "there"), "the event is set aside")
    code, listed = await command(cluster, "ls")
    assert code == 0
    assert f"unknown-partner  {first}  there" in listed
    assert (await command(cluster, "redrive", first))[0] == 0
    assert await states(kafka, first) == ["redriven"]
    second = f"{FERRY}/0/1"
    await until(lambda: _is(kafka, second, "there"), "the redriven event is set aside anew")
    await until(lambda: _nothing_waits(cluster), "ingest takes the end of our transaction for no record")

    partners = cluster.deployment.directory / "partners"
    (partners / "ferry.toml").write_text(PARTNER)
    await topic_admin.ensure_topics(kafka, ["ferry"])
    await cluster.stop("ingest-1")
    await cluster.start("ingest-1")
    code, printed = await command(cluster, "redrive", "--code", "unknown-partner", "--service", "ingest")
    assert (code, printed.splitlines()[:2]) == (0, [f"redriven  {second}", "1 redriven, 0 refused."])
    await until(lambda: _counted(cluster, "transit.fare"), "the event is counted")
    assert await redriven(kafka) == []

    # Again, and something else behind it: when that is counted, the repetition was handled.
    code, printed = await command(cluster, "redrive", first)
    assert (code, "--again" in printed) == (1, True)
    assert await redriven(kafka, first, again=True) == [(first, "")]
    await put(kafka, FERRY, event(2, "phone.bill"))
    await until(lambda: _counted(cluster, "phone.bill"), "the next event is counted")
    assert await counted(cluster, "transit.fare") == 1
    copies = [each for each in await records(kafka, NORMALIZED) if dict(each.headers)["ce_id"] == b"event-1"]
    assert len(copies) == 2, "the scorer has met it twice"
    sent = (await records(kafka, FERRY))[:-1]
    contents = {(each.key, each.value, tuple(redriven_contract.undated(each.headers))) for each in sent}
    assert len(contents) == 1, "appended byte for byte"
    found = [redriven_contract.arrived_ms(KEY, FERRY, each.key, each.value, each.headers) for each in sent]
    assert found == [None, *[sent[0].timestamp] * (len(sent) - 1)], "with the time at which it had arrived"
    first_at = datetime.fromtimestamp(sent[0].timestamp / 1000, UTC)
    assert {dict(each.headers)["ce_arrived"] for each in copies} == {rfc3339_of_utc(first_at)}
    assert await states(kafka, first, second) == ["redriven", "redriven"]
    logs = b"".join(process.log.read_bytes() for process in cluster.processes.values())
    assert ACCOUNT.encode() not in logs + listed.encode()
    for name in ("ingest-1", "scorer-1"):
        await cluster.stop(name)


async def _is(kafka: str, place: str, state: str) -> bool:
    return await states(kafka, place) == [state]


async def _nothing_waits(cluster: Cluster) -> bool:
    page = (await asyncio.to_thread(metrics_of, cluster.processes["ingest-1"])).decode()
    return f'goodstanding_lag_records{{partition="0",topic="{FERRY}"}} 0.0' in page


async def _counted(cluster: Cluster, kind: str) -> bool:
    return await counted(cluster, kind) > 0


async def test_the_commands_show_nobody_unless_asked_to(cluster: Cluster, kafka: str, topic: str) -> None:
    [place] = await put(kafka, topic, (ACCOUNT.encode(), b'{"who": "%s"}' % ACCOUNT.encode(), [(ACCOUNT, b"x")]))
    await set_aside(kafka, place)
    for words in (["ls"], ["ls", "--json"], ["show", place], ["show", place, "--json"], ["redrive", place]):
        code, printed = await command(cluster, *words)
        assert (code, place in printed, ACCOUNT in printed) == (0, True, False), words
    code, printed = await command(cluster, "show", place, "--value")
    assert (code, f'value         {{"who": "{ACCOUNT}"}}' in printed) == (0, True)
    shown = json.loads((await command(cluster, "show", place, "--json"))[1])
    assert (shown["state"], shown["record"]["value_bytes"], shown["record"]["other_headers"]) == ("redriven", 25, 1)
    code, printed = await command(cluster, "show", f"{topic}/5/0")
    assert (code, "No dead letter names" in printed, "Traceback" in printed) == (1, True, False)


async def test_what_is_of_no_use_is_dismissed_and_left_alone_from_then_on(
    cluster: Cluster, kafka: str, topic: str
) -> None:
    rubbish, kept = await put(kafka, topic, (b"k", b"rubbish", []), (b"k", b"kept", []))
    await set_aside(kafka, rubbish, kept, code="rubbish")
    assert await command(cluster, "dismiss", rubbish) == (0, f"dismissed  {rubbish}\n1 dismissed.\n")
    assert await states(kafka, rubbish, kept) == ["dismissed", "there"]
    assert await command(cluster, "dismiss", rubbish) == (0, "0 dismissed.\n"), "once is enough"
    assert await redriven(kafka, code="rubbish") == [(kept, "")], "what is dismissed is not taken with the others"
    [(_, refused)] = await redriven(kafka, rubbish)
    assert "It was dismissed" in refused
    assert await redriven(kafka, rubbish, again=True) == [(rubbish, "")], "named, it is handled after all"
    assert await states(kafka, rubbish, kept) == ["redriven", "redriven"]
    code, printed = await command(cluster, "dismiss", "--code", "rubbish", "--json")
    assert (code, printed) == (0, ""), "nothing is open any more"


# -- what is appended --------------------------------------------------------------------------------------------------


async def test_the_same_bytes_whatever_they_are(kafka: str, topic: str) -> None:
    strange: list[tuple[bytes | None, bytes | None, list[Any]]] = [
        (None, None, []),
        (b"", b"", [("twice", b"\xff"), ("twice", None)]),
        (b"\xff", os.urandom(1024 * 1024), [("name", b"")]),
    ]
    places = await put(kafka, topic, *strange, partition=4)
    await set_aside(kafka, *places)
    assert await redriven(kafka, *places) == [(place, "") for place in places]
    lies = await records(kafka, topic)
    found = [(each.partition, each.key, each.value, list(redriven_contract.undated(each.headers))) for each in lies]
    assert found == [(4, *record) for record in strange] * 2
    dated = [redriven_contract.arrived_ms(KEY, topic, each.key, each.value, each.headers) for each in lies]
    assert dated == [None] * 3 + [each.timestamp for each in lies[:3]]


async def test_many_are_redriven_once_each_in_their_order(kafka: str, topic: str) -> None:
    values = [b"%d" % number for number in range(2 * redriving._TOGETHER_MAX + 7)]
    places = await put(kafka, topic, *((None, value, []) for value in values))
    await set_aside(kafka, *places, code="many")
    assert await redriven(kafka, code="many") == [(place, "") for place in places]
    assert [each.value for each in await records(kafka, topic)] == values * 2
    assert await redriven(kafka, code="many") == []


# -- one transaction ---------------------------------------------------------------------------------------------------

_HELD = """
import asyncio, sys
from goodstanding.dead_letters import redrive as redriving
from goodstanding.cli import app
from shared.kafka.sender import send

async def held_before_commit(producer, messages):
    await producer.begin_transaction()
    await send(producer, messages)
    await held()

async def held_after_looking(kafka):
    found = await read_letters(kafka)
    await held()
    return found

async def held():
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

read_letters = redriving.read_letters
name, held_there, place = sys.argv[1:]
setattr(redriving, name, globals()[held_there])
app(["dead-letters", "redrive", place])
"""


async def held(cluster: Cluster, name: str, held_there: str, place: str) -> asyncio.subprocess.Process:
    """The command, standing still in there until it is given a line."""
    process = await python(cluster, "-c", _HELD, name, held_there, place)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"held\n"
    return process


async def test_a_kill_in_the_middle_leaves_neither_the_record_nor_the_note(
    cluster: Cluster, kafka: str, topic: str
) -> None:
    [place] = await put(kafka, topic, (b"key", b"value", []))
    await set_aside(kafka, place)
    process = await held(cluster, "send_transaction", "held_before_commit", place)
    process.kill()
    await process.wait()
    assert len(await records(kafka, topic, "read_uncommitted")) == 2, "both were on the broker"
    assert await notes(kafka, place, "read_uncommitted") == 1
    async with started(kafka, REDRIVE_ID):
        pass  # the next of that id: the broker has aborted what was open
    assert len(await records(kafka, topic)) == 1
    assert await notes(kafka, place) == 0
    assert await states(kafka, place) == ["there"]
    assert await redriven(kafka, place) == [(place, "")]
    assert len(await records(kafka, topic)) == 2
    assert await notes(kafka, place) == 1


async def test_of_two_at_a_time_the_later_one_does_it(cluster: Cluster, kafka: str, topic: str) -> None:
    [place] = await put(kafka, topic, (b"key", b"value", []))
    await set_aside(kafka, place)
    earlier = await held(cluster, "read_letters", "held_after_looking", place)
    assert await redriven(kafka, place) == [(place, "")]
    code, printed = await ended(earlier)
    assert (code, len(printed.splitlines()), "Another redrive has begun" in printed) == (1, 1, True), printed
    assert len(await records(kafka, topic)) == 2
    assert await notes(kafka, place) == 1


# -- what is refused ---------------------------------------------------------------------------------------------------


async def test_what_kafka_has_deleted_is_gone(cluster: Cluster, kafka: str, topic: str) -> None:
    gone, there = await put(kafka, topic, (None, b"1", []), (None, b"2", []))
    await set_aside(kafka, gone, there, code="deleted")
    await delete_before(kafka, TopicPartition(topic, 0), 1)
    assert await states(kafka, gone, there) == ["gone", "there"]
    assert await redriven(kafka, code="deleted") == [(there, "")]
    code, printed = await command(cluster, "redrive", gone)
    assert (code, "Kafka has deleted the record" in printed) == (1, True)
    code, printed = await command(cluster, "show", gone)
    assert (code, "Kafka has deleted the record" in printed) == (0, True)
    assert [each.value for each in await records(kafka, topic)] == [b"2", b"2"]


async def test_what_is_deleted_while_one_looks_is_not_taken_for_the_next(
    kafka: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = await put(kafka, topic, (None, b"1", []), (None, b"2", []))
    await set_aside(kafka, gone)
    looked = await read_letters(kafka)
    await delete_before(kafka, TopicPartition(topic, 0), 1)

    async def as_before(_: str) -> Any:
        return looked

    monkeypatch.setattr(redriving, "read_letters", as_before)
    [(_, refused)] = await redriven(kafka, gone)
    assert "Kafka has deleted the record" in refused
    assert [each.value for each in await records(kafka, topic)] == [b"2"]


async def test_a_score_is_never_appended_again(cluster: Cluster, kafka: str) -> None:
    [place] = await put(kafka, SCORES_CHANGED, (PERSON.encode(), b"{}", []))
    await set_aside(kafka, place, service="benefits")
    assert await states(kafka, place) == ["next-score"]
    before = len(await records(kafka, SCORES_CHANGED))
    for words in ([place], [place, "--again"]):
        code, printed = await command(cluster, "redrive", *words)
        assert (code, "The person's next score makes up for it." in printed) == (1, True)
    assert (await command(cluster, "redrive", "--all", "--service", "benefits"))[0] == 0
    assert len(await records(kafka, SCORES_CHANGED)) == before
    letter, record = await read_record(kafka, place)
    assert (letter.service, not isinstance(record, str) and record.value) == ("benefits", b"{}")


async def test_of_a_negative_record_only_the_newest_change_goes_again(kafka: str) -> None:
    def change(name: str, version: int) -> tuple[bytes, bytes, list[Any]]:
        return PERSON.encode(), b"%d" % version, [("ce_id", f"retention/{name}/{version}".encode())]

    sent = [change("a", 1), change("b", 1), change("a", 2), (PERSON.encode(), b"?", [])]
    places = await put(kafka, RECORDS_CHANGED, *sent, partition=2)
    await set_aside(kafka, *places, service="scorer")
    answers = dict(await redriven(kafka, service="scorer"))
    older, other, newest, unknown = (answers[place] for place in places)
    assert "A newer change of the same record lies behind it" in older
    assert "does not say which record" in unknown
    assert (other, newest) == ("", "")
    values = [each.value for each in await records(kafka, RECORDS_CHANGED) if each.partition == 2]
    assert values == [b"1", b"1", b"2", b"?", b"1", b"2"]


async def _send_bad_name(kafka: str, topic: str) -> None:
    await send_raw(kafka, topic, 0, None, b"x", b"\xff")


async def _send_bomb(kafka: str, topic: str) -> None:
    await send_batches(kafka, topic, 0, batch([(None, bytes(UNPACKED_BYTES_MAX), ())], codec="zstd", at_ms=now_ms()))


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.parametrize(("put_bad", "word"), [(_send_bad_name, "not UTF-8"), (_send_bomb, "Unpacked")])
async def test_a_record_that_no_client_can_read_stops_no_other(
    kafka: str, topic: str, put_bad: Callable[[str, str], Awaitable[None]], word: str
) -> None:
    [before] = await put(kafka, topic, (None, b"before", []))
    await put_bad(kafka, topic)
    [behind] = await put(kafka, topic, (None, b"behind", []))
    unreadable = f"{topic}/0/1"
    places = [before, unreadable, behind]
    await set_aside(kafka, *places)
    answers = dict(await redriven(kafka, *places))
    assert (answers[before], answers[behind]) == ("", "")
    assert word in answers[unreadable]
    assert await states(kafka, *places) == ["redriven", "there", "redriven"]


# -- a transaction that stays open -------------------------------------------------------------------------------------


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STANDSTILL_S", STANDSTILL_S)


@pytest.mark.usefixtures("without_patience")
async def test_dead_letters_are_listed_as_far_as_they_can_be_read_and_not_acted_on(
    cluster: Cluster, kafka: str
) -> None:
    place = TopicPartition(dead_letter_topic("ingest"), 0)
    before, behind = f"{FERRY}/0/1000001", f"{FERRY}/0/1000002"
    await set_aside(kafka, before)
    async with left_open(kafka, place):
        await set_aside(kafka, behind)
        looked = await look(kafka)
        assert before in {letter.position for letter in looked.letters}
        assert behind not in {letter.position for letter in looked.letters}
        assert looked.standstill is not None
        assert f"{place.topic}/0 from offset" in looked.standstill.sentence
        with pytest.raises(StandstillError):
            await dismiss(kafka, open_letters)
        with pytest.raises(StandstillError):
            [each async for each in redrive(kafka, open_letters, again=False, key=KEY)]
        code, printed, error = await listed(cluster)
        assert code == 1
        assert before in {json.loads(line)["position"] for line in printed.splitlines()}
        told = json.loads(error)
        assert (told["error"], told["advice"]) == (looked.standstill.sentence, looked.standstill.advice)
    assert behind in {letter.position for letter in (await look(kafka)).letters}


async def listed(cluster: Cluster) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of the command, whose patience is as short."""
    script = (
        f"from shared.kafka import between; between.STANDSTILL_S = {STANDSTILL_S}; import sys; "
        "sys.argv[1:] = ['dead-letters', 'ls', '--json']; from goodstanding.cli import app; app()"
    )
    process = await python(cluster, "-c", script, stderr=asyncio.subprocess.PIPE)
    printed, error = await process.communicate()
    return process.returncode, printed.decode(), error.decode()


async def taken(records: AsyncIterator[Any]) -> tuple[list[int], str]:
    """The offsets of what comes, and why no more does."""
    found: list[int] = []
    try:
        async for record in records:
            found.append(record.offset)
    except StandstillError as error:
        return found, error.sentence
    return found, ""


@pytest.mark.usefixtures("without_patience")
async def test_whoever_reads_a_topic_to_its_end_gets_what_there_is_and_then_the_reason(
    cluster: Cluster, kafka: str
) -> None:
    """The last messages of a topic, a part of it, and what the demos' subscriber has to catch up with."""
    place = TopicPartition(dead_letter_topic("benefits"), 0)
    await set_aside(kafka, f"{FERRY}/0/1000003", service="benefits")
    async with left_open(kafka, place), asking(kafka) as offsets:
        end = (await offsets.ends([place.topic]))[place]
        found, why = await taken(tail(kafka, [place.topic], 10, follow=False))
        assert (bool(found), "left open" in why) == (True, True)
        assert await taken(between(kafka, {place: 0}, {place: end})) == (found, why)
        with pytest.raises(StandstillError, match="left open"):
            [page async for page in reading.between(kafka, place, 0, end)]
        async with following(kafka, {place.topic: 1}, lambda _: None) as caught:
            with pytest.raises(StandstillError, match="left open"):
                await caught.caught_up(offsets)
