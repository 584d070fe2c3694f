"""People whose every event is known, so that what came of them can be counted to the last one."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from aiokafka.admin import NewTopic

from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import GOOD, Line, Verdict
from goodstanding.person.asking import asking_for, request_of
from goodstanding.person.user_id import user_id_of
from goodstanding.reading.topic import tail
from services.scorer.core.state import decode, vectors
from services.scorer.core.vectors import COUNT
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.partition import PARTITIONS
from shared.contracts.times import rfc3339
from shared.contracts.topics import raw_topic
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator
from tests.deploy.compose import Platform, until
from tests.faults.cluster import APPEND_TIMES

PARTNER = "city"
_ALL_MONTHS = (0, 2**31)
_SEND_TIMEOUT_S = 120


class Person:
    """`city` tells of rides and of one hotel room not used; events differ by their number only."""

    def __init__(self, platform: Platform, number: int) -> None:
        self.platform = platform
        self.account = sample_account(number)
        self.user_id = user_id_of(self.account, platform.deployment.settings)
        self.sent = 0

    def rides(self, count: int) -> list[Verdict]:
        """New ones; ingest has taken them when this returns, or the verdicts say why not."""
        self.sent += count
        return self._send([self._ride(number) for number in range(self.sent - count, self.sent)])

    def rides_again(self) -> list[Verdict]:
        return self._send([self._ride(number) for number in range(self.sent)])

    def wrong(self) -> list[Verdict]:
        """Events that are refused, each quoting the person's identifier where it could leak from."""
        good, account = self._ride(self.sent), self.account
        return self._send(
            [
                {**good, "id": f"{account}-1"},
                {**good, "id": "w2", "time": account},
                {**good, "id": "w3", "data": {**good["data"], "kind": account}},
                {**good, "id": "w4", "data": {**good["data"], account: 1}},
                {**good, "id": "w5", "subject": account[:-1]},
                {**good, "id": "w6", "type": account},
            ]
        )

    def unwanted(self) -> list[Verdict]:
        """A ride of a kind that nobody has agreed to take of this partner; nothing else is wrong with it."""
        ride = self._ride(self.sent)
        return self._send([{**ride, "id": f"{ride['id']}-unwanted", "data": {**ride["data"], "kind": "hotel.stay"}}])

    def stayed_away(self) -> list[Verdict]:
        """A negative record whose clock runs from the day on which it began."""
        return self._reports("record", status="reported", report_id="r-1", began_on=_days_ago(3))

    def settled_what_nobody_reported(self) -> list[Verdict]:
        return self._reports("settlement", status="settled", report_id="r-2", ended_on=_days_ago(2))

    def stayed_after_all(self) -> list[Verdict]:
        """The provider deletes the record, of its own accord."""
        return self._reports("deletion", status="resolved", report_id="r-1", outcome="deleted")

    def _reports(self, name: str, **told: str) -> list[Verdict]:
        data = {"kind": "hotel.no_show", "amount": 20_000, **told}
        return self._send([self._event(name, TYPES[RecordReport], data)])

    def asks_for_all_that_is_held(self) -> None:
        async def ask() -> None:
            async with asking_for(self.platform.deployment.kafka, self.user_id) as asking:
                await asking.ask(request_of(request="export"), datetime.now(UTC))

        asyncio.run(ask())

    def counted(self) -> int:
        """How many rides are in the person's state."""
        row = self.query("select state from scorer.person where user_id = $1")
        if not row:
            return 0
        months = vectors(decode(row[0]["state"]), *_ALL_MONTHS)
        return sum(vector[COUNT] for _, by_kind in months for vector in by_kind.values())

    def until_counted(self) -> float:
        return until(lambda: self.counted() == self.sent, f"{self.sent} rides counted")

    def query(self, sql: str) -> list[Any]:
        return query(self.platform, sql, bytes.fromhex(self.user_id))

    def _ride(self, number: int) -> dict[str, Any]:
        data = {"kind": "transit.fare", "amount": 200, "days_late": 0}
        return self._event(f"ride-{number}", TYPES[BehaviorEvent], data)

    def _event(self, name: str, type: str, data: dict[str, Any]) -> dict[str, Any]:
        head = {"specversion": "1.0", "id": f"{self.user_id[:8]}-{name}", "source": "https://city.example"}
        return {**head, "type": type, "time": rfc3339(_NOW), "subject": self.account, "data": data}

    def _send(self, events: list[dict[str, Any]]) -> list[Verdict]:
        lines = [Line(number, json.dumps(event).encode(), None) for number, event in enumerate(events, 1)]
        kafka = self.platform.deployment.kafka
        # As somebody who is not the operator: the tests stop the services behind ingest, and look into their tables.
        sent = send(kafka, PARTNER, lines, _SEND_TIMEOUT_S, operator=None, now=datetime.now(UTC))
        return asyncio.run(sent).verdicts


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


# One for the run: an event sent again is the same to the byte.
_NOW = datetime.now(UTC) - timedelta(hours=1)


def accepted(verdicts: list[Verdict]) -> bool:
    return all(verdict.result in GOOD for verdict in verdicts)


def query(platform: Platform, sql: str, *arguments: Any) -> list[Any]:
    """As the administrator, in every schema."""

    async def ask() -> list[Any]:
        db = await asyncpg.connect(platform.deployment.addresses.postgres)
        try:
            rows: list[Any] = await db.fetch(sql, *arguments)
            return rows
        finally:
            await db.close()

    return asyncio.run(ask())


def forget_publications(platform: Platform) -> None:
    """As if the scorer, which must be down, had been down for its last three: what its timers had done by then is all
    that tells it of the time."""
    query(platform, "update scorer.shard set cursor = (split_part(cursor, ':', 1)::int - 3) || ':done'")


def send_to_nobody(platform: Platform) -> str:
    """A record on a raw topic that no mapping file is for; its position."""
    kafka, topic = platform.deployment.kafka, raw_topic(f"stranger-{uuid.uuid4().hex[:8]}")

    async def send_one() -> str:
        async with started(kafka) as producer:
            async with administrator(kafka) as admin:
                await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=APPEND_TIMES)])
            sent = await producer.send_and_wait(topic, b"{}", partition=0)
            return f"{topic}/0/{sent.offset}"

    return asyncio.run(send_one())


def messages(platform: Platform, topic: str, last: int = 1_000) -> list[Any]:
    """What lies in the topic."""

    async def read() -> list[Any]:
        return [record async for record in tail(platform.deployment.kafka, [topic], last, follow=False)]

    return asyncio.run(read())


def metric(page: str, name: str) -> float:
    """The sum of the samples of that name."""
    samples = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    return sum(map(float, samples))
