"""Every service of the compose file, running: what docs/operations.md says of it is seen.

The tests share one platform and leave it healthy. What was sent is counted at the end: nothing lost, nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from goodstanding.platform.fixed_settings import STATEFUL
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    SCORES_CHANGED,
    SERVICES,
    dead_letter_topic,
    raw_topic,
)
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator
from shared.settings import ROOT
from tests.deploy.compose import Compose, Platform, left_out, until
from tests.deploy.traffic import (
    Person,
    accepted,
    forget_publications,
    messages,
    metric,
    query,
    send_to_nobody,
)

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

_JOBS = {"secrets", "migrate", "rights", "topics", "link"}
_numbers = itertools.count(6_000_000_000)


@pytest.fixture(scope="module")
def compose(platform: Platform) -> Compose:
    return platform.compose


@pytest.fixture
def person(platform: Platform) -> Iterator[Person]:
    """Whoever rode three times before the test; every ride is counted when it ends, and one sent again is not."""
    person = Person(platform, next(_numbers))
    assert accepted(person.rides(3))
    person.until_counted()
    yield person
    assert accepted(person.rides(2))
    person.until_counted()
    assert accepted(person.rides_again())
    assert accepted(person.rides(1))
    person.until_counted()


def _until_no_trouble(compose: Compose, *services: str) -> float:
    return until(lambda: not any(compose.trouble(each) for each in services), f"{', '.join(services)} ready")


def _until_trouble(compose: Compose, server: str, *services: str) -> None:
    until(lambda: all(server in (compose.trouble(each) or "") for each in services), f"{', '.join(services)} say why")


def test_up_from_nothing(platform: Platform, seen: Callable[[str], None]) -> None:
    states = platform.compose.states()
    assert {name: states.pop(name) for name in _JOBS} == {name: ["exited"] for name in _JOBS}
    assert states.keys() == {*platform.compose.services()} - left_out()
    unhealthy = {name for name, each in states.items() if each != ["healthy"]}
    assert unhealthy <= {"partners", "subscriber", "grafana"}, states
    assert {states[name][0] for name in unhealthy} <= {"running"}
    seen(f"up --build --wait with every profile, from nothing: {platform.up_s:.0f} s")


@pytest.mark.parametrize(
    ("user", "topic", "allowed"),
    [
        ("partner-bank", raw_topic("bank"), True),
        ("partner-bank", raw_topic("hotel"), False),
        ("partner-bank", SCORES_CHANGED, False),
        ("subscriber", SCORES_CHANGED, False),
        ("operator", SCORES_CHANGED, False),
        ("benefits", SCORES_CHANGED, False),
        ("scorer", NORMALIZED, False),
    ],
)
def test_nobody_writes_what_is_not_theirs(
    compose: Compose, tmp_path: Path, user: str, topic: str, allowed: bool
) -> None:
    """Everybody with everything is tried on a secured Kafka of the local stack; here, that compose's is one."""

    async def write() -> None:
        async with started(compose.login(tmp_path, user)) as producer:
            await producer.send_and_wait(topic, b"{}", key=b"k", partition=0)

    if allowed:
        asyncio.run(write())
    else:
        # Who may write nowhere at all is refused before a topic is named.
        with pytest.raises((TopicAuthorizationFailedError, ClusterAuthorizationFailedError)):
            asyncio.run(write())


def test_a_partner_without_kafka_sends_to_the_portal_and_asks(compose: Compose) -> None:
    """As the portal's own user, who may append to raw topics, read refusals, and see how far ingest is."""
    cli = ("run", "--rm", "--no-TTY", "cli")
    key = compose(*cli, "portal", "key", "partner", "bank").split()[-1]
    [event] = compose(*cli, "partner", "sample", "bank", "--count", "1", "--seed", "77").splitlines()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}
    address = f"http://localhost:{compose.ports['PORTAL']}/v1/events/bank"
    sent = httpx.post(address, content=event, headers=headers, timeout=30)
    assert sent.status_code == 202, sent.text
    id = sent.json()["events"][0]["event_id"]

    def result() -> str:
        return str(httpx.get(f"{address}/{id}", headers=headers, timeout=30).json().get("result"))

    until(lambda: result() == "accepted", "the event is accepted")


def test_the_demo_has_a_link_to_a_page(compose: Compose) -> None:
    # Compose clears the line before it writes one, also where it writes to no terminal.
    (link,) = re.findall(r"http://\S+", compose("logs", "--no-log-prefix", "link"))
    assert link.startswith(f"http://localhost:{compose.ports['PORTAL']}/enter/")
    page = httpx.get(link, follow_redirects=True, timeout=30)
    assert (page.status_code, page.url.path) == (200, "/me")


def test_nobody_gets_in_without_a_login(compose: Compose) -> None:
    with pytest.raises(KafkaConnectionError):
        asyncio.run(_ask(f"localhost:{compose.ports['KAFKA']}"))


