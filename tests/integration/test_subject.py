"""What people ask, on real servers: every request, taken and refused, twice, out of order, and killed in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from jsonschema import Draft202012Validator

from goodstanding.errors import UserError
from goodstanding.partner.crosswalks import Row, holding, tell_crosswalk
from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import Line
from goodstanding.person import current
from goodstanding.person.asking import Told, asking_for
from goodstanding.person.erasing import look, rewrite
from goodstanding.person.export import export
from goodstanding.person.receipts import Verified, verify
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from goodstanding.reading.topic import tail
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.subject import Ask, ErasureReceipt, SubjectAnswer, SubjectRequest
from shared.contracts.times import rfc3339
from shared.contracts.topics import SCORES_CHANGED, SUBJECT_ANSWERS, TIERS_CHANGED, crosswalk_topic
from shared.settings import ROOT

PATIENCE_S = 60.0
NOW = datetime.now(UTC).replace(microsecond=0)

Platform = tuple[Deployment, list[ServiceProcess]]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """The shipped policies and partners, on servers of its own and the system's clock. By the profile `us` a record
    counts, and is published, as soon as it is reported."""
    with passing(lambda _: None, None, FixedSettings.new(retention_profile="us")) as running:
        yield running


@pytest.fixture
def deployment(platform: Platform) -> Deployment:
    return platform[0]


class Person:
    """Somebody whom the native partner reports on, and who asks."""

    def __init__(self, deployment: Deployment, number: int) -> None:
        self._deployment, self.account = deployment, sample_account(number)
        self.user_id = user_id_of(self.account, deployment.settings)

    async def reported(self, *events: Mapping[str, Any]) -> list[str]:
        """The verdict on each event about the person."""
        lines = [Line(n, json.dumps({**each, "subject": self.account}).encode(), None) for n, each in enumerate(events)]
        kafka = self._deployment.addresses.kafka
        sent = await send(kafka, PARTNER, lines, PATIENCE_S, operator=self._deployment, now=datetime.now(UTC))
        return [f"{verdict.result} {verdict.code}".strip() for verdict in sent.verdicts]

    async def asks(self, request: Ask, request_id: str | None = None, **fields: Any) -> list[Told]:
        """What is answered, up to the answer that ends it."""
        body = SubjectRequest(request=request, **fields)
        found: list[Told] = []
        async with asking_for(self._deployment.addresses.kafka, self.user_id) as asking:
            asked = await asking.ask(body, NOW, request_id)
            async for told in asking.answers(asked, PATIENCE_S):
                found.append(told)
                if not isinstance(told, SubjectAnswer) or told.status != "begun" or request != "erase":
                    break
        return found


PARTNER = "city"


def figure(id: str, consent: str, amount: int = 900_000) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": id, "source": "https://city.example", "type": TYPES[BehaviorEvent]}
    given = {"id": consent, "purpose": "scoring", "given_at": rfc3339(NOW - timedelta(days=30))}
    data = {"kind": "real_estate.reported", "amount": amount, "consent": given}
    return {**head, "time": rfc3339(NOW - timedelta(hours=1)), "data": data}


async def test_a_score_cannot_be_asked_for_and_a_repeated_request_is_answered_with_the_same_bytes(
    deployment: Deployment,
) -> None:
    person = Person(deployment, 1)
    for _ in range(2):
        [answer] = await person.asks("re-evaluate", "again")
        assert isinstance(answer, SubjectAnswer)
        assert (answer.status, answer.code) == ("refused", "monthly-cadence")
        assert answer.day is not None
        assert answer.day > NOW.date()
    told = [
        (record.value, record.headers)
        async for record in tail(deployment.addresses.kafka, [SUBJECT_ANSWERS], 100, follow=False)
        if record.key == person.user_id.encode()
    ]
    assert len(told) == 2
    assert told[0] == told[1]
    # Of somebody who only asks, nothing is kept.
    assert not await current.consents(deployment, person.user_id)


async def test_a_consent_is_withdrawn_and_what_comes_under_it_is_refused(deployment: Deployment) -> None:
    one, other = Person(deployment, 2), Person(deployment, 3)
    assert await one.reported(figure("f1", "c1"), figure("f2", "c2")) == ["accepted"] * 2
    assert await other.reported(figure("f1", "c1")) == ["accepted"]
    for _ in range(2):
        [answer] = await one.asks("withdraw-consent", partner=PARTNER, consent_id="c1")
        assert isinstance(answer, SubjectAnswer)
        assert (answer.status, answer.code) == ("done", "consent-withdrawn")
    ledger = {each["consent_id"]: each for each in await current.consents(deployment, one.user_id)}
    assert (ledger["c1"]["withdrawn_at"], ledger["c2"]["withdrawn_at"]) == (NOW, None)
    assert ledger["c1"]["purpose"] == "scoring"
    assert await one.reported(figure("f3", "c1"), figure("f4", "c2")) == ["refused consent-withdrawn", "accepted"]
    assert await other.reported(figure("f3", "c1")) == ["accepted"], "the same id of another person's consent"


async def test_a_consent_can_be_withdrawn_before_anything_came_under_it(deployment: Deployment) -> None:
    person = Person(deployment, 4)
    await person.asks("withdraw-consent", partner=PARTNER, consent_id="early")
    [row] = await current.consents(deployment, person.user_id)
    assert (row["purpose"], row["given_at"], row["withdrawn_at"]) == (None, None, NOW)
    # What is refused tells all the same for what the consent was given, and when (rules I10).
    assert await person.reported(figure("f1", "early")) == ["refused consent-withdrawn"]
    [row] = await current.consents(deployment, person.user_id)
    assert (row["purpose"], row["given_at"], row["withdrawn_at"]) == ("scoring", NOW - timedelta(days=30), NOW)


async def test_a_request_that_the_contract_does_not_take_is_not_written(deployment: Deployment) -> None:
    with pytest.raises(UserError, match="needs `partner`"):
        await Person(deployment, 5).asks("withdraw-consent", consent_id="c1")


async def test_a_request_waits_for_a_scorer_that_was_killed(platform: Platform) -> None:
    deployment, processes = platform
    person = Person(deployment, 6)
    scorer = next(each for each in processes if each.service == "scorer")
    assert await person.reported(figure("f1", "c1")) == ["accepted"]
    scorer.kill()
    asked = asyncio.create_task(person.asks("withdraw-consent", partner=PARTNER, consent_id="c1"))
    await asyncio.sleep(0)  # a turn, in which the request is sent
    await asyncio.to_thread(scorer.start)
    [answer] = await asked
    assert isinstance(answer, SubjectAnswer)
    assert answer.code == "consent-withdrawn"


# -- erasure -----------------------------------------------------------------------------------------------------------


def no_show(id: str, report: str) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": id, "source": "https://city.example", "type": TYPES[RecordReport]}
    began = (NOW - timedelta(days=9)).date().isoformat()
    data = {"kind": "hotel.no_show", "amount": 9_000, "report_id": report, "status": "reported", "began_on": began}
    return {**head, "time": rfc3339(NOW - timedelta(hours=1)), "data": data}


def settlement(id: str, report: str) -> dict[str, Any]:
    data = {"kind": "ride.unpaid", "report_id": report, "status": "settled", "ended_on": NOW.date().isoformat()}
    return {**no_show(id, report), "data": data}


def contact(id: str, other: str) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": id, "source": "https://city.example", "type": TYPES[BehaviorEvent]}
    data = {"kind": "contact.standing", "contact": other, "value": "present"}
    return {**head, "time": rfc3339(NOW - timedelta(hours=1)), "data": data}


async def rows_about(deployment: Deployment, user_id: str) -> dict[str, int]:
    """How many rows name the person, in every table with a column of user_ids; those without any are left out."""
    found: dict[str, int] = {}
    admin = await asyncpg.connect(deployment.addresses.postgres)
    try:
        columns = await admin.fetch(
            "select table_schema, table_name, column_name from information_schema.columns join"
            " information_schema.tables using (table_schema, table_name) where table_type = 'BASE TABLE'"
            " and column_name in ('user_id', 'contact') and data_type = 'bytea'"
        )
        assert len(columns) >= 7
        for schema, table, column in columns:
            query = f"select count(*) from {schema}.{table} where {column} = $1"
            if count := await admin.fetchval(query, bytes.fromhex(user_id)):
                found[f"{schema}.{table}.{column}"] = count
    finally:
        await admin.close()
    return found


async def dump_about(deployment: Deployment, user_id: str) -> list[Any]:
    """Everything that is held of a person, to the byte, but for when rows were written."""
    found: list[Any] = []
    admin = await asyncpg.connect(deployment.addresses.postgres)
    try:
        for table in ("scorer.person", "scorer.score", "scorer.consent", "retention.record", "benefits.person"):
            rows = await admin.fetch(f"select * from {table} where user_id = $1", bytes.fromhex(user_id))
            found.append(sorted(map(repr, rows)))
    finally:
        await admin.close()
    return found


async def last_messages(deployment: Deployment, user_id: str) -> dict[str, bytes | None]:
    """The value of the last message about the person on each compacted topic."""
    topics = [SCORES_CHANGED, TIERS_CHANGED]
    return {
        record.topic: record.value
        async for record in tail(deployment.addresses.kafka, topics, 10_000, follow=False)
        if record.key == user_id.encode()
    }


async def until_published(deployment: Deployment, person: Person) -> bytes:
    """The person's last score, once there is one, and benefits has read it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            score = (await last_messages(deployment, person.user_id)).get(SCORES_CHANGED)
            if score and "benefits.person.user_id" in await rows_about(deployment, person.user_id):
                return score


