"""Follows the topics, from where the store is, and keeps it up to date.

Each partition is followed by a task of its own. It is read from its beginning when nothing is known of it; and again,
with everybody dropped who is not in it any more, when what is known may be wrong: after an absence that is longer than
the broker keeps tombstones, and where Kafka is not the one that was read (deleted topics, an older copy).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    KafkaError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
)

from goodstanding_client.changes import TOPICS, Change, news_of
from goodstanding_client.memory import Memory
from goodstanding_client.messages import ScoreChange, TierChange
from goodstanding_client.store import OvertakenError, Place, Position, Store, check_staleness

log = logging.getLogger("goodstanding_client")

_UNREADABLE = (UnicodeError, CorruptRecordException, UnsupportedCodecError)
"""What aiokafka raises for a record that it cannot read. The platform writes no such record; a stranger may."""
_REFUSED = (AuthenticationFailedError, ClusterAuthorizationFailedError, TopicAuthorizationFailedError)
"""What only the platform's operator can help."""
_AWAY_MAX = timedelta(days=6)
"""The broker removes tombstones after a week."""
_NO_TOPIC = "Kafka does not show {}. Is it the platform's Kafka, is the prefix right, and may you read there?"
_WAIT_MS = 500
_AT_ONCE = 500
"""Records that are taken in together, in one transaction of the store."""
_CLOCKS_MS = 120_000
"""How much later than the last record that was taken in a transaction may end, and how far clocks may be apart."""
_TELL_EVERY = timedelta(seconds=10)
"""How often the store is told that nothing has come."""
_AGAIN_AFTER_S = 1.0


class NoTopicError(Exception):
    """The topics are not there."""


class _BeginAgainError(Exception):
    """What is known of the partition may be wrong."""