async def _ask(kafka: str) -> None:
    async with administrator(kafka) as admin:
        await admin.list_topics()


def test_postgres_answers_nobody_in_the_clear(platform: Platform) -> None:
    async def ask() -> None:
        await asyncpg.connect(platform.deployment.addresses.postgres, ssl=False)

    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        asyncio.run(ask())


def _containers(compose: Compose) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(compose.docker("inspect", *compose("ps", "--all", "--quiet").split()))
    return found


def test_every_container_is_closed(compose: Compose) -> None:
    for container in _containers(compose):
        name, host = container["Name"], container["HostConfig"]
        # Whom a container runs as is the image's to say, unless the compose file does.
        assert container["Config"]["User"] not in ("", "0", "root"), name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["Memory"] > 0, name
        # A volume without a name outlives `down`, and then no `down --volumes` knows it.
        volumes = [mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume"]
        assert all(each.startswith(f"{compose.project}_") for each in volumes), (name, volumes)
        bound = [each for ports in (host["PortBindings"] or {}).values() for each in ports]
        assert all(each["HostIp"] == "127.0.0.1" for each in bound), name


def _restarts(compose: Compose, service: str) -> int:
    containers = json.loads(compose.docker("inspect", *compose("ps", "--all", "--quiet", service).split()))
    return sum(container["RestartCount"] for container in containers)


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_process_is_started_again(
    service: str, compose: Compose, person: Person, seen: Callable[[str], None]
) -> None:
    before, began = _restarts(compose, service), time.monotonic()
    compose.kill_process(service)
    until(lambda: _restarts(compose, service) > before, f"{service} restarted")
    compose.until_healthy(service)
    healthy_s = time.monotonic() - began
    assert accepted(person.rides(2))
    person.until_counted()
    seen(f"{service} killed: healthy after {healthy_s:.1f} s, new rides counted after {time.monotonic() - began:.1f} s")


def test_three_processes_share_the_shards_and_take_over_from_a_killed_one(
    compose: Compose, person: Person, seen: Callable[[str], None]
) -> None:
    def shards() -> list[float]:
        return [metric(compose.page("scorer", "/metrics", number=n), "goodstanding_shards_owned") for n in (1, 2, 3)]

    began = time.monotonic()
    compose("up", "--detach", "--wait", "--no-recreate", "--scale", "scorer=3", "scorer")
    until(lambda: shards() == [2, 2, 2], "two shards each")
    seen(f"--scale scorer=3: healthy, two shards each after {time.monotonic() - began:.1f} s")
    assert accepted(person.rides(30))
    before = _restarts(compose, "scorer")
    compose.kill_process("scorer", number=2)
    began = time.monotonic()
    assert accepted(person.rides(30))
    person.until_counted()
    seen(f"one of three scorers killed: all rides counted after {time.monotonic() - began:.1f} s")
    until(lambda: _restarts(compose, "scorer") > before, "restarted")
    compose.until_healthy("scorer")
    until(lambda: shards() == [2, 2, 2], "two shards each again")
    compose("up", "--detach", "--wait", "--no-recreate", "--scale", "scorer=1", "scorer")
    compose.until_healthy("scorer")


def test_postgres_is_away(compose: Compose, person: Person, seen: Callable[[str], None]) -> None:
    compose("stop", "postgres")
    _until_trouble(compose, "Postgres", *STATEFUL)
    assert compose.trouble("ingest") is None
    assert accepted(person.rides(20)), "ingest needs no Postgres"
    compose("start", "postgres")
    compose.until_healthy("postgres")
    ready_s = _until_no_trouble(compose, *STATEFUL)
    seen(f"Postgres away and back: services ready {ready_s:.1f} s after it is healthy")
    person.until_counted()


def test_postgres_is_restarted(compose: Compose, person: Person, seen: Callable[[str], None]) -> None:
    began = time.monotonic()
    compose("restart", "postgres")
    compose.until_healthy("postgres")
    _until_no_trouble(compose, *SERVICES)
    assert accepted(person.rides(2))
    person.until_counted()
    seen(f"Postgres restarted: new rides counted {time.monotonic() - began:.1f} s after the order")


def test_kafka_is_away(compose: Compose, person: Person, seen: Callable[[str], None]) -> None:
    compose("stop", "kafka")
    _until_trouble(compose, "Kafka", *SERVICES)
    with pytest.raises(KafkaError):
        person.rides_again()
    compose("start", "kafka")
    compose.until_healthy("kafka")
    ready_s = _until_no_trouble(compose, *SERVICES)
    seen(f"Kafka away and back: services ready {ready_s:.1f} s after it is healthy")


def test_kafka_is_restarted(compose: Compose, person: Person, seen: Callable[[str], None]) -> None:
    began = time.monotonic()
    compose("restart", "kafka")
    compose.until_healthy("kafka")
    _until_no_trouble(compose, *SERVICES)
    assert accepted(person.rides(2))
    person.until_counted()
    seen(f"Kafka restarted: new rides counted {time.monotonic() - began:.1f} s after the order")


def test_the_demo_has_never_stopped(platform: Platform) -> None:
    """After all that was done to its servers: partners go on sending, and scores reach the subscriber (below)."""
    before = messages(platform, raw_topic("bank"), last=1)[-1].timestamp
    until(lambda: messages(platform, raw_topic("bank"), last=1)[-1].timestamp > before, "the bank sends")
    assert platform.compose.states()["subscriber"] == ["running"]


@contextlib.contextmanager
def _following(platform: Platform, place: Path) -> Iterator[subprocess.Popen[str]]:
    """The guide's subscriber, without end."""
    login = platform.compose.login(place, "subscriber")
    named = {"--user": login.user, "--password-file": login.password_file, "--ca-file": login.ca_file}
    words = [word for option in named.items() for word in map(str, option)]
    argv = [sys.executable, "-m", "goodstanding_client", login.bootstrap, *words]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as follower:
        try:
            yield follower
        finally:
            follower.terminate()


def test_a_service_was_down_for_months(platform: Platform, tmp_path: Path, seen: Callable[[str], None]) -> None:
    """The others work on; of the publications that it missed the latest is made, once."""
    compose, rider = platform.compose, Person(platform, next(_numbers))
    assert accepted(rider.rides(3))
    rider.until_counted()
    compose("stop", "scorer")
    forget_publications(platform)
    assert accepted(rider.rides(4))
    assert not any(compose.trouble(each) for each in SERVICES if each != "scorer")
    with _following(platform, tmp_path) as follower:
        began = time.monotonic()
        compose("start", "scorer")
        rider.until_counted()
        assert follower.stdout
        assert any(rider.user_id in line for line in follower.stdout)
    until(lambda: rider.query("select 1 from scorer.score where user_id = $1"), "the missed publication")
    until(lambda: not query(platform, "select 1 from scorer.shard where cursor not like '%:done'"), "the run is done")
    seen(f"scorer down for three publications: caught up and the last one made {time.monotonic() - began:.1f} s later")
    assert len(rider.query("select 1 from scorer.score where user_id = $1")) == 1
    assert len(query(platform, "select 1 from scorer.publication")) == 1
    until(lambda: rider.query("select 1 from benefits.person where user_id = $1"), "benefits has the score")
    until(lambda: "version 1" in compose("logs", "--no-log-prefix", "subscriber"), "the subscriber saw scores")
    compose.until_healthy("scorer")


def test_a_deadline_passed_while_its_service_was_down(platform: Platform, seen: Callable[[str], None]) -> None:
    compose, guest = platform.compose, Person(platform, next(_numbers))
    assert accepted(guest.stayed_away())
    until(lambda: guest.query("select 1 from retention.record where user_id = $1"), "the record")
    compose("stop", "retention")
    past = "now() - interval '1 hour'"
    guest.query(f"update retention.record set due_at = {past}, lapses_at = {past} where user_id = $1")
    began = time.monotonic()
    compose("start", "retention")
    until(lambda: not guest.query("select 1 from retention.record where user_id = $1"), "the record lapses")
    seen(f"a deadline passed while retention was down: fired {time.monotonic() - began:.1f} s after its start")
    compose("restart", "retention")
    compose.until_healthy("retention")
    bodies = [
        json.loads(each.value) for each in messages(platform, RECORDS_CHANGED) if each.key == guest.user_id.encode()
    ]
    assert [body["status"] for body in bodies] == ["open", "expired"]


def _redrive(compose: Compose, origin: str) -> None:
    """In the container of the command line, as the runbook says."""
    dead_letters = ("run", "--rm", "--no-TTY", "cli", "dead-letters")
    assert f"  {origin}  there  " in compose(*dead_letters, "ls", "ingest")
    assert f"redriven  {origin}\n" in compose(*dead_letters, "redrive", origin)
    assert f"  {origin}  redriven  " in compose(*dead_letters, "ls")


def test_a_record_that_no_rule_can_answer_for_is_set_aside(platform: Platform, person: Person) -> None:
    before = len(messages(platform, dead_letter_topic("ingest")))
    origin = send_to_nobody(platform)
    until(lambda: len(messages(platform, dead_letter_topic("ingest"))) == before + 1, "the dead letter")
    letter = messages(platform, dead_letter_topic("ingest"))[-1]
    headers = dict(letter.headers)
    assert (headers["ce_code"], headers["ce_origin"]) == (b"unknown-partner", origin.encode())
    assert not letter.value
    _redrive(platform.compose, origin)
    until(lambda: len(messages(platform, dead_letter_topic("ingest"))) == before + 3, "set aside anew")
    # For the new topic ingest has shared its partitions out anew.
    _until_no_trouble(platform.compose, "ingest")
