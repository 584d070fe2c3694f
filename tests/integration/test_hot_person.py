"""One person about whom partners send without end: bounded, and nobody beside is the worse for it (rules E17, R14).

On the same servers, last: a month that a shorter setting has closed stays closed under a longer one (rules E5).
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest
from aiokafka import AIOKafkaProducer

from services.scorer.core.state import decode
from shared.contracts.kinds import KIND_OF
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport, Refusal
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.refusals import read_refusal
from shared.contracts.times import rfc3339
from shared.contracts.topics import raw_topic, rejected_topic
from tests.faults.cluster import Cluster, running
from tests.faults.events import Person

pytestmark = pytest.mark.timeout(300)

_KEY = b"h" * 32
_FIGURES, _RECORDS = 30_000, 15_000
_PEOPLE = [Person(number, _KEY) for number in range(200)]
_HOT = _PEOPLE[0]
_SHARD = partition_of(_HOT.user_id)
_BESIDE = [person for person in _PEOPLE[1:] if partition_of(person.user_id) == _SHARD][:12]
_MAPPING = """format = "native"
[rights]
records = ["financial"]
kinds = ["tax.reported", "water.bill"]
"""
_BILL = {"kind": "water.bill", "days_late": 0}
_Send: TypeAlias = Callable[[str, str, Person, datetime, type, Mapping[str, object]], Awaitable[None]]


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    directory = tmp_path_factory.mktemp("hot") / "deployment"
    settings = {"GOODSTANDING_BATCH_RECORDS_MAX": "16000"}
    partners = {"city": _MAPPING, "bank": _MAPPING}
    async with running(directory, key=_KEY, clock="system", settings=settings, partners=partners) as cluster:
        await cluster.start("ingest-1", "retention-1", "scorer-1")
        await _send(cluster)
        yield cluster


async def _send(cluster: Cluster) -> None:
    """The flood, and behind it, in the same shard, what is told of others."""
    now = datetime.now(UTC)
    time, day = now - timedelta(minutes=1), (now - timedelta(days=100)).date().isoformat()
    consent = {"purpose": "score", "given_at": rfc3339(time - timedelta(days=1))}
    async with _sender(cluster) as send:
        for number in range(_FIGURES):
            data = {"kind": "tax.reported", "amount": number, "consent": {"id": f"consent-{number}", **consent}}
            await send("city", f"f{number}", _HOT, time, BehaviorEvent, data)
        for number in range(_RECORDS):
            data = {"kind": "card.overdue", "report_id": f"r{number}", "status": "reported", "began_on": day}
            await send("bank", f"r{number}", _HOT, time, RecordReport, data)
        for number, person in enumerate(_BESIDE):
            await send("city", f"b{number}", person, time, BehaviorEvent, _BILL)


@asynccontextmanager
async def _sender(cluster: Cluster) -> AsyncIterator[_Send]:
    """All that was sent is with the broker when the block ends."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.deployment.addresses.kafka, linger_ms=20, max_batch_size=2**18
    )
    await producer.start()
    partitions = itertools.cycle(range(PARTITIONS))

    async def send(
        partner: str, id: str, person: Person, time: datetime, body: type, data: Mapping[str, object]
    ) -> None:
        attributes = {"id": id, "source": f"/{partner}", "type": TYPES[body], "time": rfc3339(time)}
        event = {"specversion": "1.0", **attributes, "subject": person.account, "data": data}
        headers = [("content-type", b"application/cloudevents+json")]
        value = json.dumps(event).encode()
        await producer.send(raw_topic(partner), value, partition=next(partitions), headers=headers)

    yield send
    await producer.stop()


async def test_the_people_beside_get_their_score(cluster: Cluster) -> None:
    async def scored() -> bool:
        async with cluster.database() as db:
            found = await db.fetchval(
                "select count(distinct user_id) from scorer.score where user_id = any ($1::bytea[])",
                [bytes.fromhex(person.user_id) for person in _BESIDE],
            )
        return bool(found == len(_BESIDE))

    await cluster.until(scored, "everybody beside has a score", timeout_s=120)


async def test_of_the_flood_so_much_is_taken_and_the_rest_is_refused(cluster: Cluster) -> None:
    await cluster.until_drained()
    refused = await cluster.read(rejected_topic("city"), rejected_topic("bank"))
    told = Counter((record.topic, getattr(read_refusal(record.headers), "code", "")) for record in refused)
    assert told == {
        (rejected_topic("city"), "too-many"): _FIGURES - 50,
        (rejected_topic("bank"), "too-many"): _RECORDS - 200,
    }
    async with cluster.database() as db:
        who = bytes.fromhex(_HOT.user_id)
        assert await db.fetchval("select length(state) from scorer.person where user_id = $1", who) < 32_000
        assert await db.fetchval("select count(*) from retention.record where user_id = $1", who) == 200
        assert await db.fetchval("select max(version) from scorer.person where user_id <> $1", who) == 1


async def test_no_shard_had_to_claim_again(cluster: Cluster) -> None:
    for process in cluster.processes.values():
        assert process.trouble() is None, process.last_words(12)
        assert b"claims again" not in process.log.read_bytes()


async def test_a_month_that_a_shorter_setting_has_closed_stays_closed_under_a_longer_one(cluster: Cluster) -> None:
    person, now = _BESIDE[0], datetime.now(UTC)
    first = now.replace(day=1)
    # Two months back: taken with three late months, and closed with none, even to what is on its way for weeks.
    then = (first - timedelta(days=1)).replace(day=1) - timedelta(days=10)

    async def told(late_months: int, *bills: tuple[str, datetime]) -> tuple[bytes, list[tuple[str | None, str]]]:
        """The kinds of the person's state after these bills, and all refusals of theirs so far."""
        await cluster.stop("scorer-1")
        await cluster.start("scorer-1", settings={"GOODSTANDING_ACCEPTS_LATE_MONTHS": str(late_months)})
        async with _sender(cluster) as send:
            for id, time in bills:
                await send("city", id, person, time, BehaviorEvent, _BILL)
        await cluster.until_drained()
        async with cluster.database() as db:
            state = await db.fetchval(
                "select state from scorer.person where user_id = $1", bytes.fromhex(person.user_id)
            )
        refusals = [read_refusal(each.headers) for each in await cluster.read(rejected_topic("city"))]
        named = [(each.eventid, str(each.code)) for each in refusals if isinstance(each, Refusal)]
        return decode(state).kinds[KIND_OF["water.bill"].code], [
            each for each in named if (each[0] or "").startswith("late-")
        ]

    counted, refused = await told(3, ("late-1", then))
    assert refused == []
    counted, refused = await told(0, ("late-2", then), ("in-time", now))
    assert refused == [("late-2", "too-late")]
    again, refused = await told(3, ("late-1", then), ("late-2", then), ("late-3", then))
    assert sorted(refused) == [("late-1", "too-late"), *[("late-2", "too-late")] * 2, ("late-3", "too-late")]
    assert again == counted, "nothing counts twice"
