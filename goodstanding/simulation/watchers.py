"""Partners and a subscriber: each sees its topics and nothing else of the platform."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from goodstanding.reading.offsets import Offsets
from goodstanding.simulation.events_and_news import RecordNews, ScoreNews, TierNews
from goodstanding.simulation.recount import Recount
from shared.contracts.faults import Fault
from shared.contracts.messages import RecordChange, ScoreChange, TierChange, follow
from shared.contracts.partition import PARTITIONS
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED, partner_of, rejected_topic
from shared.kafka import clients
from shared.kafka.between import Unread
from shared.kafka.connection import Kafka

_FOLLOWED = dict.fromkeys((SCORES_CHANGED, TIERS_CHANGED, RECORDS_CHANGED), PARTITIONS)
_POLL_S = 0.005
_FETCH_MS = 20
T = TypeVar("T", ScoreChange, TierChange, RecordChange)


class Subscriber:
    """Follows scores and tiers, as a lender would, and beside them the changes of records, which only the scorer reads,
    so that they can be compared. All tables are by user_id, in the order in which it heard."""

    def __init__(self) -> None:
        self.now: datetime | None = None
        """What the clock shows; set it whenever the clock is."""
        self.scores: dict[str, list[ScoreNews]] = {}
        self.tiers: dict[str, list[TierNews]] = {}
        self.records: dict[str, dict[str, list[RecordNews]]] = {}
        """By record id within the person."""
        self.last: dict[str, ScoreChange] = {}
        self.heard: Counter[str] = Counter()
        """Messages by topic."""
        self.erased: set[str] = set()
        """People of whom something was known, and of whom everything is erased."""
        self.out_of_order: set[str] = set()
        """People whose versions did not come as 1, 2, 3."""

    def take(self, record: ConsumerRecord) -> None:
        user_id = record.key.decode()
        self.heard[record.topic] += 1
        if record.value is None:
            self._erased(record.topic, user_id)
        elif record.topic == SCORES_CHANGED:
            self._score(user_id, _read(ScoreChange, record))
        elif record.topic == TIERS_CHANGED:
            self._tier(user_id, _read(TierChange, record))
        else:
            self._record(user_id, _read(RecordChange, record))

    def _erased(self, topic: str, user_id: str) -> None:
        """What a subscriber knows of the person goes, and who comes later under the same user_id is a newcomer."""
        tables: dict[str, dict[str, Any]] = {
            SCORES_CHANGED: self.scores,
            TIERS_CHANGED: self.tiers,
            RECORDS_CHANGED: self.records,
        }
        known = tables[topic]
        if known.pop(user_id, None) is not None or user_id in self.erased:
            self.erased.add(user_id)
        if topic == SCORES_CHANGED:
            self.last.pop(user_id, None)

    def _score(self, user_id: str, change: ScoreChange) -> None:
        news = ScoreNews(change.as_of, change.score, change.thin, change.restrictions)
        self._add(self.scores.setdefault(user_id, []), news, change.version, user_id)
        self.last[user_id] = change

    def _tier(self, user_id: str, change: TierChange) -> None:
        news = TierNews(
            change.as_of,
            change.tier,
            change.granted,
            change.revoked,
            change.in_force,
            change.restrictions,
            change.falls_at,
        )
        self._add(self.tiers.setdefault(user_id, []), news, change.version, user_id)

    def _record(self, user_id: str, change: RecordChange) -> None:
        assert self.now is not None
        news = RecordNews(
            self.now,
            change.kind,
            change.status,
            change.began_on,
            change.ended_on,
            change.lapses_at,
            counts=change.counts,
        )
        heard = self.records.setdefault(user_id, {}).setdefault(change.record_id, [])
        self._add(heard, news, change.version, user_id)

    def _add(self, heard: list[Any], news: object, version: int, user_id: str) -> None:
        heard.append(news)
        if version != len(heard):
            self.out_of_order.add(user_id)


class Partners:
    """Follow their own refusals."""

    def __init__(self) -> None:
        self.refused: Counter[tuple[str, str]] = Counter()
        """By partner and code."""

    def take(self, record: ConsumerRecord) -> None:
        refusal = read_refusal(record.headers)
        if isinstance(refusal, Fault):
            self.refused["nobody", "unreadable"] += 1
        else:
            self.refused[partner_of(refusal.origin.partition("/")[0]), refusal.code] += 1


def differences(wanted: Recount, found: Subscriber) -> Iterator[str]:
    """Where a subscriber heard something else than the recount, a sentence for each person and topic."""
    for user_id in sorted(found.out_of_order):
        yield f"person {user_id[:12]}: versions did not come as 1, 2, 3"
    yield from _differences("scores", wanted.scores, found.scores)
    yield from _differences("tiers", wanted.tiers, found.tiers)
    records = {user_id: list(each.values()) for user_id, each in found.records.items()}
    yield from _differences("changes of records", _one_by_one(wanted.records), _one_by_one(records))


def _one_by_one(records: Mapping[str, list[list[RecordNews]]]) -> dict[str, list[RecordNews]]:
    """All news of a person, record after record: their order among each other is nobody's promise."""
    return {
        user_id: [news for each in sorted(lives, key=lambda life: life[0][:4]) for news in each]
        for user_id, lives in records.items()
    }


