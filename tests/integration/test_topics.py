"""The topics of the table on a real Kafka: created, compared, never changed."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import InvalidReplicationFactorError, MessageSizeTooLargeError

from goodstanding.platform.servers import Servers, kafka
from shared.contracts.faults import Code, Fault
from shared.contracts.published.__main__ import main
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import (
    CLOCK_TOPIC,
    MESSAGE_BYTES_MAX,
    REJECTED_BYTES_MAX,
    Topic,
    raw_topic,
    rejected_topic,
    topics,
)
from shared.kafka import topic_admin
from shared.kafka.topic_admin import Difference, TopicReport, administrator, ensure_simulation_topic, ensure_topics


@pytest.fixture
def partner() -> str:
    """A partner that no other test of the session has: servers are shared."""
    return f"t{uuid.uuid4().hex[:12]}"


def _of(report: TopicReport, partner: str) -> tuple[list[str], list[str], list[Difference]]:
    return (
        [name for name in report.created if partner in name],
        [name for name in report.right if partner in name],
        [difference for difference in report.differences if partner in difference.topic],
    )


async def test_created_once_and_right_from_then_on(kafka_bootstrap: str, partner: str) -> None:
    names = [topic.name for topic in topics([partner]) if partner in topic.name]
    assert _of(await ensure_topics(kafka_bootstrap, [partner]), partner) == (names, [], [])
    assert _of(await ensure_topics(kafka_bootstrap, [partner]), partner) == ([], names, [])


@dataclass(frozen=True, slots=True)
class _OnAManagedKafka(Topic):
    """What a platform refuses that decides a setting by itself: here, a value that Kafka itself refuses."""

    def settings(self, replication_factor: int) -> dict[str, str]:
        return {**Topic.settings(self, replication_factor), "segment.ms": "-1"}


async def test_what_the_platform_decides_is_left_to_it_and_said(kafka_bootstrap: str, partner: str) -> None:
    table = next(topic for topic in topics([partner]) if partner in topic.name)
    asked = _OnAManagedKafka(**{each.name: getattr(table, each.name) for each in fields(table)})
    for report in [await topic_admin._ensure(kafka_bootstrap, [asked], 1) for _ in range(2)]:
        assert (report.faults, report.right) == ((), (asked.name,))
        [told] = report.differences
        assert (told.topic, told.setting, told.expected, told.must_hold) == (asked.name, "segment.ms", "-1", False)


async def test_two_processes_may_do_it_at_once(kafka_bootstrap: str, partner: str) -> None:
    reports = await asyncio.gather(*(ensure_topics(kafka_bootstrap, [partner]) for _ in range(4)))
    for name in (topic.name for topic in topics([partner]) if partner in topic.name):
        assert sum(name in report.created for report in reports) == 1
        assert sum(name in report.right for report in reports) == 3


async def test_what_differs_is_named_with_its_remedy_and_left_alone(kafka_bootstrap: str, partner: str) -> None:
    raw, rejected = raw_topic(partner), rejected_topic(partner)
    async with administrator(kafka_bootstrap) as admin:
        await admin.create_topics([NewTopic(raw, 3, 1, topic_configs={"retention.ms": "1000"})])
    for _ in range(2):
        created, right, differences = _of(await ensure_topics(kafka_bootstrap, [partner]), partner)
        assert raw not in (*created, *right)
        assert rejected in (*created, *right)
        found = {difference.setting: (difference.expected, difference.found) for difference in differences}
        assert found["partitions"] == ("6", "3")
        assert found["message.timestamp.type"] == ("LogAppendTime", "CreateTime")
        assert found["retention.ms"] == ("604800000", "1000")
        assert "cleanup.policy" not in found
        remedy = next(difference.remedy for difference in differences if difference.setting == "retention.ms")
        assert remedy.endswith(f"--entity-name {raw} --add-config retention.ms=604800000")


async def test_what_kafka_refuses_is_no_success(kafka_bootstrap: str, partner: str) -> None:
    created, right, differences = _of(await ensure_topics(kafka_bootstrap, [partner], replication_factor=99), partner)
    assert (created, right) == ([], [])
    assert len(differences) == 4
    assert all("InvalidReplicationFactorError" in difference.remedy for difference in differences)


@pytest.fixture
def busy_kafka() -> Iterator[str]:
    """One that says every three seconds that it is alive and is believed for one: of three tries it refuses two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kafka.BEHAVIOR, "broker.heartbeat.interval.ms", 3000)
        with Servers.ephemeral() as servers:
            yield servers.addresses.kafka


async def test_a_broker_that_was_too_busy_to_say_that_it_is_alive_is_waited_for(
    busy_kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    asked_for = topic_admin._asked_for

    async def heard(*asked: Any) -> dict[str, tuple[int, str | None]]:
        answers = await asked_for(*asked)
        codes.extend(code for code, _ in answers.values())
        return answers

    monkeypatch.setattr(topic_admin, "_asked_for", heard)
    for number in itertools.count():
        assert not (await ensure_topics(busy_kafka, [f"partner{number}"])).differences
        if InvalidReplicationFactorError.errno in codes:
            break


async def test_the_stepped_clock_has_a_topic_of_its_own(kafka_bootstrap: str) -> None:
    await ensure_simulation_topic(kafka_bootstrap)
    assert await ensure_simulation_topic(kafka_bootstrap) == TopicReport((), (CLOCK_TOPIC,), ())
    assert CLOCK_TOPIC not in {topic.name for topic in topics(["bank"])}


async def test_an_event_of_a_mebibyte_arrives_and_so_does_its_refusal(kafka_bootstrap: str, partner: str) -> None:
    await ensure_topics(kafka_bootstrap, [partner])
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, max_request_size=2 * REJECTED_BYTES_MAX) as sender:
        value = bytes(1024 * 1024)
        arrived = await sender.send_and_wait(raw_topic(partner), value, timestamp_ms=1)
        assert arrived.timestamp > 1  # the broker's time, whatever the sender says
        with pytest.raises(MessageSizeTooLargeError):
            await sender.send_and_wait(raw_topic(partner), bytes(MESSAGE_BYTES_MAX))
        headers = refusal_headers("ingest", f"{raw_topic(partner)}/0/0", Fault(Code.TOO_LARGE, "", "Too large."), "e")
        await sender.send_and_wait(rejected_topic(partner), value, headers=list(headers))


def test_command(kafka_bootstrap: str, partner: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{partner}.toml").touch()
    (tmp_path / "README.md").touch()
    arguments = ["topics", "--bootstrap", kafka_bootstrap, "--partners-dir", str(tmp_path)]
    assert main(arguments) == 0
    assert f"created  {raw_topic(partner)}\n" in capsys.readouterr().out
    assert main(arguments) == 0
    assert f"right    {raw_topic(partner)}\n" in capsys.readouterr().out
    assert main([*arguments, "--replication-factor", "3"]) == 1
    assert f"differs  {raw_topic(partner)}: min.insync.replicas should be 2, is 1." in capsys.readouterr().out
