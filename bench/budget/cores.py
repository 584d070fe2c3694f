"""What the rules execute for one event, by service, and the runner for one record of a step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any
from unittest.mock import patch

from aiokafka import ConsumerRecord, TopicPartition
from pydantic import SecretStr

from bench.budget.counting import count
from bench.ingest_core import SEVEN, _record
from bench.peers import runner_fold, work
from bench.scorer_core import CARD, CIRCLE, FIRST, MONTHS, PERSON, POLICY, ZONE, decisions, grown, month_of_events
from goodstanding.partner.samples import Setting, samples
from services.benefits import service as benefits
from services.benefits.loading import load as load_tables
from services.benefits.settings import BenefitsSettings
from services.ingest.loading import load_context, load_mapping, load_partners
from services.ingest.service import Policy as IngestPolicy
from services.ingest.service import service as ingest_service
from services.ingest.settings import IngestSettings
from services.scorer import service as scorer
from services.scorer.core.decide import Person
from services.scorer.core.score import evaluate
from services.scorer.core.state import decode, encode
from shared.contracts.exchange import announced
from shared.contracts.messages import ScoreChange
from shared.contracts.topics import NORMALIZED, SCORES_CHANGED
from shared.kafka.batch import Batch
from shared.kafka.losses import Losses
from shared.kafka.records import Records, Shared
from shared.runner import step
from shared.runner.buffer import Budget, Buffer
from shared.runner.service import Answer, DeadLetter, Outgoing, Record
from tests.support.batches import batch

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
EVENTS = 60
"""Of each case: enough for every code of a mapping to come, and few enough to be counted in a moment."""


def figures() -> Iterator[tuple[str, float, float]]:
    """By case: its name, calls and lines for one event."""
    for name, events, work_ in (*_ingest(), *_scorer(), *_benefits(), *_runner()):
        found = count(work_)
        yield name, found.calls / events, found.lines / events


@cache
def _answer() -> Callable[[Record, datetime], object]:
    settings = IngestSettings(kafka="", key=SecretStr("00" * 32))
    return ingest_service(IngestPolicy(load_partners(settings.partners, load_context(settings)))).mode.answer


@cache
def outgoing(partner: str) -> tuple[list[Record], list[Outgoing]]:
    """Sample events of a partner as records, and what ingest sends of them."""
    settings = IngestSettings(kafka="", key=SecretStr("00" * 32))
    setting = Setting(settings.currency, settings.zone_info, NOW, people=20_000)
    file = settings.partners / f"{partner}.toml"
    mapping = load_mapping(file)
    events = islice(samples(partner, mapping, setting, mode=SEVEN[partner]), EVENTS)
    records = [_record(partner, n, each.key, each.value, each.headers) for n, each in enumerate(events)]
    sent: list[Outgoing] = []
    for record in records:
        answer = _answer()(record, NOW)
        assert isinstance(answer, Answer)
        sent += answer.outgoing
    return records, sent


Case = tuple[str, int, Callable[[], object]]


def _ingest() -> Iterator[Case]:
    answer = _answer()
    for partner in SEVEN:
        records, _ = outgoing(partner)

        def work_(records: list[Record] = records) -> None:
            for record in records:
                answer(record, NOW)

        yield f"ingest, an event of {partner}", len(records), work_


def _scorer() -> Iterator[Case]:
    normalized = [each for each in outgoing("bank")[1] if each.topic == NORMALIZED]
    records = [_of_topic(each, number) for number, each in enumerate(normalized)]

    def read() -> None:
        for record in records:
            scorer.decode(record, NOW, ZONE)

    yield "scorer, reading an event", len(records), read
    state = grown()
    column = encode(state)
    person = Person(user_id=PERSON, state=column)
    then = datetime(2026, 2, 28, 20, tzinfo=UTC)
    month = len(month_of_events(FIRST + MONTHS))
    for size in (1, month):
        yield f"scorer, deciding an event of {size}", month, decisions(person, size, then)
    last = FIRST + MONTHS - 1
    yield f"scorer, evaluating a person by {len(CARD.rules)} rules", 1, lambda: evaluate(state, CARD, last, CIRCLE)
    yield "scorer, a state from its bytes", 1, lambda: decode(column)
    yield "scorer, a state to its bytes", 1, lambda: encode(state)
    assert POLICY.zone == ZONE


def score_change(version: int, score: int) -> Outgoing:
    change = ScoreChange(
        version=version,
        score=score,
        thin=False,
        cadence="monthly",
        as_of=NOW,
        policy="standard@0123456789ab",
        restrictions=(),
        key_factors=("active-months", "credit-use"),
    )
    return announced("scorer", SCORES_CHANGED, PERSON, change, subject=PERSON, version=version, time=NOW).placed(0)


def _benefits() -> Iterator[Case]:
    policy = load_tables(BenefitsSettings(kafka="", fingerprint_key=SecretStr("00" * 32)))
    records = [_of_topic(score_change(version, 500 + 3 * version), version) for version in range(1, EVENTS)]

    def work_() -> None:
        standing = None
        for record in records:
            message = benefits.decode(record, NOW)
            assert not isinstance(message, DeadLetter)
            standing = benefits.decide(standing, [message], NOW, policy).state
        assert standing is not None

    yield "benefits, a score read and decided", len(records), work_


def _runner() -> Iterator[Case]:
    """One step of a shard around the small work of the peers, without what is done by Kafka and Postgres."""
    made = [raw for raw in islice(work.events(work.Size(400, 0, 400), work.Reference()), 800) if raw.partition == 0]
    records = [_plain(raw.key, raw.value, number) for number, raw in enumerate(made)]
    settings = runner_fold.FoldSettings(kafka="", fold_name="fold", fold_source="events", fold_target="changes")
    mode = runner_fold.service(settings).mode
    read = asyncio.run(_read(mode, records))
    yield "runner, a record read", len(records), lambda: asyncio.run(_read(mode, records))
    yield "runner, a record folded", len(records), lambda: asyncio.run(_folded(mode, read))
    buffer = Buffer(10_000, Budget(1 << 30), lambda: None, lambda: None)

    def through() -> None:
        buffer.put(records)
        buffer.take(len(records))

    yield "runner, a record through the buffer", len(records), through
    data = batch([(raw.key, raw.value, []) for raw in made])

    def fetched() -> None:
        reading = Records(Shared(Losses(lambda *_: None)), TopicPartition("events", 0), 0)
        assert len(list(reading.of(Batch(data)))) == len(made)

    yield "kafka, a record of a batch", len(made), fetched


# How often a step gives way depends on the time that it takes, which is another one while it is counted.
_without_giving_way = patch.object(step, "_GIVE_WAY_AFTER_S", float("inf"))


async def _read(mode: Any, records: list[Record]) -> Any:
    with _without_giving_way:
        return await step.read(mode, 0, records, {}, lambda _: NOW)


async def _folded(mode: Any, read: Any) -> None:
    with _without_giving_way:
        await step.fold(mode, "fold", 0, read, {}, NOW)


def _of_topic(message: Outgoing, offset: int) -> Record:
    return _plain(message.key, message.value, offset, message.topic, message.headers)


def _plain(
    key: bytes | None,
    value: bytes | None,
    offset: int,
    topic: str = "events",
    headers: Any = (),
) -> Record:
    at_ms = int(NOW.timestamp() * 1000)
    return ConsumerRecord(topic, 0, offset, at_ms, 1, key, value, None, len(key or b""), len(value or b""), headers)
