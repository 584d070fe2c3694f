"""A partner's own customer numbers: who is meant, what waits, and what is answered again after a kill."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from goodstanding.partner.crosswalks import Row, Told, tell_crosswalk
from shared.contracts.crosswalk import entry_key
from shared.contracts.exchange import announced
from shared.contracts.identity import sample_account, user_id
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.times import rfc3339
from shared.contracts.topics import NORMALIZED, SUBJECT_ANSWERS, crosswalk_topic, raw_topic, rejected_topic
from shared.kafka import topic_admin
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.sender import send
from shared.toml_file import content_name
from tests.faults.checker import Seen
from tests.faults.cluster import Cluster, running

pytestmark = pytest.mark.timeout(300)

_KEY = b"x" * 32
_MAPPING = """format = "json"
envelope = "none"
id = "id"
time = "at"
subject = "customer"
kind = "what"
crosswalk = true

[[events]]
kinds = { trip = "ride.trip" }
days_late = { fixed = 0 }

[[events]]
kinds = { friend = "contact.standing" }
contact = "with"
value = { fixed = "present" }
"""
_WAIT_S = 4


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    directory = tmp_path_factory.mktemp("crosswalk") / "deployment"
    settings = {"GOODSTANDING_CROSSWALK_WAIT_S": str(_WAIT_S)}
    partners = {"rides": _MAPPING, "trams": _MAPPING}
    async with running(directory, key=_KEY, clock="system", settings=settings, partners=partners) as cluster:
        await _tell(cluster, "rides", [("C-1", 1), ("C-2", 2), ("C-3", 3)])
        await cluster.start("ingest-1")
        yield cluster


def _account(person: int) -> str:
    return sample_account(4_000_000_000 + person)


def _user_id(person: int) -> str:
    return user_id(_KEY, "account", _account(person))


async def _tell(cluster: Cluster, partner: str, pairs: list[tuple[str, int]]) -> Told:
    rows = [Row(line, (number, _account(person))) for line, (number, person) in enumerate(pairs, 1)]
    return await tell_crosswalk(cluster.deployment, partner, iter(rows), lambda _: None)


async def _send(cluster: Cluster, partner: str, *events: dict[str, str]) -> None:
    at = rfc3339(datetime.now(UTC) - timedelta(minutes=1))
    async with AIOKafkaProducer(bootstrap_servers=cluster.kafka) as producer:
        for event in events:
            value = json.dumps({"at": at, "what": "trip", **event}).encode()
            await producer.send_and_wait(raw_topic(partner), value, partition=0)


async def _begin_again(cluster: Cluster) -> bool:
    """Have the group begin with the first record; Kafka takes it once it has missed the killed member."""
    beginning = {TopicPartition(raw_topic(partner), 0): 0 for partner in ("rides", "trams")}
    beginning |= {TopicPartition(SUBJECT_ANSWERS, partition): 0 for partition in range(PARTITIONS)}
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.kafka, group_id="ingest", enable_auto_commit=False)
    async with consumer:
        consumer.assign(list(beginning))
        with suppress(KafkaError):
            await consumer.commit(beginning)
            return True
    return False


async def _answer(cluster: Cluster, partner: str, id: str) -> list[Seen]:
    """All answers to the event with this id, once there is one."""
    found: list[Seen] = []

    async def answered() -> bool:
        found[:] = [
            each
            for each in await cluster.read(NORMALIZED, rejected_topic(partner))
            if id in (each.attribute("id"), each.attribute("eventid"))
        ]
        return bool(found)

    await cluster.until(answered, f"{id} is answered")
    return found


async def test_a_number_is_the_person_that_its_entry_names(cluster: Cluster) -> None:
    await _send(cluster, "rides", {"id": "a-1", "customer": " c\u2010" + "1"}, {"id": "a-2", "customer": "Ｃ－２"})
    await _send(cluster, "rides", {"id": "a-3", "customer": "C-1", "what": "friend", "with": "C-3"})
    [first] = await _answer(cluster, "rides", "a-1")
    assert first.attribute("code") == "unknown-customer"  # a small letter is another number
    assert first.attribute("field") == "customer"
    [second] = await _answer(cluster, "rides", "a-2")
    assert (second.key or b"").decode() == _user_id(2)
    [third] = await _answer(cluster, "rides", "a-3")
    assert json.loads(third.value or b"")["contact"] == _user_id(3)


async def test_a_number_is_its_partners_own(cluster: Cluster) -> None:
    await _tell(cluster, "trams", [("C-1", 7)])
    await _send(cluster, "trams", {"id": "b-1", "customer": "C-1"})
    [answer] = await _answer(cluster, "trams", "b-1")
    assert (answer.key or b"").decode() == _user_id(7)


async def test_an_event_waits_for_its_entry_and_no_longer(cluster: Cluster) -> None:
    await _send(cluster, "rides", {"id": "c-1", "customer": "C-10"})
    await _tell(cluster, "rides", [("C-10", 10)])
    [answer] = await _answer(cluster, "rides", "c-1")
    assert (answer.key or b"").decode() == _user_id(10)

    await _send(cluster, "rides", {"id": "c-2", "customer": "C-11"}, {"id": "c-3", "customer": "C-1"})
    [refused] = await _answer(cluster, "rides", "c-2")
    assert refused.attribute("code") == "unknown-customer"
    [behind] = await _answer(cluster, "rides", "c-3")
    assert (behind.key or b"").decode() == _user_id(1)
    await _tell(cluster, "rides", [("C-11", 11)])
    await _send(cluster, "rides", {"id": "c-2", "customer": "C-11"})

    async def accepted() -> bool:
        answers = await _answer(cluster, "rides", "c-2")
        return any((each.key or b"").decode() == _user_id(11) for each in answers)

    await cluster.until(accepted, "the refused event is taken when it is sent again")


async def test_what_is_told_again_is_known_and_what_contradicts_is_refused(cluster: Cluster) -> None:
    await _tell(cluster, "rides", [("C-20", 20)])
    told = await _tell(cluster, "rides", [("C-20", 20), ("C-20", 21), ("C-21", 21), ("C-21", 21), ("", 22)])
    assert (told.new, told.known, sorted(told.refused)) == (1, 2, [2, 5])
    assert "somebody else" in told.refused[2]


async def test_all_is_answered_alike_when_it_is_read_again(cluster: Cluster) -> None:
    """Killed, and its offsets lost: everything is read again, and entries have been told since (rules I14)."""
    numbers = [f"C-{number}" for number in range(30, 40)]
    await _tell(cluster, "rides", [(number, 30) for number in numbers[:5]])
    await _send(cluster, "rides", *({"id": f"d-{number}", "customer": number} for number in numbers))
    for number in numbers:
        await _answer(cluster, "rides", f"d-{number}")
    await cluster.kill("ingest-1")
    await _tell(cluster, "rides", [(number, 31) for number in numbers[5:]])
    await cluster.until(lambda: _begin_again(cluster), "the group has nothing committed")
    await cluster.start("ingest-1")
    await _send(cluster, "rides", {"id": "d-last", "customer": "C-1"})
    await _answer(cluster, "rides", "d-last")

    answers: dict[str, list[Seen]] = defaultdict(list)
    for each in await cluster.read(NORMALIZED, rejected_topic("rides")):
        answers[each.attribute("origin") or ""].append(each)
    again = {origin: same for origin, same in answers.items() if len(same) > 1}
    assert len(again) >= len(numbers)
    for origin, same in again.items():
        assert len({(each.topic, each.key, each.value, tuple(sorted(each.headers))) for each in same}) == 1, origin


async def _erased(cluster: Cluster, person: int, request_id: str) -> list[Seen]:
    """benefits says that it has erased the person; what ingest says behind that, once it has done so."""
    body = ErasureConfirmed(request_id=request_id, service="benefits")
    said = announced(
        "benefits", SUBJECT_ANSWERS, _user_id(person), body, subject=request_id, version=1, time=datetime.now(UTC)
    )
    async with AIOKafkaProducer(bootstrap_servers=cluster.kafka) as producer:
        await send(producer, [said.placed(partition_of(_user_id(person)))])
    found: list[Seen] = []

    async def confirmed() -> bool:
        told = await cluster.read(SUBJECT_ANSWERS)
        found[:] = [each for each in told if each.attribute("id") == f"ingest/{request_id}/1"]
        return bool(found)

    await cluster.until(confirmed, "ingest says that it has forgotten the person")
    return found


async def test_an_erased_person_has_no_number_any_more(cluster: Cluster) -> None:
    """Whoever asked for it; and nobody else loses one. Told anew, the number may be somebody else's (rules I11)."""
    await _tell(cluster, "rides", [("C-70", 70), ("C-71", 71)])
    await _tell(cluster, "trams", [("T-70", 70)])
    before = {topic: len(await cluster.read(topic)) for topic in map(crosswalk_topic, ("rides", "trams"))}
    [confirmed] = await _erased(cluster, 70, "erase-70")
    assert (confirmed.key or b"").decode() == _user_id(70)
    for topic, count in before.items():
        [tombstone] = (await cluster.read(topic))[count:]
        assert (tombstone.key, tombstone.value) == (
            entry_key(_KEY, topic.removeprefix("crosswalk."), "C-70" if "rides" in topic else "T-70"),
            None,
        )
    await _send(cluster, "rides", {"id": "e-1", "customer": "C-70"}, {"id": "e-2", "customer": "C-71"})
    [refused], [other] = await _answer(cluster, "rides", "e-1"), await _answer(cluster, "rides", "e-2")
    assert refused.attribute("code") == "unknown-customer"
    assert (other.key or b"").decode() == _user_id(71)
    assert (await _tell(cluster, "rides", [("C-70", 72)])).new == 1
    await _send(cluster, "rides", {"id": "e-3", "customer": "C-70"})
    [taken] = await _answer(cluster, "rides", "e-3")
    assert (taken.key or b"").decode() == _user_id(72)


