"""Disputes on real Kafka and Postgres: from the person's request over the provider's question and answer to the person,
with a process that is killed after every step (rules R17 to R24, D10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.retention.core.fingerprint import dispute_id, record_id
from shared.contracts.messages import RecordReport
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectNotice, SubjectRequest
from tests.support.pages import metrics_of
from tests.support.retention_process import FINGERPRINT_KEY, PARTNER, Ear, Heard, Retention, deployed, stranger

START = datetime(2026, 1, 15, 4, tzinfo=UTC)
DUE = datetime(2026, 2, 4, 16, tzinfo=UTC)
BEGAN, ENDED = date(2025, 3, 1), date(2025, 9, 15)


@pytest.fixture
async def retention(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Retention]:
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        yield retention


def report(status: str, **fields: Any) -> RecordReport:
    return RecordReport(kind="card.overdue", report_id="secret-77", status=status, **fields)  # type: ignore[arg-type]  # fields as a case names them


REPORTED, SETTLED = report("reported", began_on=BEGAN), report("settled", ended_on=ENDED)


def resolved(outcome: str, **fields: Any) -> RecordReport:
    return report("resolved", outcome=outcome, **fields)


def id_of(person: str) -> str:
    return record_id(FINGERPRINT_KEY, person, PARTNER, "secret-77")


def dispute(person: str, reason: Any = "paid", text: str | None = None) -> SubjectRequest:
    return SubjectRequest(request="dispute", record_id=id_of(person), reason=reason, text=text)


def once(heard: Sequence[Heard]) -> list[Heard]:
    """Each message once: one that was sent again after a kill is equal to the byte."""
    return list({each.content: each for each in heard}.values())


def story(heard: Sequence[Heard], person: str) -> list[tuple[int, str, bool]]:
    mine = [each.change for each in once(heard) if each.person == person]
    return [(change.version, change.status, change.counts) for change in mine]


class Told:
    """What happens, each piece of it followed by a kill before anybody can know how far it got."""

    def __init__(self, retention: Retention, ear: Ear) -> None:
        self._retention, self._ear = retention, ear
        self.now = START

    async def report(self, person: str, *bodies: RecordReport) -> None:
        await self._retention.tell(person, *bodies, time=self.now)
        await self._killed()

    async def ask(self, person: str, request: SubjectRequest, id: str) -> None:
        await self._retention.ask(person, request, id, time=self.now)
        await self._killed()

    async def clock(self, now: datetime) -> None:
        self.now = now
        await self._retention.set_clock(now)
        await self._killed()

    async def _killed(self) -> None:
        await self._retention.kill("retention")
        await self._retention.start("retention")
        await self._retention.until_drained(self.now)
        await self._ear.listen()


@pytest.mark.timeout(300)
async def test_a_dispute_from_the_request_to_each_of_its_ends(retention: Retention) -> None:
    """One is confirmed and carries a statement, one corrected, one taken back, and one has no answer in time."""
    confirmed, corrected, deleted, silent = people = [stranger() for _ in range(4)]
    await retention.start("retention")
    async with retention.ear(people) as ear:
        told = Told(retention, ear)
        for person in people:
            await retention.tell(person, REPORTED, time=START)
        await told.report(corrected, SETTLED)
        for number, person in enumerate(people):
            await retention.ask(person, dispute(person), f"ask-{number}", time=START)
        await told.ask(confirmed, SubjectRequest(request="statement", record_id=id_of(confirmed), text="Mine."), "say")
        numbers = await _the_provider_is_asked_and_learns_no_person(retention, people)
        await told.report(confirmed, resolved("confirmed", dispute=numbers[confirmed]))
        await told.report(corrected, resolved("corrected", dispute=numbers[corrected], ended_on=date(2026, 1, 10)))
        await told.report(deleted, resolved("deleted", dispute=numbers[deleted]))
        await told.clock(DUE - timedelta(seconds=1))
        assert story(ear.heard, silent) == [(1, "open", True), (2, "disputed", False)]
        await told.clock(DUE)
        # Each once more, as a killed ingest forwards it: nothing changes.
        await told.report(confirmed, REPORTED, resolved("confirmed", dispute=numbers[confirmed]))
        await told.report(silent, resolved("confirmed", dispute=numbers[silent]))
        await told.ask(confirmed, dispute(confirmed), "ask-again")
    assert story(ear.heard, confirmed) == [(1, "open", True), (2, "disputed", False), (3, "confirmed", True)]
    assert story(ear.heard, corrected)[-2:] == [(3, "disputed", False), (4, "corrected", True)]
    assert story(ear.heard, deleted)[-1:] == [(3, "deleted", False)]
    assert story(ear.heard, silent)[-1:] == [(3, "unverifiable", False)]
    assert len({each.id for each in ear.heard}) == len(once(ear.heard))
    await _each_person_is_told(retention, people)
    assert [refusal["ce_code"] for refusal in await retention.refusals()][-1:] == ["answered"]
    await _what_is_held(retention, confirmed, deleted)


async def _the_provider_is_asked_and_learns_no_person(retention: Retention, people: Sequence[str]) -> dict[str, str]:
    questions = await retention.questions()
    assert [(each.report_id, each.reason, each.answer_by) for each in questions] == [
        ("secret-77", "paid", date(2026, 2, 4))
    ] * len(people)
    assert not [person for person in people if person in str(questions)]
    numbers = {}
    async with retention.database() as db:
        for person in people:
            beside = await db.fetchval("select beside from record where user_id = $1", bytes.fromhex(person))
            (numbers[person],) = [each.dispute for each in questions if each.dispute in beside]
    assert len(set(numbers.values())) == len(people)
    return numbers


async def _each_person_is_told(retention: Retention, people: Sequence[str]) -> None:
    confirmed, corrected, deleted, silent = [await retention.told(person) for person in people]
    assert _said(confirmed) == [
        "record-reported", "record-disputed", "asked", "attached", "record-answered confirmed", "same-facts",
    ]  # fmt: skip
    assert _said(corrected) == [
        "record-reported", "record-changed", "record-disputed", "asked", "record-answered corrected",
    ]  # fmt: skip
    assert _said(deleted) == [
        "record-reported",
        "record-disputed",
        "asked",
        "record-answered deleted",
        "receipt of a record",
    ]
    assert _said(silent)[:3] == ["record-reported", "record-disputed", "asked"]
    assert _said(silent)[-1] == "record-answered unverifiable"
    assert "secret-77" not in str((confirmed, corrected, deleted, silent))


def _said(told: Sequence[SubjectAnswer | SubjectNotice | ErasureReceipt]) -> list[str]:
    """Without the warnings, which depend on the shipped profile."""
    said = []
    for each in told:
        match each:
            case SubjectAnswer(code=code):
                said.append(code)
            case SubjectNotice(notice=notice, outcome=outcome):
                said.append(f"{notice} {outcome or ''}".strip())
            case ErasureReceipt(what=what):
                said.append(f"receipt of a {what}")
    return [each for each in said if not each.endswith("-near")]


async def _what_is_held(retention: Retention, confirmed: str, deleted: str) -> None:
    """The view says it for people and tools; of what was deleted no row is left."""
    async with retention.database() as db:
        row = await db.fetchrow("select * from current where user_id = $1", bytes.fromhex(confirmed))
        assert row is not None
        assert (row["dispute"], row["statement"], row["answer_by"]) == ("Confirmed", "Mine.", None)
        assert not await db.fetchval("select exists (select from record where user_id = $1)", bytes.fromhex(deleted))


async def test_what_was_deleted_comes_back_certified_and_once(retention: Retention) -> None:
    """(rules R20) Under another name, whose versions begin at 1; the restart does not forget it."""
    person = stranger()
    await retention.start("retention")
    async with retention.ear([person]) as ear:
        told = Told(retention, ear)
        await told.report(person, REPORTED, resolved("deleted"))
        await told.report(person, REPORTED)
        await told.report(person, report("reported", began_on=BEGAN, certificate="c-1"))
        again = record_id(FINGERPRINT_KEY, person, PARTNER, "secret-77", 1)
        assert [(each.change.record_id, *story([each], person)[0]) for each in once(ear.heard)] == [
            (id_of(person), 1, "open", True),
            (id_of(person), 2, "deleted", False),
            (again, 1, "open", True),
        ]
        assert [each.notice for each in await retention.told(person) if isinstance(each, SubjectNotice)] == [
            "record-reported",
            "record-answered",
            "record-returned",
        ]
    assert [refusal["ce_code"] for refusal in await retention.refusals()][-1:] == ["deleted"]


async def test_what_lapsed_by_a_slip_is_corrected(retention: Retention) -> None:
    """(rules R21)"""
    person = stranger()
    began, slip, right = date(2019, 1, 2), date(2020, 1, 10), date(2026, 1, 10)
    await retention.start("retention")
    async with retention.ear([person]) as ear:
        told = Told(retention, ear)
        await told.report(person, report("reported", began_on=began), report("settled", ended_on=slip))
        assert story(ear.heard, person)[-1] == (3, "expired", False)
        await told.report(person, report("reported", began_on=began))
        told.now += timedelta(hours=1)
        await retention.set_clock(told.now)
        await told.report(person, resolved("corrected", began_on=began, ended_on=right))
        assert story(ear.heard, person)[-1] == (1, "settled", True)
        assert ear.heard[-1].change.lapses_at == datetime(2031, 1, 10, 16, tzinfo=UTC)
    assert [refusal["ce_code"] for refusal in await retention.refusals()][-1:] == ["lapsed"]


async def test_an_answer_that_lies_there_is_read_before_silence_is_taken_for_one(retention: Retention) -> None:
    """(rules R17) Under `us` the record would be deleted; retention was down while the answer came, and over the last
    day. The same holds for a report that came for what was waiting for it (rules R4)."""
    person, silent, waiting = stranger(), stranger(), stranger()
    await retention.start("retention", GOODSTANDING_RETENTION_PROFILE="us")
    for each in (person, silent):
        await retention.tell(each, REPORTED, time=START)
    await retention.tell(waiting, SETTLED, time=START)
    # Reports and requests lie on two topics, which are read in either order.
    await retention.until_drained(START)
    for each in (person, silent):
        await retention.ask(each, dispute(each), f"d-{each[:8]}", time=START)
    await retention.until_drained(START)
    await retention.kill("retention")
    (number,) = {each.dispute for each in await retention.questions() if each.dispute == _number(person)}
    await retention.tell(person, resolved("confirmed", dispute=number), time=START)
    await retention.tell(waiting, REPORTED, time=START)
    late = datetime(2026, 3, 1, tzinfo=UTC)
    await retention.set_clock(late)
    async with retention.ear([person, silent, waiting]) as ear:
        await retention.start("retention", GOODSTANDING_RETENTION_PROFILE="us")
        await retention.until_drained(late)
        await ear.listen()
    assert story(ear.heard, person) == [(3, "confirmed", True)]
    assert story(ear.heard, silent) == [(3, "deleted", False)]
    assert story(ear.heard, waiting) == [(1, "open", True), (2, "settled", True)]


def _number(person: str) -> str:
    return dispute_id(FINGERPRINT_KEY, id_of(person), f"d-{person[:8]}")


async def test_a_provider_is_asked_on_return_and_that_it_was_late_is_seen(retention: Retention) -> None:
    """(rules D12) Under `us`, by the broker's own clock: a dispute of today is read twelve days on, when no five
    business days are left whatever holidays there are."""
    prompt, late = stranger(), stranger()
    now = datetime.now(UTC).replace(microsecond=0)
    await retention.set_clock(now)
    await retention.start("retention", GOODSTANDING_RETENTION_PROFILE="us")
    for each in (prompt, late):
        await retention.tell(each, REPORTED, time=now)
    await retention.until_drained(now)
    await retention.ask(prompt, dispute(prompt), f"d-{prompt[:8]}", time=now)
    await retention.until_drained(now)
    assert _late(retention) == 0
    await retention.kill("retention")
    await retention.ask(late, dispute(late), f"d-{late[:8]}", time=now)
    back = now + timedelta(days=12)
    await retention.set_clock(back)
    await retention.start("retention", GOODSTANDING_RETENTION_PROFILE="us")
    await retention.until_drained(back)
    assert {_number(prompt), _number(late)} <= {each.dispute for each in await retention.questions()}
    assert _late(retention) == 1


def _late(retention: Retention) -> float:
    name = "goodstanding_outcomes_total"
    series = text_string_to_metric_families(metrics_of(retention.processes["retention"]).decode())
    return sum(
        each.value
        for family in series
        for each in family.samples
        if each.name == name and (each.labels["result"], each.labels["code"]) == ("asked", "late")
    )