def _differences(what: str, wanted: Mapping[str, list[Any]], found: Mapping[str, list[Any]]) -> Iterator[str]:
    for user_id in sorted(wanted.keys() | found.keys()):
        expected, heard = wanted.get(user_id, []), found.get(user_id, [])
        if expected == heard:
            continue
        index = next((i for i, (a, b) in enumerate(zip(expected, heard, strict=False)) if a != b), None)
        if index is None:
            yield f"person {user_id[:12]}: {len(expected)} {what} by the recount, {len(heard)} were published"
        else:
            yield (
                f"person {user_id[:12]}: the {index + 1}. of the {what} is {_said(expected[index])} by the recount, "
                f"{_said(heard[index])} was published"
            )


def _said(news: tuple[object, ...]) -> str:
    return ", ".join(
        f"{each:%Y-%m-%d %H:%M}Z" if isinstance(each, datetime) else str(each)
        for each in (e.astimezone(UTC) if isinstance(e, datetime) else e for e in news)
        if each not in (None, False, ())
    )


def _read(model: type[T], record: ConsumerRecord) -> T:
    change = follow(model, record.value)
    if isinstance(change, Fault):
        raise ValueError(f"{record.topic}/{record.partition}/{record.offset}: {change.sentence}")
    return change


class Following:
    """Topics on their way through `take`. `caught_up` waits until it has taken all that is there now."""

    def __init__(self, consumer: AIOKafkaConsumer, topics: Sequence[str], task: asyncio.Task[None]) -> None:
        self._consumer, self._topics, self._task = consumer, topics, task

    async def caught_up(self, offsets: Offsets) -> None:
        """`offsets` asks the broker over a connection of its own, where no fetch stands in the way. Raises
        StandstillError."""
        # A position passes the end marker of a transaction as well, which is no record.
        unread = Unread(self._consumer, await offsets.ends(self._topics))
        while await unread.partitions():
            if self._task.done():
                self._task.result()
            await asyncio.sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who looks on from outside, each with how far it has read."""

    subscriber: Subscriber
    public: Following
    partners: Partners
    refusals: Following


@asynccontextmanager
async def watching(kafka: Kafka, partners: Iterable[str]) -> AsyncIterator[Watchers]:
    """A subscriber, and the partners on their topics of refusals, until the block ends."""
    subscriber, refused = Subscriber(), Partners()
    rejected = {rejected_topic(partner): 1 for partner in partners}
    async with (
        following(kafka, _FOLLOWED, subscriber.take) as public,
        following(kafka, rejected, refused.take) as refusals,
    ):
        yield Watchers(subscriber, public, refused, refusals)


@asynccontextmanager
async def following(
    kafka: Kafka, topics: Mapping[str, int], take: Callable[[ConsumerRecord], None]
) -> AsyncIterator[Following]:
    """Hand every record of the topics, each with its number of partitions, to `take`, from the first one on, until the
    block ends."""
    consumer = clients.consumer(
        kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # What an aborted transaction holds was never published.
        isolation_level="read_committed",
        # A partition that was just read is not in the fetch that is on its way, and waits for the next one.
        fetch_max_wait_ms=_FETCH_MS,
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for topic, count in topics.items() for number in range(count)])
    task = asyncio.create_task(_take_all(consumer, take))
    try:
        yield Following(consumer, list(topics), task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await consumer.stop()


async def _take_all(consumer: AIOKafkaConsumer, take: Callable[[ConsumerRecord], None]) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                take(record)
