"""The fault that each alert is for, caused on a real platform. It lasts as long as its block, and is mended at its end.

Days that a fault would have to last are written into the tables, as if they had passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import asyncpg
from aiokafka.admin import NewTopic, RecordsToDelete

from goodstanding.platform.servers.ports import free_ports
from goodstanding.portal import keys
from goodstanding.portal.hooks import sending
from goodstanding.reading.offsets import asking
from services.retention.core.fingerprint import record_id
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import NORMALIZED, SCORES_CHANGED, SUBJECT_REQUESTS, raw_topic
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator
from tests.alerts.platform import HOOKS, PARTNER, PEOPLE, Platform
from tests.deploy.compose import until
from tests.faults.cluster import APPEND_TIMES
from tests.support.oracle.scores import Request

_EVERYBODY = range(PEOPLE)


@contextmanager
def no_process(p: Platform) -> Iterator[None]:
    p.processes["benefits-1"].kill()
    yield
    p.start("benefits-1")


@contextmanager
def wrong_clock(p: Platform) -> Iterator[None]:
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")  # Debian: libfaketime
    p.restart("retention-1", ready=False, LD_PRELOAD=str(library), FAKETIME="+600s", FAKETIME_DONT_FAKE_MONOTONIC="1")
    yield
    p.restart("retention-1")


@contextmanager
def locked_people(p: Platform) -> Iterator[None]:
    with p.locked("scorer.person"):
        p.rides(range(50))
        yield


@contextmanager
def nobody_takes_scores(p: Platform) -> Iterator[None]:
    """More copies are asked for than there are brokers."""
    p.configure(SCORES_CHANGED, **{"min.insync.replicas": "4"})
    p.rides(range(50, 100), months_ago=1)
    yield
    p.configure(SCORES_CHANGED)


@contextmanager
def unknown_partner(p: Platform) -> Iterator[None]:
    topic = raw_topic(f"stranger-{time.time_ns()}")

    async def send() -> None:
        async with started(p.deployment.kafka) as producer, administrator(p.deployment.kafka) as admin:
            copies = p.deployment.settings.replication_factor
            await admin.create_topics([NewTopic(topic, PARTITIONS, copies, topic_configs=APPEND_TIMES)])
            await producer.send_and_wait(topic, b"{}", partition=0)

    p.run(send())
    yield


@contextmanager
def deleted_records(p: Platform) -> Iterator[None]:
    p.stop("scorer-1")
    before = p.run(_ends(p, NORMALIZED))
    p.rides(_EVERYBODY)
    until(lambda: sum(p.run(_ends(p, NORMALIZED)).values()) >= sum(before.values()) + PEOPLE, "ingest is done")

    async def delete() -> None:
        ends = await _ends(p, NORMALIZED)
        async with administrator(p.deployment.kafka) as admin:
            await admin.delete_records({place: RecordsToDelete(end) for place, end in ends.items()})

    p.run(delete())
    p.start("scorer-1", ready=False)
    yield
    p.restart("scorer-1")


async def _ends(p: Platform, topic: str) -> dict[object, int]:
    async with asking(p.deployment.kafka) as offsets:
        return dict(await offsets.ends([topic]))


@contextmanager
def changed_format(p: Platform) -> Iterator[None]:
    """A partner who sent what it should, and does not any more."""
    _for_seconds(5, lambda: p.rides(range(20)))
    _for_seconds(12, lambda: p.rides(range(10), what_is_this=1))
    yield


def _for_seconds(seconds: float, do: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        do()
        time.sleep(0.5)  # a partner's pace


@contextmanager
def fault_of_ours(p: Platform) -> Iterator[None]:
    p.restart("ingest-1", PYTHONPATH=HOOKS, GOODSTANDING_TEST_FAULT="fails on every event")
    p.rides([0])
    yield
    p.restart("ingest-1")


@contextmanager
def stuck_publication(p: Platform) -> Iterator[None]:
    """The scorer was down for three of them, and cannot write now."""
    p.stop("scorer-1")
    p.sql("update scorer.shard set cursor = (split_part(cursor, ':', 1)::int - 3) || ':done'")
    with p.locked("scorer.person"):
        p.start("scorer-1", ready=False)
        yield


@contextmanager
def edited_mapping(p: Platform) -> Iterator[None]:
    file = p.directory / "partners" / f"{PARTNER}.toml"
    text = file.read_text()
    file.write_text(text.replace("records = ", "recodrs = "))
    yield
    file.write_text(text)


@contextmanager
def unconfirmed_erasure(p: Platform) -> Iterator[None]:
    p.stop("benefits-1")
    p.ask(Request(id=f"erase-{time.time_ns()}", person=p.user_id(7), ask="erase"))
    until(lambda: p.sql("select from retention.erasure where confirmed_at is null"), "retention has erased")
    p.sql("update retention.erasure set erased_at = erased_at - interval '2 hours' where confirmed_at is null")
    yield
    p.start("benefits-1")


@contextmanager
def deaf_subscriber(p: Platform) -> Iterator[None]:
    """Nobody listens where its webhooks are to go, for three days."""
    person, now, (port,) = p.user_id(100), datetime.now(UTC), free_ports(1)

    async def follow(db: asyncpg.Connection) -> str:
        permission = "insert into permission (shard, user_id, subscriber, given_at) values ($1, $2, 'firm', $3)"
        await db.execute(permission, partition_of(person), bytes.fromhex(person), now)
        await keys.make(db, "subscriber", "firm", ["standing"], now)
        webhook, _ = await sending.add(db, "firm", f"http://127.0.0.1:{port}/", now, allows_private=True)
        return webhook

    webhook = p.asked("portal", follow)
    for months_ago in (0, 1, 2):
        p.rides([100], months_ago=months_ago)
    until(lambda: p.sql("select from portal.delivery where attempts > 0"), "it was tried")
    p.sql("update portal.delivery set give_up_at = now(), next_at = now() where state = 'waiting'")
    yield
    with _listening(port):
        p.asked("portal", lambda db: sending.replay(db, webhook, now, datetime.now(UTC)))
        until(lambda: not p.sql("select from portal.delivery where state <> 'done'"), "all is taken")


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()


@contextmanager
def _listening(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Takes)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def late_deadlines(p: Platform) -> Iterator[None]:
    """A record's last day has passed, and retention cannot write."""
    day = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    p.record(200, status="reported", began_on=day)
    until(lambda: p.sql("select from retention.record where lapses_at is not null"), "the record has a deadline")
    p.stop("retention-1")
    at = datetime.now(UTC) - timedelta(hours=1)
    p.sql("update retention.record set due_at = $1, lapses_at = $1 where lapses_at is not null", at)
    with p.locked("retention.record"):
        p.start("retention-1", ready=False)
        yield


