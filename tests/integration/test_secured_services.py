"""The services on a secured Kafka, each as a user of its own: they work, say why they cannot, and go on alone."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import Line
from goodstanding.platform import acl_plan, certificates, partner_access
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.kafka_users import KafkaUsers
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import Servers
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import given_connection, start, stop
from goodstanding.reading.topic import tail
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent
from shared.contracts.rights import Right
from shared.contracts.times import rfc3339
from shared.contracts.topics import NORMALIZED, SCORES_CHANGED, raw_topic
from shared.kafka import acls
from shared.kafka.sender import started
from shared.settings import ROOT
from tests.integration.tiny import until

PARTNER = "city"
SAID_WITHIN_S = 10.0
"""What docs/security.md promises."""
PATIENCE_S = 90.0
CERTIFICATE_LASTS = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Platform:
    servers: Servers
    deployment: Deployment
    users: KafkaUsers
    ingest: ServiceProcess
    scorer: ServiceProcess
    ids: Iterator[int] = field(default_factory=itertools.count)

    async def send(self) -> str:
        """An event of the partner, sent as that partner and with nothing but its own rights; what became of it."""
        data = {"kind": "transit.fare", "amount": 200, "days_late": 0}
        head = {"specversion": "1.0", "id": f"ride-{next(self.ids)}", "source": "https://city.example"}
        event = {**head, "type": TYPES[BehaviorEvent], "time": rfc3339(datetime.now(UTC) - timedelta(hours=1))}
        line = Line(1, json.dumps({**event, "subject": sample_account(1), "data": data}).encode(), None)
        kafka = self.deployment.kafka_as(f"partner-{PARTNER}")
        sent = await send(kafka, PARTNER, [line], PATIENCE_S, operator=None, now=datetime.now(UTC))
        (verdict,) = sent.verdicts
        return verdict.result.value

    async def until_said(self, words: str, within_s: float = SAID_WITHIN_S, by: ServiceProcess | None = None) -> None:
        began = time.monotonic()
        await until(lambda: self._says(words, by), words, timeout_s=within_s)
        assert time.monotonic() - began < within_s

    async def until_ready(self, service: ServiceProcess | None = None) -> None:
        await until(lambda: self._says(None, service), "ready again", timeout_s=PATIENCE_S)

    async def _says(self, words: str | None, service: ServiceProcess | None) -> bool:
        trouble = await asyncio.to_thread((service or self.ingest).trouble)
        return trouble is None if words is None else words in (trouble or "")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Servers.ephemeral(secured=True) as servers:
        settings = FixedSettings.new(cadence="continuous")
        deployment = Deployment.create(tmp_path_factory.mktemp("platform"), servers.addresses, settings)
        processes = start(deployment, lambda _: None, attached=True)
        users = deployment.kafka_users
        assert users is not None
        of = {each.service: each for each in processes}
        try:
            yield Platform(servers, deployment, users, of["ingest"], of["scorer"])
        finally:
            stop(processes)


async def test_an_event_becomes_a_score_though_everybody_has_only_its_own_rights(platform: Platform) -> None:
    assert await platform.send() == "taken by ingest"
    subscriber = platform.deployment.kafka_as("subscriber")
    async with asyncio.timeout(PATIENCE_S):
        async for record in tail(subscriber, [SCORES_CHANGED], 1, follow=True):
            assert record.key
            break


async def test_the_guides_subscriber_logs_in(platform: Platform) -> None:
    assert await platform.send() == "taken by ingest"
    login = platform.users.connection("subscriber")
    options = [f"--user={login.user}", f"--password-file={login.password_file}", f"--ca-file={login.ca_file}", "--once"]
    argv = [sys.executable, "-m", "goodstanding_client", login.bootstrap, *options]
    following = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    told, _ = await following.communicate()
    assert following.returncode == 0
    assert {json.loads(line)["topic"] for line in told.splitlines()} >= {SCORES_CHANGED}


def test_a_service_is_told_its_own_password_and_no_other(platform: Platform) -> None:
    told = platform.deployment.environment("scorer")
    assert told["GOODSTANDING_KAFKA_USER"] == "scorer"
    assert Path(told["GOODSTANDING_KAFKA_PASSWORD_FILE"]).read_text() == platform.users.password("scorer")
    passwords = [platform.users.password(user) for user in ("scorer", "ingest", "operator")]
    assert not any(password in value for password in passwords for value in told.values())


async def test_rights_are_those_of_the_table_and_are_put_right(platform: Platform) -> None:
    kafka, names = platform.users.administrator, ["subscriber"]
    found = await acl_plan.plan(kafka, partners(), names)
    assert (found.is_done, found.missing, found.surplus) == (True, (), ())
    lost = Right("benefits", "topic", "tiers.changed", "write")
    forged = Right("partner-bank", "topic", SCORES_CHANGED, "all")
    await acls.withdraw(kafka, [lost])
    await acls.grant(kafka, [forged])
    found = await acl_plan.plan(kafka, partners(), names)
    assert (found.missing, found.surplus) == ((lost,), (forged,))
    await acl_plan.apply(kafka, found)
    assert (await acl_plan.plan(kafka, partners(), names)).is_done


async def test_a_partner_is_given_access_and_keeps_its_password_until_it_is_renewed(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = platform.users.password("partner-bank")
    access = await partner_access.give_access(platform.deployment, "bank", renew=False)
    assert (access.user, access.password, access.created) == ("partner-bank", before, ())
    renewed = await partner_access.give_access(platform.deployment, "bank", renew=True)
    assert renewed.password not in (None, before)
    contents = partner_access.files(renewed, platform.users.administrator)
    assert set(contents) == {"password", "ca.pem", "client.properties", "environment"}
    partner_access.write(tmp_path, contents)
    for name, value in (line.split("=", 1) for line in contents["environment"].splitlines()):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    theirs = given_connection()
    async with started(theirs) as producer:
        await producer.send_and_wait(raw_topic("bank"), b"{}", partition=0)


async def test_a_renewed_password_is_asked_for_in_words_and_then_read_from_its_file(platform: Platform) -> None:
    await acls.set_passwords(platform.users.administrator, [("ingest", "another")])
    await platform.until_said("Kafka refuses the password of ingest")
    # Its open connections work on, so nothing waits meanwhile.
    assert await platform.send() == "taken by ingest"
    write_private(platform.users.directory / "ingest", b"another")
    await platform.until_ready()
    assert await platform.send() == "taken by ingest"


async def test_a_password_of_postgres_that_was_changed_is_said_and_nothing_waits_meanwhile(platform: Platform) -> None:
    """Its open connections work on, and would hide it for as long as they last."""
    await platform.until_ready(platform.scorer)
    admin = await asyncpg.connect(platform.servers.addresses.postgres)
    try:
        await admin.execute("alter role scorer password 'another'")
        await platform.until_said("Postgres does not take this service's password", by=platform.scorer)
        assert await platform.send() == "taken by ingest"
        await admin.execute(f"alter role scorer password '{platform.deployment.settings.passwords['scorer']}'")
        await platform.until_ready(platform.scorer)
        await admin.execute("alter role scorer nologin")
        await platform.until_said("Postgres does not let this service's role in", by=platform.scorer)
        await admin.execute("alter role scorer login")
        await platform.until_ready(platform.scorer)
    finally:
        await admin.close()


async def test_a_lost_right_to_write_is_said_and_what_waits_is_sent_when_it_is_back(platform: Platform) -> None:
    right = Right("ingest", "topic", NORMALIZED, "write")
    await acls.withdraw(platform.users.administrator, [right])
    sending = asyncio.create_task(platform.send())
    await platform.until_said("TopicAuthorizationFailedError")
    await acls.grant(platform.users.administrator, [right])
    assert await sending == "taken by ingest"
    await platform.until_ready()


async def test_a_lost_right_to_its_group_is_said_and_reading_goes_on_when_it_is_back(platform: Platform) -> None:
    right = Right("ingest", "group", "ingest", "read")
    await acls.withdraw(platform.users.administrator, [right])
    await platform.until_said("GroupAuthorizationFailedError")
    await acls.grant(platform.users.administrator, [right])
    await platform.until_ready()
    assert await platform.send() == "taken by ingest"


@pytest.mark.campaign
async def test_an_expired_certificate_is_said_and_a_new_one_believed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore = platform.servers.home / "kafka" / "security" / "broker.pem"
    with monkeypatch.context() as short:
        short.setattr(certificates, "SERVER_LASTS", CERTIFICATE_LASTS)
        await _restart_with_a_new_certificate(platform, keystore)
    await platform.until_ready()
    left_s = (certificates.expires(keystore) - datetime.now(UTC)).total_seconds()
    await platform.until_said("certificate has expired", max(left_s, 0) + SAID_WITHIN_S)
    await _restart_with_a_new_certificate(platform, keystore)
    await platform.until_ready()
    assert await platform.send() == "taken by ingest"


async def _restart_with_a_new_certificate(platform: Platform, keystore: Path) -> None:
    await asyncio.to_thread(platform.servers.kill, "kafka")
    await asyncio.to_thread(keystore.unlink)
    await asyncio.to_thread(platform.servers.start, "kafka")