async def test_a_newcomers_number_outlives_a_confirmation_that_is_read_again(cluster: Cluster) -> None:
    await _tell(cluster, "rides", [("C-80", 80)])
    await _erased(cluster, 80, "erase-80")
    await _tell(cluster, "rides", [("C-80", 80)])
    told = await cluster.read(crosswalk_topic("rides"))
    await cluster.kill("ingest-1")
    await cluster.until(lambda: _begin_again(cluster), "the group has nothing committed")
    await cluster.start("ingest-1")

    async def again() -> bool:
        said = await cluster.read(SUBJECT_ANSWERS)
        return sum(each.attribute("id") == "ingest/erase-80/1" for each in said) == 2

    await cluster.until(again, "the confirmation is passed on once more")
    assert await cluster.read(crosswalk_topic("rides")) == told


async def test_a_new_partner_with_numbers_and_a_changed_mapping_need_no_restart(cluster: Cluster) -> None:
    """And a file with a fault leaves the mapping in force that was there before (decision 0037)."""
    process = cluster.processes["ingest-1"]
    pid = process.pid
    directory = Path(cluster.settings["GOODSTANDING_PARTNERS"])

    async def in_force(name: str, text: str) -> str:
        """The name of the content of a mapping, once ingest works by it."""
        file = directory / f"{name}.toml"
        file.write_text(text)
        content = content_name(file)

        async def read() -> bool:
            kept_up = await asyncio.to_thread(process.kept_up)
            return kept_up.files.get(f"partners/{name}.toml") == content

        await cluster.until(read, f"{name} is in force")
        return content

    await topic_admin.ensure_topics(cluster.kafka, ["ferries"])
    await _tell(cluster, "ferries", [("C-1", 60)])
    await in_force("ferries", _MAPPING)
    await _send(cluster, "ferries", {"id": "f-1", "customer": "C-1"})
    [answer] = await _answer(cluster, "ferries", "f-1")
    assert (answer.key or b"").decode() == _user_id(60)

    await _send(cluster, "ferries", {"id": "f-2", "customer": "C-1", "what": "tour"})
    [refused] = await _answer(cluster, "ferries", "f-2")
    content = await in_force("ferries", _MAPPING.replace("{ trip =", "{ tour ="))
    await _send(cluster, "ferries", {"id": "f-3", "customer": "C-1", "what": "tour"}, {"id": "f-4", "customer": "C-1"})
    [taken], [gone] = await _answer(cluster, "ferries", "f-3"), await _answer(cluster, "ferries", "f-4")
    assert (taken.key or b"").decode() == _user_id(60)
    assert gone.attribute("mapping") == f"ferries@{content}" != refused.attribute("mapping")

    (directory / "ferries.toml").write_text("format =")

    async def is_named() -> bool:
        return bool((await asyncio.to_thread(process.kept_up)).remarks)

    await cluster.until(is_named, "readiness names the fault")
    assert "not TOML" in process.kept_up().remarks[0]
    assert process.trouble() is None
    await _send(cluster, "ferries", {"id": "f-5", "customer": "C-1", "what": "tour"})
    [taken] = await _answer(cluster, "ferries", "f-5")
    assert (taken.key or b"").decode() == _user_id(60)
    assert process.pid == pid


async def test_the_topic_has_hashes_and_nothing_else(cluster: Cluster) -> None:
    entries = await cluster.read(crosswalk_topic("rides"))
    assert len(entries) > 5
    assert {len(entry.value or b"") for entry in entries} == {64, 0}, "entries, and tombstones"
    assert {(len(entry.key or b""), len(entry.headers)) for entry in entries} == {(64, 0)}


async def test_a_crosswalk_is_rebuilt_whole_and_follows_what_comes(cluster: Cluster) -> None:
    crosswalk = Crosswalk(_KEY)
    async with crosswalk.followed(cluster.kafka, ["rides", "trams"]):
        assert crosswalk.find("rides", "C-1") == _user_id(1)
        assert crosswalk.find("trams", "C-50") is None
        await _tell(cluster, "trams", [("C-50", 50)])
        async with asyncio.timeout(20):
            while crosswalk.find("trams", "C-50") is None:
                await crosswalk.catch_up(2**42, 0)
        assert crosswalk.find("trams", "C-50") == _user_id(50)
        crosswalk.as_of(0)
        assert crosswalk.find("trams", "C-50") is None
