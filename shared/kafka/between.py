"""Reads a part of one partition, beside whatever a consumer group does with it; and tells when reading stands still."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.kafka.connection import Kafka
from shared.kafka.consumer import CarefulConsumer, beside
from shared.kafka.unreadable import readable

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

STANDSTILL_S = 30.0
"""A process of ours that was killed leaves its transaction open for 15 s, and the broker looks for such every 10 s. A
transaction that is open for longer is nobody's who will end it soon."""
_WAIT_MS = 200
_PAGE_RECORDS_MAX = 2_000


class StandstillError(KafkaError):  # type: ignore[misc]  # the library has no types
    """No partition that is left to be read has moved for `STANDSTILL_S`. All that can be read was read before."""

    def __init__(self, sentence: str, advice: str) -> None:
        super().__init__(f"{sentence} {advice}")
        self.sentence, self.advice = sentence, advice


class Unread:
    """What a consumer has still to read up to these ends, and for how long nothing of it has moved."""

    def __init__(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], patience_s: float | None = None
    ) -> None:
        self._consumer, self._ends = consumer, ends
        self._patience_s = STANDSTILL_S if patience_s is None else patience_s
        self._positions: dict[TopicPartition, int] = {}
        self._moved_at = time.monotonic()

    async def partitions(self) -> list[TopicPartition]:
        """Those that are not read to their end. Raises StandstillError."""
        positions = {tp: at for tp, end in self._ends.items() if (at := await self._consumer.position(tp)) < end}
        now = time.monotonic()
        if positions != self._positions:
            self._positions, self._moved_at = positions, now
        elif positions and now - self._moved_at > self._patience_s:
            tp, position = min(positions.items())
            troubles = self._consumer.troubles() if isinstance(self._consumer, CarefulConsumer) else []
            raise standstill(tp, position, self._consumer.last_stable_offset(tp), troubles)
        return list(positions)


def standstill(tp: TopicPartition, position: int, stable: int | None, troubles: Sequence[str]) -> StandstillError:
    """Pure: what keeps a partition from being read on from this position, of what the broker has said last. `stable` is
    the offset before which no transaction is open."""
    if troubles:
        return StandstillError(f"{'; '.join(troubles)}.", "See what runs: goodstanding doctor")
    place = f"{tp.topic}/{tp.partition} from offset {position} on"
    if stable is not None and 0 <= stable <= position:
        return StandstillError(
            f"A transaction that somebody has left open hides what stands in {place}.",
            "Kafka ends it when its timeout is over, which is 15 minutes at most unless the broker allows more. To end "
            "it now: kafka-transactions.sh --bootstrap-server ADDRESS abort "
            f"--topic {tp.topic} --partition {tp.partition} --start-offset {stable}",
        )
    return StandstillError(
        f"Kafka gives out nothing of {place}.",
        "See what runs, and have everything run: goodstanding local status, then goodstanding local up",
    )


async def between(
    kafka: Kafka, tp: TopicPartition, first: int, end: int
) -> AsyncIterator[list[ConsumerRecord[bytes, bytes]]]:
    """The committed records from offset `first` up to `end`, in pages. There may be fewer than offsets: compaction and
    the markers of transactions leave gaps, and what nobody can read is left out. `first` must not lie below what the
    partition still holds. Raises StandstillError, after all that can be read."""
    if first >= end:
        return
    consumer = beside(kafka, [tp.topic])
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, first)
        unread = Unread(consumer, {tp: end})
        while await unread.partitions():
            found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_PAGE_RECORDS_MAX)
            if consumer.beyond:
                raise OffsetOutOfRangeError({tp: first})
            if page := [record for record in readable(found.get(tp, [])) if record.offset < end]:
                yield page
    finally:
        await consumer.stop()
