"""What the real service makes of random lives, killed and restarted on the way, is what the rules make of each alone.

The rules themselves are held to a plain model of one record in `tests/property/test_dispute_laws.py`; this holds the
service to the rules: topics, batches, transactions, timers and what is read back after a kill.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.retention.core.decide import Person, Policy, decide
from services.retention.core.fingerprint import dispute_id, record_id
from services.retention.core.messages import DisputeRequest, Due, Message, Report, StatementRequest
from services.retention.core.record import Open, Settled
from services.retention.core.timers import due_at
from services.retention.storage import store
from shared.contracts.messages import RecordReport
from shared.contracts.partition import partition_of
from shared.contracts.retention_profile import Profile
from shared.contracts.subject import SubjectRequest
from shared.contracts.topics import raw_topic
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.retention_process import FINGERPRINT_KEY, PARTNER, Retention, deployed, stranger

START = datetime(2026, 1, 15, 4, tzinfo=UTC)
PEOPLE, WAVES = 60, 10
KINDS = ("card.overdue", "ride.unpaid", "hotel.no_show", "court.listing")
REASONS = ("paid", "fraud", "wrong-day")
POLICY = Policy(profile=load_policy(ROOT / "policies/retention/cn.toml", Profile), fingerprint_key=FINGERPRINT_KEY)


@pytest.fixture
async def retention(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Retention]:
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START, with_notice=True) as retention:
        yield retention


class Somebody:
    """One person with one record, told to the service and to the rules in the same order."""

    def __init__(self, number: int, seed: int) -> None:
        self.draw = random.Random(f"{seed}/{number}")
        self.user_id, self.kind, self.person = stranger(), self.draw.choice(KINDS), Person()
        self.record_id = record_id(FINGERPRINT_KEY, self.user_id, PARTNER, "r-1")
        self.asked = 0

    def rules(self, message: Message, now: datetime) -> None:
        self.person = decide(self.person, [message], now, POLICY).person

    def clock(self, now: datetime) -> None:
        while due := [at for record in self.person.records.values() if (at := due_at(record)) and at <= now]:
            self.rules(Due(self.user_id, min(due)), now)

    async def acts(self, retention: Retention, now: datetime) -> None:
        """A few reports, or a few requests: what lies on two topics may be read in either order."""
        step = self._asks if self.draw.random() < 0.4 else self._is_reported
        for _ in range(self.draw.randint(1, 3)):
            await step(retention, now)

    async def _is_reported(self, retention: Retention, now: datetime) -> None:
        body = RecordReport(kind=self.kind, report_id="r-1", **self._said())
        await retention.tell(self.user_id, body, time=now)
        number = retention.sent
        self.rules(Report(self.user_id, PARTNER, f"event-{number}", f"{raw_topic(PARTNER)}/0/{number}", body, now), now)

    def _said(self) -> dict[str, Any]:
        day = date(2025, 6, 1) + timedelta(self.draw.randrange(200))
        what = self.draw.choice(
            ["reported", "reported", "settled", "corrected", "deleted", "confirmed", "unverifiable"]
        )
        match what:
            case "reported":
                amount = self.draw.choice([None, 100, 200])
                return {"status": what, "began_on": date(2025, 3, 1), "amount": amount}
            case "settled":
                return {"status": what, "ended_on": day}
            case "corrected":
                return {"status": "resolved", "outcome": what, "ended_on": day}
            case "deleted":
                return {"status": "resolved", "outcome": what}
            case outcome:
                return {"status": "resolved", "outcome": outcome, "dispute": self._number()}

    def _number(self) -> str:
        return dispute_id(FINGERPRINT_KEY, self.record_id, f"q-{self.user_id[:8]}-{self.draw.randint(1, 2)}")

    async def _asks(self, retention: Retention, now: datetime) -> None:
        self.asked += 1
        id, record = f"q-{self.user_id[:8]}-{self.asked}", self.record_id
        if self.draw.random() < 0.7:
            reason: Any = self.draw.choice(REASONS)
            asked = SubjectRequest(request="dispute", record_id=record, reason=reason)
            message: Message = DisputeRequest(self.user_id, id, record, reason, None, now)
        else:
            asked = SubjectRequest(request="statement", record_id=record, text=f"Words {self.asked}.")
            message = StatementRequest(self.user_id, id, record, f"Words {self.asked}.", now)
        await retention.ask(self.user_id, asked, id, time=now)
        self.rules(message, now)


@pytest.mark.campaign
@pytest.mark.timeout(600)
async def test_the_service_comes_to_what_the_rules_come_to(retention: Retention, seed: int) -> None:
    draw, now = random.Random(seed), START
    people = [Somebody(number, seed) for number in range(PEOPLE)]
    await retention.start("retention")
    for _ in range(WAVES):
        for each in people:
            await each.acts(retention, now)
            # The service lets fire at once what a report has made due.
            each.clock(now)
        if draw.random() < 0.5:
            await retention.kill("retention")
            await retention.start("retention")
        await retention.until_drained(now)
        await _compare(retention, people, now)
        now += timedelta(days=draw.choice([0, 3, 15, 25, 400, 900]), minutes=1)
        await retention.set_clock(now)
        for each in people:
            each.clock(now)
        await retention.until_drained(now)
        await _compare(retention, people, now)
    kinds = {type(record) for each in people for record in each.person.records.values()}
    assert kinds & {Open, Settled}, "something is held"
    assert any(each.person.gone for each in people), "and something is gone"


async def _compare(retention: Retention, people: list[Somebody], now: datetime) -> None:
    async with retention.database() as db:
        for each in people:
            shard = partition_of(each.user_id)
            found = await store.load(db, shard, [each.user_id], fingerprint_key=FINGERPRINT_KEY)
            held = found.get(each.user_id, Person())
            assert held.records == each.person.records
            assert _known(held, now) == _known(each.person, now)


def _known(person: Person, now: datetime) -> dict[bytes, datetime]:
    """What is over may be in the table for a moment, and in memory for longer."""
    return {name: until for name, until in person.gone.items() if until > now}
