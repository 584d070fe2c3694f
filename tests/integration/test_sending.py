"""`partner send` on real servers: everyone who may refuse is waited for, and `partner validate` says the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from goodstanding.partner.crosswalks import Row, tell_crosswalk
from goodstanding.partner.rehearsal import validate
from goodstanding.partner.sending import Sent, hidden, send
from goodstanding.partner.verdicts import Line, Result, Verdict
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.partition import PARTITIONS
from shared.contracts.times import rfc3339
from shared.contracts.topics import NORMALIZED, raw_topic, rejected_topic
from shared.kafka import between as reading
from shared.kafka.topic_admin import administrator
from shared.settings import ROOT
from tests.integration.tiny import until
from tests.support.ingest.bad_input import BAD_INPUT
from tests.support.transactions import STANDSTILL_S, left_open

PATIENCE_S = 60.0
NOW = datetime.now(UTC).replace(microsecond=0)

Platform = tuple[Deployment, list[ServiceProcess]]


NUMBERED = """\
format = "json"
envelope = "none"
id = "id"
time = "at"
subject = { path = "customer", type = "number" }
crosswalk = true
kind = { fixed = "trip" }
[[events]]
kinds = { trip = "ride.trip" }
days_late = { fixed = 0 }
"""


LISTED = NUMBERED.replace(
    'subject = { path = "customer", type = "number" }\ncrosswalk = true', 'list = "."\nsubject = "who"'
)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The shipped policies and partners, one whose people are named by numbers, and one that sends lists, on servers of
    their own and the system's clock."""
    here = tmp_path_factory.mktemp("partners")
    shutil.copytree(ROOT / "partners", here, dirs_exist_ok=True)
    (here / "numbered.toml").write_text(NUMBERED)
    (here / "listed.toml").write_text(LISTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOODSTANDING_PARTNERS", str(here))
        with passing(lambda _: None, None, FixedSettings.new()) as running:
            yield running


@pytest.fixture
def deployment(platform: Platform) -> Deployment:
    return platform[0]


def lines(*events: dict[str, Any] | bytes) -> list[Line]:
    written = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    return [Line(number, value, None) for number, value in enumerate(written, 1)]


def event(person: int, id: str, type: str, data: dict[str, Any], time: datetime = NOW) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": id, "source": "https://city.example", "type": type}
    return {**head, "time": rfc3339(time), "subject": sample_account(person), "data": data}


def ride(person: int, id: str, *, amount: int = 200, ago: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    data = {"kind": "transit.fare", "amount": amount, "days_late": 0}
    return event(person, id, TYPES[BehaviorEvent], data, NOW - ago)


def no_show(person: int, id: str, report: str, **changes: Any) -> dict[str, Any]:
    began = (NOW - timedelta(days=9)).date().isoformat()
    data = {"kind": "hotel.no_show", "amount": 9_000, "report_id": report, "status": "reported", "began_on": began}
    return event(person, id, TYPES[RecordReport], {**data, **changes}, NOW - timedelta(hours=1))


async def sent(deployment: Deployment, partner: str, given: Sequence[Line], timeout_s: float = PATIENCE_S) -> Sent:
    kafka = deployment.addresses.kafka
    return await send(kafka, partner, given, timeout_s, operator=deployment, now=datetime.now(UTC))


def results(verdicts: Sequence[Verdict]) -> list[str]:
    return [f"{v.result} {v.code} {v.field}".strip() for v in verdicts]


@pytest.mark.parametrize("partner", partners())
async def test_validate_and_send_give_one_verdict_on_bad_input(deployment: Deployment, partner: str) -> None:
    # As lines of a file they have no headers of their own, so some are wrong in another way than in the table.
    values = [case.event.value for case in BAD_INPUT if case.event.partner == partner]
    given = lines(*(value for value in values if value and value.strip() and b"\n" not in value))
    assert given
    checked = validate(partner, given, deployment.settings, datetime.now(UTC))
    answered = await sent(deployment, partner, given)
    assert answered.verdicts == checked
    assert Result.REFUSED in {verdict.result for verdict in checked}


async def test_a_message_that_is_refused_as_a_whole_has_one_verdict_before_and_after(deployment: Deployment) -> None:
    """(rules E21)"""
    given = [Line(1, b"[" + b"{}," * 999 + b"{}]", None, tuple(range(1, 1_001)))]
    checked = validate("listed", given, deployment.settings, datetime.now(UTC))
    assert results(checked) == ["refused too-dense id"]
    assert (await sent(deployment, "listed", given)).verdicts == checked


async def test_a_message_that_no_topic_takes_is_refused_and_the_others_are_sent(deployment: Deployment) -> None:
    """(rules E1)"""
    large = {**ride(32, "large-2"), "padding": "x" * 2 * 1024 * 1024}
    given = lines(ride(31, "large-1"), large, ride(33, "large-3"))
    checked = validate("city", given, deployment.settings, datetime.now(UTC))
    assert results(checked) == ["accepted", "refused too-large", "accepted"]
    assert (await sent(deployment, "city", given)).verdicts == checked


async def test_what_became_of_each_is_told_in_the_order_of_the_file(deployment: Deployment) -> None:
    """A line that is no table goes in a message of its own, behind the others."""
    given = [Line(1, b"[{},{}]", None, (1, 3)), Line(2, b"[{}]", None, (2,))]
    assert [verdict.line for verdict in (await sent(deployment, "listed", given)).verdicts] == [1, 2, 3]


async def test_a_settlement_of_what_nobody_has_reported_is_told_as_that(deployment: Deployment) -> None:
    ended = {"status": "settled", "ended_on": (NOW - timedelta(days=9)).date().isoformat()}
    given = lines(no_show(61, "w1", "W-1", **ended), no_show(61, "w2", "W-2"), no_show(61, "w3", "W-2", **ended))
    told = await sent(deployment, "city", given)
    assert (results(told.verdicts), told.waiting) == (["accepted"] * 3, (1,))


async def test_who_is_named_by_a_number_is_known_again(deployment: Deployment) -> None:
    """Both numbers are one person's, so that one id names one event."""
    pairs = [Row(line, (number, sample_account(40))) for line, number in enumerate(("4711", "4712"), 1)]
    await tell_crosswalk(deployment, "numbered", iter(pairs), lambda _: None)
    at = rfc3339(NOW - timedelta(hours=1))
    trips = lines(*({"id": "t-1", "at": at, "customer": number} for number in (4711, 4712)))
    assert results((await sent(deployment, "numbered", trips)).verdicts) == ["accepted", "repeated"]
    assert results((await sent(deployment, "numbered", trips)).verdicts) == ["repeated", "repeated"]


def behind_ingest() -> list[Line]:
    """What only the scorer and retention refuse, beside what they take and what they know."""
    long_ago = timedelta(days=200)
    return lines(
        ride(1, "r-1"),
        ride(1, "r-1"),
        ride(1, "r-1", amount=300),
        ride(1, "r-2", ago=long_ago),
        no_show(2, "n-1", "case-1"),
        no_show(2, "n-2", "case-1"),
        no_show(2, "n-3", "case-1", amount=1),
        no_show(2, "n-4", "case-2", began_on="2019-03-01"),
        # A settlement waits for its report, and is refused when that comes: the answer is about the earlier line.
        no_show(3, "n-5", "case-3", status="settled", began_on="2026-01-02", ended_on="2026-01-03"),
        no_show(3, "n-6", "case-3", began_on="2026-01-01"),
        b"{}",
    )


BEHIND_INGEST = [
    "accepted",
    "repeated",
    "refused conflict",
    "refused too-late",
    "accepted",
    "repeated",
    "refused conflict",
    "refused lapsed",
    "refused conflict",
    "accepted",
    "refused envelope-data",
]


async def test_six_runs_of_one_file_give_the_same_answers_and_repetitions_are_told(deployment: Deployment) -> None:
    given = behind_ingest()
    checked = validate("city", given, deployment.settings, datetime.now(UTC))
    assert [line.rpartition(" ")[0] if line.count(" ") > 1 else line for line in results(checked)] == BEHIND_INGEST
    first = await sent(deployment, "city", given)
    assert first == Sent(checked)
    again = ["repeated" if said == "accepted" else said for said in results(checked)]
    for _ in range(5):
        assert results((await sent(deployment, "city", given)).verdicts) == again


async def test_a_service_that_stands_still_is_said_not_to_have_been_waited_for(platform: Platform) -> None:
    deployment, processes = platform
    scorer = next(each for each in processes if each.service == "scorer")
    given = lines(ride(4, "s-1"), no_show(4, "s-2", "case-4"), b"{}")
    scorer.pause()
    try:
        answered = await sent(deployment, "city", given, timeout_s=3.0)
    finally:
        scorer.resume()
    assert [verdict.result for verdict in answered.verdicts] == ["taken by ingest", "accepted", "refused"]
    assert "scorer has not come to them in time" in answered.not_waited_for


async def listed(admin: AIOKafkaAdminClient, topic: str, *, there: bool) -> bool:
    return (topic in await admin.list_topics()) == there


@pytest.mark.parametrize("partitions", [1, 9])
async def test_a_topic_that_was_made_with_another_number_of_partitions_takes_events(
    deployment: Deployment, partitions: int
) -> None:
    topic = raw_topic("city")
    async with administrator(deployment.addresses.kafka) as admin:
        await admin.delete_topics([topic])
        await until(lambda: listed(admin, topic, there=False), "the topic is gone")
        settings = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
        await until(lambda: listed(admin, topic, there=True), "the topic is there")
    rides = [ride(person, f"made-{partitions}-{person}") for person in range(12)]
    assert set(results((await sent(deployment, "city", lines(*rides))).verdicts)) == {"accepted"}


async def test_who_is_not_the_operator_hears_of_ingest_only(deployment: Deployment) -> None:
    given = lines(ride(5, "p-1"), b"{}")
    answered = await send(deployment.addresses.kafka, "city", given, PATIENCE_S, operator=None, now=NOW)
    assert [verdict.result for verdict in answered.verdicts] == ["taken by ingest", "refused"]
    assert "only the operator can see" in answered.not_waited_for


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STANDSTILL_S", STANDSTILL_S)


@pytest.mark.usefixtures("without_patience")
async def test_send_tells_what_it_could_read_of_the_answers(deployment: Deployment) -> None:
    """The stranger hides what is refused: of what ingest forwarded nobody can say that it counts, and of what it did
    not nothing can be said."""
    kafka, place = deployment.addresses.kafka, TopicPartition(rejected_topic("city"), 0)
    async with left_open(kafka, place):
        sent = await send(kafka, "city", lines(ride(6, "h-1"), b"{}"), 60, operator=deployment, now=datetime.now(UTC))
    assert [(each.line, each.result) for each in sent.verdicts] == [(1, "taken by ingest")]
    assert sent.standstill is not None
    sentence, advice = hidden("city", sent.standstill)
    assert "left open hides what stands in behavior.rejected.city/0 from offset" in sentence
    assert "--topic behavior.rejected.city --partition 0 --start-offset" in advice
    again = await send(kafka, "city", lines(ride(6, "h-1"), b"{}"), 60, operator=deployment, now=datetime.now(UTC))
    assert (again.standstill, [each.result for each in again.verdicts]) == (None, ["repeated", "refused"])


@pytest.mark.usefixtures("without_patience")
async def test_send_tells_refusals_while_it_cannot_read_what_ingest_forwards(deployment: Deployment) -> None:
    kafka = deployment.addresses.kafka
    async with left_open(kafka, *(TopicPartition(NORMALIZED, partition) for partition in range(PARTITIONS))):
        sent = await send(kafka, "city", lines(ride(7, "h-2"), b"{}"), 60, operator=deployment, now=datetime.now(UTC))
    assert [each.result for each in sent.verdicts] == ["taken by ingest", "refused"]
    assert sent.standstill is not None
    assert "behavior.normalized/" in sent.standstill.sentence
