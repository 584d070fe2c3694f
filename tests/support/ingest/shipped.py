"""ingest with the shipped partners, under a key of the tests' own."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.ingest.core.context import ReadingContext, assumed_customers, digests, pseudonyms
from services.ingest.core.money import read_rates
from services.ingest.core.partner import Partner
from services.ingest.loading import load_partners
from services.ingest.service import Policy, service
from shared.contracts.identity import normalize, user_id
from shared.contracts.topics import raw_topic
from shared.kafka.records import BROKERS_TIME, ReadRecord
from shared.runner.service import Answer, DeadLetter, Forward, Later, Outcome, Outgoing, Record, Service
from shared.settings import ROOT
from tests.support.ingest.raw_events import RawEvent

KEY = bytes(range(32))
ARRIVED = datetime(2024, 3, 20, 12, tzinfo=UTC)
RATES = "month,currency,per_base_unit,source\n2024-03,USD,0.14,test\n2024-03,JPY,20.5,test\n2024-02,USD,0.13,test\n"
DEPLOYMENT = ReadingContext(
    zone=ZoneInfo("Asia/Shanghai"),
    rates=read_rates(RATES, "CNY"),
    behavior_days_late_max=90,
    person_of=pseudonyms(KEY, "account"),
    customers_of=assumed_customers(KEY),
    digest_of=digests(KEY),
)
PARTNERS = load_partners(ROOT / "partners", DEPLOYMENT)
SERVICE = service(Policy(PARTNERS))


def pseudonym(account: str) -> str:
    return user_id(KEY, "account", normalize("account", account))


def record(event: RawEvent, offset: int = 7, partition: int = 3) -> Record:
    """As the consumer hands it out."""
    return ReadRecord(
        topic=raw_topic(event.partner),
        partition=partition,
        offset=offset,
        timestamp=int(ARRIVED.timestamp() * 1000),
        timestamp_type=BROKERS_TIME,
        key=event.key,
        value=event.value,
        headers=tuple(event.headers),
    )


def answer(event: RawEvent, partners: dict[str, Partner] | None = None) -> tuple[Outgoing, Outcome]:
    """The one message that ingest sends for the event, and what it counts."""
    ingest = service(Policy(partners)) if partners else SERVICE
    answer = answered(record(event), ingest)
    assert not isinstance(answer, DeadLetter)
    (outgoing,), (outcome,) = answer.outgoing, answer.outcomes
    return outgoing, outcome


def answered(raw: Record, ingest: Service[Forward] = SERVICE) -> Answer | DeadLetter:
    found = ingest.mode.answer(raw, ARRIVED)
    assert not isinstance(found, Later), "no crosswalk is waited for"
    return found