async def test_a_person_is_erased_everywhere_and_nobody_else_is(deployment: Deployment) -> None:
    one, other = Person(deployment, 10), Person(deployment, 11)
    for person, friend in ((one, other), (other, one)):
        told = [figure("f1", "c1"), no_show("n1", "r1"), contact("k1", friend.account)]
        assert await person.reported(*told) == ["accepted"] * 3
    # The customers of two partners, one of whom does not name people by numbers any more, and whose are nobody else's.
    for partner, whose in (("bank", [one]), ("hotel", [one, other])):
        rows = [Row(line, (f"C-{line}", person.account)) for line, person in enumerate(whose, 1)]
        await tell_crosswalk(deployment, partner, iter(rows), lambda _: None)
    assert await holding(deployment, one.user_id) == [crosswalk_topic("bank"), crosswalk_topic("hotel")]
    # A record is published at once, so both have a score.
    for person in (one, other):
        await until_published(deployment, person)
    before = await dump_about(deployment, other.user_id)
    assert set(await rows_about(deployment, one.user_id)) >= {
        "scorer.person.user_id",
        "scorer.score.user_id",
        "scorer.contact.user_id",
        "scorer.contact.contact",
        "scorer.consent.user_id",
        "retention.record.user_id",
        "benefits.person.user_id",
    }

    begun, receipt = await one.asks("erase", "erase-10")
    assert isinstance(begun, SubjectAnswer)
    assert (begun.status, begun.code) == ("begun", "erasing")
    assert isinstance(receipt, ErasureReceipt)
    assert (receipt.what, receipt.request_id) == ("person", "erase-10")
    assert "crosswalks" in receipt.stores
    assert await verify(deployment, one.user_id, receipt) == Verified(True, ())
    assert await holding(deployment, other.user_id) == [crosswalk_topic("hotel")]
    assert await rows_about(deployment, one.user_id) == {}
    assert await last_messages(deployment, one.user_id) == {SCORES_CHANGED: None, TIERS_CHANGED: None}
    assert await dump_about(deployment, other.user_id) == before
    assert (await last_messages(deployment, other.user_id))[SCORES_CHANGED]