class Follower:
    """Follows while it is entered: `async with Follower("kafka:9092") as follower`.

    `prefix` is what stands before the names of the topics, where a deployment has one. `options` are those of
    `aiokafka.AIOKafkaConsumer`, such as `security_protocol` and `ssl_context`. `on_change` is awaited after each
    change, when the store has it: for a program that shows or counts. It is not called again for the change after a
    kill, so decide by what can be asked. What it raises ends the following.
    """

    def __init__(
        self,
        kafka: str,
        store: Store | None = None,
        *,
        prefix: str = "",
        on_change: Callable[[Change], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        self.store: Store = store or Memory()
        self.unreadable = 0
        """Records that no client can read, and that were passed over. Tell the platform's operator."""
        self._prefix, self._on_change = prefix, on_change
        # Without a group, from where the store is; what an aborted transaction wrote was never published.
        fixed = {"group_id": None, "auto_offset_reset": "none", "isolation_level": "read_committed"}
        topics = [prefix + topic for topic in TOPICS]
        self._consumer = AIOKafkaConsumer(*topics, bootstrap_servers=kafka, **{**options, **fixed})
        self._tasks: list[asyncio.Task[None]] = []
        self._places: list[Place] = []
        self._moved = asyncio.Event()
        self._positions: dict[Place, Position] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._start()
            partitions = self._partitions()
            self._positions = dict(await self.store.positions())
            self._consumer.unsubscribe()
            self._consumer.assign([self._kafkas(place) for place in partitions])
            # Nobody reads a partition before its task has said from where.
            for place in partitions:
                self._consumer.seek(self._kafkas(place), 0)
                self._consumer.pause(self._kafkas(place))
        except BaseException:
            await self._consumer.stop()
            raise
        self._places = partitions
        self._tasks = [asyncio.create_task(self._follow(place)) for place in partitions]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._consumer.stop()

    async def caught_up(self) -> None:
        """Return when everything that was published before the call is taken in. Raises what ends the following, as a
        missing right does."""
        ends = await self._consumer.end_offsets([self._kafkas(place) for place in self._places])
        while not all(self._has_read(place, ends[self._kafkas(place)]) for place in self._places):
            moved = asyncio.ensure_future(self._moved.wait())
            done, _ = await asyncio.wait([moved, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()
            for task in done - {moved}:
                await task
            self._moved.clear()

    def _has_read(self, place: Place, end: int) -> bool:
        position = self._positions.get(place)
        return position is not None and position.again_until is None and position.offset >= end

    async def run(self) -> None:
        """Follow for good. Raises what ends the following."""
        await asyncio.gather(*self._tasks)

    # -- what can be asked, of the store as well ----------------------------------------------------------------------

    async def is_granted(self, user_id: str, benefit: str, *, at_most_stale: timedelta | None = None) -> bool:
        """See `Store.is_granted`."""
        if at_most_stale is not None:
            check_staleness(await self.staleness(), at_most_stale)
        return await self.store.is_granted(user_id, benefit)

    async def tier(self, user_id: str) -> TierChange | None:
        return await self.store.tier(user_id)

    async def score(self, user_id: str) -> ScoreChange | None:
        return await self.store.score(user_id)

    async def staleness(self) -> timedelta:
        """For how long something may have been published without being known here."""
        now = datetime.now(UTC)
        positions = [self._positions.get(place) for place in self._places]
        if not positions or any(position is None or position.again_until is not None for position in positions):
            return timedelta.max
        return max(now - min(position.followed_at for position in positions if position), timedelta(0))

    # -- one partition ------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        try:
            await self._consumer.start()
        except UnknownTopicOrPartitionError:
            raise NoTopicError(_NO_TOPIC.format(" and ".join(self._prefix + topic for topic in TOPICS))) from None

    def _partitions(self) -> list[Place]:
        """The partitions that the library has found of the topics that it was told of."""
        found = {(each.topic, each.partition) for each in self._consumer.assignment()}
        for topic in TOPICS:
            if not any(name == self._prefix + topic for name, _ in found):
                raise NoTopicError(_NO_TOPIC.format(self._prefix + topic))
        return sorted(
            (Place(name.removeprefix(self._prefix), partition) for name, partition in found),
            key=lambda place: (place.topic, place.partition),
        )

    def _kafkas(self, place: Place) -> TopicPartition:
        return TopicPartition(self._prefix + place.topic, place.partition)

    async def _follow(self, place: Place) -> None:
        has_begun = is_wrong = False
        while True:
            changes: Sequence[Change] = ()
            try:
                if not has_begun:
                    await self._begin(place, is_wrong=is_wrong)
                    has_begun, is_wrong = True, False
                changes = await self._step(place)
            except (_BeginAgainError, OffsetOutOfRangeError):
                has_begun, is_wrong = False, True
            except OvertakenError:
                has_begun = False
                self._positions.update(await self._known(place))
            except _REFUSED:
                raise
            except (KafkaError, OSError, *self.store.failures) as error:
                has_begun = False
                log.warning("%s/%d is tried again: %r", place.topic, place.partition, error)
                await asyncio.sleep(_AGAIN_AFTER_S)
            # Outside of what is tried again: an error of the caller's, such as a closed pipe, is not Kafka's.
            if self._on_change is not None:
                for change in changes:
                    await self._on_change(change)

    async def _known(self, place: Place) -> dict[Place, Position]:
        positions = await self.store.positions()
        return {place: positions[place]} if place in positions else {}

    async def _begin(self, place: Place, *, is_wrong: bool) -> None:
        partition, position = self._kafkas(place), self._positions.get(place)
        asked_at = datetime.now(UTC)
        first = (await self._consumer.beginning_offsets([partition]))[partition]
        end = (await self._consumer.end_offsets([partition]))[partition]
        if position is None or is_wrong or await self._is_another(partition, position, first, end):
            reading = position.reading + 1 if position else 1
            # When the partition is read to this end, everything is known that there was by now.
            position = Position(first, reading, asked_at, again_until=end)
        self._positions[place] = position
        self._consumer.seek(partition, position.offset)
        self._consumer.resume(partition)

    async def _is_another(self, partition: TopicPartition, position: Position, first: int, end: int) -> bool:
        """Whether the partition is not the one that was read so far, or may have lost a tombstone since."""
        if not first <= position.offset <= end or _is_away(position):
            return True
        # Below the offset there is nothing newer than what was taken in, unless it is another log or an older copy: but
        # for the marker that ends a transaction, and what clocks differ by.
        known_ms = max(position.newest_ms, int(position.followed_at.timestamp() * 1000))
        newer = (await self._consumer.offsets_for_times({partition: known_ms + _CLOCKS_MS}))[partition]
        return newer is not None and newer.offset < position.offset

    async def _step(self, place: Place) -> Sequence[Change]:
        """Take in what has come; what has changed by it."""
        partition, position = self._kafkas(place), self._positions[place]
        if position.again_until is None and _is_away(position):
            raise _BeginAgainError
        records = await self._records(partition)
        offset = await self._consumer.position(partition)
        moved = replace(position, offset=offset)
        if records:
            moved = replace(moved, newest_ms=max(position.newest_ms, records[-1].timestamp))
        is_at_end, asked_at = self._is_at_end(partition, offset)
        if is_at_end:
            moved = replace(moved, followed_at=asked_at)
        changes: list[Change] = []
        if records or moved.followed_at - position.followed_at >= _TELL_EVERY:
            news = [found for record in records if (found := news_of(place.topic, record)) is not None]
            changes += await self.store.take(place, moved, news)
        if moved.again_until is not None and offset >= moved.again_until:
            moved = replace(moved, again_until=None)
            changes += await self.store.drop_unread(place, moved)
        self._positions[place] = moved
        self._moved.set()
        return changes

    async def _records(self, partition: TopicPartition) -> Sequence[Any]:
        """The next records, without those that cannot be read."""
        records: list[Any] = []
        while len(records) < _AT_ONCE:
            try:
                # One at a time: of several, the library loses those before one that it cannot read.
                wait_ms = 0 if records else _WAIT_MS
                found = (await self._consumer.getmany(partition, timeout_ms=wait_ms, max_records=1)).get(partition)
            except _UNREADABLE as error:
                offset = await self._consumer.position(partition)
                self.unreadable += 1
                log.error("%s/%d at %d cannot be read: %r", partition.topic, partition.partition, offset, error)
                self._consumer.seek(partition, offset + 1)
                break
            if not found:
                break
            records += found
        return records

    def _is_at_end(self, partition: TopicPartition, offset: int) -> tuple[bool, datetime]:
        """Whether everything is read that the broker had when it answered last, and when that was."""
        stable, asked_ms = self._consumer.last_stable_offset(partition), self._consumer.last_poll_timestamp(partition)
        if stable is None or stable < 0 or asked_ms is None:
            return False, datetime.fromtimestamp(0, UTC)
        return offset >= stable, datetime.fromtimestamp(asked_ms / 1000, UTC)


def _is_away(position: Position) -> bool:
    return datetime.now(UTC) - position.followed_at > _AWAY_MAX