@contextmanager
def late_question(p: Platform) -> Iterator[None]:
    """Retention was down for twelve days when somebody disputed a record. The law of `us` gives five working days for
    asking its provider."""
    person, now = p.user_id(201), datetime.now(UTC)
    p.record(201, status="reported", began_on=(now - timedelta(days=30)).date().isoformat())
    until(lambda: p.sql("select from retention.record where user_id = $1", bytes.fromhex(person)), "the record is held")
    p.stop("retention-1")
    key = bytes.fromhex(p.deployment.settings.fingerprint_key)
    id = record_id(key, person, PARTNER, "r-201")
    dispute = Request(id=f"dispute-{time.time_ns()}", person=person, ask="dispute", record_id=id)
    kept = {"retention.ms": "-1"}
    p.configure(SUBJECT_REQUESTS, **kept, **{"message.timestamp.type": "CreateTime"})
    p.ask(dispute, sent_at=now - timedelta(days=12))
    # Once more by the broker's time: a service is not ready where the last record of a topic has its sender's.
    p.configure(SUBJECT_REQUESTS, **kept)
    p.ask(dispute)
    p.start("retention-1", ready=False, GOODSTANDING_RETENTION_PROFILE="us")
    yield
    p.configure(SUBJECT_REQUESTS)
    p.restart("retention-1")


@contextmanager
def another_policy(p: Platform) -> Iterator[None]:
    there = p.directory / "other-policies"
    _copied(p.directory / "policies", there)
    table = there / "benefits.toml"
    name = next(line for line in table.read_text().splitlines() if line.startswith("name = "))
    table.write_text(table.read_text().replace(name, 'name = "another"', 1))
    p.start("benefits-2", ready=False, GOODSTANDING_POLICIES=str(there))
    yield
    p.stop("benefits-2")


def _copied(source: Path, to: Path) -> None:
    for file in source.rglob("*"):
        if file.is_file():
            (to / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (to / file.relative_to(source)).write_bytes(file.read_bytes())


@contextmanager
def many_fall(p: Platform) -> Iterator[None]:
    """A partner that reports wrongly says of a quarter of all people that they paid much too late."""
    _until_everybody_was_counted(p)
    for _ in range(3):
        p.rides(range(PEOPLE - 300, PEOPLE), days_late=60)
    yield


@contextmanager
def deleted_people(p: Platform) -> Iterator[None]:
    _until_everybody_was_counted(p)
    p.sql("create table kept as select * from benefits.person where ascii(encode(user_id, 'hex')) < ascii('3')")
    p.sql("delete from benefits.person where user_id in (select user_id from kept)")
    yield
    p.sql("insert into benefits.person select * from kept on conflict do nothing")
    p.sql("drop table kept")


def _until_everybody_was_counted(p: Platform) -> None:
    """People are counted once a minute, and of those who were never counted nobody sees that they fell or are gone."""
    until(lambda: p.prometheus.query("goodstanding_scored_people:sum > 1000"), "people were counted")


@contextmanager
def unknown_records(p: Platform) -> Iterator[None]:
    """Settlements of what nobody has reported; the first ones are where the counter begins."""
    day = datetime.now(UTC).date().isoformat()
    p.records(range(300, 310), status="settled", ended_on=day)
    waiting = 'goodstanding_outcomes_total{job="retention", result="waiting"}'
    until(lambda: p.prometheus.query(waiting), "Prometheus has seen the first ones")
    p.records(range(310, 400), status="settled", ended_on=day)
    yield