async def test_who_was_erased_and_comes_back_starts_from_nothing(deployment: Deployment) -> None:
    person = Person(deployment, 12)
    assert await person.reported(figure("f1", "c1"), no_show("n1", "r1")) == ["accepted"] * 2
    await person.asks("erase")
    assert await rows_about(deployment, person.user_id) == {}
    # The very same events, reported again, are a newcomer's.
    assert await person.reported(figure("f1", "c1"), no_show("n1", "r1")) == ["accepted"] * 2
    assert json.loads(await until_published(deployment, person))["version"] == 1
    [record] = await current.records(deployment, person.user_id)
    assert record["report_id"] == "r1"


async def test_an_erasure_that_is_asked_for_twice_has_one_receipt(deployment: Deployment) -> None:
    person = Person(deployment, 13)
    await person.reported(figure("f1", "c1"))
    await person.asks("erase", "twice")
    async with asking_for(deployment.addresses.kafka, person.user_id) as asking:
        asked = await asking.ask(SubjectRequest(request="erase"), NOW, "twice")
        again = [told async for told in asking.answers(asked, 3)]
    assert [type(told) for told in again] == [SubjectAnswer]


async def test_somebody_of_whom_nothing_is_held_is_erased_all_the_same(deployment: Deployment) -> None:
    person = Person(deployment, 14)
    _, receipt = await person.asks("erase")
    assert isinstance(receipt, ErasureReceipt)
    assert await rows_about(deployment, person.user_id) == {}


@pytest.mark.parametrize("service", ["retention", "scorer", "benefits", "ingest"])
async def test_an_erasure_waits_for_a_service_that_was_killed(platform: Platform, service: str) -> None:
    deployment, processes = platform
    person = Person(deployment, {"retention": 15, "scorer": 16, "benefits": 17, "ingest": 18}[service])
    assert await person.reported(figure("f1", "c1"), no_show("n1", "r1")) == ["accepted"] * 2
    process = next(each for each in processes if each.service == service)
    process.kill()
    asked = asyncio.create_task(person.asks("erase"))
    await asyncio.sleep(0)  # a turn, in which the request is sent
    await asyncio.to_thread(process.start)
    *_, receipt = await asked
    assert isinstance(receipt, ErasureReceipt)
    assert await rows_about(deployment, person.user_id) == {}


# -- export ------------------------------------------------------------------------------------------------------------


