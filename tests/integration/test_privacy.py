"""The raw identifier goes no further than ingest: canaries are searched for wherever a byte could have come to rest."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from goodstanding.partner.crosswalks import Row, tell_crosswalk
from goodstanding.partner.event import PartnerEvent
from goodstanding.partner.samples import Setting, samples
from services.ingest.loading import load_mapping
from shared.contracts.identity import SchemeName, sample_account
from shared.contracts.topics import NORMALIZED, raw_topic, rejected_topic
from shared.partner_files import partner_files
from tests.faults.cluster import Cluster, running
from tests.faults.events import ZONE

_PARTNERS = {path.stem: path for path in partner_files(Path(__file__).parents[2] / "partners")}
_STRANGER = "stranger"
_EVENTS_PER_PARTNER = 40


@dataclass(frozen=True)
class Canaries:
    """People of one scheme, in the spellings in which partners may write them, and what to search for."""

    scheme: SchemeName
    identifier: Callable[[int], str]
    separated: Callable[[str], str]
    needles: tuple[str, ...]
    numbers: str = ""
    """What comes before the number of a customer, where people are named by their partner's own."""

    def spelled(self, number: int) -> str:
        identifier = f"{self.numbers}{number:04d}" if self.numbers else self.identifier(number)
        match number % 4:
            case 0:
                return identifier
            case 1:
                return identifier.swapcase()
            case 2:
                return f" {self.separated(identifier)} "
            case _:
                return _full_width(identifier)

    def found(self, content: bytes) -> bool:
        return any(needle in content for needle in self._written)

    @cached_property
    def _written(self) -> tuple[bytes, ...]:
        texts = [*self.needles, *map(_full_width, self.needles)]
        escaped = [json.dumps(_full_width(needle)).strip('"') for needle in self.needles]
        return tuple(text.encode() for text in (*texts, *escaped, *map(str.upper, escaped)))


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


CANARIES = [
    Canaries(
        "account",
        lambda number: sample_account(7_777_000_000 + number),
        lambda account: f"{account[:2]} {account[2:10]}-{account[10:]}",
        ("77770000",),
    ),
    # The needles are parts in which no separator stands.
    Canaries("email", lambda number: f"kanari{number}@voliere.example", str, ("kanari", "KANARI", "voliere")),
    # German numbers that are given to nobody, for films.
    Canaries(
        "phone",
        lambda number: f"+49176040690{number:02d}",
        lambda phone: f"{phone[:3]}(0){phone[3:6]}/{phone[6:12]} {phone[12:]}",
        ("176040690", "040690"),
    ),
    Canaries(
        "account",
        lambda number: sample_account(7_777_000_000 + number),
        str,
        ("77770000", "60606060"),
        numbers="60606060",
    ),
]


def _events(partner: str, canaries: Canaries) -> list[PartnerEvent]:
    """Good events of the partner, and the same broken in every place that could be quoted somewhere."""
    mapping = load_mapping(_PARTNERS[partner])
    setting = Setting("CNY", ZONE, datetime.now(UTC), people=40, identifier=canaries.spelled)
    good = list(itertools.islice(samples(partner, mapping, setting), _EVENTS_PER_PARTNER))
    return [*good, *(broken for event in good[:5] for broken in _broken(event, canaries))]


def _broken(event: PartnerEvent, canaries: Canaries) -> Iterator[PartnerEvent]:
    canary = (canaries.spelled(0) if canaries.numbers else canaries.identifier(0)).encode()
    yield replace(event, value=event.value[:-3])
    # In the last column of a table, a text of the partner's own, by which it names the person.
    yield replace(event, value=event.value + event.key.strip())
    yield replace(event, value=canary)
    yield replace(event, value=event.value.replace(canary[:2], b"XX"))
    yield replace(event, value=event.value.replace(b":", b':"' + canary + b'",', 1))
    yield replace(event, value=event.value.replace(b"{", b'{"' + canary + b'":1,', 1))
    yield replace(event, value=event.value + b"\xff")
    yield replace(event, headers=(*event.headers, ("ce_partitionkey", canary)))
    yield replace(event, headers=(*event.headers, (canary.decode(), b"\xff" + canary)))
    yield replace(event, headers=(*event.headers, ("ce_x", canary), ("ce_x", canary)))
    yield replace(event, value=event.value + b" " * 70_000)
    # The person's own identifier in the event's id, in whatever spelling the event names the person.
    yield replace(event, value=event.value.replace(b"-0-e", b"-" + event.key.strip() + b"-e"))


@pytest.fixture(
    scope="module", params=CANARIES, ids=lambda canaries: "crosswalk" if canaries.numbers else canaries.scheme
)
def canaries(request: pytest.FixtureRequest) -> Canaries:
    found: Canaries = request.param
    return found


@pytest.fixture(scope="module")
async def cluster(canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    more = "crosswalk = true\n" if canaries.numbers else ""
    partners = {name: more + path.read_text() for name, path in _PARTNERS.items()}
    settings = {"GOODSTANDING_LOG_LEVEL": "DEBUG", "GOODSTANDING_IDENTITY_SCHEME": canaries.scheme}
    directory = tmp_path_factory.mktemp("privacy") / "deployment"
    async with running(directory, key=b"p" * 32, clock="system", settings=settings, partners=partners) as cluster:
        await cluster.create_topics(raw_topic(_STRANGER))
        if canaries.numbers:
            for partner in _PARTNERS:
                rows = (Row(line, (canaries.spelled(line), canaries.identifier(line))) for line in range(41))
                assert (await tell_crosswalk(cluster.deployment, partner, rows, lambda _: None)).new == 41
        await cluster.start("ingest-1", "scorer-1")
        await _send_everything(cluster, canaries)
        yield cluster


async def _send_everything(cluster: Cluster, canaries: Canaries) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.deployment.addresses.kafka, max_request_size=2**21)
    await producer.start()
    for partner in _PARTNERS:
        for event in _events(partner, canaries):
            await producer.send(raw_topic(partner), event.value, key=event.key, headers=list(event.headers))
    await producer.send(raw_topic(_STRANGER), canaries.spelled(0).encode(), key=canaries.spelled(0).encode())
    await producer.stop()

    await cluster.until_drained()


async def test_the_canaries_were_sent_and_used(cluster: Cluster, canaries: Canaries) -> None:
    """Else the search would find nothing because there was nothing."""
    for partner in _PARTNERS:
        raw = await cluster.read(raw_topic(partner))
        assert sum(canaries.found(record.value or b"") for record in raw) > _EVENTS_PER_PARTNER / 2
        rejected = await cluster.read(rejected_topic(partner))
        assert any(canaries.found(record.value or b"") for record in rejected)
        assert any(dict(record.headers).get("ce_code") == b"names-person" for record in rejected)
    assert len(await cluster.read(NORMALIZED)) > 5 * _EVENTS_PER_PARTNER
    async with cluster.database() as db:
        assert await db.fetchval("select count(*) from scorer.person") > 20


async def test_no_table_holds_an_identifier(cluster: Cluster, canaries: Canaries) -> None:
    async with cluster.database() as db:
        tables = await db.fetch(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            " and table_schema not in ('pg_catalog', 'information_schema')"
        )
        assert "scorer" in {row["table_schema"] for row in tables}
        for schema, table in tables:
            parts: list[bytes] = []

            async def keep(part: bytes, parts: list[bytes] = parts) -> None:
                parts.append(part)

            await db.copy_from_table(table, schema_name=schema, output=keep, format="binary")
            assert not canaries.found(b"".join(parts)), f"{schema}.{table}"


async def test_no_topic_but_the_partners_own_holds_an_identifier(cluster: Cluster, canaries: Canaries) -> None:
    own = {topic for partner in _PARTNERS for topic in (raw_topic(partner), rejected_topic(partner))}
    others = [topic for topic in await cluster.topics() if topic not in own and topic != raw_topic(_STRANGER)]
    assert NORMALIZED in others
    for record in await cluster.read(*others):
        everything = [
            record.key or b"",
            record.value or b"",
            *(name.encode() + value for name, value in record.headers),
        ]
        assert not canaries.found(b"\n".join(everything)), record.place


async def test_no_log_or_metric_holds_an_identifier(cluster: Cluster, canaries: Canaries) -> None:
    for process in cluster.processes.values():
        assert process.log.stat().st_size > 1_000
        assert not canaries.found(process.log.read_bytes()), process.log
        assert process.http is not None
        for path in ("/metrics", "/health/ready", "/health/live"):
            assert not canaries.found(await asyncio.to_thread(_page, process.http, path)), path


def _page(address: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


async def test_no_file_of_the_servers_holds_an_identifier(cluster: Cluster, canaries: Canaries) -> None:
    """Write-ahead logs, logs of the servers, and segments of every topic but the partners' own."""
    own = tuple(f"{topic}-" for p in (*_PARTNERS, _STRANGER) for topic in (raw_topic(p), rejected_topic(p)))
    # An index has positions only, in a file that is 10 MB large from the start.
    indexes = (".index", ".timeindex")
    files = [path for path in cluster.stack.home.rglob("*") if path.is_file() and path.suffix not in indexes]
    searched = [path for path in files if not any(part.startswith(own) for part in path.parts)]
    assert len(files) > len(searched) > 100
    for path in searched:
        assert not canaries.found(path.read_bytes()), path