async def test_an_export_has_all_that_is_held_and_nothing_of_anybody_else(deployment: Deployment) -> None:
    one, other = Person(deployment, 20), Person(deployment, 21)
    assert await one.reported(figure("f1", "c1"), no_show("n1", "r1"), contact("k1", other.account)) == ["accepted"] * 3
    assert await other.reported(no_show("n1", "secret-of-another")) == ["accepted"]
    await until_published(deployment, one)
    [answer] = await one.asks("export")
    assert isinstance(answer, SubjectAnswer)
    assert (answer.status, answer.code) == ("done", "may-be-read")
    document = json.loads(msgspec.json.encode(await export(deployment, one.user_id, NOW)))
    schema = json.loads((ROOT / "docs" / "schemas" / "export.json").read_text())
    Draft202012Validator(schema).validate(document)
    assert [each["report_id"] for each in document["records"]] == ["r1"]
    assert [each["amount"] for each in document["figures"]] == [900_000]
    assert [each["consent_id"] for each in document["consents"]] == ["c1"]
    assert document["contacts"] == {"present": 1, "no_longer": 0}
    assert sum(line["points"] for line in document["scores"][-1]["lines"]) == document["scores"][-1]["score"]
    assert document["records"][0]["disputes"] == []
    assert document["free_reports"] == [], "the profile counts none"
    text = json.dumps(document)
    assert other.user_id not in text
    assert "secret-of-another" not in text


async def test_an_export_has_what_was_disputed_and_what_waits_for_a_report(deployment: Deployment) -> None:
    """All that retention keeps beside its records, and a receipt names it if it is left."""
    person = Person(deployment, 24)
    assert await person.reported(no_show("n1", "r1"), settlement("n2", "r2")) == ["accepted"] * 2
    [held] = await current.records(deployment, person.user_id)
    await person.asks("dispute", record_id=held["record_id"], reason="other", text="I was there.")
    found = await export(deployment, person.user_id, NOW)
    [record], [waiting] = found.records, found.waiting
    assert record.counts is False
    assert [(each.reason, each.text) for dispute in record.disputes for each in dispute.questions] == [
        ("other", "I was there.")
    ]
    assert [(each.outcome, each.answer_by) for each in record.disputes] == [(None, record.answer_by)]
    assert (waiting.partner, waiting.report_id, waiting.outcome) == (held["partner"], "r2", None)
    assert record.reported_on is not None
    assert (record.other_beginnings, record.other_ends, found.asked, found.told) == ((), (), (), ())
    earlier = record.began_on - timedelta(days=9)
    data = {**no_show("n4", "r1")["data"], "status": "resolved", "outcome": "corrected", "began_on": str(earlier)}
    assert await person.reported({**no_show("n4", "r1"), "data": data}) == ["accepted"]
    [corrected] = (await export(deployment, person.user_id, NOW)).records
    assert (corrected.began_on, corrected.other_beginnings) == (earlier, (record.began_on,))
    _, said = await person.asks("erase")
    assert isinstance(said, ErasureReceipt)
    assert await verify(deployment, person.user_id, said) == Verified(True, ())
    assert await person.reported(settlement("n3", "r3")) == ["accepted"]
    assert (await verify(deployment, person.user_id, said)).left == ("retention.waiting",)


async def test_an_export_of_who_was_erased_has_nothing(deployment: Deployment) -> None:
    person = Person(deployment, 22)
    assert await person.reported(figure("f1", "c1"), no_show("n1", "r1")) == ["accepted"] * 2
    await person.asks("erase")
    found = await export(deployment, person.user_id, NOW)
    assert not any(
        (found.records, found.figures, found.consents, found.scores, found.facts, found.behavior, found.tier)
    )


async def test_a_receipt_is_true_and_one_that_was_changed_is_not(deployment: Deployment) -> None:
    person = Person(deployment, 23)
    assert await person.reported(no_show("n1", "r1")) == ["accepted"]
    _, said = await person.asks("erase")
    assert isinstance(said, ErasureReceipt)
    assert await verify(deployment, person.user_id, said) == Verified(True, ())
    assert not (await verify(deployment, person.user_id, replace(said, stores=("nowhere",)))).is_ours
    assert await person.reported(no_show("n1", "r1")) == ["accepted"]
    await until_published(deployment, person)
    again = await verify(deployment, person.user_id, said)
    assert again.is_ours
    assert {"retention.current", "scorer.explain", "benefits.current", SCORES_CHANGED} <= set(again.left)


async def test_what_is_under_way_and_how_long_it_takes_at_most_is_shown(deployment: Deployment) -> None:
    under_way, bounds = await look(deployment)
    assert "erase-10" in {each.request_id for each in under_way}
    assert {each.state.partition(";")[0] for each in under_way} == {"erased everywhere"}
    assert all(bound.at_most > timedelta(0) for bound in bounds)
    await rewrite(deployment)
